import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Scalar } from "../../engine/mod.ts";
import { randomNormal, sampleNormal } from "../../kernels/mod.ts";
import { normalBits, philox } from "../../kernels/random/random.ts";
import { normalTable } from "../../kernels/random/normal_table.ts";
import { gpuTest } from "../support/gpu.ts";
import { build } from "./run_once.ts";

const COUNT = 1_000_000;
const samples = sampleNormal(2024 * 2 ** 21, COUNT);

/** The deviate of a random word. */
function deviate(word: number): number {
  return new Float32Array(Uint32Array.of(normalBits(word >>> 0, normalTable().data as Uint32Array)).buffer)[0]!;
}

function meanOf(term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < COUNT; i++) sum += term(i);
  return sum / COUNT;
}

Deno.test("philox() gives the published known answers", () => {
  const cases = [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const;
  for (const [counter, key, answer] of cases) assertEquals(philox(counter, key), [...answer]);
});

Deno.test("the normal table has the same bits everywhere", () => {
  let hash = 0x811c9dc5;
  for (const word of normalTable().data) hash = Math.imul(hash ^ word, 0x01000193) >>> 0;
  assertEquals(hash, 1805928240);
});

/** Fractional bits of the exact arithmetic below. */
const BITS = 200n;
const ONE = 1n << BITS;
/** 1 / sqrt(2 pi) to 60 digits. */
const INVERSE_ROOT_TWO_PI = 398942280401432677939946059934381868475858631164934657665925n * ONE / 10n ** 60n;

/** Probability between 0 and x of the standard normal distribution, by its power series in integers. */
function centralProbability(x: number): bigint {
  const fixed = BigInt(x * 2 ** 60) << (BITS - 60n);
  const square = (fixed * fixed) >> BITS;
  let power = fixed;
  let sum = fixed;
  for (let n = 1n; power !== 0n; n++) {
    power = -(power * square >> BITS) / (2n * n);
    sum += power / (2n * n + 1n);
  }
  return (sum * INVERSE_ROOT_TWO_PI) >> BITS;
}

Deno.test("the deviates are within 1e-6 of the inverse normal distribution, and within 1e-7 of it relatively", () => {
  assert(Math.abs(Number(ONE / 2n - centralProbability(12)) / 2 ** 200) < 1e-30, "the series itself is exact");
  const edges = Array.from({ length: 31 }, (_, k) => [2 ** k - 1, 2 ** k, 2 ** k + 1]).flat();
  const pieces = Array.from({ length: 64 }, (_, k) => [2 ** 30 + k * 2 ** 24 - 1, 2 ** 30 + k * 2 ** 24]).flat();
  const middles = Array.from({ length: 600 }, (_, k) => Math.floor(2 ** (31 * (k + 0.5) / 600)));
  const small = Array.from({ length: 130 }, (_, v) => v);
  let worst = 0;
  for (const v of [...edges, ...pieces, ...middles, ...small, 2 ** 31 - 1]) {
    const x = deviate(v);
    const tail = Number((ONE / 2n - centralProbability(x)) >> (BITS - 140n)) / 2 ** 140;
    const error = (tail - (v + 0.5) / 2 ** 32) * Math.sqrt(2 * Math.PI) * Math.exp(x * x / 2);
    worst = Math.max(worst, Math.abs(error));
    assert(Math.abs(error) < 1e-7 * Math.max(x, 1), `v = ${v}: x = ${x}, error ${error}`);
  }
  assert(worst < 1e-6, `worst error ${worst}`);
});

Deno.test("the deviates are symmetric, fall with the tail probability, and reach beyond 6", () => {
  let last = Infinity;
  for (let k = 0; k <= 4096; k++) {
    const v = Math.min(2 ** 31 - 1, Math.round(2 ** (31 * k / 4096)) - 1);
    const x = deviate(v);
    assert(x <= last, `v = ${v}`);
    last = x;
    assertEquals(deviate(v + 2 ** 31), x === 0 ? 0 : -x);
  }
  assert(deviate(0) > 6.33 && deviate(0) < 6.34);
  assert(Math.abs(deviate(2 ** 31 - 1)) < 1e-8);
});

Deno.test("a million deviates have mean 0, variance 1, no skew, kurtosis 3, and normal tails", () => {
  const mean = meanOf((i) => samples[i]!);
  const variance = meanOf((i) => samples[i]! ** 2);
  const skew = meanOf((i) => samples[i]! ** 3);
  const kurtosis = meanOf((i) => samples[i]! ** 4);
  // Four standard errors of each estimate.
  assert(Math.abs(mean) < 4 * Math.sqrt(1 / COUNT), `mean ${mean}`);
  assert(Math.abs(variance - 1) < 4 * Math.sqrt(2 / COUNT), `variance ${variance}`);
  assert(Math.abs(skew) < 4 * Math.sqrt(15 / COUNT), `skew ${skew}`);
  assert(Math.abs(kurtosis - 3) < 4 * Math.sqrt(96 / COUNT), `kurtosis ${kurtosis}`);
  for (const [limit, probability] of [[2, 0.0455002639], [3, 0.0026997961], [4, 6.33424837e-5]] as const) {
    const share = meanOf((i) => Math.abs(samples[i]!) > limit ? 1 : 0);
    assert(Math.abs(share - probability) < 4 * Math.sqrt(probability / COUNT), `beyond ${limit}: ${share}`);
  }
});

Deno.test("a million deviates pass the Kolmogorov-Smirnov test at the 1 percent level", () => {
  const sorted = samples.slice().sort();
  let distance = 0;
  for (let i = 50; i < COUNT; i += 100) {
    const x = sorted[i]!;
    let term = x;
    let sum = x;
    for (let n = 3; Math.abs(term) > 1e-12; n += 2) sum += term *= x * x / n;
    const probability = 0.5 + sum * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
    distance = Math.max(distance, Math.abs(probability - (i + 0.5) / COUNT));
  }
  assert(distance < 1.63 / Math.sqrt(COUNT), `distance ${distance}`);
});

Deno.test("neighbouring elements and neighbouring draws are uncorrelated", () => {
  const limit = 4 / Math.sqrt(COUNT);
  for (const lag of [1, 2, 3, 4, 5]) {
    const correlation = meanOf((i) => samples[i]! * samples[(i + lag) % COUNT]!);
    assert(Math.abs(correlation) < limit, `lag ${lag}: ${correlation}`);
  }
  for (const step of [1, 2 ** 21, 2 ** 32]) {
    const other = sampleNormal(2024 * 2 ** 21 + step, COUNT);
    const correlation = meanOf((i) => samples[i]! * other[i]!);
    assert(Math.abs(correlation) < limit, `draw + ${step}: ${correlation}`);
  }
});

Deno.test("sampleNormal() of fewer elements is the beginning of the longer sample", () => {
  assertEquals(sampleNormal(2024 * 2 ** 21, 7), samples.slice(0, 7));
  assertEquals(sampleNormal(5, 0).length, 0);
});

gpuTest("randomNormal() has the bits of sampleNormal() for each batch item and run", async (runtime) => {
  for (const shape of [[2, 33, 47, 3], [2, 5]]) {
    const stage = runtime.stage("noise", (_: Record<never, never>, { a, b }: Record<"a" | "b", Scalar>) => ({
      noise: randomNormal(shape, [a, b]),
    }));
    const perItem = shape.slice(1).reduce((product, extent) => product * extent, 1);
    for (const [a, b] of [[0, 1], [2 ** 53 - 1, 4_000_000_000 * 2 ** 21 + 17]] as const) {
      const actual = new Uint32Array((await (await stage({}, { a, b })).noise.read()).slice().buffer);
      assertEquals(actual.subarray(0, perItem), new Uint32Array(sampleNormal(a, perItem).buffer));
      assertEquals(actual.subarray(perItem), new Uint32Array(sampleNormal(b, perItem).buffer));
    }
  }
});

Deno.test("randomNormal() and sampleNormal() refuse draws that are no integers of 53 bits, and wrong numbers of them", async () => {
  const draws = (...list: number[]) => (): unknown => build([], () => randomNormal([2, 3], list));
  assertThrows(draws(1), TypeError, "1 draws were given for shape [2, 3], 2 are needed, one for each batch item");
  assertThrows(draws(1, -1), RangeError, "Cannot build randomNormal: draw 1 is -1");
  assertThrows(draws(1, 2 ** 53), RangeError, "draw 1 is 9007199254740992");
  assertThrows(() => build([], () => randomNormal([], [])), RangeError, "the shape is []");
  assertThrows(() => sampleNormal(0.5, 3), RangeError, "Cannot sample noise: the draw is 0.5");
  assertThrows(() => sampleNormal(1, -3), RangeError, "the count is -3");
  const stage = new ReferenceRuntime().stage("noise", (_: Record<never, never>, { a }: Record<"a", Scalar>) => ({
    noise: randomNormal([1, 3], [a]),
  }));
  await assertRejects(() => stage({}, { a: 1.5 }), RangeError, "Cannot run randomNormal: draw 0 is 1.5");
});
