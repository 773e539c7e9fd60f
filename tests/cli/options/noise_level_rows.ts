/** Rows for the options of `restore` that place the noise levels of samplers. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Materials } from "./materials.ts";
import { parameterRow, type Row, type Words } from "./table.ts";

/** The options that place noise levels. */
export function noiseLevelRows({ small, tiny, upsampler }: Materials): readonly Row[] {
  const edit = (...options: string[]): Words => [
    ...["restore", small, "--degrade", "--cpu", `--model=${tiny}`, "--out=@.png", "--task=sr2"],
    ...["--method=consistency-editing", ...options],
  ];
  const sample = (method: string, ...options: string[]): Words => [
    ...["restore", small, "--cpu", "--task=upsample", `--model=${upsampler}`, "--out=@.png"],
    ...[`--method=${method}`, "--steps=3", ...options],
  ];
  const noisy = (...options: string[]): Words => [
    ...["restore", small, "--degrade", "--cpu", `--model=${tiny}`, "--out=@.png", "--task=sr2", "--sigma-y=0.2"],
    ...["--method=ddnm+", "--steps=4", ...options],
  ];
  const churned = sample("heun", "--s-churn=2");
  return [
    parameterRow("sigma-min", edit("--steps=3"), { value: "0.7", key: "method.sigmaMin" }),
    parameterRow("sigma-max", edit("--steps=3"), { value: "2.5", key: "method.sigmaMax" }),
    {
      option: "ts",
      without: edit("--steps=3"),
      given: edit("--ts=0,20,39"),
      async check(even, placed, run): Promise<void> {
        assertEquals([even.number("evaluations.actual"), placed.number("evaluations.actual")], [3, 2]);
        const ends = await run(edit("--ts=0,39"));
        assertEquals(ends.bytes(), (await run(edit("--steps=1"))).bytes(), "both ends of the grid are one even step");
        assertNotEquals(ends.bytes(), placed.bytes());
      },
    },
    parameterRow("spacing", noisy(), { value: "noise", key: "method.spacing", standard: "even" }),
    parameterRow("grid", edit("--ts=0,10,20"), { value: "21", key: "method.grid", standard: "40" }),
    parameterRow("s-churn", sample("heun"), {
      value: "1",
      key: "method.sChurn",
      standard: "0",
      check: async (_, given, run) => {
        const other = await run(sample("heun", "--s-churn=1", "--seed=5"));
        assertNotEquals(other.bytes(), given.bytes());
      },
    }),
    parameterRow("s-tmin", churned, {
      value: "1000",
      key: "method.sTmin",
      standard: "0",
      check: async (_, given, run) =>
        assertEquals((await run(sample("heun"))).bytes(), given.bytes(), "all levels are below it"),
    }),
    parameterRow("s-tmax", churned, {
      value: "0.001",
      key: "method.sTmax",
      check: async (_, given, run) =>
        assertEquals((await run(sample("heun"))).bytes(), given.bytes(), "all levels are above it"),
    }),
    parameterRow("s-noise", churned, { value: "0.5", key: "method.sNoise", standard: "1" }),
    {
      option: "keep-least-noise",
      without: sample("euler", "--sigma-min=0.5"),
      given: sample("euler", "--sigma-min=0.5", "--keep-least-noise"),
      check(usual, given): void {
        assertEquals([usual.field("method.keepsLeast"), given.field("method.keepsLeast")], [false, true]);
        assertEquals(usual.number("evaluations.actual"), given.number("evaluations.actual"));
        assert(usual.bytes().some((byte, i) => byte !== given.bytes()[i]), "the picture is the same");
      },
    },
    parameterRow("shift", sample("flow-euler"), { value: "3", key: "method.shift", standard: "1" }),
  ];
}
