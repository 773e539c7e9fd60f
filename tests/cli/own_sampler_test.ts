/** A sampler that a program adds is a method of the commands, with its parameters as options. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { choice, UsageError } from "../../parameters/mod.ts";
import { helpText, readImage } from "../../io/mod.ts";
import { chooseMethod, chooseTask, type Method, restoreTasks } from "../../restoration/mod.ts";
import { EVALUATE } from "../../cli/evaluate.ts";
import { readEntries } from "../../evaluation/mod.ts";
import { RESTORE } from "../../cli/restore.ts";
import { registeredSamplers, registerSampler } from "../../samplers/mod.ts";
import { fading } from "../support/own_sampler.ts";
import { commandTest, readReport, runWell } from "./run_command.ts";

function method(...words: string[]): Method {
  const args = parseCommand(RESTORE.spec, words);
  if (args === "help") throw new Error("help was asked for");
  return chooseMethod(args.values, chooseTask(args.values, "sr4", restoreTasks()));
}

/** A help text in one line. */
function flat(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

Deno.test("a registered sampler stands in the help with its parameters, and is gone when it is disposed of", () => {
  const before = [helpText(RESTORE.spec), helpText(EVALUATE.spec)];
  {
    using _ = registerSampler(fading);
    const help = flat(helpText(RESTORE.spec));
    assertStringIncludes(help, "own-fading fades to gray");
    assertStringIncludes(help, "--pull N own-fading: share that is taken away each time (0.5, inpainting 0.25)");
    assertStringIncludes(help, "own-fading: number of times that it pulls (4)");
    assertStringIncludes(flat(helpText(EVALUATE.spec)), "own-fading fades to gray");
    assertEquals(readEntries("method", "own-fading pull=0|1")[1]!.label, "own-fading pull=1");
    assertEquals(readEntries("method", "*").at(-1)!.name, "own-fading");
  }
  assertEquals([helpText(RESTORE.spec), helpText(EVALUATE.spec)], before);
  assertThrows(() => method("--method", "own-fading"), UsageError, '--method is "own-fading", one of ssd');
});

Deno.test("options of a registered sampler are its own, with defaults of the task and ranges", () => {
  using _ = registerSampler(fading);
  assertEquals(method("--method", "own-fading").options, { steps: 4, pull: 0.5 });
  const inpaint = method("--method", "own-fading", "--task", "inpaint", "--steps", "2");
  assertEquals(inpaint.options, { steps: 2, pull: 0.25 });
  assertEquals(inpaint.timesteps, { option: "--steps", least: 2 });
  const refused: readonly (readonly [words: readonly string[], message: string])[] = [
    [["--pull", "0.5"], "--pull belongs to --method own-fading; leave it out"],
    [["--method", "own-fading", "--eta", "0.5"], "--eta belongs to --method ssd"],
    [["--method", "own-fading", "--pull", "2"], '--pull is "2", a number from 0 to 1 is needed'],
    [["--method", "own-fading", "--steps", "1001"], "--steps is 1001, at most 1000 is needed"],
    [
      ["--noise-level", "0.1"],
      "dds, diffpir, ddpg, idpg, sitcom, cm4ir, guess-and-guide, pnp-dm, ddsmc, fps-smc, gibbs-ddrm, own-fading; leave it out",
    ],
  ];
  for (const [words, message] of refused) assertThrows(() => method(...words), UsageError, message);
});

Deno.test("a sampler whose name or option means something else already is not registered", () => {
  const count = registeredSamplers().length;
  assertThrows(() => registerSampler({ ...fading, name: "ssd" }), RangeError, 'Cannot register sampler "ssd": "ssd"');
  assertThrows(() => registerSampler({ ...fading, method: "ddnm+" }), RangeError, '"ddnm_plus" is there');
  const parameters = { eta: choice("a", ["a", "b"], {}, "which") };
  assertThrows(() => registerSampler({ ...fading, parameters }), RangeError, "its option --eta is of kind choice");
  assertEquals(registeredSamplers().length, count);
});

commandTest("a registered sampler restores and is evaluated like any other", async (folder) => {
  using _ = registerSampler(fading);
  const picture = folder.picture("x.png", { width: 32, height: 32 });
  const restore = async (name: string, ...options: string[]): Promise<readonly number[]> => {
    const out = folder.path(`${name}.png`);
    await runWell(["restore", picture, "--degrade", "--task", "sr4", ...options, "--out", out]);
    return [...(await readImage(out)).samples];
  };
  const own = ["--method", "own-fading"];
  const inverse = await restore("inverse", "--method", "pseudo-inverse");
  assertEquals(await restore("kept", ...own, "--pull", "0"), inverse);
  assert((await restore("gray", ...own, "--pull", "1")).every((value) => Math.abs(value - 127.5) < 1));
  const { method } = readReport(folder.path("gray.png")) as { readonly method: object };
  assertEquals(method, { name: "own_fading", steps: 4, pull: 1 });
  const study = ["evaluate", picture, "--tasks", "sr4", "--size", "32", "--out", folder.path("study")];
  await runWell([...study, "--methods", "own-fading pull=0|0.5 steps=2"]);
  const rows = (await Deno.readTextFile(folder.path("study/results.csv"))).trim().split("\n").slice(1);
  assertEquals(rows.map((row) => /own-fading[^,]*/.exec(row)?.[0]), [
    "own-fading steps=2 pull=0",
    "own-fading steps=2 pull=0.5",
  ]);
});
