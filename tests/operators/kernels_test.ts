/** Blur kernels, coils and the code of a blur network against their formulas. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { coilMaps, createDegradation, gaussianKernel2d, motionKernel } from "../../operators/mod.ts";
import { bicubicKernel } from "../../operators/resolution/bicubic_downsample.ts";
import { gaussianKernel } from "../../operators/blur/gaussian_blur.ts";
import { motionWalk } from "../../operators/blur/kernels_2d.ts";
import { relativeError } from "../support/close.ts";
import { dense, valuesOf } from "./dense.ts";
import { assertUniform, normalShare } from "./statistics.ts";

/** The sum of a formula of places around the middle, weighted by a kernel [side, side]. */
function moment(kernel: ArrayLike<number>, value: (row: number, column: number) => number): number {
  const side = Math.sqrt(kernel.length);
  const middle = (side - 1) / 2;
  return Array.from(kernel).reduce((sum, tap, i) => {
    return sum + tap * value(Math.floor(i / side) - middle, i % side - middle);
  }, 0);
}

Deno.test("gaussianKernel2d() is exp(-(i^2 + j^2) / (2 sigma^2)) of sum 1, as wide as sigma says along both axes", () => {
  for (const [size, sigma] of [[5, 0.8], [61, 3], [25, 1.6], [7, 20]] as const) {
    const { shape, data } = gaussianKernel2d(size, sigma);
    assertEquals(shape, [size, size]);
    assertAlmostEquals(moment(data, () => 1), 1, 1e-6);
    const middle = (size - 1) / 2;
    const peak = data[middle * size + middle]!;
    data.forEach((tap, i) => {
      const square = (Math.floor(i / size) - middle) ** 2 + (i % size - middle) ** 2;
      assertAlmostEquals(tap, peak * Math.exp(-square / (2 * sigma ** 2)), 1e-6 * peak);
    });
    if (size < 8 * sigma) continue;
    assertAlmostEquals(moment(data, (row) => row * row), sigma ** 2, 1e-3 * sigma ** 2);
    assertAlmostEquals(moment(data, (_, column) => column * column), sigma ** 2, 1e-3 * sigma ** 2);
  }
});

Deno.test("gaussianKernel() is exp(-k^2 / (2 sigma^2)) of sum 1", () => {
  for (const [taps, sigma] of [[9, 15], [5, 10], [31, 3], [41, 2.5]] as const) {
    const kernel = gaussianKernel(taps, sigma);
    const sum = Array.from(kernel, (_, k) => Math.exp(-((k - (taps - 1) / 2) ** 2) / (2 * sigma ** 2)))
      .reduce((a, b) => a + b, 0);
    kernel.forEach((tap, k) => {
      assertAlmostEquals(tap, Math.exp(-((k - (taps - 1) / 2) ** 2) / (2 * sigma ** 2)) / sum, 1e-12);
    });
  }
});

Deno.test("the bicubic kernel of a reduction by 4 has the published taps", () => {
  const half = [-0.00170898, -0.01098633, -0.01831055, -0.01196289, 0.02270508, 0.09741211, 0.18188477, 0.2409668];
  const kernel = bicubicKernel(4);
  assertEquals(kernel.length, 16);
  half.forEach((tap, k) => {
    assertAlmostEquals(kernel[k]!, tap, 5e-9);
    assertAlmostEquals(kernel[15 - k]!, tap, 5e-9);
  });
});

/** A part of a motion: from where to where in pixels of the kernel, and its weight. */
interface Stroke {
  readonly from: readonly [row: number, column: number];
  readonly to: readonly [row: number, column: number];
  readonly weight: number;
}

/** What a motion draws, from its steps: turned, from the mean of the path; a step counts four points a pixel, at least 1. */
function strokes(size: number, intensity: number, seed: number): readonly Stroke[] {
  const { steps, angles, turn } = motionWalk(size, intensity, seed);
  const places: [number, number][] = [[0, 0]];
  let direction = 0;
  steps.forEach((step, k) => {
    direction += angles[k]!;
    const [y, x] = places[k]!;
    places.push([y + step / 2 * Math.sin(direction), x + step / 2 * Math.cos(direction)]);
  });
  const weights = steps.map((step) => Math.max(1, Math.round(4 * step)));
  const sum = weights.reduce((a, b) => a + b, 0);
  const mean = [0, 1].map((axis) =>
    weights.reduce((total, weight, k) => total + weight * (places[k]![axis]! + places[k + 1]![axis]!) / 2, 0) / sum
  );
  // Rows point down, so that a turn by a positive angle takes a path along the columns up.
  const turned = places.map(([row, column]): readonly [number, number] => {
    const [y, x] = [row - mean[0]!, column - mean[1]!];
    return [y * Math.cos(turn) + x * Math.sin(turn), x * Math.cos(turn) - y * Math.sin(turn)];
  });
  return weights.map((weight, k) => ({ from: turned[k]!, to: turned[k + 1]!, weight }));
}

Deno.test("motionKernel() is the path of its steps on half the scale, centred and turned, as a line of deviation 0.5", () => {
  for (const [size, intensity, seed] of [[31, 0.5, 1], [61, 0.5, 0], [41, 0.8, 3], [31, 0, 2]] as const) {
    const middle = (size - 1) / 2;
    const taps = new Float64Array(size * size);
    for (const { from, to, weight } of strokes(size, intensity, seed)) {
      const pieces = Math.ceil(32 * Math.hypot(to[0] - from[0], to[1] - from[1]));
      for (let i = 0; i < pieces; i++) {
        const share = (i + 0.5) / pieces;
        const [row, column] = [from[0] + share * (to[0] - from[0]), from[1] + share * (to[1] - from[1])];
        for (let y = Math.max(-middle, Math.ceil(row - 4)); y <= Math.min(middle, row + 4); y++) {
          for (let x = Math.max(-middle, Math.ceil(column - 4)); x <= Math.min(middle, column + 4); x++) {
            const square = (y - row) ** 2 + (x - column) ** 2;
            taps[(y + middle) * size + x + middle]! += weight / pieces * Math.exp(-2 * square);
          }
        }
      }
    }
    const sum = taps.reduce((a, b) => a + b, 0);
    const error = relativeError(motionKernel(size, intensity, seed).data, taps.map((tap) => tap / sum));
    // The line is cut 2.5 pixels away at the earliest, where it has fallen to exp(-12.5).
    assert(error < 0.003, `side ${size}, intensity ${intensity}: error ${error}`);
  }
});

Deno.test("coilMaps() are Gaussians of the distance from coils on a circle, and their squares sum to 1", () => {
  const [height, width, coils] = [6, 9, 5];
  const { shape, data } = coilMaps(height, width, coils);
  assertEquals(shape, [height, width, 2 * coils]);
  const size = (pixel: number, k: number): number => {
    return Math.hypot(data[(pixel * coils + k) * 2]!, data[(pixel * coils + k) * 2 + 1]!);
  };
  for (let pixel = 0; pixel < height * width; pixel++) {
    const y = (Math.floor(pixel / width) + 0.5) / height * 2 - 1;
    const x = (pixel % width + 0.5) / width * 2 - 1;
    const bells = Array.from({ length: coils }, (_, k) => {
      const angle = 2 * Math.PI * k / coils;
      return Math.exp(-0.5 * (y - 1.2 * Math.sin(angle)) ** 2 - 0.5 * (x - 1.2 * Math.cos(angle)) ** 2);
    });
    const norm = Math.hypot(...bells);
    bells.forEach((bell, k) => {
      assertAlmostEquals(size(pixel, k), bell / norm, 1e-6);
      // The phase is the angle of the coil, and grows across the line of sight.
      const angle = 2 * Math.PI * k / coils;
      const phase = Math.atan2(data[(pixel * coils + k) * 2 + 1]!, data[(pixel * coils + k) * 2]!);
      const turned = phase - angle - (x * Math.sin(angle) - y * Math.cos(angle)) / 2;
      assertAlmostEquals(Math.cos(turned), 1, 1e-6);
    });
  }
});

Deno.test("the code of a blur network is 2 x 2 normal numbers of deviation 1.2 for each channel, interpolated", async () => {
  const [height, width] = [3, 5];
  // A network that shows the first code in one channel and the second in the other: 0.5 + 0.05 of it.
  const weight = dense(4, 2, (input, output) => input === output + 2 ? 0.05 : 0).data;
  const network = {
    layers: [{
      weight: hostTensor(Float32Array.from(weight), [1, 1, 4, 2]),
      bias: hostTensor(Float32Array.of(0.5, 0.5), [2]),
    }],
  };
  const corner: number[] = [];
  for (let seed = 0; seed < 400; seed++) {
    const operator = createDegradation("deblur_network", [height, width, 2], { network, seed });
    const nothing = dense(1, height * width * 2, () => 0.3);
    const code = (await valuesOf((x) => operator.forward(x), nothing, [height, width, 2])).map((value) => value / 0.1);
    const at = (row: number, column: number, k: number): number => code[(row * width + column) * 2 + k]!;
    for (let k = 0; k < 2; k++) {
      corner.push(at(0, 0, k), at(0, width - 1, k), at(height - 1, 0, k), at(height - 1, width - 1, k));
      for (let row = 0; row < height && seed < 3; row++) {
        for (let column = 0; column < width; column++) {
          const [v, u] = [row / (height - 1), column / (width - 1)];
          const expected = (1 - v) * (1 - u) * at(0, 0, k) + (1 - v) * u * at(0, width - 1, k) +
            v * (1 - u) * at(height - 1, 0, k) + v * u * at(height - 1, width - 1, k);
          assertAlmostEquals(at(row, column, k), expected, 1e-4);
        }
      }
    }
  }
  assertUniform(corner.map((value) => normalShare(value / 1.2)), 40, "code");
  assertUniform(corner.filter((_, i) => i % 8 < 4).map((value) => normalShare(value / 1.2)), 20, "first channel");
});
