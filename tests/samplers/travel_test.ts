import { assertEquals } from "@std/assert";
import { noiseSchedule } from "../../models/mod.ts";
import {
  ddnmTimesteps,
  diffpirWeights,
  noiseTimesteps,
  quadraticTimesteps,
  strideTimesteps,
  travelMoves,
} from "../../samplers/mod.ts";

function counts(steps: number, travelLength: number, travelRepeat: number): readonly [down: number, up: number] {
  const moves = travelMoves(steps, { travelLength, travelRepeat });
  const down = moves.filter(({ from, to }) => to < from).length;
  return [down, moves.length - down];
}

Deno.test("walks make the published numbers of moves", () => {
  assertEquals(counts(250, 10, 10), [2410, 2160]);
  assertEquals(counts(250, 10, 3), [730, 480]);
  assertEquals(counts(100, 2, 2), [198, 98]);
  assertEquals(counts(100, 1, 1), [100, 0]);
});

Deno.test("a walk moves by one level at a time, from the noisiest to the clean image", () => {
  const moves = travelMoves(30, { travelLength: 5, travelRepeat: 3 });
  assertEquals([moves[0]!.from, moves.at(-1)!.to], [29, -1]);
  moves.forEach(({ from, to }, k) => {
    assertEquals(Math.abs(to - from), 1);
    if (k > 0) assertEquals(from, moves[k - 1]!.to);
  });
});

Deno.test("timesteps are those of the published programs", () => {
  assertEquals(ddnmTimesteps(1000, 30).slice(-2), [924, 957]);
  assertEquals([strideTimesteps(1000, 30).length, strideTimesteps(1000, 30).at(-1)], [31, 990]);
  const quadratic = quadraticTimesteps(1000, 100).toReversed();
  assertEquals(quadratic.slice(0, 5), [999, 899, 857, 825, 798]);
  assertEquals(quadratic.slice(-5), [20, 15, 10, 5, 0]);
});

Deno.test("timesteps by noise lie for three quarters below the noise of the measurement", () => {
  const { alphaBar } = noiseSchedule("linear");
  const sigmaOf = (t: number): number => Math.sqrt((1 - alphaBar[t]!) / alphaBar[t]!);
  for (const [sigma, count] of [[0.2, 30], [0.2, 60], [1, 7], [0.2, 1]] as const) {
    const timesteps = noiseTimesteps(alphaBar, count, sigma);
    assertEquals(timesteps.length, count);
    assertEquals(timesteps, [...new Set(timesteps)].sort((a, b) => a - b));
    assertEquals(timesteps[0], 0);
    assertEquals(timesteps.filter((t) => sigmaOf(t) <= sigma).length, Math.ceil(0.75 * count));
  }
  // No noise, more noise than any level has, and more steps than there are levels on one side.
  assertEquals(noiseTimesteps(alphaBar, 30, 0), ddnmTimesteps(1000, 30));
  assertEquals(noiseTimesteps(alphaBar, 4, 1e6), [0, 250, 500, 750]);
  const all = Array.from({ length: 1000 }, (_, t) => t);
  for (const sigma of [0.02, 0.2, 50]) assertEquals(noiseTimesteps(alphaBar, 1000, sigma), all);
});

Deno.test("the weights of DiffPIR rise as the noise falls", () => {
  const weights = diffpirWeights(noiseSchedule("linear").alphaBar, 0.1, { steps: 10, lambda: 1 });
  assertEquals(weights.length, 10);
  weights.slice(1).forEach((weight, i) => assertEquals(weight > weights[i]!, true));
});
