import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseCommand } from "../../cli/arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import { chooseMethod, chooseTask, type Method, restoreTasks, restoringMethods } from "../../restoration/mod.ts";
import { RESTORE } from "../../cli/restore.ts";
import { readImage } from "../../io/mod.ts";
import { SAMPLERS } from "../../samplers/mod.ts";
import { commandTest, readReport, runWell } from "./run_command.ts";

function method(...words: string[]): Method {
  const args = parseCommand(RESTORE.spec, words);
  if (args === "help") throw new Error("help was asked for");
  return chooseMethod(args.values, chooseTask(args.values, "sr4", restoreTasks()));
}

Deno.test("every sampler of the register is a method of the command line", () => {
  assertEquals(restoringMethods().map(({ name }) => name), Object.keys(SAMPLERS));
  for (const [key, { name, method: named }] of Object.entries(SAMPLERS)) {
    assertEquals(name, key);
    const chosen = method("--method", named);
    assertEquals(chosen.name, name);
    assert(chosen.evaluations.actual >= 0, name);
  }
});

Deno.test("parameters are the published ones of the task unless an option says otherwise", () => {
  assertEquals(method("--method", "diffpir").options, SAMPLERS.diffpir.defaultsFor("super_resolution"));
  const inpaint = method("--method", "diffpir", "--task", "inpaint", "--zeta", "0.5").options;
  assertEquals(inpaint, { ...SAMPLERS.diffpir.defaultsFor("inpainting"), zeta: 0.5 });
  const ddrm = method("--method", "ddrm", "--steps", "40", "--eta-b", "0.9").options;
  assertEquals(ddrm, { ...SAMPLERS.ddrm.defaults, steps: 40, etaB: 0.9 });
  assertEquals(method("--method", "ccdf", "--shortcut", "50").evaluations.actual, 50);
  const ilvr = method("--method", "ilvr", "--ilvr-reference", "paper", "--fixed-variance", "large").options;
  assertEquals(ilvr, { ...SAMPLERS.ilvr.defaults, reference: "paper", fixedVariance: "large" });
  const pigdm = method("--method", "pigdm", "--pigdm-form", "paper").options;
  assertEquals(pigdm, { ...SAMPLERS.pigdm.defaults, guidanceForm: "paper" });
});

Deno.test("options of another method are refused with the methods that take them", () => {
  const cases: readonly (readonly [words: readonly string[], message: string])[] = [
    [["--method", "ddnm", "--zeta", "0.5"], "--zeta belongs to --method diffpir, ddpg, cm4ir; leave it out"],
    [["--eta-a", "0.5"], "--eta-a belongs to --method ddrm; leave it out"],
    [
      ["--method", "repaint", "--noise-level", "0.1"],
      "--noise-level belongs to --method ddnm+, ddrm, dmps, pigdm, dps-dmps, dds, diffpir",
    ],
    [["--method", "ssd+", "--preset", "measured-30"], "one of ssd-30, ssd-100 is needed for --method ssd+"],
    [["--method", "ddrm", "--preset", "ssd-30"], "--preset belongs to --method ssd, ssd+; leave it out"],
    [["--method", "mcg", "--likelihood", "poisson"], "--likelihood belongs to --method dps; leave it out"],
    [["--method", "dps", "--switch-share", "0.2"], "--switch-share belongs to --method dps-dmps; leave it out"],
    [["--method", "ddnm+", "--pigdm-form", "paper"], "--pigdm-form belongs to --method pigdm; leave it out"],
    [["--method", "ddrm", "--steps", "1500"], "--steps is 1500, at most 1000 is needed"],
  ];
  for (const [words, message] of cases) assertThrows(() => method(...words), UsageError, message);
});

Deno.test("a task that is not linear is restored by DPS unless it has a projection, or another method is named", () => {
  assertEquals(method("--task", "deblur-network").options, SAMPLERS.dps.defaults);
  assertEquals(method("--task", "phase", "--steps", "50").options, { ...SAMPLERS.dps.defaults, steps: 50, scale: 1 });
  assertEquals(method("--task", "inpaint", "--method", "dps").options, { ...SAMPLERS.dps.defaults, scale: 0.5 });
  const first = method("--task", "jpeg", "--method", "diffpir", "--data-step", "first_order");
  assertEquals(first.name, "diffpir");
  for (const task of ["jpeg", "hdr", "sr2 + jpeg"]) {
    assertEquals(method("--task", task).name, "ssd");
    assertEquals(method("--task", task, "--method", "ddnm").name, "ddnm");
    assertThrows(
      () => method("--task", task, "--method", "ddrm"),
      UsageError,
      "needs ssd, or ssd+, or ddnm, or dps, or diffpir",
    );
  }
  for (const words of [["--method", "ddnm"], ["--method", "ssd"], ["--method", "diffpir"]]) {
    assertThrows(
      () => method("--task", "deblur-network", ...words),
      UsageError,
      `--method is ${
        words[1]
      }, the task is "deblur-network": what is not linear needs dps, or diffpir with --data-step first_order`,
    );
  }
});

commandTest(
  "--recompute computes blocks again where a gradient needs them: other memory, the same picture",
  async (folder) => {
    const picture = folder.picture("x.png", { width: 32, height: 32 });
    const words = ["restore", picture, "--degrade", "--task", "sr4", "--method", "dps", "--steps", "4"];
    const [kept, again] = [folder.path("kept.png"), folder.path("again.png")];
    await runWell([...words, "--out", kept]);
    await runWell([...words, "--recompute", "--out", again]);
    assertEquals((await readImage(again)).samples, (await readImage(kept)).samples);
    const bytesOf = (out: string): number =>
      (readReport(out) as { memory: { peakDeviceBytes: number } }).memory.peakDeviceBytes;
    assert(bytesOf(again) < bytesOf(kept), `${bytesOf(again)} and ${bytesOf(kept)} bytes`);
  },
);
