import { assertEquals } from "@std/assert";
import { paretoFront } from "../../report/mod.ts";

Deno.test("the front holds what no other result beats in cost and quality, the cheapest first", () => {
  const results = [[10, 5], [1, 1], [4, 3], [4, 2], [5, 3], [20, 5], [0, NaN], [3, Infinity]] as const;
  assertEquals(paretoFront(results, "greater"), [1, 2, 0]);
  // Where less is better the cheapest is the best of all.
  assertEquals(paretoFront(results, "smaller"), [1]);
});

Deno.test("equal results are on the front together, and one result alone is", () => {
  assertEquals(paretoFront([[2, 7], [2, 7], [2, 6]], "greater"), [0, 1]);
  assertEquals(paretoFront([[2, 7]], "smaller"), [0]);
  assertEquals(paretoFront([], "smaller"), []);
});
