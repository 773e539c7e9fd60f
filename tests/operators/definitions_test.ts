/** What operators measure, against their definitions written out pixel by pixel. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { elementCount, type HostTensor, hostTensor, ReferenceRuntime } from "../../engine/mod.ts";
import {
  createOperator,
  gaussianKernel2d,
  type LinearOperator,
  motionKernel,
  type OperatorOptions,
  samplingMask,
  SAMPLINGS,
} from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { storedPrecision } from "./definitions.ts";
import { apply } from "./laws.ts";

const PSF = hostTensor(Float32Array.of(0.1, 0.3, 0, 0.05, 0.25, 0.2, 0, 0.02, 0.08, 0.1, -0.2, 0.1), [3, 4]);

function built(name: string, imageShape: readonly number[], options: OperatorOptions): LinearOperator {
  return createOperator(name, imageShape, options);
}

/** A x and A^+ A x of random images. */
async function measured(operator: LinearOperator): Promise<{ x: Float32Array; ax: Float32Array; apax: Float32Array }> {
  const x = randomValues(elementCount(operator.imageShape), 3);
  const y = new Float32Array(elementCount(operator.measurementShape));
  const results = await apply(new ReferenceRuntime(), operator, x, y, (x) => {
    const ax = operator.forward(x);
    return { ax, apax: operator.pseudoInverse(ax) };
  });
  return { x, ...results };
}

/** A picture convolved with a kernel; `at` finds the pixel for a place that may lie outside. */
function convolved(
  x: Float32Array,
  [height, width, channels]: readonly [number, number, number],
  psf: HostTensor,
  at: (place: number, extent: number) => number,
): Float32Array {
  const [rows, columns] = psf.shape as [number, number];
  return x.map((_, k) => {
    const pixel = Math.floor(k / channels);
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    let sum = 0;
    psf.data.forEach((tap, t) => {
      const y = at(row - (Math.floor(t / columns) - Math.floor(rows / 2)), height);
      const z = at(column - (t % columns - Math.floor(columns / 2)), width);
      sum += tap * x[(y * width + z) * channels + k % channels]!;
    });
    return sum;
  });
}

const wrapped = (place: number, extent: number): number => (place + extent) % extent;
const mirrored = (place: number, extent: number): number =>
  place < 0 ? -place : place >= extent ? 2 * extent - 2 - place : place;

Deno.test("deblur_kernel convolves at a circular and at a mirrored border", async () => {
  const shape = [9, 14, 2] as const;
  for (const [boundary, at] of [["circular", wrapped], ["reflect", mirrored]] as const) {
    const { x, ax } = await measured(built("deblur_kernel", shape, { psf: PSF, boundary, threshold: 0 }));
    assert(relativeError(ax, convolved(x, shape, PSF, at)) < 1e-6, boundary);
  }
});

Deno.test("the mirrored border folds kernels longer than the picture", async () => {
  const { x, ax } = await measured(built("deblur_kernel", [5, 7, 1], { taps: 61, sigma: 30, boundary: "reflect" }));
  const extremes = (values: Float32Array): number => Math.max(...values) - Math.min(...values);
  assert(extremes(ax) < 0.1 * extremes(x));
});

Deno.test("A^+ of a mirrored blur comes nearer to A^+ A x = x with every iteration", async () => {
  const errors = [];
  for (const iterations of [2, 8, 32]) {
    const options = { taps: 3, sigma: 0.5, boundary: "reflect", iterations } as const;
    const { x, apax } = await measured(built("deblur_kernel", [9, 14, 1], options));
    errors.push(relativeError(apax, x));
  }
  assert(errors[1]! < 0.3 * errors[0]! && errors[2]! < 1e-5, errors.join(", "));
});

Deno.test("sr_kernel takes every scale-th pixel of the convolved picture", async () => {
  const shape = [12, 8, 2] as const;
  const { x, ax } = await measured(built("sr_kernel", shape, { psf: PSF, scale: 4, threshold: 0 }));
  const blurred = convolved(x, shape, PSF, wrapped);
  const expected = ax.map((_, k) => {
    const pixel = Math.floor(k / 2);
    return blurred[((Math.floor(pixel / 2) * 4) * 8 + (pixel % 2) * 4) * 2 + k % 2]!;
  });
  assert(relativeError(ax, expected) < 1e-6);
});

Deno.test("cs_hadamard gives the signed sums of natural order where it measures, and 0 elsewhere", async () => {
  const { x, ax } = await measured(built("cs_hadamard", [4, 8, 1], { ratio: 0.5, seed: 2 }));
  let count = 0;
  ax.forEach((value, p) => {
    if (value === 0) return;
    count++;
    let sum = 0;
    x.forEach((pixel, q) => {
      const shared = (p & q).toString(2).replaceAll("0", "").length;
      sum += shared % 2 === 0 ? pixel : -pixel;
    });
    assertAlmostEquals(value, sum / Math.sqrt(32), 1e-6);
  });
  assertEquals(count, 16);
});

Deno.test("cs_block measures each block alone, with floor(ratio b^2) numbers", async () => {
  const operator = built("cs_block", [8, 12, 3], { block: 4, ratio: 0.4, seed: 1 });
  assertEquals(operator.measurementShape, [2, 3, 3 * 6]);
  const x = new Float32Array(8 * 12 * 3);
  x[((5 * 12) + 9) * 3 + 1] = 1;
  const { y } = await apply(new ReferenceRuntime(), operator, x, new Float32Array(108), (x) => ({
    y: operator.forward(x),
  }));
  const touched = new Set(Array.from(y.keys()).filter((i) => y[i] !== 0).map((i) => Math.floor(i / 6)));
  assertEquals([...touched], [5 * 3 + 1]);
});

Deno.test("noisy_jpeg with halved chroma weighs what a file stores by how well it is known", async () => {
  const planes = [0, 1, 2].map((c) => ({
    steps: Array.from({ length: 64 }, (_, k) => 5 + 2 * k + 9 * c),
    reduction: c === 0 ? [1, 1] as const : [2, 2] as const,
  }));
  const place = { top: 0, left: 0, height: 16, width: 16, orientation: 1 };
  const operator = built("noisy_jpeg", [16, 16, 3], { file: { planes, color: "ycbcr", place }, sigma: 0.1 });
  const x = randomValues(768, 3);
  // A A x = sigma^2 M^T C^-1 M x.
  const { y } = await apply(new ReferenceRuntime(), operator, x, new Float32Array(768), (x) => ({
    y: operator.forward(operator.forward(x)),
  }));
  const expected = storedPrecision([16, 16, 3], planes, { sigma: 0.1, rounding: 0.1 }, {
    rows: 768,
    columns: 1,
    data: Float64Array.from(x),
  });
  assert(relativeError(y, Float32Array.from(expected.data)) < 1e-5);
});

Deno.test("noisy_jpeg takes units that are not whole as they are, and finds them however a picture is turned", async () => {
  for (const orientation of [1, 3, 6]) {
    const steps = Array.from({ length: 64 }, (_, k) => 20 + k);
    const place = { top: 2, left: 3, height: 14, width: 13, orientation };
    const operator = built("noisy_jpeg", [18, 19, 1], {
      file: { planes: [{ steps, reduction: [1, 1] }], color: "gray", place },
    });
    const { x, ax } = await measured(operator);
    const same = Array.from(x.keys()).filter((i) => x[i] === ax[i]);
    // Whole blocks begin at the stored corner, and go on beyond the picture.
    const [top, left] = orientation === 1 ? [2, 3] : orientation === 3 ? [0, 0] : [2, 0];
    const outside = Array.from(x.keys()).filter((i) => {
      const [row, column] = [Math.floor(i / 19) - top, i % 19 - left];
      return row < 0 || column < 0 || row >= 16 || column >= 16;
    });
    assertEquals(same, outside, `orientation ${orientation}`);
  }
});

Deno.test("mri with everything measured is the centred Fourier transform", async () => {
  const [height, width] = [5, 6];
  const { x, ax, apax } = await measured(built("mri", [height, width, 2], { acceleration: 1 }));
  assert(relativeError(apax, x) < 1e-6);
  const expected = new Float32Array(ax.length);
  const scale = 1 / Math.sqrt(height * width);
  for (let p = 0; p < height; p++) {
    for (let q = 0; q < width; q++) {
      for (let h = 0; h < height; h++) {
        for (let w = 0; w < width; w++) {
          const angle = -2 * Math.PI * (((p - 2) * (h - 2)) / height + ((q - 3) * (w - 3)) / width);
          const [re, im] = [x[2 * (h * width + w)]!, x[2 * (h * width + w) + 1]!];
          const at = 2 * (p * width + q);
          expected[at]! += scale * (re * Math.cos(angle) - im * Math.sin(angle));
          expected[at + 1]! += scale * (re * Math.sin(angle) + im * Math.cos(angle));
        }
      }
    }
  }
  assert(relativeError(ax, expected) < 1e-5);
});

Deno.test("mri with several coils and everything measured gives the picture back", async () => {
  const { x, apax } = await measured(built("mri", [9, 12, 2], { acceleration: 1, coils: 4 }));
  assert(relativeError(apax, x) < 1e-5);
});

Deno.test("sampling masks measure about one frequency in R and keep the middle", () => {
  for (const sampling of SAMPLINGS) {
    const options = { sampling, acceleration: 4, centre: 0.08, seed: 1 };
    const { data, shape } = samplingMask(96, 128, options);
    assertEquals(shape, [96, 128]);
    const share = Array.from(data).reduce((sum, value) => sum + value, 0) / data.length;
    // Draws with replacement coincide; those near the middle often.
    assert(share > 0.1 && share < 0.4, `${sampling}: ${share}`);
    if (sampling === "poisson_2d") assert(Math.abs(1 / share - 4) < 0.2, `${1 / share}`);
    if (sampling.endsWith("1d")) { for (let q = 60; q < 68; q++) assertEquals(data[48 * 128 + q], 1); }
    assertEquals(samplingMask(96, 128, options).data, data);
    assert(samplingMask(96, 128, { ...options, seed: 2 }).data.some((value, i) => value !== data[i]));
  }
});

Deno.test("ct keeps the sum of the picture in every view, and filtered back-projection restores a smooth one", async () => {
  const side = 32;
  const operator = built("ct", [side, side, 1], { views: 60 });
  const x = Float32Array.from({ length: side * side }, (_, i) => {
    const [v, u] = [Math.floor(i / side) - 17, i % side - 13];
    return Math.exp(-(u * u + 2 * v * v) / 40);
  });
  const [views, bins] = operator.measurementShape as [number, number];
  const { ax, apax } = await apply(new ReferenceRuntime(), operator, x, new Float32Array(views * bins), (x) => {
    const ax = operator.forward(x);
    return { ax, apax: operator.pseudoInverse(ax) };
  });
  const sum = x.reduce((a, b) => a + b, 0);
  for (let view = 0; view < views; view++) {
    assertAlmostEquals(ax.subarray(view * bins, (view + 1) * bins).reduce((a, b) => a + b, 0), sum, 1e-4 * sum);
  }
  assert(relativeError(apax, x) < 0.05, `${relativeError(apax, x)}`);
});

Deno.test("old_photo by factors is no pseudo-inverse where the mask cuts blocks, by iteration it is", async () => {
  const residual = async (inverse: "exact" | "factors"): Promise<number> => {
    const operator = built("old_photo", [12, 16, 3], { missing: 0.4, seed: 3, inverse });
    const { ax, apax } = await measured(operator);
    const { again } = await apply(new ReferenceRuntime(), operator, apax, ax, (x) => ({ again: operator.forward(x) }));
    return relativeError(again, ax);
  };
  assert(await residual("exact") < 1e-5);
  assert(await residual("factors") > 0.1);
});

Deno.test("blur kernels sum to 1, motion follows its seed, and a straight motion is a line", () => {
  for (const kernel of [gaussianKernel2d(9, 2), motionKernel(31, 0.5, 1)]) {
    assertAlmostEquals(Array.from(kernel.data).reduce((a, b) => a + b, 0), 1, 1e-6);
  }
  assertEquals(motionKernel(31, 0.5, 1).data, motionKernel(31, 0.5, 1).data);
  assert(motionKernel(31, 0.5, 1).data.some((tap, i) => tap !== motionKernel(31, 0.5, 2).data[i]));
  const { data } = motionKernel(31, 0, 4);
  const moment = (power: (u: number, v: number) => number): number =>
    Array.from(data).reduce((sum, tap, i) => sum + tap * power(i % 31 - 15, Math.floor(i / 31) - 15), 0);
  const [uu, uv, vv] = [moment((u) => u * u), moment((u, v) => u * v), moment((_, v) => v * v)];
  const spread = Math.hypot(uu - vv, 2 * uv);
  const across = (uu + vv - spread) / 2;
  assertAlmostEquals(across, 0.25, 0.1);
});

Deno.test("operators refuse parameters out of range, naming what is needed", () => {
  const refused = (name: string, shape: readonly number[], options: OperatorOptions, part: string): void => {
    assertThrows(() => createOperator(name, shape, options), Error, part);
  };
  assertThrows(() => gaussianKernel2d(4, 1), RangeError, "an odd integer from 1 to 1023");
  assertThrows(() => motionKernel(9, 2, 0), RangeError, "a number from 0 to 1 is needed");
  const sampled = { sampling: "uniform_1d", acceleration: 0.5, centre: 0, seed: 0 } as const;
  assertThrows(() => samplingMask(8, 8, sampled), RangeError, "a number of at least 1");
  refused("deblur_uniform", [8, 8, 3], { taps: 4 }, "an odd integer within 1..255 is needed");
  refused("deblur_kernel", [8, 8, 3], { taps: 4 }, "an odd integer within 1..255 is needed");
  refused("deblur_kernel", [8, 8, 3], { threshold: 2 }, "a number within 0..1 is needed");
  refused("deblur_motion", [8, 8, 3], { intensity: 2 }, "a number within 0..1 is needed");
  refused("sr_kernel", [8, 9, 3], { scale: 2 }, "multiples of 2 are needed");
  refused("cs_hadamard", [6, 8, 3], {}, "a power of two");
  refused("cs_hadamard", [2, 2, 1], { permutation: [1, 1, 1, 1], ratio: 1 }, "needed once");
  refused("cs_block", [32, 33, 3], {}, "multiples of 32");
  refused("cs_block", [32, 32, 3], { ratio: 0 }, "a number within 0.0001..1");
  refused("outpaint", [8, 8, 3], { keep: 0 }, "a number within 0.01..1");
  refused("old_photo", [8, 8, 3], {}, "exactly one is needed");
  refused("mri", [8, 8, 3], {}, "2 are needed");
  refused("mri", [8, 8, 2], { coils: 0 }, "an integer within 1..32");
  refused("mri", [8, 8, 2], { acceleration: 0.5 }, "a number within 1..1000");
  refused("ct", [8, 8, 3], { arc: 200 }, "a number within 1..180");
});
