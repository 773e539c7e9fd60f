/** Masks, permutations, motion and noise against the distributions they should have, over fixed seeds. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { addNoise, boxMask, randomMask, samplingMask, type SamplingOptions } from "../../operators/mod.ts";
import { draws, integers, randomPermutation } from "../../operators/draws.ts";
import { motionWalk } from "../../operators/blur/kernels_2d.ts";
import { poisson } from "../../operators/noise.ts";
import { assertCounts, assertMean, assertRates, assertUniform, normalShare, poissonShares } from "./statistics.ts";

/** How often each outcome of a draw comes up for the seeds 0, 1, 2, ... */
function tally(seeds: number, outcome: (seed: number) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let seed = 0; seed < seeds; seed++) {
    const key = outcome(seed);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Fails unless there are so many outcomes, all equally likely. */
function assertEquallyLikely(counts: ReadonlyMap<string, number>, outcomes: number, what: string): void {
  assertEquals(counts.size, outcomes, what);
  const found = Array.from(counts.values());
  const total = found.reduce((a, b) => a + b, 0);
  assertCounts(found, found.map(() => total / outcomes), what);
}

Deno.test("draws() are uniform, alone and in pairs, and normal where that is asked", () => {
  for (const seed of [0, 1, 4_000_000_000]) {
    const { uniform, normal, integer } = draws(seed);
    const values = Array.from({ length: 20000 }, uniform);
    assertUniform(values, 100, "uniform");
    const pairs = values.flatMap((value, i) => {
      return i % 2 === 1 ? [] : [(Math.floor(value * 10) + values[i + 1]!) / 10];
    });
    assertUniform(pairs, 100, "pairs");
    assertUniform(Array.from({ length: 20000 }, () => normalShare(normal())), 50, "normal");
    assertUniform(Array.from({ length: 7000 }, () => (integer(7) + 0.5) / 7), 7, "integer");
  }
  const large = integers(5);
  assertUniform(Array.from({ length: 9000 }, () => large(3 * 2 ** 30) / (3 * 2 ** 30)), 30, "integers below 3 2^30");
});

Deno.test("randomMask() clears every set of pixels of its size equally often", () => {
  const found = tally(4000, (seed) => randomMask(2, 3, 0.5, seed).data.join(""));
  assertEquallyLikely(found, 20, "sets of 3 of 6 pixels");
  for (const [share, missing] of [[0.92, 88], [0.5, 48], [0.999, 95]] as const) {
    const known = randomMask(8, 12, share, 1).data as Float32Array;
    assertEquals(known.filter((value) => value === 0).length, missing);
  }
});

Deno.test("boxMask() draws every corner that keeps the box inside equally often", () => {
  const found = tally(3000, (seed) => {
    const { data } = boxMask(5, 7, { height: 3, width: 4 }, seed);
    const first = data.indexOf(0);
    return `${Math.floor(first / 7)},${first % 7}`;
  });
  assertEquallyLikely(found, 3 * 4, "corners");
  const rows = tally(
    900,
    (seed) => String(Math.floor(boxMask(5, 7, { height: 3, width: 4, left: 2 }, seed).data.indexOf(0) / 7)),
  );
  assertEquallyLikely(rows, 3, "rows with a given column");
});

Deno.test("randomPermutation() gives every order equally often", () => {
  assertEquallyLikely(tally(4800, (seed) => randomPermutation(4, seed).join("")), 24, "orders of 4");
});

/** How often each element is 1 over the seeds 0, 1, 2, ... */
function rates(
  height: number,
  width: number,
  options: Omit<SamplingOptions, "seed">,
  seeds: number,
): Float64Array {
  const counts = new Float64Array(height * width);
  for (let seed = 0; seed < seeds; seed++) {
    samplingMask(height, width, { ...options, seed }).data.forEach((value, i) => {
      assert(value === 0 || value === 1);
      counts[i]! += value;
    });
  }
  return counts;
}

/** The share of normal numbers around the middle that an integer of 0 to extent - 1 gets: truncated and clipped. */
function share(place: number, extent: number, deviation: number): number {
  const below = place === extent - 1 ? 1 : normalShare((place + 1 - extent / 2) / deviation);
  return below - (place === 0 ? 0 : normalShare((place - extent / 2) / deviation));
}

/** 1 - (1 - p)^n: the probability that n draws meet what one meets with p. */
function met(p: number, n: number): number {
  return 1 - (1 - p) ** n;
}

const COLUMN_RULES = [
  // floor(W / R) columns with those of the block; floor(c W) of them from floor(W / 2) - floor(floor(c W) / 2) on.
  { width: 64, acceleration: 4, centre: 0.08, uniform: 16 - 5, gaussian: 19, block: [30, 35] },
  { width: 41, acceleration: 3, centre: 0.2, uniform: 13 - 8, gaussian: 15, block: [16, 24] },
  { width: 40, acceleration: 8, centre: 0.2, uniform: 0, gaussian: 6, block: [16, 24] },
] as const;

Deno.test("uniform_1d and gaussian_1d keep the middle and draw the published number of columns around it", () => {
  const seeds = 1500;
  for (const { width, acceleration, centre, block, ...counts } of COLUMN_RULES) {
    for (const rule of ["uniform", "gaussian"] as const) {
      const found = rates(3, width, { sampling: `${rule}_1d`, acceleration, centre }, seeds);
      const [first, second] = [found.subarray(0, width), found.subarray(width, 2 * width)];
      assertEquals(first, second, "whole columns");
      const expected = Array.from({ length: width }, (_, column) => {
        if (column >= block[0] && column < block[1]) return 1;
        const p = rule === "uniform" ? 1 / width : share(column, width, 15 * width / 128);
        return met(p, counts[rule]);
      });
      const what = `${rule} columns of ${width}`;
      for (let column = block[0]; column < block[1]; column++) assertEquals(first[column], seeds, what);
      assertRates(first, expected, seeds, what);
    }
  }
});

Deno.test("uniform_2d and gaussian_2d draw H W / R points with replacement, normal ones of variance 1.5 n^2 / 128", () => {
  const [height, width, seeds] = [20, 12, 1500];
  for (const acceleration of [4, 7]) {
    const count = Math.floor(height * width / acceleration);
    for (const rule of ["uniform", "gaussian"] as const) {
      const found = rates(height, width, { sampling: `${rule}_2d`, acceleration, centre: 0.08 }, seeds);
      const expected = Array.from({ length: height * width }, (_, i) => {
        const [row, column] = [Math.floor(i / width), i % width];
        const deviation = (extent: number): number => Math.sqrt(1.5 / 128) * extent;
        return met(
          rule === "uniform"
            ? 1 / (height * width)
            : share(row, height, deviation(height)) * share(column, width, deviation(width)),
          count,
        );
      });
      assertRates(found, expected, seeds, `${rule} points`);
    }
  }
});

Deno.test("poisson_2d keeps points apart, further outside, fills what is free and drops the corners", () => {
  for (const [height, width, acceleration, seed] of [[48, 48, 4, 0], [40, 56, 6, 3], [72, 72, 9, 1]] as const) {
    const { data } = samplingMask(height, width, { sampling: "poisson_2d", acceleration, centre: 0.08, seed });
    const radius = (i: number): number =>
      Math.hypot((2 * Math.floor(i / width) - height) / height, (2 * (i % width) - width) / width);
    const points = Array.from(data.keys()).filter((i) => data[i] === 1);
    assert(Math.abs(height * width / points.length - acceleration) < 0.1, `${points.length} points`);
    assert(points.every((i) => radius(i) < 1), "corners");
    const apart = (i: number, j: number): number =>
      Math.hypot(Math.floor(i / width) - Math.floor(j / width), i % width - j % width);
    // A point was at least 1 + slope r from all before it: so is one of each two. The greatest slope that fits all:
    let slope = Infinity;
    points.forEach((i, k) => {
      for (const j of points.slice(k + 1)) {
        const inner = Math.min(radius(i), radius(j));
        if (inner > 0) slope = Math.min(slope, (apart(i, j) - 1) / inner);
      }
    });
    assert(slope > 0.5 && Number.isFinite(slope), `slope ${slope}`);
    // The radius grows in proportion to r: in every ring some points are about as close as the slope lets them. Where
    // points are dense the grid leaves too few distances to tell.
    for (const [low, high] of acceleration < 9 ? [] : [[0.25, 0.5], [0.5, 0.75], [0.75, 1]] as const) {
      const ring = points.filter((i) => radius(i) >= low && radius(i) < high);
      const outer = points.filter((i) => radius(i) >= low);
      const closest = Math.min(
        ...ring.flatMap((i) =>
          outer.filter((j) => j !== i && radius(j) >= radius(i)).map((j) => (apart(i, j) - 1) / radius(i))
        ),
      );
      assert(closest < 1.6 * slope, `radius ${low} to ${high}: slope ${closest}, ${slope} overall`);
    }
    // Inside a ring no disk of 1.3 times the radius is free, as darts would have found it.
    const free = Array.from(data.keys()).filter((i) => {
      const reach = 1.3 * (1 + slope * radius(i));
      return radius(i) < 0.8 && points.every((j) => apart(i, j) >= reach);
    });
    assert(free.length <= 0.01 * data.length, `${free.length} places are free`);
  }
});

Deno.test("every sampling rule measures everything at acceleration 1, and repeats its seed", () => {
  for (const sampling of ["uniform_1d", "gaussian_1d", "gaussian_2d", "uniform_2d", "poisson_2d"] as const) {
    const all = samplingMask(5, 6, { sampling, acceleration: 1, centre: 0, seed: 1 });
    assertEquals(Array.from(all.data), new Array(30).fill(1));
    const options = { sampling, acceleration: 3, centre: 0.1, seed: 7 };
    assertEquals(samplingMask(16, 20, options), samplingMask(16, 20, options));
  }
});

const SEEDS = 3000;

Deno.test("the steps of a motion kernel are Beta(1, 30) (1 - I + 0.1) D, as many as its length needs", () => {
  const size = 61;
  const diagonal = 2 * size * Math.SQRT2;
  for (const intensity of [0.5, 1]) {
    const walks = Array.from({ length: SEEDS }, (_, seed) => motionWalk(size, intensity, seed));
    const scale = (1 - intensity + 0.1) * diagonal;
    // 1 - (1 - b)^30 is uniform for b of Beta(1, 30).
    assertUniform(walks.map(({ steps }) => 1 - (1 - steps[0]! / scale) ** 30), 20, `steps at ${intensity}`);
    // The last step goes beyond the length by E b^2 / (2 E b) = 1/32 of the scale, as for any walk of random steps.
    const totals = walks.map(({ steps }) => steps.reduce((a, b) => a + b, 0));
    const mean = 0.75 * diagonal * (1 + intensity ** 2) / 2 + scale / 32;
    const deviation = Math.hypot(0.75 * diagonal * Math.sqrt((1 + intensity ** 4) / 12), scale / 32);
    assertMean(totals, mean, deviation, `length at ${intensity}`);
    assertMean(
      totals.map((total) => (total - mean) ** 2),
      deviation ** 2,
      1.2 * deviation ** 2,
      "variance of the length",
    );
    assert(walks.every(({ steps, angles }) => steps.length === angles.length));
  }
});

Deno.test("the first angle of a motion kernel is uniform below a limit U(0, I pi), the next ones triangular below it", () => {
  for (const intensity of [0.3, 0.8]) {
    const walks = Array.from({ length: SEEDS }, (_, seed) => motionWalk(61, intensity, seed));
    const first = walks.map(({ angles }) => angles[0]! / (intensity * Math.PI));
    // A product of two uniform numbers lies below x with probability x (1 - ln x).
    assertUniform(first.map((x) => Math.abs(x) * (1 - Math.log(Math.abs(x)))), 20, "first angle");
    assertUniform(first.map((x) => x < 0 ? 0.25 : 0.75), 2, "sign of the first angle");
    // Below x lies a triangular number of mode c with probability x^2 / c, or 1 - (1 - x)^2 / (1 - c) above c.
    const below = (x: number): number => {
      if (x >= 1) return 1;
      return x < intensity ? x * x / intensity : 1 - (1 - x) ** 2 / (1 - intensity);
    };
    const mixed = (x: number): number => {
      let sum = 0;
      for (let k = 0; k < 400; k++) sum += below(x / ((k + 0.5) / 400)) / 400;
      return sum;
    };
    const second = walks.filter(({ angles }) => angles.length > 1).map(({ angles }) => angles[1]!);
    assertUniform(second.map((angle) => mixed(Math.abs(angle) / (intensity * Math.PI))), 20, "second angle");
    assertUniform(walks.map(({ turn }) => turn / Math.PI), 20, "turn");
  }
});

Deno.test("the direction of a motion kernel flips with probability Beta(2, 20), one for each kernel", () => {
  const [flips, chances] = [new Array<number>(6).fill(0), 5];
  let walks = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const { angles } = motionWalk(61, 0.5, seed);
    if (angles.length <= chances) continue;
    walks++;
    let count = 0;
    for (let k = 1; k <= chances; k++) if (angles[k]! * angles[k - 1]! < 0) count++;
    flips[count]!++;
  }
  assert(walks > 0.9 * SEEDS);
  // Flips of n chances are beta-binomial: C(n, k) B(k + 2, n - k + 20) / B(2, 20).
  const rising = (start: number, count: number): number => {
    let value = 1;
    for (let i = 0; i < count; i++) value *= start + i;
    return value;
  };
  const choose = [1, 5, 10, 10, 5, 1];
  const expected = choose.map((ways, k) => walks * ways * rising(2, k) * rising(20, chances - k) / rising(22, chances));
  assertCounts(flips, expected, "flips");
});

Deno.test("gaussian noise is y + sigma z with independent standard normal z", () => {
  const y = hostTensor(Float32Array.from({ length: 20000 }, (_, i) => i % 7 - 3), [1, 20000]);
  for (const sigma of [0.05, 2]) {
    const { data } = addNoise(y, { kind: "gaussian", sigma }, [3]);
    const z = Float64Array.from(data, (value, i) => (value - y.data[i]!) / sigma);
    assertUniform(Array.from(z, normalShare), 50, `sigma ${sigma}`);
    assertMean(z.map((value, i) => value * (z[i + 1] ?? 0)), 0, 1, "neighbours");
  }
});

Deno.test("poisson() has the distribution of its mean, on both sides of the change of its rule", () => {
  const { uniform } = draws(9);
  for (const mean of [0.3, 4, 11.9, 12.1, 40, 255]) {
    const most = Math.ceil(mean + 12 * Math.sqrt(mean) + 12);
    const counts = new Array<number>(most + 1).fill(0);
    for (let i = 0; i < 200000; i++) counts[poisson(mean, uniform)]!++;
    assertCounts(counts, poissonShares(mean, most).map((p) => 200000 * p), `mean ${mean}`);
  }
});

Deno.test("poisson noise counts photons of mean 255 rate u and divides by 255 rate, clamped at white", () => {
  const size = 6000;
  const noisy = (value: number, rate: number): Float32Array => {
    const y = hostTensor(new Float32Array(size).fill(value), [1, size]);
    return addNoise(y, { kind: "poisson", rate }, [5]).data as Float32Array;
  };
  for (const [value, rate] of [[-0.9, 0.5], [-0.9, 4], [-0.2, 0.2], [-0.5, 1]] as const) {
    const mean = 255 * rate * (value + 1) / 2;
    const most = Math.ceil(mean + 12 * Math.sqrt(mean) + 12);
    const counts = new Array<number>(most + 1).fill(0);
    for (const result of noisy(value, rate)) {
      const count = (result + 1) / 2 * 255 * rate;
      assertAlmostEquals(count, Math.round(count), 1e-3);
      counts[Math.round(count)]!++;
    }
    assertCounts(counts, poissonShares(mean, most).map((p) => size * p), `${value} at rate ${rate}`);
  }
  assertEquals(noisy(-1, 3), new Float32Array(size).fill(-1));
  assertEquals(noisy(-2.5, 3), noisy(-1, 3));
  assertEquals(noisy(1.7, 0.5), noisy(1, 0.5));
  const white = noisy(1, 0.5);
  assert(white.every((value) => value <= 1), "no brighter than white");
  // Half of the counts, and that of the mean itself, are at or above 255 rate.
  const clipped = white.filter((value) => value === 1).length / size;
  const shares = poissonShares(127.5, 127);
  const expected = 1 - shares.reduce((a, b) => a + b, 0);
  assert(Math.abs(clipped - expected) < 4 * Math.sqrt(0.25 / size), `${clipped} at white, not ${expected}`);
});
