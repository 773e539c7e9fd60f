// deno-lint-ignore-file camelcase -- keywords keep the spelling of configurations
/** A family of networks that a program adds is recognized, opened and run by all commands, without a line of theirs. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { FAMILIES, planDescription, registerFamily, safetensorsBytes } from "../../models/mod.ts";
import { integer } from "../../parameters/mod.ts";
import { randomTensorsOf } from "../models/random_checkpoint.ts";
import { twoLayers } from "../support/own_family.ts";
import { commandTest, type Folder, readReport, runCommand, runWell } from "./run_command.ts";

const PROCESS = ["--schedule", "linear", "--diffusion-steps", "1000", "--value-range=-1..1"];

/** What must be said of the network. */
const ANSWERS = ["--image-size", "16", "--clock", "seen", ...PROCESS];

/** A checkpoint of the family that does not say what it is. */
async function checkpoint(folder: Folder): Promise<string> {
  const { parameters } = twoLayers.plan({ image_size: 16, width: 8 });
  return folder.write("own.safetensors", await safetensorsBytes({ tensors: randomTensorsOf(parameters, 3) }));
}

Deno.test("a family is in the register until it is taken out again", () => {
  const before = [...FAMILIES.keys()];
  const description = { architecture: "two-layers", image_size: 16, width: 8 };
  {
    using _ = registerFamily(twoLayers);
    const { family, plan, process } = planDescription(description, "noise");
    assertEquals([family.name, plan.config.imageSize, plan.parameters.size], ["two-layers", 16, 6]);
    assertEquals(process.schedule?.alphaBar.length, 1000);
    const wrong = (): unknown => planDescription({ ...description, width: 3, depth: 1 });
    assertThrows(wrong, TypeError, '"width" is 3, an integer of at least 4 is needed; "depth" is no keyword');
    assertThrows(() => registerFamily(twoLayers), RangeError, 'Cannot register family "two-layers": there is one');
  }
  assertEquals([...FAMILIES.keys()], before);
  assertThrows(() => planDescription(description), TypeError, 'the architecture is "two-layers", "guided-diffusion"');
});

Deno.test("a family is refused whose class or answer is taken by another one", () => {
  const other = (changed: object): Parameters<typeof registerFamily>[0] => ({ ...twoLayers, ...changed });
  assertThrows(() => registerFamily(other({ classes: ["Model"] })), RangeError, '"ddpm" has a class "Model"');
  const answers = { levels: integer(undefined, { max: 3 }, "") };
  assertThrows(() => registerFamily(other({ answers })), RangeError, "its answer levels is another one than that of");
});

commandTest("help texts tell what can be said of a registered family", async () => {
  const help = async (command: string): Promise<string> => (await runWell([command, "--help"])).stdout;
  for (const registered of [true, false]) {
    using _ = registered ? registerFamily(twoLayers) : undefined;
    for (const command of ["restore", "evaluate", "profile", "models", "convert", "tune", "metrics"]) {
      assertEquals((await help(command)).includes("--clock seen|unseen"), registered, command);
    }
  }
});

commandTest(
  "models inspect tells what a checkpoint of a registered family is, and what it leaves open",
  async (folder) => {
    const file = await checkpoint(folder);
    assertStringIncludes((await runCommand(["models", "inspect", file])).stderr, "belong to no known network");
    using _ = registerFamily(twoLayers);
    const open = JSON.parse((await runWell(["models", "inspect", file, "--json"])).stdout);
    assertEquals(open.config, { architecture: "two-layers", in_channels: 3, width: 8 });
    for (const option of ["--image-size", "--clock", "--schedule", "--diffusion-steps", "--value-range"]) {
      assertStringIncludes(open.open, option);
    }
    const { config, gmac } = JSON.parse((await runWell(["models", "inspect", file, "--json", ...ANSWERS])).stdout);
    assertEquals([config.architecture, config.image_size, config.timed], ["two-layers", 16, true]);
    // Two convolutions 3x3 between 3 and 8 channels at 256 pixels, and 8x8 for the timestep.
    assertEquals(gmac * 1e9, 2 * 9 * 3 * 8 * 256 + 64);
    const foreign = await runCommand(["models", "inspect", file, "--heads", "2", ...ANSWERS]);
    assertStringIncludes(foreign.stderr, "heads is 2, of a two-layers network there is imageSize, clock, ");
  },
);

commandTest("restore, evaluate and profile run a network of a registered family", async (folder) => {
  using _ = registerFamily(twoLayers);
  const model = ["--model", await checkpoint(folder), ...ANSWERS];
  const picture = folder.picture("x.png", { width: 16, height: 16 });
  const out = folder.path("out.png");
  await runWell(["restore", picture, "--degrade", "--method", "ddnm", "--steps", "3", "--out", out, ...model]);
  const { model: { name, parameters } } = readReport(out) as { model: Record<string, unknown> };
  assertEquals([name, parameters], ["own.safetensors", 8 * 27 + 8 + 64 + 8 + 3 * 72 + 3]);
  const study = folder.path("study");
  await runWell(["evaluate", picture, "--methods", "ddnm steps=3", "--seeds", "0,1", "--out", study, ...model]);
  assertStringIncludes(await Deno.readTextFile(`${study}/results.csv`), "ddnm steps=3");
  const rows = folder.path("rows.json");
  const { stdout } = await runWell(["profile", "--size", "16", "--runs", "1", "--json", rows, ...model]);
  assertStringIncludes(stdout, "second");
  await runWell(["convert", model[1]!, folder.path("told.safetensors"), ...ANSWERS]);
  await runWell([
    "restore",
    picture,
    "--degrade",
    "--steps",
    "3",
    "--method",
    "ddnm",
    "--model",
    folder.path("told.safetensors"),
    "--out",
    out,
  ]);
});
