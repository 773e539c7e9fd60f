import { assertAlmostEquals, assertEquals } from "@std/assert";
import { NANOSECONDS_PER_BYTE } from "../../kernels/mod.ts";
import { isSlower } from "../../profiling/mod.ts";
import {
  type Advantage,
  choose,
  compare,
  defaultMemoryTerms,
  LEAST_GAIN,
  median,
  type Timing,
  withoutVoid,
} from "../../profiling/tuning/decide.ts";

function timing(algorithm: string, samples: readonly number[], preparedBytes = 0): Timing {
  return { algorithm, samples, preparedBytes };
}

function advantage(algorithm: string, saved: number, moreBytes = 0, noise = 0.1): Advantage {
  return { algorithm, milliseconds: 1, saved, noise, moreBytes };
}

const FREE = { nanosecondsPerByte: 0, moreBytes: Infinity };

/** Which algorithm each layer gets. */
function chosen(...words: Parameters<typeof choose>): Record<string, string> {
  return Object.fromEntries(Array.from(choose(...words), ([key, { algorithm }]) => [key, algorithm]));
}

Deno.test("what is saved is the median of the differences round by round, so that a slow while meets both", () => {
  const { saved, noise, milliseconds, moreBytes } = compare(
    timing("direct", [10, 30, 12, 11, 10.5], 100),
    timing("winograd4", [8, 28, 10, 9, 8.5], 500),
  );
  assertEquals([saved, milliseconds, moreBytes], [2, 9, 400]);
  assertAlmostEquals(noise, LEAST_GAIN * 11);
});

Deno.test("noise is what the differences scatter by, where that is more than a few percent", () => {
  const { saved, noise } = compare(timing("a", [10, 10, 10, 10, 10]), timing("b", [9, 8, 5, 11, 12]));
  assertEquals([saved, noise], [1, 6]);
});

Deno.test("rounds that only one algorithm has do not count", () => {
  const { saved, milliseconds } = compare(timing("a", [10, 10, 10, 0, 0]), timing("b", [5, 5, 5]));
  assertEquals([saved, milliseconds], [5, 5]);
});

Deno.test("a layer leaves its default only for what saves more than the noise, and takes what saves most", () => {
  const layers = [
    { key: "a", count: 1, advantages: [advantage("x", 0.1), advantage("y", -1)] },
    { key: "b", count: 1, advantages: [advantage("x", 0.2), advantage("y", 0.3), advantage("z", 0.15)] },
    { key: "c", count: 1, advantages: [] },
  ];
  assertEquals(chosen(layers, FREE), { b: "y" });
});

Deno.test("memory has a price that a choice must earn beyond the noise, and memory given back earns nothing", () => {
  const priced = { nanosecondsPerByte: 0.35, moreBytes: Infinity };
  const layers = [
    { key: "a", count: 3, advantages: [advantage("large", 1, 4e6), advantage("small", 0.8, 1e6)] },
    { key: "b", count: 1, advantages: [advantage("large", 0.4, 1e6)] },
    { key: "c", count: 1, advantages: [advantage("none", 0.05, -4e6)] },
  ];
  assertEquals(chosen(layers, priced), { a: "small" });
  assertEquals(chosen(layers, FREE), { a: "large", b: "large" });
});

Deno.test("where not everything fits into memory, what saves most for a byte goes first, or what is smaller", () => {
  const layers = [
    { key: "a", count: 2, advantages: [advantage("large", 1, 4e6), advantage("small", 0.9, 1e6)] },
    { key: "b", count: 1, advantages: [advantage("large", 2, 8e6), advantage("small", 0.5, 1e6)] },
    { key: "c", count: 1, advantages: [advantage("none", 0.2)] },
  ];
  const within = (megabytes: number, more: typeof layers = []): Record<string, string> =>
    chosen([...layers, ...more], { nanosecondsPerByte: 0, moreBytes: megabytes * 1e6 });
  assertEquals(within(0), { c: "none" });
  assertEquals(within(1), { b: "small", c: "none" });
  assertEquals(within(2), { a: "small", c: "none" });
  assertEquals(within(3), { a: "small", b: "small", c: "none" });
  assertEquals(within(9), { a: "large", b: "small", c: "none" });
  assertEquals(within(16), { a: "large", b: "large", c: "none" });
  const giving = [{ key: "d", count: 2, advantages: [advantage("none", 0.2, -1e6)] }];
  assertEquals(within(0, giving), { a: "small", c: "none", d: "none" });
});

Deno.test("the median of an even number is the mean of the middle two", () => {
  assertEquals([median([3, 1, 2]), median([4, 1, 2, 3]), median([])], [2, 2.5, NaN]);
});

Deno.test("a choice for a part of a layer is void where the layer is computed otherwise", () => {
  const layers = [{ key: "a" }, { key: "part of a", partOf: "a" }, { key: "part of b", partOf: "b" }];
  const choices = ["a", "part of a", "part of b"].map((key) => [key, advantage("other", 1)] as const);
  assertEquals([...withoutVoid(new Map(choices), layers).keys()], ["a", "part of b"]);
});

Deno.test("memory is paid for on the CPU, and bounded by that of the weights on a graphics card", () => {
  assertEquals(defaultMemoryTerms(true, 1000), { nanosecondsPerByte: NANOSECONDS_PER_BYTE, moreBytes: Infinity });
  assertEquals(defaultMemoryTerms(false, 1000), { nanosecondsPerByte: 0, moreBytes: 4000 });
});

Deno.test("a network is slower where it loses more than the noise", () => {
  const lost = (saved: number): boolean =>
    isSlower({ network: { before: 10, after: 10 - saved, saved, noise: 1, rounds: 7, difference: 0 } });
  assertEquals([3, 0, -1, -1.1].map(lost), [false, false, false, true]);
  assertEquals(isSlower({ network: undefined }), false);
});
