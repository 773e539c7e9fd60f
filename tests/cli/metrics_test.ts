import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { readImage } from "../../io/mod.ts";
import { colourRaster } from "../../raster/mod.ts";
import { FeatureStatistics, frechetDistance, openLpips, psnr, ssim, statisticsBytes } from "../../metrics/mod.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { linearTensors, perceptualTensors } from "../models/feature_files.ts";
import { fileOf } from "../models/random_checkpoint.ts";
import { randomValues } from "../support/random.ts";
import { SMALL } from "./evaluate_runs.ts";
import { randomModel } from "./random_model.ts";
import { commandTest, type Folder, runCommand, runWell, withFolder } from "./run_command.ts";

/** A picture of 16 x 16 pixels whose values go up with `step`. */
function picture(folder: Folder, name: string, step: number, size: Readonly<Record<string, number>> = {}): string {
  return folder.picture(name, { ...size, sample: (x, y, c) => (step * (x + 2 * y + 3 * c)) % 256 });
}

/** The last event that a command printed. */
function resultOf(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

function test(name: string, body: (folder: Folder) => Promise<void>): void {
  Deno.test(name, () => withFolder(body));
}

/** The options of a file with these tensors. */
async function writeTensors(folder: Folder, name: string, tensors: readonly TensorToWrite[]): Promise<string> {
  return folder.write(name, await safetensorsBytes({ tensors }));
}

test("metrics compares two pictures by the convention that is asked for", async (folder) => {
  const [a, b] = [picture(folder, "a.png", 3), picture(folder, "b.png", 4)];
  const [x, y] = await Promise.all([a, b].map(async (path) => colourRaster(await readImage(path)).data));
  const options = { shape: [16, 16, 3], rounding: "round" } as const;
  const { stdout } = await runWell(["metrics", a, b, "--json"]);
  const { convention, pairs } = resultOf(stdout) as { convention: string; pairs: Record<string, number>[] };
  assertEquals([convention, pairs.length, pairs[0]!.name as unknown], ["skimage", 1, "a"]);
  assertAlmostEquals(pairs[0]!.psnr!, psnr(x!, y!, options), 1e-12);
  assertAlmostEquals(pairs[0]!.ssim!, ssim(x!, y!, options), 1e-12);
  const other = await runWell(["metrics", a, b, "--convention", "matlab-y", "--scale", "2"]);
  const expected = psnr(x!, y!, { ...options, channels: "rounded-luma", border: 2 });
  assertStringIncludes(other.stdout, expected.toFixed(3));
  assertStringIncludes(other.stdout, "matlab-y: luma rounded to 8 bits");
});

test("metrics pairs the pictures of two folders by name and summarises them", async (folder) => {
  folder.folder("a");
  folder.folder("b");
  for (const step of [1, 2, 3]) {
    picture(folder, `a/${step}.png`, step);
    picture(folder, `b/${step}.png`, step === 3 ? 3 : 2 * step + 1);
  }
  picture(folder, "a/alone.png", 1);
  const { stdout, stderr } = await runWell(["metrics", folder.path("a"), folder.path("b") + "/"]);
  assertStringIncludes(stderr, "1 of 4 pictures of");
  const lines = stdout.split("\n");
  assertEquals(lines.filter((line) => /^[123] {3,}/.test(line)).length, 3);
  assert(/^3 +equal +1\.00000$/.test(lines.find((line) => line.startsWith("3 "))!), stdout);
  assertStringIncludes(stdout, "1 pair is equal: infinite PSNR, left out of its mean");
  const { summaries, pairs } = resultOf(
    (await runWell(["metrics", folder.path("a"), folder.path("b"), "--json"])).stdout,
  ) as {
    summaries: Record<string, { count: number; infinite: number; mean: number; interval: number[] }>;
    pairs: { psnr: number | string }[];
  };
  assertEquals(pairs[2]!.psnr, "infinite");
  const { count, infinite, mean, interval } = summaries.psnr!;
  assertEquals([count, infinite], [2, 1]);
  assertAlmostEquals(mean, ((pairs[0]!.psnr as number) + (pairs[1]!.psnr as number)) / 2, 1e-12);
  assert(interval[0]! < mean && mean < interval[1]!);
  assertStringIncludes(stdout, mean.toFixed(3));
});

test("a gray picture is compared with a colour one as gray in colour, and transparency is mentioned", async (folder) => {
  const gray = folder.picture("gray.png", { colorType: 0, sample: (x) => 8 * x });
  const colour = folder.picture("colour.png", { colorType: 6, sample: (x, _, c) => c === 3 ? 128 : 8 * x });
  const { stdout, stderr } = await runWell(["metrics", gray, colour]);
  assert(/^gray +equal +1\.00000$/m.test(stdout), stdout);
  assertStringIncludes(stderr, "its transparency is not compared");
});

test("metrics compares saved statistics without pictures and network", async (folder) => {
  const sets = [1, 2].map((seed) => {
    const gathered = new FeatureStatistics(5, "inception-fid-pytorch");
    gathered.add(randomValues(40, seed));
    return gathered.result();
  });
  for (const [index, set] of sets.entries()) folder.write(`${index}.safetensors`, await statisticsBytes(set));
  const words = ["metrics", folder.path("0.safetensors"), folder.path("1.safetensors")];
  const { fid, counts } = resultOf((await runWell([...words, "--json"])).stdout);
  assertAlmostEquals(fid as number, frechetDistance(sets[0]!, sets[1]!), 1e-12);
  assertEquals(counts, [8, 8]);
  assertStringIncludes((await runWell(words)).stdout, "(inception-fid-pytorch, 8 and 8 pictures)");
});

commandTest("metrics computes LPIPS with weights of the user's", async (folder) => {
  const drawn = { seed: 3, divisor: 1 } as const;
  const [features, linear] = [perceptualTensors("alex", drawn), linearTensors("alex", drawn)];
  const weights = await writeTensors(folder, "alexnet.safetensors", features);
  const lin = await writeTensors(folder, "alex.safetensors", linear);
  const [a, b] = [
    picture(folder, "a.png", 3, { width: 40, height: 36 }),
    picture(folder, "b.png", 5, { width: 40, height: 36 }),
  ];
  const [x, y] = await Promise.all([a, b].map(async (path) => colourRaster(await readImage(path)).data));
  const lpips = await openLpips(new ReferenceRuntime(), {
    features: await fileOf(features),
    linear: await fileOf(linear),
  });
  const [expected] = await lpips.distances(x!, y!, [1, 36, 40, 3]);
  const words = ["metrics", a, b, "--lpips-weights", weights, "--lpips-linear", lin, "--json"];
  const { pairs } = resultOf((await runWell(words)).stdout) as { pairs: { lpips: number }[] };
  assertAlmostEquals(pairs[0]!.lpips, expected!.distance, 1e-5);
  const without = await runCommand(["metrics", a, b, "--lpips-weights", weights]);
  assertEquals(without.code, 1);
  assertStringIncludes(without.stderr, '5 parameters are missing (first "lin0.model.1.weight" [1, 64, 1, 1]');
  const small = picture(folder, "small.png", 2);
  const tooSmall = await runCommand(["metrics", small, small, ...words.slice(3)]);
  assertStringIncludes(tooSmall.stderr, "16 x 16 pixels, at least 31 x 31 are needed for the network alex");
});

test("metrics says what does not fit together", async (folder) => {
  const [a, b] = [picture(folder, "a.png", 3), picture(folder, "b.png", 4, { width: 17 })];
  folder.folder("empty");
  folder.folder("one");
  folder.folder("two");
  picture(folder, "one/x.png", 1);
  picture(folder, "two/y.png", 1);
  const [empty, one, two] = ["empty", "one", "two"].map((name) => folder.path(name)) as [string, string, string];
  const fails = async (words: readonly string[], code: number, text: string): Promise<void> => {
    const outcome = await runCommand(["metrics", ...words]);
    assertEquals(outcome.code, code, outcome.stderr);
    assertStringIncludes(outcome.stderr, text);
  };
  await fails([a, b], 1, "16 x 16 and 17 x 16 pixels, equal sizes are needed");
  await fails([a, folder.path("none.png")], 1, "no such file");
  await fails([a, one], 2, "two pictures, or two folders are needed");
  await fails([one, empty], 1, "no PNG, JPEG, WebP or AVIF file");
  await fails([one, two], 1, "no picture has a name that is in both");
  await fails([a], 2, "A B is needed");
  await fails([a, b, "--lpips-linear", "x"], 2, "--lpips-linear needs --lpips-weights FILE");
  await fails([one, "--save-statistics", "s.safetensors"], 2, "--save-statistics needs --inception FILE");
  await fails([one, two, "--inception", "f", "--save-statistics", "s.npz"], 2, "a name that ends in .safetensors");
  await fails([a, a, "--inception", "f"], 2, "--inception compares sets of pictures");
  await fails([a, b, "--convention", "ddmn"], 2, 'did you mean "ddnm"?');
  picture(folder, "two/y.jpg.png", 1);
  folder.write("two/y.jpeg", await Deno.readFile(folder.path("two/y.png")));
  await fails([one, two], 1, "have one name");
});

test("metrics --faithfulness tells how far one picture went from the other", async (folder) => {
  const [a, b] = [folder.picture("a.png", { sample: () => 51 }), folder.picture("b.png", { sample: () => 0 })];
  const { stdout } = await runWell(["metrics", a, b, "--faithfulness", "--json"]);
  const [pair] = resultOf(stdout)["pairs"] as { distance: number; rms: number }[];
  assertAlmostEquals(pair!.rms, 0.4, 1e-6);
  assertAlmostEquals(pair!.distance, 0.4 * Math.sqrt(16 * 16 * 3), 1e-4);
  assert(!(await runWell(["metrics", a, b])).stdout.includes("RMS"));
});

commandTest(
  "metrics --noise-statistics shows that Distortion Adaptive inversion is nearer to normal noise",
  async (folder) => {
    const input = folder.picture("a.png", { width: 17 });
    const { stdout } = await runWell(["metrics", input, "--noise-statistics", "--json"]);
    const { rows } = resultOf(stdout) as {
      rows: { inversion: string; variance: number; divergence: number; mean: number }[];
    };
    assertEquals(rows.map(({ inversion }) => inversion), [...Array(14).fill("ddim"), ...Array(14).fill("da")]);
    for (const { mean, variance, divergence } of rows) {
      assertAlmostEquals(divergence, 0.5 * (variance + mean ** 2 - 1 - Math.log(variance)), 1e-9);
    }
    assertEquals(rows[0]!.divergence, rows[14]!.divergence);
    for (let k = 1; k < 5; k++) assert(rows[14 + k]!.divergence < rows[k]!.divergence, `step ${k}`);
    assertStringIncludes(
      (await runCommand(["metrics", input, input, "--model", "x"])).stderr,
      "needs --noise-statistics",
    );
    assertStringIncludes((await runCommand(["metrics", input, input, "--noise-statistics"])).stderr, "pictures alone");
  },
);

commandTest(
  "metrics --noise-statistics of noise that is no number says so and ends with exit code 1",
  async (folder) => {
    const input = folder.picture("a.png", {});
    const model = await randomModel(folder, "broken.safetensors", SMALL);
    const bytes = await Deno.readFile(model);
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, NaN, true);
    await Deno.writeFile(model, bytes);
    const { code, stderr } = await runCommand(["metrics", input, "--noise-statistics", "--model", model]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "of the inversion ddim is no finite number; check the model file");
  },
);
