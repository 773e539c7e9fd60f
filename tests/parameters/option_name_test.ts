import { assertEquals } from "@std/assert";
import { fits, integer, optionName } from "../../parameters/mod.ts";

Deno.test("each capital of a parameter's name begins a word of its option", () => {
  assertEquals(optionName("mostStepsOfAll", integer(1, {}, "steps")), "most-steps-of-all");
});

Deno.test("a parameter is left open where its default is, and nowhere else", () => {
  assertEquals(fits(integer(undefined, {}, "steps"), undefined), true);
  assertEquals(fits(integer(1, {}, "steps"), undefined), false);
});
