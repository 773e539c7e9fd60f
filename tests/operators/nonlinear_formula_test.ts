/** Degradations that are not linear against formulas written out pixel by pixel, at 8 x 8 pixels and other sizes. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { elementCount, hostTensor } from "../../engine/mod.ts";
import {
  addNoise,
  createDegradation,
  estimate,
  type JpegTables,
  type Operator,
  type OperatorOptions,
  smearingLights,
} from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { dense, valuesOf } from "./dense.ts";

type Sides = readonly [height: number, width: number, channels: number];

function built(name: string, shape: Sides, options: OperatorOptions = {}): Operator {
  return createDegradation(name, shape, options);
}

async function applied(
  map: Parameters<typeof valuesOf>[0],
  x: ArrayLike<number>,
  shape: readonly number[],
): Promise<Float64Array> {
  const size = elementCount(shape);
  return await valuesOf(map, dense(x.length / size, size, (i, j) => x[i * size + j]!), shape);
}

function assertNear(found: ArrayLike<number>, expected: ArrayLike<number>, limit: number, what: string): void {
  assertEquals(found.length, expected.length, what);
  const error = relativeError(Float32Array.from(found), Float32Array.from(expected));
  assert(error <= limit, `${what}: relative error ${error}`);
}

Deno.test("hdr is clamp(gain x, -1, 1), and its estimate y / gain", async () => {
  for (const gain of [2, 1.3]) {
    const operator = built("hdr", [8, 8, 3], gain === 2 ? {} : { gain });
    const x = randomValues(192, 1).map((value) => 1.2 * value);
    const y = await applied((x) => operator.forward(x), x, [8, 8, 3]);
    x.forEach((value, i) => assertAlmostEquals(y[i]!, Math.max(-1, Math.min(1, gain * value)), 1e-6));
    const picture = await applied((y) => estimate(operator, y), y, [8, 8, 3]);
    assertNear(picture, y.map((value) => value / gain), 1e-6, "estimate");
  }
});

const RETRIEVALS = [
  { shape: [8, 8, 3], oversample: 2, borders: [2, 2] },
  { shape: [8, 6, 1], oversample: 3, borders: [3, 2] },
  { shape: [5, 7, 2], oversample: 0, borders: [0, 0] },
  { shape: [7, 5, 1], oversample: 8, borders: [7, 5] },
] as const;

Deno.test("phase_retrieval is |F P x| with the zero frequency in the middle, for every channel", async () => {
  for (const { shape, oversample, borders } of RETRIEVALS) {
    const [height, width, channels] = shape;
    const operator = built("phase_retrieval", shape, oversample === 2 ? {} : { oversample });
    const [rows, columns] = [height + 2 * borders[0], width + 2 * borders[1]];
    assertEquals(operator.measurementShape, [rows, columns, channels]);
    const x = randomValues(elementCount(shape), 2);
    const y = await applied((x) => operator.forward(x), x, shape);
    const expected = y.map((_, i) => {
      const [p, q] = [Math.floor(i / channels / columns), Math.floor(i / channels) % columns];
      let [re, im] = [0, 0];
      for (let pixel = 0; pixel < height * width; pixel++) {
        const angle = 2 * Math.PI * ((p - Math.floor(rows / 2)) * Math.floor(pixel / width) / rows +
          (q - Math.floor(columns / 2)) * (pixel % width) / columns);
        re += x[pixel * channels + i % channels]! * Math.cos(angle);
        im -= x[pixel * channels + i % channels]! * Math.sin(angle);
      }
      return Math.hypot(re, im) / Math.sqrt(rows * columns);
    });
    assertNear(y, expected, 1e-5, `[${shape}]`);
  }
});

Deno.test("the estimate of phase_retrieval is the picture of the magnitudes with phase 0, its peak in the middle", async () => {
  for (const { shape, oversample, borders } of RETRIEVALS) {
    const [, width, channels] = shape;
    const operator = built("phase_retrieval", shape, { oversample });
    const [rows, columns] = operator.measurementShape as [number, number];
    const y = randomValues(elementCount(operator.measurementShape), 3).map(Math.abs);
    const picture = await applied((y) => estimate(operator, y), y, operator.measurementShape);
    const expected = Float64Array.from({ length: elementCount(shape) }, (_, i) => {
      const [row, column] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
      const v = row + borders[0] - Math.floor(rows / 2);
      const u = column + borders[1] - Math.floor(columns / 2);
      let sum = 0;
      for (let k = 0; k < rows * columns; k++) {
        const [p, q] = [Math.floor(k / columns) - Math.floor(rows / 2), k % columns - Math.floor(columns / 2)];
        sum += y[k * channels + i % channels]! * Math.cos(2 * Math.PI * (p * v / rows + q * u / columns));
      }
      return sum / Math.sqrt(rows * columns);
    });
    assertNear(picture, expected, 1e-5, `[${shape}]`);
  }
});

/** A picture convolved channel by channel with a kernel of odd sides, its outermost pixels going on beyond the border. */
function blurred(
  x: ArrayLike<number>,
  [height, width, channels]: Sides,
  taps: (v: number, u: number) => number,
  reach: number,
): Float64Array {
  const inside = (k: number, extent: number): number => Math.max(0, Math.min(extent - 1, k));
  return Float64Array.from({ length: height * width * channels }, (_, i) => {
    const [row, column] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    let sum = 0;
    for (let v = -reach; v <= reach; v++) {
      for (let u = -reach; u <= reach; u++) {
        const from = inside(row + v, height) * width + inside(column + u, width);
        sum += taps(v, u) * x[from * channels + i % channels]!;
      }
    }
    return sum;
  });
}

Deno.test("the default blur network softens by a Gaussian and smears what is brighter than its threshold along a line", async () => {
  const shape: Sides = [8, 8, 3];
  const x = randomValues(192, 4);
  const light = Float64Array.from(x, (value) => (value + 1) / 2);
  const reach = 4;
  let sum = 0;
  for (let v = -reach; v <= reach; v++) for (let u = -reach; u <= reach; u++) sum += Math.exp(-(v * v + u * u) / 2);
  const soft = blurred(light, shape, (v, u) => Math.exp(-(v * v + u * u) / 2) / sum, reach);
  const smeared = blurred(light, shape, (v, u) => v === u ? 1 / 9 : 0, reach);
  // The same network but for the picture: what its code adds to the threshold at every pixel.
  const code = await codeOf(shape, 7);
  const expected = soft.map((value, i) => {
    const threshold = 0.5 + 0.1 * code[Math.floor(i / 3)]!;
    const bright = value + Math.max(0, smeared[i]! - threshold) - Math.max(0, value - threshold);
    return Math.max(-1, Math.min(1, 2 * bright - 1));
  });
  const operator = built("deblur_network", shape, { seed: 7 });
  assertNear(await applied((x) => operator.forward(x), x, shape), expected, 1e-5, "deblur_network");
});

/** The code at every pixel, from a network of the same reach that shows it. */
async function codeOf([height, width]: Sides, seed: number): Promise<Float64Array> {
  const weight = new Float32Array(9 * 9 * 2);
  weight[40 * 2 + 1] = 0.05;
  const network = {
    layers: [{ weight: hostTensor(weight, [9, 9, 2, 1]), bias: hostTensor(Float32Array.of(0.5), [1]) }],
  };
  const operator = built("deblur_network", [height, width, 1], { network, seed });
  const zero = new Float64Array(height * width);
  return (await applied((x) => operator.forward(x), zero, [height, width, 1])).map((value) => value / 0.1);
}

Deno.test("a blur network is its convolutions over repeated borders, with max(x, 0) between them", async () => {
  const shape: Sides = [6, 8, 2];
  const layer = (rows: number, columns: number, input: number, output: number, seed: number) => ({
    weight: hostTensor(randomValues(rows * columns * input * output, seed).map((w) => 0.3 * w), [
      rows,
      columns,
      input,
      output,
    ]),
    bias: hostTensor(randomValues(output, seed + 1).map((b) => 0.5 + 0.2 * b), [output]),
  });
  const layers = [layer(3, 5, 2, 4, 1), layer(1, 3, 4, 2, 5)];
  const operator = built("deblur_network", shape, { network: { layers } });
  const x = randomValues(96, 8);
  const found = await applied((x) => operator.forward(x), x, shape);
  const inside = (k: number, extent: number): number => Math.max(0, Math.min(extent - 1, k));
  const pixel = (row: number, column: number, c: number): number =>
    (x[(inside(row, 6) * 8 + inside(column, 8)) * 2 + c]! + 1) / 2;
  const seen = (
    at: (row: number, column: number, c: number) => number,
    index: number,
    row: number,
    column: number,
    out: number,
  ): number => {
    const { weight, bias } = layers[index]!;
    const [rows, columns, input, output] = weight.shape as [number, number, number, number];
    let sum = bias.data[out]!;
    for (let v = 0; v < rows; v++) {
      for (let u = 0; u < columns; u++) {
        for (let c = 0; c < input; c++) {
          sum += weight.data[((v * columns + u) * input + c) * output + out]! *
            at(row + v - (rows - 1) / 2, column + u - (columns - 1) / 2, c);
        }
      }
    }
    return sum;
  };
  const hidden = (row: number, column: number, c: number): number => Math.max(0, seen(pixel, 0, row, column, c));
  const expected = found.map((_, i) => {
    const value = seen(hidden, 1, Math.floor(i / 16), Math.floor(i / 2) % 8, i % 2);
    return Math.max(-1, Math.min(1, 2 * value - 1));
  });
  assertNear(found, expected, 1e-5, "network");
  assertEquals(smearingLights(3).layers.map(({ weight }) => weight.shape), [[9, 9, 4, 9], [1, 1, 9, 3]]);
});

/** Steps of quality 50 by the standard, vertical frequency after vertical frequency. */
const LUMINANCE = [
  "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62",
  "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99",
].join(" ").split(" ").map(Number);
const CHROMINANCE = Array.from({ length: 64 }, (_, i) => {
  const known: Record<string, number> = {
    "00": 17,
    "01": 18,
    "02": 24,
    "03": 47,
    "11": 21,
    "12": 26,
    "13": 66,
    "22": 56,
  };
  const [v, u] = [Math.floor(i / 8), i % 8];
  return known[`${Math.min(v, u)}${Math.max(v, u)}`] ?? 99;
});

/** JPEG of one picture as the experiments define it, from the sums of the cosine transform themselves. */
function compressed(
  x: ArrayLike<number>,
  [height, width, channels]: Sides,
  quality: number,
  tables: JpegTables,
): Float64Array {
  const [rows, columns] = [Math.ceil(height / 16) * 16, Math.ceil(width / 16) * 16];
  const value = (row: number, column: number, c: number): number =>
    row < height && column < width ? 127.5 * (x[(row * width + column) * channels + (channels === 1 ? 0 : c)]! + 1) : 0;
  const mixed = (weights: readonly number[]) => (row: number, column: number): number =>
    weights.reduce((sum, weight, c) => sum + weight * value(row, column, c), 0);
  const means = (at: (row: number, column: number) => number) => (row: number, column: number): number =>
    (at(2 * row, 2 * column) + at(2 * row + 1, 2 * column) + at(2 * row, 2 * column + 1) +
      at(2 * row + 1, 2 * column + 1)) / 4;
  const factor = quality < 50 ? 50 / quality : (200 - 2 * quality) / 100;
  const rounded = (
    at: (row: number, column: number) => number,
    high: number,
    wide: number,
    table: readonly number[],
  ): Float64Array => {
    const result = new Float64Array(high * wide);
    const wave = (k: number, i: number): number =>
      (k === 0 ? Math.sqrt(1 / 8) : 0.5) * Math.cos((2 * i + 1) * k * Math.PI / 16);
    for (let top = 0; top < high; top += 8) {
      for (let left = 0; left < wide; left += 8) {
        for (let k = 0; k < 64; k++) {
          const [v, u] = [Math.floor(k / 8), k % 8];
          let sum = 0;
          for (let i = 0; i < 64; i++) {
            sum += at(top + Math.floor(i / 8), left + i % 8) * wave(v, Math.floor(i / 8)) * wave(u, i % 8);
          }
          const step = factor === 0 ? 1 : factor * table[tables === "standard" ? k : u * 8 + v]!;
          const [down, rest] = [Math.floor(sum / step), sum / step - Math.floor(sum / step)];
          const whole = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
          for (let i = 0; i < 64; i++) {
            result[(top + Math.floor(i / 8)) * wide + left + i % 8]! += whole * step * wave(v, Math.floor(i / 8)) *
              wave(u, i % 8);
          }
        }
      }
    }
    return result;
  };
  const light = mixed([0.299, 0.587, 0.114]);
  const y = rounded((row, column) => light(row, column) - 128, rows, columns, LUMINANCE);
  const [blue, red] = [[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]].map((weights) =>
    rounded(means(mixed(weights)), rows / 2, columns / 2, CHROMINANCE)
  ) as [Float64Array, Float64Array];
  return Float64Array.from({ length: height * width * channels }, (_, i) => {
    const [row, column] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    const at = Math.floor(row / 2) * columns / 2 + Math.floor(column / 2);
    const [l, b, r] = [y[row * columns + column]! + 128, blue[at]!, red[at]!];
    const colours = channels === 1 ? [l] : [l + 1.402 * r, l - 0.344136 * b - 0.714136 * r, l + 1.772 * b];
    return Math.max(0, Math.min(255, colours[i % channels]!)) / 127.5 - 1;
  });
}

Deno.test("jpeg noise and the jpeg operator are the formula of the published experiments", async () => {
  const cases = [
    [[8, 8, 3], 60, "published"],
    [[16, 24, 3], 30, "standard"],
    [[13, 19, 3], 85, "published"],
    [
      [8, 8, 1],
      50,
      "published",
    ],
    [[10, 8, 1], 5, "standard"],
    [[8, 8, 3], 55, "standard"],
    [[8, 8, 3], 100, "published"],
  ] as const;
  for (const [shape, quality, tables] of cases) {
    const x = randomValues(elementCount(shape), quality).map((value, i) => 0.5 * value + 0.5 * Math.sin(i / 9));
    const expected = compressed(x, shape, quality, tables);
    const what = `[${shape}] of quality ${quality}, ${tables}`;
    const noise = addNoise(hostTensor(x, [1, ...shape]), { kind: "jpeg", quality, tables }, [1]);
    assertNear(noise.data, expected, 1e-6, what);
    const operator = built("jpeg", shape, { quality, tables });
    assertNear(await applied((x) => operator.forward(x), x, shape), expected, 1e-5, what);
    assertEquals(await applied((y) => estimate(operator, y), x, shape), Float64Array.from(x));
  }
});
