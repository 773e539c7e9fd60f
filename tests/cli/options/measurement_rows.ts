/** Rows for what a measurement file brings to `restore`: each entry is replaced by that of another file. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { writeCopy } from "../../conformance/reference_files.ts";
import { runWell } from "../run_command.ts";
import type { Materials } from "./materials.ts";
import { type Row, type Words } from "./table.ts";
import { valuesOf } from "./task_cases.ts";

/** The entries of a measurement by a mask; the row of an entry is called after it. */
export async function measurementRows({ folder, large, small, tiny }: Materials): Promise<readonly Row[]> {
  const make = async (name: string, ...options: string[]): Promise<string> => {
    const path = folder.path(`${name}.safetensors`);
    await runWell(["degrade", large, path, "--cpu", ...options]);
    return path;
  };
  const isWhite = (x: number): boolean => x < 6;
  const mask = folder.picture("measured-mask.png", { colorType: 0, sample: (x) => isWhite(x) ? 255 : 0 });
  const inpaint = await make("inpaint", "--task=inpaint", `--mask=${mask}`);
  const random = await make("random", "--task=inpaint", "--mask-random=0.5");
  const coarse = await make("coarse", "--task=sr2");
  const bicubic = await make("bicubic", "--task=sr2-bicubic");
  const blurred = await make("blurred", "--task=deblur", "--blur-sigma=1", "--blur-taps=5");
  const noisy = folder.path("noisy.safetensors");
  await runWell(["degrade", small, noisy, "--cpu", "--task=sr2", "--sigma-y=0.3"]);
  const other = async (source: string, name: string, metadata: Readonly<Record<string, string>>): Promise<string> =>
    await writeCopy(source, folder.path(`${name}.safetensors`), { metadata });
  const restore = (
    file: string,
    ...options: string[]
  ): Words => ["restore", file, "--out=@.png", "--cpu", `--model=${tiny}`, "--method=pseudo-inverse", ...options];
  const ddrm = (
    file: string,
    ...options: string[]
  ): Words => ["restore", file, "--out=@.png", "--cpu", `--model=${tiny}`, "--method=ddrm", "--steps=4", ...options];
  const said = { file: "large", width: 16, height: 16, channels: 3, bitDepth: 8 };
  return [
    {
      option: "kind",
      without: restore(await other(inpaint, "no-kind", { kind: "trajectory" })),
      given: restore(inpaint),
      codes: [1, 0],
      check: (_, given) => assertEquals(given.field("picture.format"), "measurement"),
    },
    {
      option: "layout",
      without: restore(inpaint),
      given: restore(inpaint),
      // Channels last, in which the picture is stored too: the known pixels come out in their places.
      async check(ran): Promise<void> {
        const [{ data }, original] = [await ran.picture(), await valuesOf(large)];
        assertEquals(data.slice(0, 18), original.slice(0, 18));
      },
    },
    {
      option: "task",
      without: restore(coarse),
      given: restore(await other(coarse, "as-bicubic", { task: "sr2-bicubic", operator: "sr_bicubic" })),
      async check(average, given, run): Promise<void> {
        assertEquals([average.field("task.name"), given.field("task.name")], ["sr2", "sr2-bicubic"]);
        assertNotEquals(given.bytes(), average.bytes(), "another A^+ of the same values");
        assertEquals((await run(restore(bicubic))).field("task.operator"), given.field("task.operator"));
      },
    },
    {
      option: "operator",
      without: restore(await other(coarse, "wrong-operator", { operator: "sr_bicubic" })),
      given: restore(coarse),
      codes: [1, 0],
      check: (_, given) => assertEquals(given.field("task.operator"), "sr_average"),
    },
    {
      option: "imageShape",
      without: restore(await other(coarse, "wrong-shape", { imageShape: "[32,16,3]" })),
      given: restore(coarse),
      codes: [1, 0],
      async check(_, given): Promise<void> {
        const { width, height } = await given.picture();
        assertEquals([width, height], [16, 16]);
      },
    },
    {
      option: "parameters",
      without: restore(blurred),
      given: restore(
        await other(blurred, "sharper", {
          parameters: JSON.stringify({ variant: "true", sigma: 3, taps: 9, threshold: 0.03 }),
        }),
      ),
      check(usual, given): void {
        assertEquals([usual.field("task.parameters.sigma"), given.field("task.parameters.sigma")], [1, 3]);
        assertNotEquals(given.bytes(), usual.bytes(), "another blur is undone");
      },
    },
    {
      option: "noise",
      without: ddrm(await other(noisy, "silent", { noise: JSON.stringify({ kind: "gaussian", sigma: 0 }) })),
      given: ddrm(noisy),
      async check(silent, given, run): Promise<void> {
        assertEquals(given.field("task.sigmaY"), 0.3);
        assertNotEquals(given.bytes(), silent.bytes());
        const explicit = await run(ddrm(folder.path("silent.safetensors"), "--noise-level=0.3"));
        assertEquals(given.bytes(), explicit.bytes(), "the method reckons with what the file says");
      },
    },
    {
      option: "seed",
      without: ddrm(noisy),
      given: ddrm(await other(noisy, "seeded", { seed: "77" })),
      // It says how the file was made; what a sampler draws is chosen by --seed.
      async check(usual, given, run): Promise<void> {
        assertEquals(given.bytes(), usual.bytes());
        assertNotEquals((await run(ddrm(noisy, "--seed=77"))).bytes(), usual.bytes());
      },
    },
    {
      option: "picture",
      without: restore(inpaint),
      given: restore(await other(inpaint, "gray", { picture: JSON.stringify({ ...said, channels: 1, bitDepth: 16 }) })),
      async check(usual, given): Promise<void> {
        assertEquals([usual.field("picture.bitDepth"), given.field("picture.bitDepth")], [8, 16]);
        assertEquals([(await usual.picture()).channels, (await given.picture()).channels], [3, 1]);
      },
    },
    {
      option: "y",
      without: restore(inpaint),
      given: restore(await writeCopy(inpaint, folder.path("other-y.safetensors"), { alterAt: { y: 0 } })),
      check: (usual, given) => assertNotEquals(given.bytes(), usual.bytes()),
    },
    {
      option: "parameter.mask",
      without: restore(random),
      given: restore(inpaint),
      async check(drawn, given): Promise<void> {
        assertEquals(given.number("task.parameters.mask.known"), 6 / 16);
        assertEquals(drawn.field("task.parameters.missing"), 0.5);
        const [{ data }, original] = [await given.picture(), await valuesOf(large)];
        const known = Array.from(data.keys()).filter((i) => isWhite(Math.floor(i / 3) % 16));
        assert(known.every((i) => data[i] === original[i]), "what is known is kept");
      },
    },
  ];
}
