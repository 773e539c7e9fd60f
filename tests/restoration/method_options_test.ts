import { assert, assertEquals, assertThrows } from "@std/assert";
import { number, type OptionValues, UsageError } from "../../parameters/mod.ts";
import { chooseMethod, chooseRestoring, methodOptions, presetNotes, TASKS } from "../../restoration/mod.ts";
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

Deno.test("the embedded prior restores by the measured preset where nothing of the method is named", () => {
  const presetOf = (options: OptionValues, task: string, isEmbedded = true): string | undefined =>
    chooseRestoring(options, TASKS.get(task)!, isEmbedded).preset;
  for (const task of ["sr4", "deblur", "inpaint"]) {
    assertEquals(presetOf({}, task), "measured-30");
    assertEquals(presetOf({ method: "ssd", size: 64 }, task), "measured-30");
    assertEquals(presetOf({}, task, false), "ssd-30", "published for a network on which it was not measured");
    assertEquals(presetOf({ preset: "ssd-30" }, task), "ssd-30");
    assertEquals(presetOf({ steps: 30 }, task), "ssd-30", "parameters that are named go with what is published");
    assertEquals(presetOf({ method: "ddrm" }, task), undefined);
  }
  assertEquals(presetOf({}, "colorize"), "ssd-30", "which has published parameters of its own");
  const { options } = chooseRestoring({}, TASKS.get("sr4")!, true);
  const { t0, ddimEta, inversionSteps, generationSteps } = options as Record<string, unknown>;
  assertEquals([t0, ddimEta, inversionSteps, generationSteps], [400, 1, 5, 25]);
  const chosen = chooseRestoring({}, TASKS.get("sr4")!, true);
  assertEquals(presetNotes(chosen, {}).length, 1);
  assertEquals(presetNotes(chosen, { preset: "measured-30" }), []);
  assertEquals(presetNotes(chooseRestoring({}, TASKS.get("sr4")!, false), {}), []);
});
