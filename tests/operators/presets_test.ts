/** What operators are where an option is left out: the published parameters, and the gains that follow from them. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { elementCount } from "../../engine/mod.ts";
import { createDegradation, estimate, type OperatorOptions } from "../../operators/mod.ts";
import { randomValues } from "../support/random.ts";
import { dense, valuesOf } from "./dense.ts";

/** The measurement of a random picture and the estimate of a random measurement. */
async function behaviour(
  name: string,
  shape: readonly number[],
  options: OperatorOptions,
): Promise<readonly Float64Array[]> {
  const operator = createDegradation(name, shape, options);
  const random = (of: readonly number[]) => {
    const values = randomValues(elementCount(of), 12);
    return dense(1, values.length, (_, i) => values[i]!);
  };
  const { imageShape, measurementShape } = operator;
  return [
    await valuesOf((x) => operator.forward(x), random(imageShape), imageShape),
    await valuesOf((y) => estimate(operator, y), random(measurementShape), measurementShape),
  ];
}

/** What is given, what is left out, and another value of each that is left out. */
interface Preset {
  readonly name: string;
  readonly shape: readonly number[];
  readonly given?: OperatorOptions;
  readonly published: OperatorOptions;
  readonly others: OperatorOptions;
}

const PRESETS: readonly Preset[] = [
  {
    name: "colorize",
    shape: [3, 4, 3],
    published: { weights: [0.3333, 0.3334, 0.3333] },
    others: { weights: [1 / 3, 1 / 3, 1 / 3] },
  },
  {
    name: "deblur_gauss",
    shape: [20, 24, 1],
    published: { variant: "true", taps: 9, sigma: 15, threshold: 0.03 },
    others: { variant: "published", taps: 7, sigma: 14, threshold: 0.2 },
  },
  {
    name: "deblur_uniform",
    shape: [20, 24, 1],
    published: { taps: 9, threshold: 0.03 },
    others: { taps: 7, threshold: 0.2 },
  },
  {
    name: "deblur_aniso",
    shape: [20, 24, 1],
    published: { taps: 9, sigma: 1, sigmaWidth: 20, threshold: 0.03 },
    others: { taps: 7, sigma: 1.1, sigmaWidth: 15, threshold: 0.2 },
  },
  {
    name: "deblur_kernel",
    shape: [12, 9, 1],
    published: { taps: 61, sigma: 3, boundary: "circular", threshold: 0.03 },
    others: { taps: 5, sigma: 1, boundary: "reflect", threshold: 0.2 },
  },
  {
    name: "deblur_kernel",
    shape: [6, 5, 1],
    given: { boundary: "reflect", taps: 5 },
    published: { iterations: 20 },
    others: { iterations: 19 },
  },
  {
    name: "deblur_motion",
    shape: [12, 9, 1],
    published: { taps: 61, intensity: 0.5, seed: 0, boundary: "circular", threshold: 0.03 },
    others: { taps: 59, intensity: 0.6, seed: 1, boundary: "reflect", threshold: 0.2 },
  },
  {
    name: "sr_kernel",
    shape: [12, 8, 1],
    given: { scale: 2 },
    published: { taps: 25, sigma: 1.6, threshold: 0.03 },
    others: { taps: 5, sigma: 1.5, threshold: 0.2 },
  },
  {
    name: "cs_hadamard",
    shape: [8, 8, 1],
    published: { ratio: 0.25, seed: 0 },
    others: { ratio: 0.3, seed: 1 },
  },
  {
    name: "cs_block",
    shape: [32, 32, 1],
    published: { block: 32, ratio: 0.25, seed: 0 },
    others: { block: 16, ratio: 0.2, seed: 1 },
  },
  { name: "outpaint", shape: [8, 8, 1], published: { keep: 0.5 }, others: { keep: 0.7 } },
  {
    name: "old_photo",
    shape: [8, 12, 3],
    given: { missing: 0.3 },
    published: { scale: 2, inverse: "exact", seed: 0 },
    others: { scale: 4, inverse: "factors", seed: 1 },
  },
  {
    name: "sr_gray",
    shape: [8, 12, 3],
    published: { scale: 4, inverse: "exact" },
    others: { scale: 2 },
  },
  {
    name: "mri",
    shape: [8, 26, 2],
    published: { sampling: "gaussian_1d", acceleration: 4, centre: 0.08, seed: 0, coils: 1 },
    others: { sampling: "uniform_1d", acceleration: 2, centre: 0.3, seed: 1, coils: 2 },
  },
  {
    name: "mri_picture",
    shape: [8, 26, 3],
    published: { sampling: "gaussian_1d", acceleration: 4, centre: 0.08, seed: 0, coils: 1 },
    others: { sampling: "uniform_1d", acceleration: 2, centre: 0.3, seed: 1, coils: 2 },
  },
  {
    name: "mri_picture",
    shape: [6, 8, 1],
    given: { coils: 3, sampling: "uniform_2d", acceleration: 2 },
    published: { iterations: 20 },
    others: { iterations: 3 },
  },
  { name: "ct", shape: [8, 6, 1], published: { views: 30, arc: 180 }, others: { views: 29, arc: 170 } },
  { name: "phase_retrieval", shape: [8, 6, 1], published: { oversample: 2 }, others: { oversample: 3 } },
  { name: "hdr", shape: [8, 6, 1], published: { gain: 2 }, others: { gain: 1.5 } },
  { name: "deblur_network", shape: [8, 6, 1], published: { seed: 0 }, others: { seed: 1 } },
  {
    name: "jpeg",
    shape: [16, 16, 3],
    published: { quality: 60, tables: "published" },
    others: { quality: 62, tables: "standard" },
  },
];

for (const { name, shape, given = {}, published, others } of PRESETS) {
  const brief = JSON.stringify({ ...given, ...published });
  Deno.test(`${name} of [${shape.join(", ")}] is by default what ${brief} makes it, and each option counts`, async () => {
    const found = await behaviour(name, shape, given);
    assertEquals(found, await behaviour(name, shape, { ...given, ...published }));
    for (const [key, value] of Object.entries(others)) {
      assertNotEquals(found, await behaviour(name, shape, { ...given, [key]: value }), key);
    }
  });
}

Deno.test("blurs of the published code darken as the loss of their last tap makes them", async () => {
  const side = 24;
  // DC gain along one side: 1 less the last tap.
  const cases: readonly (readonly [OperatorOptions, number])[] = [
    [{}, 0.89118],
    [{ taps: 5, sigma: 10 }, 0.802],
    [{ kernel: new Array(9).fill(1 / 9) }, 8 / 9],
    [{ taps: 9, sigma: 20 }, 0.89018],
    [{ taps: 9, sigma: 1 }, 0.99987],
  ];
  for (const [options, gain] of cases) {
    const operator = createDegradation("deblur_gauss", [side, side, 1], {
      variant: "published_matched",
      threshold: 0,
      ...options,
    });
    const white = dense(1, side * side, () => 1);
    const y = await valuesOf((x) => operator.forward(x), white, [side, side, 1]);
    const middle = y[(side / 2) * side + side / 2]!;
    assert(Math.abs(Math.sqrt(middle) - gain) < 6e-6, `${JSON.stringify(options)}: ${Math.sqrt(middle)}, not ${gain}`);
  }
});
