import { assert, assertEquals, assertThrows } from "@std/assert";
import { relativeError, spreadOf } from "../../bench/statistics.ts";

Deno.test("spreadOf() gives the middle value of an odd number of measurements", () => {
  assertEquals(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100, samples: 3 });
});

Deno.test("spreadOf() gives the mean of the middle two of an even number", () => {
  assertEquals(spreadOf([4, 1, 30, 2]), { median: 3, min: 1, max: 30, samples: 4 });
});

Deno.test("spreadOf() refuses an empty list", () => {
  assertThrows(() => spreadOf([]), RangeError, "at least one is needed");
});

Deno.test("relativeError() is ||a - b|| / ||b||, and not a number where lengths or values are wrong", () => {
  assertEquals(relativeError([3, 4.5], [3, 4]), 0.1);
  assert(Number.isNaN(relativeError([3], [3, 4])));
  assert(Number.isNaN(relativeError([3, NaN], [3, 4])));
});
