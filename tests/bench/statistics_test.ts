import { assertEquals, assertThrows } from "@std/assert";
import { spreadOf } from "../../bench/statistics.ts";

Deno.test("spreadOf() gives the middle value of an odd number of measurements", () => {
  assertEquals(spreadOf([10, 9, 100]), { median: 10, min: 9, max: 100, samples: 3 });
});

Deno.test("spreadOf() gives the mean of the middle two of an even number", () => {
  assertEquals(spreadOf([4, 1, 30, 2]), { median: 3, min: 1, max: 30, samples: 4 });
});

Deno.test("spreadOf() refuses an empty list", () => {
  assertThrows(() => spreadOf([]), RangeError, "at least one is needed");
});
