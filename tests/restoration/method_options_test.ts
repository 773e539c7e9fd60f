import { assert, assertEquals, assertThrows } from "@std/assert";
import { number, UsageError } from "../../parameters/mod.ts";
import { chooseMethod, methodOptions, TASKS } from "../../restoration/mod.ts";
import { registerSampler, sampler } from "../../samplers/mod.ts";

Deno.test("a parameter that programs alone give is no option of a method", () => {
  using _ = registerSampler(sampler({
    name: "own_secret",
    paper: "none",
    about: "keeps something to itself",
    parameters: {
      told: number(0.5, { min: 0, max: 1 }, "what a command line says"),
      secret: number(0.25, { min: 0, max: 1, programsOnly: true }, "what no command line says"),
    },
    evaluations: () => ({ nominal: 0, actual: 0 }),
    restore: () => {
      throw new Error("it is not run");
    },
  }));
  assert("told" in methodOptions());
  assert(!("secret" in methodOptions()));
  const task = TASKS.get("sr4")!;
  const { options } = chooseMethod({ method: "own-secret", told: 0.75, secret: 0.75 }, task);
  assertEquals(options, { told: 0.75, secret: 0.25 });
  assertThrows(() => chooseMethod({ method: "ssd", told: 0.5 }, task), UsageError, "belongs to --method own-secret");
});
