import { assertEquals } from "@std/assert";
import { seedOf } from "../../restoration/mod.ts";

Deno.test("the seed of a file depends on its name and on the seed of the command, not on its folder", () => {
  assertEquals(seedOf("x/a.png", 1), seedOf("y/a.jpg", 1));
  const [byName, bySeed] = [["a", "b", "c"].map((name) => seedOf(name, 7)), [0, 1, 2].map((seed) => seedOf("a", seed))];
  assertEquals([new Set(byName).size, new Set(bySeed).size], [3, 3]);
  for (const seed of [...byName, ...bySeed]) {
    assertEquals(Number.isSafeInteger(seed) && seed >= 0 && seed < 2 ** 32, true);
  }
});
