/** From what a sampler gave to the picture of the user and its figures. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  clamped,
  finishPicture,
  planCanvas,
  type PreparedPicture,
  type Result,
  taskOperator,
  TASKS,
} from "../../restoration/mod.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import type { Raster } from "../../raster/mod.ts";

function flat(side: number, value: number, channels = 3): Raster {
  return { width: side, height: side, channels, data: new Float32Array(side * side * channels).fill(value) };
}

/** What becomes of a restored image of one value, with the measurement and the truth of other values. */
async function finished(
  { side = 8, image, measured, truth, channels = 3, task: name = "denoise" }: {
    readonly side?: number;
    readonly image: number;
    readonly measured: number;
    readonly truth?: number;
    readonly channels?: 1 | 3;
    readonly task?: string;
  },
): Promise<Result> {
  const task = TASKS.get(name)!;
  const runtime = new ReferenceRuntime();
  const operator = taskOperator(task, [side, side, 3], {});
  const y = flat(side, measured, task.channels);
  const picture: PreparedPicture = {
    task,
    format: { channels, bitDepth: 8 },
    canvas: planCanvas({ width: side, height: side }, { multiple: 1, longest: side, scale: 1 }),
    problem: {
      model: undefined as unknown as PreparedPicture["problem"]["model"],
      operator,
      y: runtime.upload(y.data, [1, ...operator.measurementShape]),
    },
    options: {},
    sigmaY: 0,
    ...(truth === undefined ? { measurement: y } : { truth: flat(side, truth) }),
    notes: [],
  };
  return await finishPicture(runtime, picture, flat(side, image).data);
}

Deno.test("the result and A^+ y are limited to the range before they are compared with the truth", async () => {
  const { comparison } = await finished({ image: 1.5, measured: 3, truth: 1 });
  assertEquals(comparison!.result.psnr, Infinity);
  assertEquals(comparison!.pseudoInverse.psnr, Infinity);
});

Deno.test("the result and A^+ y have figures of their own", async () => {
  const { comparison } = await finished({ image: 0.5, measured: -0.5, truth: 0 });
  // The peak is 2, the difference 0.5 everywhere.
  assertAlmostEquals(comparison!.result.psnr, 20 * Math.log10(4), 1e-5);
  const other = await finished({ image: 0.5, measured: -0.25, truth: 0 });
  assertAlmostEquals(other.comparison!.pseudoInverse.psnr, 20 * Math.log10(8), 1e-5);
});

Deno.test("SSIM needs a picture as large as its window", async () => {
  assertEquals((await finished({ side: 6, image: 0, measured: 0, truth: 0 })).comparison!.result.ssim, undefined);
  assertEquals((await finished({ side: 7, image: 0, measured: 0, truth: 0 })).comparison!.result.ssim, 1);
});

Deno.test("a gray file gives a gray picture, unless the task adds colour", async () => {
  assertEquals((await finished({ image: 0, measured: 0, channels: 1 })).raster.channels, 1);
  assertEquals((await finished({ image: 0, measured: 0, channels: 1, task: "colorize" })).raster.channels, 3);
  assertEquals((await finished({ image: 0, measured: 0 })).raster.channels, 3);
});

Deno.test("clamped() leaves what is in the range as it is", () => {
  const { data } = clamped({ width: 5, height: 1, channels: 1, data: Float32Array.of(-2, -1, -0.5, 0.5, 2) });
  assertEquals(data, Float32Array.of(-1, -1, -0.5, 0.5, 1));
});
