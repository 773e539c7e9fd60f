/** Blur that was made here must be found again, and told from other kinds and from none. */
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { HostTensor } from "../../engine/mod.ts";
import { readImage } from "../../io/mod.ts";
import { gaussianKernel2d } from "../../operators/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import { colourRaster, crop, type Raster, rgbToGray } from "../../raster/mod.ts";
import { composedTask } from "../../operators/mod.ts";
import {
  type Blur,
  discKernel,
  estimateBlur,
  lineKernel,
  PictureQuestion,
  type PictureSource,
  settleBlur,
  settlePicture,
  squareKernel,
  TASKS,
} from "../../restoration/mod.ts";
import { blurKernel } from "../../restoration/estimates/blur_kernel.ts";
import { isCircular } from "../../restoration/estimates/circular_border.ts";
import { slopeSpread, unblurred } from "../../restoration/estimates/deconvolution.ts";
import { casePath } from "../io/cases.ts";
import { normalValues } from "../support/random.ts";

const SAMPLE = new URL("../../models/default/sample.png", import.meta.url).pathname;

async function photograph(): Promise<Raster> {
  return rgbToGray(crop(colourRaster(await readImage(SAMPLE)), { x: 50, y: 40, width: 152, height: 152 }));
}

/** A gray picture under a kernel, as a file of 8 bits holds it: only where the kernel does not reach over the border. */
function blurred(picture: Raster, kernel: HostTensor, noise = 0): Raster {
  const side = kernel.shape[0]!;
  const [width, height] = [picture.width - side + 1, picture.height - side + 1];
  const random = normalValues(width * height, 6);
  const data = Float32Array.from({ length: width * height }, (_, i) => {
    const corner = Math.floor(i / width) * picture.width + i % width;
    let sum = noise * random[i]!;
    for (let k = 0; k < side * side; k++) {
      sum += kernel.data[side * side - 1 - k]! *
        picture.data[corner + Math.floor(k / side) * picture.width + k % side]!;
    }
    return Math.min(1, Math.max(-1, Math.round((sum + 1) * 127.5) / 127.5 - 1));
  });
  return { width, height, channels: 1, data };
}

function gaussian(sigma: number): HostTensor {
  return gaussianKernel2d(2 * Math.ceil(4 * sigma) + 1, sigma);
}

const shown = (blur: Blur | undefined): string => JSON.stringify(blur);

Deno.test("the width of a Gaussian blur is found within 15 %, and surely", async () => {
  const picture = await photograph();
  for (const sigma of [1.2, 2, 3]) {
    const found = estimateBlur(blurred(picture, gaussian(sigma)))!;
    assert(found.kind === "gaussian" && Math.abs(found.sigma - sigma) < 0.15 * sigma, `${sigma}: ${shown(found)}`);
    assert(found.confidence > 0.9 && found.spread < 0.2 * sigma, shown(found));
  }
  const soft = estimateBlur(colourRaster(await readImage(casePath("soft/soft-sigma1.2.png"))))!;
  assert(soft.kind === "gaussian" && Math.abs(soft.sigma - 1.2) < 0.15 * 1.2, shown(soft));
});

Deno.test("noise of 5 levels does not make a soft picture sharp", async () => {
  const picture = await photograph();
  for (const sigma of [1.2, 2]) {
    const found = estimateBlur(blurred(picture, gaussian(sigma), 5 / 127.5))!;
    assert(found.kind === "gaussian" && Math.abs(found.sigma - sigma) < 0.25 * sigma, `${sigma}: ${shown(found)}`);
  }
});

Deno.test("length and angle of a motion are found, and it is told from a Gaussian", async () => {
  const picture = await photograph();
  for (const [length, angle] of [[6, 30], [10, 115], [15, 165]] as const) {
    const found = estimateBlur(blurred(picture, lineKernel(length, angle)))!;
    assert(found.kind === "motion", `${length} at ${angle}: ${shown(found)}`);
    assertAlmostEquals(found.length, length, 1);
    assertAlmostEquals(found.angle, angle, 4);
    assert(found.confidence > 0.75, shown(found));
  }
});

Deno.test("a speck steeper than a motion allows does not rule it out", async () => {
  const picture = blurred(await photograph(), lineKernel(12, 30));
  const at = 60 * picture.width + 70;
  picture.data[at] = picture.data[at]! > 0 ? picture.data[at]! - 0.6 : picture.data[at]! + 0.6;
  const found = estimateBlur(picture)!;
  assert(found.kind === "motion" && Math.abs(found.length - 12) < 1.8, shown(found));
});

Deno.test("discs and squares are found with their widths, and told from motions and Gaussians", async () => {
  const picture = await photograph();
  const cases = [["disc", 7, discKernel(3.5)], ["disc", 9, discKernel(4.5)], ["square", 5, squareKernel(5)]] as const;
  for (const [kind, width, kernel] of cases) {
    const found = estimateBlur(blurred(picture, kernel))!;
    assert(found.kind === kind && Math.abs(found.width - width) < 0.08 * width, `${kind} ${width}: ${shown(found)}`);
    assert(found.confidence > 0.75, shown(found));
  }
});

Deno.test("kernels of discs and squares hold the part of every pixel that lies within", () => {
  const disc = discKernel(3);
  assertEquals(disc.shape, [7, 7]);
  // The variance of a disc along an axis is r^2/4, of a square n^2/12, and of a pixel 1/12.
  for (const [{ data, shape: [side = 0] }, variance] of [[disc, 9 / 4], [squareKernel(4), 16 / 12]] as const) {
    const middle = (side - 1) / 2;
    const weights = Array.from(data);
    assertAlmostEquals(weights.reduce((sum, weight) => sum + weight, 0), 1, 1e-6);
    const found = weights.reduce((sum, weight, i) => sum + weight * (i % side - middle) ** 2, 0);
    assertAlmostEquals(found, variance + 1 / 12, 0.1);
    assertEquals(weights, weights.toReversed());
  }
});

Deno.test("what is out of focus is undone with its disc, alone and with unknown borders", async () => {
  const soft = blurred(await photograph(), discKernel(4));
  const settled = (name: string): ReturnType<typeof settleBlur> =>
    settleBlur(
      { blur: "estimate" },
      name === "deblur" ? TASKS.get(name)! : composedTask(["deblur", "jpeg"].map((part) => TASKS.get(part)!)),
      soft,
      "y",
      { rounding: 0.002 },
    );
  const { task, options, files, notes } = settled("deblur");
  assertEquals([task.name, options["blur-boundary"]], ["deblur-kernel", "unknown"]);
  assertEquals(files!["psf"]!.shape, [9, 9]);
  assert(/out of focus, a disc [78]\.\d pixels wide/.test(notes[0]!), notes[0]);
  assertThrows(() => settled("deblur + jpeg"), PictureQuestion, "not undone together with other damages");
});

Deno.test("sharp pictures are not called blurred, and flat or tiny ones tell nothing", async () => {
  const drawn = colourRaster(await readImage(casePath("common/good64.png")));
  for (const picture of [await photograph(), drawn]) {
    const found = estimateBlur(picture);
    assert(found === undefined || found.confidence < 0.75, shown(found));
  }
  // Few frequencies stand out of strong noise: what explains them by chance is no motion.
  const noisy = estimateBlur(colourRaster(await readImage(casePath("real-noise/noisy-sigma25.png"))));
  assert(noisy?.kind !== "motion", shown(noisy));
  const flat = (side: number): Raster => ({
    width: side,
    height: side,
    channels: 1,
    data: new Float32Array(side * side),
  });
  assertEquals(estimateBlur(flat(64)), undefined);
  assertEquals(estimateBlur(crop(drawn, { x: 0, y: 0, width: 24, height: 24 })), undefined);
});

Deno.test("a motion that is found is undone with its kernel, whose noise level raises the threshold", async () => {
  const settled = async (angle: number, name = "deblur"): Promise<ReturnType<typeof settleBlur>> =>
    settleBlur(
      { blur: "estimate" },
      name === "deblur" ? TASKS.get(name)! : composedTask(["deblur", "jpeg"].map((part) => TASKS.get(part)!)),
      blurred(await photograph(), lineKernel(10, angle)),
      "y",
      { rounding: 0.002 },
    );
  await assertRejects(() => settled(115, "deblur + jpeg"), PictureQuestion, "not undone together with other damages");
  assertEquals((await settled(115)).options["blur-boundary"], "unknown");
  assertEquals((await settled(90, "deblur + jpeg")).options["blur-boundary"], "reflect");
  const moved = blurred(await photograph(), lineKernel(10, 90));
  const { task, options, files, notes } = await settled(90);
  assertEquals([task.name, options["blur-threshold"]], ["deblur-kernel", 0.2]);
  const { data } = files!["psf"]!;
  assertAlmostEquals(Array.from(data).reduce((sum, tap) => sum + tap, 0), 1, 1e-6);
  assert(/motion by (9|10)\.\d pixels at [89]\d degrees/.test(notes[0]!), notes[0]);
  assertEquals(options["blur-boundary"], "unknown");
  const noisy = (given: OptionValues) =>
    settleBlur({ blur: "estimate", ...given }, TASKS.get("deblur")!, moved, "y", { noise: 0.4, rounding: 0.002 });
  assertAlmostEquals(noisy({}).method!["gamma"] as number, (0.15 / 0.4) ** 2, 1e-9);
  assertEquals([noisy({}).options["blur-boundary"], noisy({}).method!["method"]], ["unknown", "dds"]);
  assertThrows(() => noisy({ method: "ssd" }), PictureQuestion, "with its noise: --method dds does");
  const circular = noisy({ "blur-boundary": "circular" });
  assertEquals([circular.options["blur-threshold"], circular.method], [0.05, { form: "spectral", steps: 30 }]);
  const named = noisy({ "blur-boundary": "circular", method: "ssd" });
  assertEquals([named.options["blur-threshold"], named.method], [0.4, undefined]);
});

Deno.test("the errors of a file are those of its levels, and of the steps of a JPEG file", async () => {
  const colour = blurred(await photograph(), gaussian(2));
  const level = (file: Partial<PictureSource>): unknown =>
    settlePicture({ name: "y", channels: 1, bitDepth: 8, colour, ...file }, TASKS.get("deblur")!, { blur: "estimate" })
      .options["noise-level"];
  // An estimated width is further off than levels are.
  assertEquals([level({}), level({ bitDepth: 16 })], [0.01, 0.01]);
  const source: PictureSource = { name: "y", channels: 1, bitDepth: 8, colour };
  const { method, source: { notes } } = settlePicture(source, TASKS.get("deblur")!, { "blur-sigma": 2, steps: 7 });
  assert(notes!.some((note) => note.includes("count as noise of 0.0300")), notes!.join());
  assertEquals([method["method"], method["form"], method["steps"]], ["ddnm+", "spectral", 7]);
  const jpeg = { tables: [new Array(64).fill(12)], sampling: [{ horizontal: 1, vertical: 1 }] };
  // Uniform errors of a width have a deviation of 1 / sqrt(12) of it: steps of 12 and levels of 1, in 255 levels.
  assertAlmostEquals(level({ jpeg }) as number, 13 * 2 / 255 / Math.sqrt(12), 1e-9);
});

/** A picture under a kernel that goes on at its other side, or at its mirrored border. */
function blurredWhole(picture: Raster, kernel: HostTensor, boundary: "circular" | "reflect"): Raster {
  const { width, height, channels, data } = picture;
  const side = kernel.shape[0]!;
  const reach = (side - 1) / 2;
  const at = (k: number, n: number): number =>
    boundary === "circular" ? (k + n) % n : k < 0 ? -k : k >= n ? 2 * n - 2 - k : k;
  const taps = Array.from(
    kernel.data as Float32Array,
    (tap, k) => [tap, reach - Math.floor(k / side), reach - k % side] as const,
  )
    .filter(([tap]) => tap !== 0);
  const sums = data.map((_, i) => {
    const [row, column, channel] = [Math.floor(i / channels / width), Math.floor(i / channels) % width, i % channels];
    return taps.reduce((sum, [tap, down, right]) => {
      return sum + tap * data[(at(row + down, height) * width + at(column + right, width)) * channels + channel]!;
    }, 0);
  });
  return { ...picture, data: sums.map((value) => Math.round((value + 1) * 127.5) / 127.5 - 1) };
}

Deno.test("a motion that lines of the picture feign is not sure, as it makes waves", async () => {
  // A bright line at 37 degrees crosses this picture.
  const drawn = rgbToGray(colourRaster(await readImage(casePath("common/good256.png"))));
  const feigned = estimateBlur(blurredWhole(drawn, lineKernel(15, 30), "reflect"));
  assert(feigned?.kind !== "motion" || feigned.confidence < 0.75, shown(feigned));
});

Deno.test("a kernel that is right makes a picture nearer to the truth, and one that is wrong makes waves", async () => {
  const drawn = rgbToGray(crop(await photograph(), { x: 0, y: 0, width: 96, height: 96 }));
  const soft = blurredWhole(drawn, lineKernel(9, 75), "reflect");
  const distance = (data: Float32Array): number =>
    data.reduce((sum, value, i) => sum + (value - drawn.data[i]!) ** 2, 0);
  const right = unblurred(soft, lineKernel(9, 75));
  assert(distance(right.data) < 0.3 * distance(soft.data));
  const wrong = unblurred(soft, lineKernel(15, 165));
  assert(slopeSpread(right) < 1.3 * slopeSpread(soft));
  assert(slopeSpread(wrong) > 1.3 * slopeSpread(soft), `${slopeSpread(wrong)} against ${slopeSpread(soft)}`);
});

Deno.test("pictures that go on at their other side are told from photographs", async () => {
  const drawn = colourRaster(await readImage(casePath("common/good64.png")));
  for (const [length, angle] of [[9, 0], [7, 30]] as const) {
    const soft = (boundary: "circular" | "reflect") => blurredWhole(drawn, lineKernel(length, angle), boundary);
    const { extent } = blurKernel({ kind: "motion", length, angle, confidence: 1 });
    assert(isCircular(soft("circular"), extent), `${length} at ${angle}`);
    assert(!isCircular(soft("reflect"), extent), `${length} at ${angle}`);
  }
});

Deno.test("the kernel of a motion is a line through the middle, spread evenly", () => {
  const { data, shape: [side = 0] } = lineKernel(5, 0);
  const middle = (side - 1) / 2;
  for (let i = 0; i < data.length; i++) {
    const [row, column] = [Math.floor(i / side) - middle, i % side - middle];
    const expected = row === 0 && Math.abs(column) <= 2 ? 0.2 : 0;
    assertAlmostEquals(data[i]!, expected, Math.abs(column) >= 2 && row === 0 ? 0.03 : 1e-6);
  }
  const slanted = lineKernel(7, 45);
  const at = (row: number, column: number): number => slanted.data[row * slanted.shape[1]! + column]!;
  const far = slanted.shape[0]! - 1;
  // Upwards to the right: what lies there is heavier than what lies upwards to the left.
  assert(at(3, far - 3) > 0.05 && at(3, 3) === 0);
});
