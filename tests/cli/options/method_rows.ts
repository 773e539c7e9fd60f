/** Rows for the options of `restore` that choose a method and its parameters. */
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { FileSource } from "../../../io/mod.ts";
import { openSafetensors } from "../../../models/mod.ts";
import type { Materials } from "./materials.ts";
import { noiseLevelRows } from "./noise_level_rows.ts";
import { parameterRow, type Ran, type Row, type Words } from "./table.ts";

/** The tensors of a trace. */
export async function tracedTensors(ran: Ran): Promise<Readonly<Record<string, Float32Array>>> {
  using source = await FileSource.open(`${ran.out}.safetensors`);
  const file = await openSafetensors(source);
  const tensors: Record<string, Float32Array> = {};
  for (const name of file.tensors.keys()) tensors[name] = await file.readFloat32(name);
  return tensors;
}

/** Largest absolute value among the predicted pictures of a trace. */
async function largestPrediction(ran: Ran): Promise<number> {
  const predictions = Object.entries(await tracedTensors(ran)).filter(([name]) => name.startsWith("x0."));
  return predictions.flatMap(([, values]) => [...values]).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

const misfit = (ran: Ran): number => ran.number("metrics.consistency.rms");

/** The options of methods. */
export function methodRows(materials: Materials): readonly Row[] {
  const { small, other, tiny } = materials;
  const line = (picture: string, ...options: string[]): Words => [
    ...["restore", picture, "--degrade", "--cpu", `--model=${tiny}`, "--out=@.png", ...options],
    ...(options.some((option) => option.startsWith("--task=")) ? [] : ["--task=sr2"]),
  ];
  const of = (method: string, ...options: string[]): Words =>
    line(small, `--method=${method}`, ...(method === "pseudo-inverse" ? [] : ["--steps=4"]), ...options);
  const ssd = line(small, "--inversion-steps=3", "--generation-steps=3");
  const still = [...ssd, "--eta=0", "--ddim-eta=0"];
  /** The method without regard to what is measured: what it makes of another picture is the same. */
  const ignoresPicture = async (words: Words, run: Parameters<Row["check"]>[2]): Promise<void> => {
    const swapped = words.map((word) => word === small ? other : word);
    assertEquals((await run(swapped)).bytes(), (await run(words)).bytes(), "the measurement is of no influence");
  };
  return [
    {
      option: "method",
      without: line(small, "--steps=4"),
      given: of("pseudo-inverse", "--sigma-y=0.8"),
      check(usual, given): void {
        assertEquals([usual.field("method.name"), given.field("method.name")], ["ssd", "pseudo_inverse"]);
        assertEquals(given.number("evaluations.actual"), 0);
        // Much of it is out of range, and both are clamped before they are compared.
        assertEquals(given.number("metrics.result.psnr"), given.number("metrics.pseudoInverse.psnr"));
      },
    },
    {
      option: "preset",
      without: line(small, "--shortcut=30"),
      given: line(small, "--shortcut=90", "--preset=ssd-100", "--inversion-steps=3"),
      check(usual, given): void {
        const lists = (
          ran: Ran,
        ): unknown[] => [ran.field("method.inversionSteps"), ran.field("method.generationSteps")];
        assertEquals([usual.field("method.preset"), ...lists(usual)], ["ssd-30", 5, 25]);
        assertEquals([given.field("method.preset"), ...lists(given)], ["ssd-100", 3, 85]);
      },
    },
    {
      option: "steps",
      without: line(small, "--steps=4"),
      given: line(small, "--steps=20"),
      check(few, many): void {
        // 15 % of 20 invert; each list makes one evaluation less than it has timesteps, or as many.
        assertEquals([few.field("method.inversionSteps"), few.field("method.generationSteps")], [2, 2]);
        assertEquals([many.field("method.inversionSteps"), many.field("method.generationSteps")], [3, 17]);
        assertEquals([many.field("evaluations.nominal"), many.field("evaluations.actual")], [20, 19]);
      },
    },
    parameterRow("inversion-steps", line(small, "--generation-steps=3"), {
      value: "3",
      key: "method.inversionSteps",
      standard: "5",
      check: (_, given) => assertEquals(given.number("evaluations.actual"), 3 - 1 + 3),
    }),
    parameterRow("generation-steps", line(small, "--inversion-steps=3"), {
      value: "4",
      key: "method.generationSteps",
      standard: "25",
      check: (_, given) => assertEquals(given.number("evaluations.actual"), 3 - 1 + 4),
    }),
    parameterRow("shortcut", ssd, {
      value: "4",
      key: "method.t0",
      standard: "550",
      // At timesteps where there is hardly any noise the result stays near A^+ y.
      check: (usual, given) => {
        const gap = (ran: Ran): number =>
          Math.abs(ran.number("metrics.result.psnr") - ran.number("metrics.pseudoInverse.psnr"));
        assert(gap(given) < gap(usual) && gap(given) < 1, `${gap(given)} dB, ${gap(usual)} dB`);
      },
    }),
    parameterRow("inversion", [...ssd, "--eta=0.9"], {
      value: "ddim",
      key: "method.inversion",
      standard: "da",
      // The inversion of DDIM draws nothing, so the share of fresh noise is of no influence.
      check: async (_, given, run) =>
        assertEquals((await run([...ssd, "--eta=0.1", "--inversion=ddim"])).bytes(), given.bytes()),
    }),
    {
      option: "eta",
      without: [...ssd, "--ddim-eta=0"],
      given: still,
      async check(usual, given, run): Promise<void> {
        assertEquals([usual.field("method.eta"), given.field("method.eta")], [0.4, 0]);
        assertEquals((await run([...still, "--seed=5"])).bytes(), given.bytes(), "nothing is drawn");
        assertNotEquals((await run([...ssd, "--ddim-eta=0", "--seed=5"])).bytes(), usual.bytes());
      },
    },
    {
      option: "ddim-eta",
      without: [...ssd, "--eta=0"],
      given: still,
      async check(usual, given, run): Promise<void> {
        assertEquals([usual.field("method.ddimEta"), given.field("method.ddimEta")], [0.8, 0]);
        assertEquals((await run([...still, "--seed=5"])).bytes(), given.bytes(), "nothing is drawn");
        assertNotEquals((await run([...ssd, "--eta=0", "--seed=5"])).bytes(), usual.bytes());
      },
    },
    {
      option: "ddpm-steps",
      without: [...ssd, "--ddim-eta=0.2"],
      given: [...ssd, "--ddim-eta=0.2", "--ddpm-steps"],
      async check(mix, given, run): Promise<void> {
        assertNotEquals(given.bytes(), mix.bytes());
        assertEquals((await run([...ssd, "--ddim-eta=0.9", "--ddpm-steps"])).bytes(), given.bytes(), "no eta mix");
      },
    },
    parameterRow("inject-attention", ssd, { value: "1", key: "method.injectedSteps", standard: "0" }),
    {
      option: "no-clip",
      without: [...ssd, "--trace=@.safetensors"],
      given: [...ssd, "--trace=@.safetensors", "--no-clip"],
      async check(clipped, given): Promise<void> {
        // The projection may lead out of the range again by as much as A^+ y holds, which is within it.
        assert(await largestPrediction(given) > await largestPrediction(clipped) + 0.1);
        assertEquals([clipped.field("method.clipDenoised"), given.field("method.clipDenoised")], [true, false]);
      },
    },
    {
      option: "stop-timestep",
      without: [...ssd, "--method=ssd+"],
      given: [...ssd, "--method=ssd+", "--stop-timestep=0"],
      async check(usual, given, run): Promise<void> {
        assertEquals([usual.field("method.tStop"), given.field("method.tStop")], [200, 0]);
        assertEquals(given.bytes(), (await run(ssd)).bytes(), "enforced to the end it is ssd");
        const never = await run([...ssd, "--method=ssd+", "--stop-timestep=550"]);
        assert(misfit(given) < 1e-5 && misfit(never) > 0.01, `${misfit(given)}, ${misfit(never)}`);
      },
    },
    {
      option: "noise-level",
      without: of("ddrm", "--sigma-y=0.3"),
      given: of("ddrm", "--sigma-y=0.3", "--noise-level=0"),
      async check(usual, exact, run): Promise<void> {
        assertEquals((await run(of("ddrm", "--sigma-y=0.3", "--noise-level=0.3"))).bytes(), usual.bytes(), "default");
        assert(
          10 * misfit(exact) < misfit(usual),
          `${misfit(exact)}, ${misfit(usual)}: a method that knows of no noise keeps it`,
        );
      },
    },
    {
      option: "travel-length",
      without: of("ddnm", "--travel-repeat=2"),
      given: of("ddnm", "--travel-repeat=2", "--travel-length=2"),
      async check(usual, given, run): Promise<void> {
        assertEquals([usual.field("method.travelLength"), given.field("method.travelLength")], [1, 2]);
        assertNotEquals(given.bytes(), usual.bytes());
        const longest = (await run(of("repaint", "--travel-repeat=2", "--travel-length=3"))).number(
          "evaluations.actual",
        );
        assert(
          longest >= (await run(of("repaint", "--travel-repeat=1", "--travel-length=3"))).number("evaluations.actual"),
        );
      },
    },
    {
      option: "travel-repeat",
      without: of("ddnm", "--travel-length=1"),
      given: of("ddnm", "--travel-length=1", "--travel-repeat=3"),
      async check(once, thrice, run): Promise<void> {
        assertEquals(once.number("evaluations.actual"), 4);
        assert(thrice.number("evaluations.actual") > 2 * once.number("evaluations.actual"));
        assertEquals((await run(of("ddnm", "--travel-length=1", "--travel-repeat=1"))).bytes(), once.bytes());
      },
    },
    {
      option: "update",
      without: of("ddnm", "--update=eta_mix", "--eta=0.1"),
      given: of("ddnm", "--update=posterior", "--eta=0.1"),
      async check(mix, posterior, run): Promise<void> {
        assertEquals(posterior.field("method.update"), "posterior");
        assertNotEquals(posterior.bytes(), mix.bytes());
        assertEquals((await run(of("ddnm", "--update=posterior", "--eta=0.9"))).bytes(), posterior.bytes(), "no eta");
        assertNotEquals((await run(of("ddnm", "--eta=0.9"))).bytes(), mix.bytes());
      },
    },
    parameterRow("form", of("ddnm+", "--sigma-y=0.2"), {
      value: "posterior",
      key: "method.form",
      standard: "simplified",
    }),
    parameterRow("eta-a", of("ddrm", "--sigma-y=0.5"), { value: "0.1", key: "method.etaA", standard: "0.85" }),
    parameterRow("eta-b", of("ddrm"), {
      value: "0.5",
      key: "method.etaB",
      standard: "1",
      check: (usual, given) => assert(misfit(given) > 100 * misfit(usual), "less of the measurement, less agreement"),
    }),
    parameterRow("gradient-scale", of("dps"), {
      value: "0",
      key: "method.scale",
      standard: "0.3",
      check: (_, given, run) =>
        ignoresPicture(of("dps", "--gradient-scale=0"), run).then(() => assert(given.code === 0)),
    }),
    parameterRow("likelihood", of("dps"), { value: "poisson", key: "method.likelihood", standard: "gaussian" }),
    {
      option: "switch-rule",
      without: of("dps-dmps", "--switch-share=0"),
      given: of("dps-dmps", "--switch-share=0", "--switch-rule=psnr", "--switch-psnr=500"),
      async check(share, psnr, run): Promise<void> {
        const dps = (await run(of("dps"))).bytes();
        assertEquals(psnr.bytes(), dps, "predictions never agree so far: it stays dps");
        assertNotEquals(share.bytes(), dps);
      },
    },
    {
      option: "switch-share",
      without: of("dps-dmps"),
      given: of("dps-dmps", "--switch-share=1"),
      async check(half, whole, run): Promise<void> {
        assertEquals(whole.bytes(), (await run(of("dps"))).bytes(), "all steps are dps");
        assertEquals((await run(of("dps-dmps", "--switch-share=0"))).bytes(), (await run(of("dmps"))).bytes());
        assertEquals((await run(of("dps-dmps", "--switch-share=0.5"))).bytes(), half.bytes(), "default");
      },
    },
    ...switchRows(of),
    ...noiseLevelRows(materials),
    parameterRow("likelihood-scale", of("dps-dmps", "--switch-share=0"), {
      value: "0",
      key: "method.likelihoodScale",
      standard: "1.75",
      check: (_, __, run) => ignoresPicture(of("dps-dmps", "--switch-share=0", "--likelihood-scale=0"), run),
    }),
    parameterRow("point", of("dmps"), { value: "before", key: "method.point", standard: "after" }),
    parameterRow("system", of("dds"), {
      value: "noisy",
      key: "method.system",
      standard: "auto",
      check: async (usual, _, run) =>
        assertEquals((await run(of("dds", "--system=noiseless"))).bytes(), usual.bytes(), "auto without noise"),
    }),
    parameterRow("gamma", of("dds", "--system=noisy"), {
      value: "0",
      key: "method.gamma",
      standard: "1",
      check: (_, __, run) => ignoresPicture(of("dds", "--system=noisy", "--gamma=0"), run),
    }),
    parameterRow("lambda", of("diffpir"), {
      value: "1000000",
      key: "method.lambda",
      standard: "1",
      check: (usual, given) => assert(misfit(given) > 10 * misfit(usual), "the prior outweighs the data"),
    }),
    {
      option: "zeta",
      without: of("diffpir"),
      given: of("diffpir", "--zeta=0"),
      async check(usual, given, run): Promise<void> {
        assertEquals([usual.field("method.zeta"), given.field("method.zeta")], [0.25, 0]);
        assertNotEquals(given.bytes(), usual.bytes());
        const standards = [["deblur", "0.1"], ["inpaint", "1"]] as const;
        for (const [task, zeta] of standards) {
          const [left, said] = [of("diffpir", `--task=${task}`), of("diffpir", `--task=${task}`, `--zeta=${zeta}`)];
          assertEquals((await run(left)).bytes(), (await run(said)).bytes(), task);
        }
      },
    },
    parameterRow("guidance", of("diffpir"), {
      value: "0",
      key: "method.guidance",
      standard: "1",
      check: (usual, given) => assert(misfit(given) > 10 * misfit(usual), "nothing is taken from the data"),
    }),
    {
      option: "data-step",
      without: line(small, "--task=hdr", "--method=diffpir", "--steps=4"),
      given: line(small, "--task=hdr", "--method=diffpir", "--steps=4", "--data-step=first_order"),
      codes: [2, 0],
      async check(exact, _, run): Promise<void> {
        assertStringIncludes(exact.stderr, "diffpir with --data-step first_order");
        const still = await run(of("diffpir", "--data-step=back_projection", "--gamma=0"));
        assertEquals(still.bytes(), (await run(of("diffpir", "--guidance=0"))).bytes(), "a step of no length");
      },
    },
    {
      option: "no-plain-arrival",
      without: of("dds", "--trace=@.safetensors"),
      given: of("dds", "--no-plain-arrival", "--trace=@.safetensors"),
      async check(usual, given): Promise<void> {
        assertEquals([usual.field("method.plainArrival"), given.field("method.plainArrival")], [true, false]);
        // It is little that the state has besides the solution there: less than a pixel of 8 bits shows.
        assertNotEquals(await tracedTensors(given), await tracedTensors(usual));
      },
    },
    {
      option: "counts-noise",
      without: of("diffpir", "--sigma-y=0.5"),
      given: of("diffpir", "--sigma-y=0.5", "--counts-noise"),
      check(usual, given): void {
        assertEquals([usual.field("method.countsNoise"), given.field("method.countsNoise")], [false, true]);
        assertNotEquals(given.bytes(), usual.bytes());
      },
    },
    parameterRow("noise-in", of("score-sde"), { value: "measurement", key: "method.noiseIn", standard: "image" }),
    parameterRow("rho", of("admm-tv"), { value: "10", key: "method.rho", standard: "0.01" }),
    parameterRow("denoiser-sigma", of("pnp-admm"), { value: "0.9", key: "method.sigma", standard: "0.1" }),
    parameterRow("iterations", of("dds", "--task=ct", "--views=3"), {
      value: "1",
      key: "method.iterations",
      standard: "5",
      check: (usual, given) => assert(misfit(given) >= misfit(usual), "fewer iterations solve no better"),
    }),
    parameterRow("level", of("score-sde"), { value: "next", key: "method.level", standard: "current" }),
    parameterRow("repeats", of("sdedit"), {
      value: "1",
      key: "method.repeats",
      standard: "3",
      check: (usual, given) =>
        assertEquals([usual.number("evaluations.actual"), given.number("evaluations.actual")], [12, 4]),
    }),
    parameterRow("filter-factor", of("ilvr"), { value: "4", key: "method.factor", standard: "2" }),
    parameterRow("free-steps", of("ilvr"), {
      value: "4",
      key: "method.freeSteps",
      standard: "0",
      check: (_, __, run) => ignoresPicture(of("ilvr", "--free-steps=4"), run),
    }),
    parameterRow("ilvr-reference", of("ilvr"), {
      value: "paper",
      key: "method.reference",
      standard: "published",
      // As published the last step is free as well, so that with three others none is conditioned.
      check: async (_, __, run) => {
        await ignoresPicture(of("ilvr", "--free-steps=3"), run);
        const paper = of("ilvr", "--free-steps=3", "--ilvr-reference=paper");
        const swapped = await run(paper.map((word) => word === small ? other : word));
        assertNotEquals(swapped.bytes(), (await run(paper)).bytes(), "one step is conditioned");
      },
    }),
    parameterRow("pigdm-form", of("pigdm"), {
      value: "paper",
      key: "method.guidanceForm",
      standard: "published",
      check: async (published, paper, run) => {
        // A x of what the sampler gave: an exact measurement is met once more after clamping, a noisy one is not.
        const noisy = async (...words: string[]): Promise<unknown> =>
          (await run(of("pigdm", "--noise-level=0.5", ...words))).field("metrics.consistency");
        assertEquals(await noisy(), published.field("metrics.consistency"), "the program knows no noise");
        assertNotEquals(await noisy("--pigdm-form=paper"), paper.field("metrics.consistency"));
      },
    }),
    parameterRow("fixed-variance", of("sdedit"), {
      value: "large",
      key: "method.fixedVariance",
      standard: "small",
    }),
  ];
}

/** When the rule of PSNR switches from dps: not before --switch-least steps, nor above --switch-latest of the timesteps. */
function switchRows(of: (method: string, ...options: string[]) => Words): readonly Row[] {
  const base = (...options: string[]): Words => of("dps-dmps", "--switch-rule=psnr", ...options);
  const early = ["--switch-psnr=-500", "--switch-least=0", "--switch-latest=1"];
  const row = (option: string, options: readonly string[], kept: string): Row => ({
    option,
    without: base(...early),
    given: base(...options),
    async check(switched, given, run): Promise<void> {
      const dps = (await run(of("dps"))).bytes();
      assertNotEquals(switched.bytes(), dps, "predictions agree at once");
      assertEquals(given.bytes(), dps, kept);
    },
  });
  return [
    row("switch-psnr", ["--switch-psnr=500", ...early.slice(1)], "predictions never agree so far"),
    row("switch-least", [early[0]!, "--switch-least=4", early[2]!], "all four steps are dps in any case"),
    row("switch-latest", [...early.slice(0, 2), "--switch-latest=0"], "no timestep is below"),
  ];
}
