/** Medians of growing windows. */
import { assertEquals } from "@std/assert";
import { medianFilled } from "../../samplers/methods/back_projection/median_fill.ts";

/** A line of pixels, some of which are missing. */
function line(...values: readonly (number | undefined)[]): readonly number[] {
  const image = Float32Array.from(values, (value) => value ?? 9);
  return Array.from(medianFilled(image, values.map((value) => value !== undefined), [1, values.length, 1]));
}

Deno.test("missing values take the lower median of what is known within two pixels", () => {
  assertEquals(line(1, 5, undefined, 3, 7), [1, 5, 3, 3, 7]);
  assertEquals(line(undefined, 4, 2, 0), [2, 4, 2, 0]);
  assertEquals(line(1, 2, 3), [1, 2, 3]);
});

Deno.test("what was filled counts from the next round on, whose windows are wider", () => {
  // Round 1 reaches two pixels; round 2 three, of 6, 6, 6 and what round 1 filled with 6.
  assertEquals(line(6, undefined, undefined, undefined, undefined, undefined), [6, 6, 6, 6, 6, 6]);
  // Of the third pixel round 1 knows 8 and 0; the others know one of them.
  assertEquals(line(8, undefined, undefined, undefined, 0), [8, 8, 0, 0, 0]);
  // The middle is out of reach in round 1; in round 2 it sees 2, 2, 4 and 4.
  assertEquals(line(2, undefined, undefined, undefined, undefined, undefined, 4), [2, 2, 2, 2, 4, 4, 4]);
});

Deno.test("channels are filled apart, and one of which nothing is known stays as it is", () => {
  const image = Float32Array.of(1, 10, 9, 9, 3, 30, 9, 9);
  const known = [true, false, false, false, true, false, false, false];
  assertEquals(Array.from(medianFilled(image, known, [2, 2, 2])), [1, 10, 1, 9, 3, 30, 1, 9]);
});
