/** Blurred pictures that somebody has, beyond whose borders nothing is known. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { hostTensor, ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import type { LinearOperator } from "../../operators/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import {
  checkBlurOption,
  finishPicture,
  offCanvas,
  type PreparedPicture,
  preparePicture,
  TASKS,
} from "../../restoration/mod.ts";

/** A model of which nothing but its sizes is asked. */
const MODEL = {
  downsampling: 8,
  config: { imageSize: 64, superResolution: false, inChannels: 3 },
  noiseModel: ({ height, width }: { height: number; width: number }) => ({ imageShape: [height, width, 3] }),
} as unknown as OpenedModel;

/** A line that leans: five taps in three rows. */
const KERNEL = hostTensor(Float32Array.of(0, 0, 0, 0.1, 0.2, 0, 0.2, 0.2, 0.1, 0, 0.2, 0, 0, 0, 0), [3, 5]);

/** Values of a scene at any place, also beyond the picture. */
const scene = (row: number, column: number, channel: number): number =>
  0.5 * Math.sin(0.9 * row + channel) * Math.cos(0.7 * column) + 0.2 * Math.sin(0.23 * row * column);

function pictureOf(value: (row: number, column: number, channel: number) => number): Raster {
  const [width, height] = [22, 18];
  const data = Float32Array.from({ length: width * height * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return value(Math.floor(pixel / width), pixel % width, i % 3);
  });
  return { width, height, channels: 3, data };
}

/** The scene under the kernel, also at its borders. */
function soft(): Raster {
  const [rows, columns] = KERNEL.shape as [number, number];
  return pictureOf((row, column, channel) =>
    Array.from(KERNEL.data).reduce((sum, tap, i) => {
      const [down, right] = [Math.floor(i / columns) - (rows - 1) / 2, i % columns - (columns - 1) / 2];
      return sum + tap * scene(row - down, column - right, channel);
    }, 0)
  );
}

async function prepared(boundary: string, size?: number): Promise<PreparedPicture> {
  const colour = soft();
  return await preparePicture(new ReferenceRuntime(), MODEL, {
    source: { name: "y.png", channels: 3, bitDepth: 8, colour, files: { psf: KERNEL } },
    task: TASKS.get("deblur-kernel")!,
    options: { "blur-boundary": boundary, "noise-level": 0 },
    seed: 0,
    size,
  });
}

async function inverse({ problem: { operator, y } }: PreparedPicture): Promise<Float32Array<ArrayBuffer>> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("A^+", ({ y }: Tensors<"y">) => ({ x: (operator as LinearOperator).pseudoInverse(y) }));
  const measured = runtime.upload(Float32Array.from(await y.read()), [1, ...operator.measurementShape]);
  return Float32Array.from(await (await stage({ y: measured }, {})).x.read());
}

Deno.test("a blur with a real border is undone better where nothing is taken to be known beyond it", async () => {
  const truth = pictureOf(scene);
  const errorOf = async (boundary: string): Promise<number> => {
    const picture = await prepared(boundary);
    const whole = { ...picture.canvas.padded, channels: 3, data: await inverse(picture) };
    const { data } = offCanvas(whole, picture.canvas);
    return Math.sqrt(data.reduce((sum, value, i) => sum + (value - truth.data[i]!) ** 2, 0) / truth.data.length);
  };
  const [open, mirrored] = [await errorOf("unknown"), await errorOf("reflect")];
  assert(open < 0.7 * mirrored, `${open}, ${mirrored}`);
});

Deno.test("the network sees what a kernel reaches around a picture, and the picture alone is measured", async () => {
  const picture = await prepared("unknown");
  const { canvas, options, notes, problem: { operator, y } } = picture;
  assertEquals(canvas.padded, { width: 32, height: 24 });
  assertEquals(options["measured"], { top: 3, left: 5, height: 18, width: 22 });
  assertEquals([operator.imageShape, operator.measurementShape], [[24, 32, 3], [24, 32, 3]]);
  assertStringIncludes(notes.join("\n"), "What lies beyond the borders is not known: 22x18 are restored within 32x24");
  const given = soft();
  (await y.read()).forEach((value, i) => {
    const [row, column] = [Math.floor(i / 96) - 3, Math.floor(i / 3) % 32 - 5];
    const isIn = row >= 0 && column >= 0 && row < 18 && column < 22;
    assertAlmostEquals(value, isIn ? given.data[(row * 22 + column) * 3 + i % 3]! : 0, 1e-6);
  });
  assertEquals((await prepared("reflect")).canvas.padded, { width: 24, height: 24 });
});

Deno.test("a blurred picture that is made smaller has a smaller border, and comes back at its own size", async () => {
  const picture = await prepared("unknown", 11);
  assertEquals([picture.canvas.working, picture.canvas.padded], [{ width: 11, height: 9 }, { width: 16, height: 16 }]);
  assertEquals(picture.options["measured"], { top: 3, left: 2, height: 9, width: 11 });
  const { raster } = await finishPicture(new ReferenceRuntime(), picture, await inverse(picture));
  assertEquals([raster.width, raster.height], [22, 18]);
});

Deno.test("an unknown border is refused where a picture has other damages", () => {
  const options = { task: "deblur-kernel + jpeg", "blur-boundary": "unknown" };
  assertThrows(() => checkBlurOption(options, false), UsageError, "--blur-boundary unknown does not go with");
  checkBlurOption(options, true);
  checkBlurOption({ ...options, task: "deblur-kernel" }, false);
});
