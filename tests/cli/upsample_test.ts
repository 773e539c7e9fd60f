import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { FileSource, readImage } from "../../io/mod.ts";
import { type Description, openSafetensors } from "../../models/mod.ts";
import { goldenPath, writeCopy } from "../conformance/reference_files.ts";
import { BY_CLASS, randomModel, UPSAMPLER } from "./random_model.ts";
import { commandTest, type Folder, readReport, runCommand, runWell } from "./run_command.ts";

const SMALL = { width: 4, height: 4 };

/** Restores in few steps and gives the samples of the result. */
async function restored(folder: Folder, picture: string, ...words: string[]): Promise<Uint8Array | Uint16Array> {
  const out = folder.path("out.png");
  await runWell(["restore", picture, "--steps", "6", "--out", out, ...words]);
  return (await readImage(out)).samples;
}

async function refused(fragment: string, code: number, ...words: string[]): Promise<void> {
  const outcome = await runCommand(["restore", ...words]);
  assertStringIncludes(outcome.stderr, fragment);
  assertEquals(outcome.code, code, outcome.stderr);
}

/** An upsampler whose file does not say from which size it enlarges. */
function withoutSmallSize(): Description {
  const { small_size: _, ...description } = UPSAMPLER;
  return description;
}

commandTest("restore --class chooses the class of a conditional network", async (folder) => {
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const model = ["--task", "sr2", "--model", await randomModel(folder, "by-class.safetensors", BY_CLASS)];
  const first = await restored(folder, picture, ...model, "--class", "1");
  assertEquals((readReport(folder.path("out.png")) as { model: { class: number } }).model.class, 1);
  assertEquals(await restored(folder, picture, ...model, "--class", "1"), first);
  assertNotEquals(await restored(folder, picture, ...model, "--class", "4"), first);
  const words = [picture, ...model, "--out", folder.path("none.png")];
  await refused(
    'no class was given, "by-class.safetensors" is class-conditional: --class N with N within 0..4',
    2,
    ...words,
  );
  await refused("--class is 5", 2, ...words, "--class", "5");
});

commandTest("restore --class works with a recorded class-conditional network", async (folder) => {
  const recorded = goldenPath("unet-guided-c-classcond");
  using source = await FileSource.open(recorded);
  const { metadata, tensors } = await openSafetensors(source);
  const rename = Object.fromEntries([...tensors.keys()].map((name) => [name, name.replace(/^model\./, "")]));
  const config = { architecture: "guided-diffusion", ...JSON.parse(metadata.get("constructor")!) };
  const model = await writeCopy(recorded, folder.path("model.safetensors"), {
    keep: /^model\./,
    rename,
    metadata: { config: JSON.stringify(config) },
  });
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const words = ["--task", "colorize", "--model", model, "--class"];
  assertNotEquals(await restored(folder, picture, ...words, "0"), await restored(folder, picture, ...words, "1"));
});

commandTest(
  "restore --task upsample enlarges as the network was trained, by its picture, class and seed",
  async (folder) => {
    const model = await randomModel(folder, "upsampler.safetensors", UPSAMPLER);
    const picture = folder.picture("y.png", SMALL);
    const base = ["--task", "upsample", "--model", model];
    const first = await restored(folder, picture, ...base, "--class", "2", "--sheet");
    assertEquals(first.length, 16 * 16 * 3);
    assertEquals(folder.list().filter((name) => name.startsWith("out")), ["out-sheet.png", "out.json", "out.png"]);
    const { task, method, evaluations, sizes } = readReport(folder.path("out.png"));
    assertEquals(task, { name: "upsample", operator: "sr_average", parameters: { scale: 4 }, measured: true });
    assertEquals(method, { name: "ddpm", steps: 6, clipDenoised: true, fixedVariance: "small" });
    assertEquals(evaluations, { nominal: 6, actual: 6 });
    assertEquals(sizes, { restored: "16x16", network: "16x16", result: "16x16" });
    assertEquals(await restored(folder, picture, ...base, "--class", "2"), first);
    const other = folder.picture("other.png", { ...SMALL, sample: (x, y, c) => (x * 60 + y * 13 + c * 90) % 256 });
    assertNotEquals(await restored(folder, other, ...base, "--class", "2"), first, "picture");
    assertNotEquals(await restored(folder, picture, ...base, "--class", "3"), first, "class");
    assertNotEquals(await restored(folder, picture, ...base, "--class", "2", "--seed", "1"), first, "seed");
    const ddim = ["--class", "2", "--method", "ddim"];
    const even = await restored(folder, picture, ...base, ...ddim);
    assertEquals(readReport(folder.path("out.png")).method, { name: "ddim", steps: 6, clipDenoised: true, eta: 0 });
    assertNotEquals(even, first, "method");
    assertNotEquals(await restored(folder, picture, ...base, ...ddim, "--ddim-eta", "1"), even, "eta");
  },
);

commandTest("samples of an upsampler have seeds of their own, and its noise can be replayed", async (folder) => {
  const model = await randomModel(folder, "upsampler.safetensors", UPSAMPLER);
  const words = ["--task", "upsample", "--model", model, "--class", "0"];
  const picture = folder.picture("y.png", SMALL);
  const out = folder.path("many.png");
  await runWell(["restore", picture, ...words, "--steps", "6", "--seed", "4", "--samples", "2", "--out", out]);
  const second = (await readImage(folder.path("many-2.png"))).samples;
  const trace = folder.path("trace.safetensors");
  assertEquals(await restored(folder, picture, ...words, "--seed", "5", "--trace", trace), second);
  assertNotEquals((await readImage(folder.path("many-1.png"))).samples, second);
  using source = await FileSource.open(trace);
  const names = [...(await openSafetensors(source)).tensors.keys()].filter((name) => name.startsWith("noise."));
  assertEquals(
    names.toSorted(),
    ["gen.0", "gen.1", "gen.2", "gen.3", "gen.4", "gen.5", "start"].map((n) => `noise.${n}`),
  );
  assertEquals(await restored(folder, picture, ...words, "--noise", trace), second);
});

commandTest("pictures of any size are upsampled, and a good one is made small first with --degrade", async (folder) => {
  const model = await randomModel(folder, "upsampler.safetensors", UPSAMPLER);
  const words = [
    "--task",
    "upsample",
    "--model",
    model,
    "--class",
    "0",
    "--steps",
    "4",
    "--out",
    folder.path("out.png"),
  ];
  await runWell(["restore", folder.picture("wide.png", { width: 7, height: 3 }), ...words]);
  const { width, height } = await readImage(folder.path("out.png"));
  assertEquals([width, height], [28, 12]);
  const { stdout } = await runWell(["restore", folder.picture("good.png", {}), "--degrade", ...words]);
  assertMatch(stdout, /Restored: +PSNR [\d.]+ dB/);
  assertEquals((readReport(folder.path("out.png")).sizes as { result: string }).result, "16x16");
});

commandTest("where the file does not tell the factor, the picture or --scale does", async (folder) => {
  const model = await randomModel(folder, "unknown.safetensors", withoutSmallSize());
  const words = ["--task", "upsample", "--model", model, "--class", "0"];
  const small = folder.picture("y.png", { width: 8, height: 4 });
  assertEquals((await restored(folder, small, ...words)).length, 16 * 8 * 3);
  assertEquals((await restored(folder, small, ...words, "--scale", "4")).length, 32 * 16 * 3);
  const odd = folder.picture("odd.png", { width: 7, height: 4 });
  await refused(
    "does not say from which size; give a picture whose longest side divides that, or --scale N",
    1,
    odd,
    ...words,
  );
  await refused("does not say how much it enlarges; give --scale N", 2, odd, "--degrade", ...words);
  await refused("--scale belongs to --task upsample", 2, odd, "--task", "sr2", "--scale", "2");
  const told = await randomModel(folder, "known.safetensors", UPSAMPLER);
  const known = [...words.slice(0, 3), told, ...words.slice(4)];
  await refused('--scale is 2, "known.safetensors" was trained to enlarge x4', 2, odd, ...known, "--scale", "2");
});

commandTest(
  "tasks and networks that do not fit each other are refused, and options of another sampler",
  async (folder) => {
    const model = await randomModel(folder, "upsampler.safetensors", UPSAMPLER);
    const picture = folder.picture("y.png", SMALL);
    const out = ["--out", folder.path("out.png")];
    const upsampling = [picture, "--task", "upsample", ...out];
    await refused('"prior.safetensors" takes no small picture', 2, ...upsampling);
    const wrong = [picture, "--task", "sr4", "--model", model, "--class", "0", ...out];
    await refused('the task is "sr4", "upsampler.safetensors" is an upsampler: --task upsample is needed', 2, ...wrong);
    await refused("no class was given", 2, ...upsampling, "--model", model);
    await refused(
      '--method is ssd, the task is "upsample": ddpm or ddim or heun or dpm or euler or ',
      2,
      ...upsampling,
      "--method",
      "ssd",
    );
    await refused(
      '--method is ddim, the task is "sr2": one of ssd, ssd+, pseudo-inverse',
      2,
      picture,
      "--task",
      "sr2",
      "--method",
      "ddim",
    );
    await refused(
      "--shortcut belongs to --method ssd, ssd+, guess-and-guide, sdedit, ccdf; leave it out",
      2,
      ...upsampling,
      "--shortcut",
      "500",
    );
    await refused("--ddim-eta belongs to --method ddim; leave it out", 2, ...upsampling, "--ddim-eta", "0.5");
    await refused("--mask-box belongs to task", 2, ...upsampling, "--degrade", "--mask-box", "0.5");
    const long = ["--model", model, "--class", "0", "--steps", "1001"];
    await refused("--steps is 1001, at most 1000 is needed", 2, ...upsampling, ...long);
    assertEquals(folder.list().filter((name) => name.startsWith("out")), []);
    const help = await runWell(["restore", "--help"]);
    for (const text of ["--class N", "--scale N", "upsample  "]) assert(help.stdout.includes(text), text);
  },
);
