/** How the options of Shortcut Sampling become its parameters. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import { chooseMethod, methodOptions, TASKS } from "../../restoration/mod.ts";
import { SSD_PLUS_STOP } from "../../samplers/mod.ts";

const SPEC = {
  name: "restore",
  summary: "",
  operands: { usage: "", min: 0, max: 0 },
  options: methodOptions(),
  examples: [],
} as const;

function optionsOf(words: readonly string[], task = "sr4"): Readonly<Record<string, unknown>> {
  const args = parseCommand(SPEC, words);
  if (args === "help") throw new TypeError("help was asked for");
  return chooseMethod(args.values, TASKS.get(task)!).options as unknown as Record<string, unknown>;
}

Deno.test("--steps are split into inversion and generation as the published settings are", () => {
  const lengths = (steps: number): readonly unknown[] => {
    const { inversionSteps, generationSteps } = optionsOf(["--steps", String(steps)]);
    return [inversionSteps, generationSteps];
  };
  assertEquals(lengths(100), [15, 85]);
  assertEquals(lengths(30), [5, 25]);
  assertEquals(lengths(4), [2, 2]);
});

Deno.test("generation takes the eta mix unless DDPM steps are asked for", () => {
  assertEquals(optionsOf([])["useDdim"], true);
  assertEquals(optionsOf(["--ddpm-steps"])["useDdim"], false);
});

Deno.test("ssd+ stops enforcing data at the published timestep, and never beyond the shortcut", () => {
  assertEquals(optionsOf(["--method", "ssd+"])["tStop"], SSD_PLUS_STOP);
  assertEquals(optionsOf(["--method", "ssd+", "--stop-timestep", "7"])["tStop"], 7);
  const small = SSD_PLUS_STOP / 2;
  assertEquals(optionsOf(["--method", "ssd+", "--shortcut", String(small), "--steps", "10"])["tStop"], small);
  assertThrows(() => optionsOf(["--stop-timestep", "7"]), UsageError, "belongs to --method ssd+");
});

Deno.test("attention is injected for as many steps as both lists have", () => {
  const inject = (count: number, ...words: readonly string[]): unknown =>
    optionsOf(["--inject-attention", String(count), ...words])["injectedSteps"];
  assertEquals(inject(4), 4);
  assertThrows(() => inject(5), UsageError, "at most 4 is needed");
  assertEquals(inject(3, "--inversion-steps", "9", "--generation-steps", "3"), 3);
  assertThrows(() => inject(4, "--inversion-steps", "9", "--generation-steps", "3"), UsageError, "at most 3");
});
