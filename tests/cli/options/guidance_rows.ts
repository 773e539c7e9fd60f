/** Rows for the options of `restore` that methods with guided, fitted or decoupled steps have. */
import { assertEquals, assertNotEquals } from "@std/assert";
import type { Materials } from "./materials.ts";
import { tracedTensors } from "./method_rows.ts";
import { parameterRow, type Ran, type Row, type Words } from "./table.ts";

/** The options of these methods. */
export function guidanceRows({ small, other, tiny }: Materials): readonly Row[] {
  const of = (method: string, ...options: string[]): Words => [
    ...["restore", small, "--degrade", "--cpu", `--model=${tiny}`, "--out=@.png", "--task=sr2"],
    ...[`--method=${method}`, "--steps=4", ...options],
  ];
  const noisy = of("ddpg", "--sigma-y=0.3");
  const chain = ["--tau=0.5", "--chain-rate=0.02", "--chain-steps=3"];
  const daps = of("daps", "--flow-steps=2", ...chain);
  const pairs = of("pnp-dm", "--sigma-y=0.3", "--coupling-start=1");
  const weighted = ["--sigma-y=0.3", "--sigma-max=1"];
  const crowd = of("ddsmc", "--particles=2", ...weighted);
  const filter = of("fps-smc", "--particles=2", "--sigma-y=0.3");
  const blind = (...options: string[]): Words => [
    ...["restore", small, "--degrade", "--cpu", `--model=${tiny}`, "--out=@.png", "--task=deblur"],
    ...["--method=gibbs-ddrm", "--steps=4", ...options],
  ];
  const looking = blind("--kernel-taps=3", "--kernel-steps=2", "--kernel-rate=0.0001");
  /** An option that costs evaluations. */
  const counted = (option: string, base: Words, values: readonly [string, string], made: readonly number[]): Row => ({
    option,
    without: [...base, `--${option}=${values[0]}`],
    given: [...base, `--${option}=${values[1]}`],
    check(few, many): void {
      assertEquals([few.number("evaluations.actual"), many.number("evaluations.actual")], made);
      assertNotEquals(many.bytes(), few.bytes());
    },
  });
  return [
    parameterRow("eta-tilde", noisy, { value: "50", key: "method.etaTilde", standard: "0.3" }),
    parameterRow("step-size", noisy, { value: "constant", key: "method.stepSize", standard: "falling" }),
    parameterRow("learning-rate", of("red-diff"), { value: "0.5", key: "method.learningRate", standard: "0.1" }),
    parameterRow("data-weight", of("red-diff"), { value: "0", key: "method.dataWeight", standard: "1" }),
    parameterRow("weighting", of("red-diff"), { value: "square", key: "method.weighting", standard: "linear" }),
    counted("inner-steps", of("sitcom"), ["2", "3"], [8, 12]),
    parameterRow("correction", of("sitcom", "--inner-steps=2"), {
      value: "0.5",
      key: "method.correction",
      standard: "0",
    }),
    counted("flow-steps", of("daps", ...chain, "--sigma-max=1"), ["2", "3"], [8, 12]),
    counted("reverse-levels", pairs, ["3", "6"], [4, 8]),
    {
      option: "chain-steps",
      without: of("daps", "--flow-steps=2", "--chain-steps=3"),
      given: of("daps", "--flow-steps=2", "--chain-steps=0"),
      async check(some, none, run): Promise<void> {
        assertNotEquals(none.bytes(), some.bytes());
        const words = of("daps", "--flow-steps=2", "--chain-steps=0").map((word) => word === small ? other : word);
        assertEquals((await run(words)).bytes(), none.bytes(), "the measurement is of no influence");
      },
    },
    parameterRow("chain-rate", of("daps", "--flow-steps=2", "--tau=0.5", "--chain-steps=3"), {
      value: "0.02",
      key: "method.chainRate",
      standard: "0.0001",
    }),
    parameterRow("chain-decay", daps, { value: "1", key: "method.chainDecay", standard: "0.01" }),
    parameterRow("momentum", daps, { value: "0.5", key: "method.momentum", standard: "0" }),
    parameterRow("tau", of("daps", "--flow-steps=2", "--chain-steps=3"), {
      value: "1",
      key: "method.tau",
      standard: "0.01",
    }),
    counted("guesses", of("guess-and-guide"), ["1", "3"], [5, 7]),
    parameterRow("coupling-start", of("pnp-dm", "--sigma-y=0.3", "--reverse-levels=6"), {
      value: "1",
      key: "method.couplingStart",
      standard: "10",
    }),
    parameterRow("coupling-decay", [...pairs, "--reverse-levels=6"], {
      value: "0.5",
      key: "method.couplingDecay",
      standard: "0.9",
    }),
    parameterRow("coupling-end", [...pairs, "--reverse-levels=6"], {
      value: "0.9",
      key: "method.couplingEnd",
      standard: "0.3",
    }),
    parameterRow("sigma-start", of("cm4ir"), { value: "0.3", key: "method.sigmaStart", standard: "0.6937" }),
    parameterRow("growth", of("cm4ir"), { value: "0.01", key: "method.growth", standard: "0.2" }),
    parameterRow("descents", of("resample"), { value: "1", key: "method.descents", standard: "50" }),
    parameterRow("descent-rate", of("resample"), { value: "0.1", key: "method.descentRate", standard: "0.01" }),
    parameterRow("resample-variance", of("resample", "--descents=2"), {
      value: "0.1",
      key: "method.resampleVariance",
      standard: "100",
    }),
    parameterRow("loss-samples", of("lgd", "--gradient-scale=3"), { value: "1", key: "method.samples", standard: "3" }),
    parameterRow("step-rule", of("lgd"), { value: "ddim", key: "method.stepRule", standard: "sde" }),
    counted("particles", of("ddsmc", ...weighted), ["2", "3"], [8, 12]),
    parameterRow("spread-min", crowd, { value: "0.5", key: "method.spreadMin", standard: "0.01" }),
    parameterRow("spread-max", crowd, { value: "1", key: "method.spreadMax", standard: "47" }),
    {
      option: "resampling",
      without: crowd,
      given: [...crowd, "--resampling=systematic"],
      check(usual, given): void {
        // Either may come to the same parents.
        assertEquals([usual.field("method.resampling"), given.field("method.resampling")], [
          "multinomial",
          "systematic",
        ]);
      },
    },
    parameterRow("fresh-share", filter, { value: "0.3", key: "method.share", standard: "0.95" }),
    parameterRow("fps-form", filter, { value: "paper", key: "method.form", standard: "published" }),
    {
      option: "sweeps",
      without: of("deqir", "--tolerance=0", "--sweeps=2"),
      given: of("deqir", "--tolerance=0", "--sweeps=3"),
      check: (two, three) =>
        assertEquals([two.number("evaluations.actual"), three.number("evaluations.actual")], [8, 12]),
    },
    {
      option: "history",
      without: of("deqir", "--tolerance=0", "--sweeps=4", "--trace=@.safetensors"),
      given: of("deqir", "--tolerance=0", "--sweeps=4", "--history=1", "--trace=@.safetensors"),
      async check(five, one): Promise<void> {
        assertEquals([five.field("method.history"), one.field("method.history")], [5, 1]);
        // Pictures leave the range, and are the same within it.
        assertNotEquals(await tracedTensors(one), await tracedTensors(five));
      },
    },
    {
      option: "tolerance",
      without: of("deqir", "--sweeps=5", "--tolerance=0", "--trace=@.safetensors"),
      given: of("deqir", "--sweeps=5", "--tolerance=1e9", "--trace=@.safetensors"),
      async check(whole, early): Promise<void> {
        const sweeps = async (ran: Ran): Promise<number> =>
          Object.keys(await tracedTensors(ran)).filter((name) => name.startsWith("x0.")).length;
        assertEquals([await sweeps(whole), await sweeps(early)], [5, 3], "the third is the first that is compared");
      },
    },
    parameterRow("noise-weight", of("deqir", "--sweeps=3"), {
      value: "1",
      key: "method.noiseWeight",
      standard: "0",
    }),
    counted("kernel-updates", looking, ["0", "2"], [4, 8]),
    {
      option: "kernel-taps",
      without: looking,
      given: blind("--kernel-taps=5", "--kernel-steps=2", "--kernel-rate=0.0001"),
      check: (three, five) => assertNotEquals(five.bytes(), three.bytes()),
    },
    parameterRow("kernel-start", looking, { value: "0.3", key: "method.kernelStart", standard: "0.7" }),
    {
      option: "kernel-steps",
      without: looking,
      given: blind("--kernel-taps=3", "--kernel-steps=9", "--kernel-rate=0.0001"),
      check: (few, many) => assertNotEquals(many.bytes(), few.bytes()),
    },
    parameterRow("kernel-rate", blind("--kernel-taps=3", "--kernel-steps=2"), {
      value: "0.001",
      key: "method.kernelRate",
      standard: "1e-11",
    }),
    parameterRow("sparsity", looking, { value: "0", key: "method.sparsity", standard: "1000" }),
    parameterRow("eta-c", [...looking, "--sigma-y=0.5"], { value: "0.1", key: "method.etaC", standard: "0.8" }),
    parameterRow("level-grid", [...pairs, "--reverse-levels=6"], { value: "vp", key: "method.grid", standard: "edm" }),
  ];
}
