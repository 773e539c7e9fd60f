import { assert, assertEquals } from "@std/assert";
import { readLists } from "../../tools/mutate/lists.ts";
import { misfits } from "../../tools/mutate/main.ts";
import { describe } from "../../tools/mutate/mutant.ts";

const mutants = await readLists();

Deno.test("every mutant of the lists stands in the code exactly once, and its test files are there", async () => {
  assertEquals(await misfits(mutants), []);
});

Deno.test("no mutant is listed twice", () => {
  const known = new Set<string>();
  const twice = mutants.map((mutant) => describe(mutant)).filter((text) => known.size === known.add(text).size);
  assertEquals(twice, []);
});

Deno.test("the lists have more than 200 mutants, and few of them change nothing", () => {
  assert(mutants.length >= 200, `${mutants.length}`);
  const equivalent = mutants.filter((mutant) => mutant.equivalent !== undefined);
  assert(equivalent.length < mutants.length / 10, `${equivalent.length} of ${mutants.length}`);
});
