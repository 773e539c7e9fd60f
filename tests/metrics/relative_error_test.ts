import { assert, assertEquals } from "@std/assert";
import { relativeError } from "../../metrics/mod.ts";

Deno.test("relativeError() is ||a - b|| / ||b||, and not a number where lengths or values are wrong", () => {
  assertEquals(relativeError([3, 4.5], [3, 4]), 0.1);
  assertEquals(relativeError([0, 0.5], [0, 0]), 0.5);
  assert(Number.isNaN(relativeError([3], [3, 4])));
  assert(Number.isNaN(relativeError([3, NaN], [3, 4])));
});
