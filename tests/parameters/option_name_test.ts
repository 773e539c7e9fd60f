import { assertEquals } from "@std/assert";
import { integer, optionName } from "../../parameters/mod.ts";

Deno.test("each capital of a parameter's name begins a word of its option", () => {
  assertEquals(optionName("mostStepsOfAll", integer(1, {}, "steps")), "most-steps-of-all");
});
