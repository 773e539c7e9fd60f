/** Pictures that people have, restored without a network: what is kept of them whatever a sampler gives. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { readImage } from "../../io/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import { encodeSamples } from "../../raster/mod.ts";
import {
  applyOperator,
  finishPicture,
  pictureSource,
  preparePicture,
  type Result,
  TASKS,
} from "../../restoration/mod.ts";
import { casePath } from "../io/cases.ts";
import { randomValues } from "../support/random.ts";

/** Of the network nothing but its sizes is asked. */
const MODEL = {
  downsampling: 1,
  config: { imageSize: 64, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

/**
 * What becomes of A^+ y with noise that the measurement does not tell of.
 * @param size longest side inside the network
 */
async function made(name: string, taskName: string, options: OptionValues = {}, size = 64): Promise<Result> {
  const runtime = new ReferenceRuntime();
  const task = TASKS.get(taskName)!;
  const setting = { name, task, options, isTruth: false, files: {} };
  const source = pictureSource(await readImage(casePath(name)), setting);
  const picture = await preparePicture(runtime, MODEL, { source, task, options, seed: 0, size });
  const { operator, y } = picture.problem;
  const estimate = await applyOperator(runtime, operator, "estimate", y);
  const [shape, base] = [estimate.shape, await estimate.read()];
  const wild = runtime.upload(randomValues(base.length, 6).map((value) => value / 16), shape);
  const seen = await applyOperator(runtime, operator, "forward", wild);
  const [noise, told] = [await wild.read(), await (await applyOperator(runtime, operator, "estimate", seen)).read()];
  return await finishPicture(runtime, picture, base.map((value, i) => value + noise[i]! - told[i]!));
}

Deno.test("blocks of a saturated picture keep their means within a level, and white stays white", async () => {
  const name = "saturated/primaries16.png";
  const small = await readImage(casePath(name));
  // At its own size, and brought back from a smaller one.
  for (const size of [64, 32]) {
    const { raster, bitDepth, verdict } = await made(name, "sr4", {}, size);
    const samples = encodeSamples(raster.data, { bitDepth });
    const means = new Float64Array(small.samples.length);
    samples.forEach((value, i) => {
      const [row, column] = [Math.floor(i / 192) >> 2, (Math.floor(i / 3) % 64) >> 2];
      means[(row * 16 + column) * 3 + i % 3]! += value / 16;
    });
    means.forEach((mean, i) => assert(Math.abs(mean - small.samples[i]!) <= 1, `${size}, ${i}: ${mean}`));
    assert(means.every((mean, i) => small.samples[i] !== 255 || mean > 254.9));
    if (size < 64) continue;
    assertEquals(verdict.text.includes("clipped"), false, "what is at the limit may be restored beyond it");
    assertEquals(verdict.text.includes("not met"), false);
  }
});

Deno.test("a gray picture stays gray, however it is stored, and is coloured where that is the task", async () => {
  for (const name of ["gray16.jpg", "gray16-as-rgb.png", "gray-alpha64.png"]) {
    const path = `gray-stays-gray/${name}`;
    for (const [task, options] of [["sr2", {}], ["deblur", { "blur-sigma": 1 }], ["denoise", {}]] as const) {
      const { raster, alpha } = await made(path, task, options);
      assertEquals(raster.channels, 1, `${name}, ${task}`);
      if (alpha) assertEquals([alpha.width, alpha.height], [raster.width, raster.height]);
      assertEquals(alpha !== undefined, name === "gray-alpha64.png");
    }
    assertEquals((await made(path, "colorize")).raster.channels, 3);
  }
  const filled = await made("gray-stays-gray/gray-alpha64.png", "inpaint");
  assertEquals([filled.raster.channels, filled.alpha], [1, undefined], "what is filled is opaque");
});
