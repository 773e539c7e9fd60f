import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { type Arguments, parseCommand } from "../../cli/arguments.ts";
import { EVALUATE } from "../../cli/evaluate.ts";
import { identifyModel, readFoundStudy, TASK_FILES } from "../../cli/evaluate_inputs.ts";
import { listPictures } from "../../cli/pictures.ts";
import { makePlan, type StepNoise } from "../../evaluation/mod.ts";
import { readImage } from "../../io/mod.ts";
import { colourRaster } from "../../raster/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { linearTensors, perceptualTensors } from "../models/feature_files.ts";
import { filesBelow, SMALL, smallEvaluation, tablesOf, temporaryFiles } from "./evaluate_runs.ts";
import { randomModel } from "./random_model.ts";
import { commandTest, readReport, runCommand, runWell, withFolder } from "./run_command.ts";

interface Unit {
  readonly unit: string;
  readonly noise?: readonly StepNoise[];
  readonly metrics: Readonly<Record<string, number>>;
}

/** The cells of results.json. */
function cellsOf(out: string): readonly { readonly method: string; readonly units: readonly Unit[] }[] {
  return JSON.parse(Deno.readTextFileSync(`${out}/results.json`)).cells;
}

commandTest("evaluate prints its plan, and with --plan writes nothing", async (folder) => {
  const line = await smallEvaluation(folder);
  const changed = { methods: "ssd steps=6, ddrm steps=4", tasks: "sr4, ct" };
  const { stdout, stderr } = await runWell([...line(changed), "--plan"]);
  assertStringIncludes(stderr, "3 pictures x 2 tasks x 2 methods x 1 seed: 9 units, 42 network evaluations");
  assertStringIncludes(stderr, 'Not applicable: ddrm steps=4 on ct: Cannot run ddrm on "ct"');
  assert(/9 units to do: 42 network evaluations, about [\d.]+ s by one network evaluation/.test(stderr), stderr);
  assertStringIncludes(stdout, "0 of 9 units are there already, 9 are to be done");
  assertEquals(folder.list(), ["pictures", "small.safetensors"]);
});

commandTest(
  "a repeated evaluation does nothing, and shards one by one give the bytes of a whole in batches",
  async (folder) => {
    const line = await smallEvaluation(folder);
    const whole = folder.path("out");
    await runWell(line({ batch: "3" }));
    const kept = filesBelow(whole).filter((name) => /^(units|pictures)\//.test(name));
    const timesOf = (): Promise<readonly unknown[]> =>
      Promise.all(kept.map(async (name) => (await Deno.stat(`${whole}/${name}`)).mtime?.getTime()));
    const before = await timesOf();
    const again = await runWell(line());
    assertStringIncludes(again.stdout, "All units were there already: nothing was restored");
    assertEquals(await timesOf(), before);
    const parts = [1, 2].map((index) => folder.path(`part-${index}`));
    for (const [index, out] of parts.entries()) await runWell(line({ out, shard: `${index + 1}/2`, batch: "1" }));
    await runWell(["evaluate", "merge", ...parts, "--out", folder.path("merged")]);
    assertEquals(tablesOf(folder.path("merged")), tablesOf(whole));
    assertEquals(filesBelow(folder.path("merged")), filesBelow(whole));
    for (const name of filesBelow(whole).filter((name) => name.endsWith(".png"))) {
      assertEquals(await Deno.readFile(folder.path(`merged/${name}`)), await Deno.readFile(`${whole}/${name}`), name);
    }

    const incomplete = await runCommand(["evaluate", "merge", parts[0]!, "--out", folder.path("half")]);
    assertEquals(incomplete.code, 1);
    assertStringIncludes(incomplete.stdout, "9 of 18 units are missing");
    const other = folder.path("other");
    await runWell(line({ out: other, seeds: "1", limit: "1", methods: "pseudo-inverse" }));
    const refused = await runCommand(["evaluate", "merge", parts[0]!, other, "--out", folder.path("mixed")]);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "they are of different plans");
  },
);

commandTest(
  "with --seeds each picture k has seed k, and the bytes that it has with that seed alone",
  async (folder) => {
    const line = await smallEvaluation(folder);
    const usual = { methods: "ssd steps=6", tasks: "sr4, inpaint mask-random=0.5" };
    const out = folder.path("out");
    const { stderr } = await runWell([...line({ ...usual, seeds: "each" }), "--sheet", folder.path("a.png")]);
    assertStringIncludes(stderr, "3 pictures x 2 tasks x 1 method x a seed each: 6 units");
    const seedOf = (row: string): string => row.split(",").slice(2, 4).join(" ");
    const rows = (await Deno.readTextFile(`${out}/results.csv`)).trim().split("\n").slice(1);
    assertEquals(rows.map(seedOf), [..."012", ..."012"].map((seed, k) => `${"abc"[k % 3]}.png ${seed}`));
    await runWell(line({ ...usual, seeds: "0-2", batch: "1", out: folder.path("all") }));
    const units = filesBelow(out).filter((name) => /^units.*png$/.test(name));
    assertEquals(units.length, 6);
    for (const name of units) {
      assertEquals(await Deno.readFile(`${out}/${name}`), await Deno.readFile(folder.path(`all/${name}`)), name);
    }
  },
);

Deno.test("a unit has another name when the picture, the noise, an option, the seed or the model is another", async () => {
  await withFolder(async (folder) => {
    const line = await smallEvaluation(folder);
    const usual = { tasks: "sr4 sigma-y=0.1", methods: "ssd steps=6", limit: "1" };
    const nameOf = async (changed: Readonly<Record<string, string>> = {}): Promise<string> => {
      const args = parseCommand(EVALUATE.spec, line({ ...usual, ...changed }).slice(1)) as Arguments;
      const { study } = await readFoundStudy(args, EVALUATE.spec.options);
      const { plan } = await makePlan(study, await identifyModel(args), await listPictures(study.images), TASK_FILES);
      assertEquals(plan.units.length, 1);
      return (await Array.fromAsync(plan.units))[0]!.id;
    };
    const names = [
      await nameOf(),
      await nameOf({ tasks: "sr4 sigma-y=0.2" }),
      await nameOf({ tasks: "sr4 jpeg-quality=60" }),
      await nameOf({ tasks: "sr2 sigma-y=0.1" }),
      await nameOf({ methods: "ssd steps=6 eta=0.5" }),
      await nameOf({ methods: "ssd+ steps=6" }),
      await nameOf({ seeds: "1" }),
      await nameOf({ size: "8" }),
      await nameOf({ precision: "f16" }),
      await nameOf({ convention: "ssd" }),
      await nameOf({ model: await randomModel(folder, "other.safetensors", SMALL, 2) }),
    ];
    folder.picture("pictures/a.png", { width: 16, height: 16, sample: (x, y) => (x * y) % 256 });
    names.push(await nameOf());
    assertEquals(new Set(names).size, names.length);
    // What is called otherwise, or said in other words, is the same.
    assertEquals(await nameOf({ methods: "ssd steps=6 eta=0.4", title: "Another" }), names.at(-1));
  });
});

commandTest(
  "--sheet shows the original, A^+ y and each method of the first pictures, and leaves empty what does not go together",
  async (folder) => {
    const line = await smallEvaluation(folder);
    const sheet = folder.path("sheet.png");
    const methods = "pseudo-inverse, dps steps=4";
    const { stderr } = await runWell([...line({ methods, tasks: "sr4, hdr", limit: "1" }), "--sheet", sheet]);
    assertStringIncludes(stderr, "Not applicable: pseudo-inverse on hdr: what is not linear needs ssd, or ");
    // Pictures of 16 x 16, eight times as large, with gaps of 8: two tasks, four rows.
    const picture = colourRaster(await readImage(sheet));
    assertEquals([picture.width, picture.height], [2 * 136 + 8, 4 * 136 + 8]);
    const corner = (column: number, row: number): number =>
      picture.data[3 * ((row * 136 + 8) * picture.width + column * 136 + 8)]!;
    const truth = colourRaster(await readImage(folder.path("pictures/a.png")));
    assertEquals([corner(0, 0), corner(1, 0), corner(1, 2)], [truth.data[0], truth.data[0], 1]);
    assert(corner(0, 2) < 1 && corner(1, 3) < 1);
    const both = ["--sheet", folder.path("both.png"), "--sheet-images", "2"];
    await runWell([...line({ methods: "pseudo-inverse, bicubic", tasks: "sr4, deblur" }), ...both]);
    const wide = colourRaster(await readImage(folder.path("both.png")));
    assertEquals([wide.width, wide.height], [4 * 136 + 8, 4 * 136 + 8]);
    const refused = async (words: readonly string[], reason: RegExp): Promise<void> => {
      const { code, stderr } = await runCommand([...line(), ...words]);
      assertEquals([code, reason.test(stderr)], [2, true], stderr);
    };
    await refused(["--sheet", folder.path("sheet.jpg")], /a name that ends in .png is needed/);
    await refused(["--sheet-images", "2"], /--sheet-images needs --sheet FILE/);
  },
);

commandTest("a unit that fails is told and left out, the others are there", async (folder) => {
  const line = await smallEvaluation(folder);
  folder.picture("pictures/b.png", { width: 12, height: 16 });
  const { code, stdout, stderr } = await runCommand(line({ methods: "pseudo-inverse", tasks: "cs" }));
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "Failed: b.png, cs, pseudo-inverse, seed 0: Cannot");
  assertStringIncludes(stdout, "1 of 3 units are missing");
  const lines = (await Deno.readTextFile(folder.path("out/results.csv"))).trim().split("\n");
  assertEquals(lines.map((line) => line.split(",")[2]), ["image", "a.png", "c.png"]);
});

commandTest("the noise that is predicted during the inversion is measured on request", async (folder) => {
  const line = await smallEvaluation(folder);
  const methods = "ssd inversion=ddim|da inversion-steps=4 generation-steps=2, ddnm steps=4";
  await runWell([...line({ methods, tasks: "sr4" }), "--noise-statistics"]);
  const cells = cellsOf(folder.path("out"));
  for (const { method, units: [unit] } of cells) {
    const { noise, metrics } = unit!;
    if (method === "ddnm steps=4") assertEquals([noise, metrics["divergence"]], [undefined, undefined]);
    else {
      assertEquals(noise?.map(({ timestep }) => timestep), [0, 183, 366]);
      assertEquals(metrics["divergence"], noise!.reduce((sum, { divergence }) => sum + divergence, 0) / 3);
      assertEquals(metrics["effective"], noise!.reduce((sum, { effective }) => sum + effective.divergence, 0) / 3);
    }
  }
  // Both begin with A^+ y at the lowest timestep, and part from there on.
  const [ddim, da] = cells.map(({ units }) => units[0]!.noise!);
  const predicted = ({ mean, variance, divergence }: StepNoise): readonly number[] => [mean, variance, divergence];
  assertEquals(predicted(ddim![0]!), predicted(da![0]!));
  assertNotEquals(predicted(ddim![1]!), predicted(da![1]!));
  // DDIM puts on what was predicted, DA a mixture with fresh noise, which is nearer to normal.
  for (const { effective, divergence } of ddim!) assertAlmostEquals(effective.divergence, divergence, 1e-4);
  assert(da![0]!.effective.divergence < da![0]!.divergence);
});

commandTest("two evaluations cannot write to one folder, and leftovers of a killed one are removed", async (folder) => {
  const line = await smallEvaluation(folder);
  const out = folder.folder("out");
  folder.folder("out/units");
  folder.write("out/units/.01234567-0123-0123-0123-0123456789ab.tmp", new Uint8Array(3));
  using lock = await Deno.open(`${out}/.lock`, { write: true, create: true });
  await lock.lock(true);
  const words = line({ methods: "pseudo-inverse" });
  const refused = await runCommand(words);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "another evaluation is at work there");
  await lock.unlock();
  await runWell(words);
  assertEquals(temporaryFiles(out), []);
});

commandTest("LPIPS of stored units is measured afterwards, as the metrics command does, and kept", async (folder) => {
  const line = await smallEvaluation(folder);
  folder.picture("pictures/a.png", { width: 40, height: 40 });
  const write = async (name: string, tensors: readonly TensorToWrite[]): Promise<string> =>
    folder.write(name, await safetensorsBytes({ tensors }));
  const drawn = { seed: 3, divisor: 1 } as const;
  const weights = await write("alex.safetensors", perceptualTensors("alex", drawn));
  const linear = await write("linear.safetensors", linearTensors("alex", drawn));
  const usual = { methods: "pseudo-inverse", tasks: "sr4", limit: "1", size: "40" };
  await runWell(line(usual));
  const words = line({ ...usual, "lpips-weights": weights, "lpips-linear": linear });
  const { stdout } = await runWell(words);
  const out = folder.path("out");
  const [{ unit, metrics }] = cellsOf(out)[0]!.units as [Unit];
  const { truth } = JSON.parse(await Deno.readTextFile(`${out}/units/${unit}.json`));
  const pair = [`${out}/units/${unit}.png`, `${out}/pictures/${truth}`];
  const compared = await runWell(["metrics", ...pair, "--lpips-weights", weights, "--lpips-linear", linear, "--json"]);
  assertEquals(metrics["lpips"], JSON.parse(compared.stdout.trim().split("\n").at(-1)!).pairs[0].lpips);
  assertStringIncludes(stdout, "nothing was restored");
  // What is kept is not computed again: a network that cannot be loaded is not missed.
  const [side] = filesBelow(`${out}/units`).filter((name) => name.includes("lpips"));
  await Deno.writeTextFile(`${out}/units/${side}`, JSON.stringify({ distance: 7 }));
  await runWell(words);
  assertEquals(cellsOf(out)[0]!.units[0]!.metrics["lpips"], 7);
});

commandTest("a unit is the picture that restore makes with the same options and seed", async (folder) => {
  const line = await smallEvaluation(folder);
  await runWell(line({ tasks: "inpaint mask-random=0.3 sigma-y=0.1", methods: "ssd steps=6", seeds: "3", limit: "1" }));
  const options = ["--task=inpaint", "--mask-random=0.3", "--sigma-y=0.1", "--method=ssd", "--steps=6", "--seed=3"];
  const files = [`--model=${folder.path("small.safetensors")}`, `--out=${folder.path("r.png")}`];
  await runWell(["restore", folder.path("pictures/a.png"), "--degrade", ...options, ...files]);
  const [{ unit, metrics }] = cellsOf(folder.path("out"))[0]!.units as [Unit];
  const [ours, restored] = [
    await readImage(folder.path(`out/units/${unit}.png`)),
    await readImage(folder.path("r.png")),
  ];
  assertEquals(colourRaster(ours!).data, colourRaster(restored!).data);
  const report = readReport(folder.path("r.png")) as { metrics: Record<string, Record<string, number>> };
  const { psnr, ssim } = report.metrics["result"]!;
  assertEquals([metrics["psnr"], metrics["ssim"]], [psnr, ssim]);
  assertEquals(metrics["consistency"], report.metrics["consistency"]!["rms"]);
});
