/** Rows for the options of `metrics`. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { FeatureStatistics, statisticsBytes } from "../../../metrics/mod.ts";
import { linearTensors, perceptualTensors } from "../../models/feature_files.ts";
import { randomValues } from "../../support/random.ts";
import { type Materials, writeTensors } from "./materials.ts";
import { descriptionRows, runtimeRows } from "./shared_rows.ts";
import { type Ran, type Row, type Words } from "./table.ts";

/** All options of `metrics`. */
export async function metricsRows(materials: Materials): Promise<readonly Row[]> {
  const { folder, small, tiny, byClass, broken } = materials;
  const wave = (step: number) => (x: number, y: number, c: number): number => (step * (x + 2 * y + 3 * c)) % 256;
  const [a, b] = [3, 4].map((step) => folder.picture(`m${step}.png`, { sample: wave(step) })) as [string, string];
  const [left, right] = [folder.folder("left"), folder.folder("right")];
  for (const step of [1, 2, 3]) {
    folder.picture(`left/${step}.png`, { sample: wave(step) });
    folder.picture(`right/${step}.png`, { sample: wave(2 * step + 1) });
  }
  const [c, d] = [3, 5].map((step) => folder.picture(`l${step}.png`, { width: 32, height: 32, sample: wave(step) }));
  const drawn = { seed: 3, divisor: 1 } as const;
  const lpips = await writeTensors(folder, "alexnet.safetensors", perceptualTensors("alex", drawn));
  const linear = await writeTensors(folder, "linear.safetensors", linearTensors("alex", drawn));
  const joined = await writeTensors(folder, "joined.safetensors", [
    ...perceptualTensors("alex", drawn),
    ...linearTensors("alex", { ...drawn, seed: 4 }),
  ]);
  const [one, two] = await Promise.all([1, 2].map(async (seed) => {
    const gathered = new FeatureStatistics(5, "inception-fid-pytorch");
    gathered.add(randomValues(40, seed));
    return folder.write(`statistics-${seed}.safetensors`, await statisticsBytes(gathered.result()));
  })) as [string, string];
  const line = (...options: string[]): Words => ["metrics", a, b, "--json", ...options];
  const folders = (...options: string[]): Words => ["metrics", left, right, "--json", ...options];
  const perceptual = (...options: string[]): Words => ["metrics", c!, d!, "--json", ...options];
  const noise = (...options: string[]): Words => ["metrics", small, "--noise-statistics", "--json", ...options];
  const psnrOf = (ran: Ran): number => ran.printed("pairs.0.psnr") as number;
  const distance = (ran: Ran): number => ran.printed("pairs.0.lpips") as number;
  const half = (ran: Ran): number => {
    const [low, high] = ran.printed("summaries.psnr.interval") as [number, number];
    return (high - low) / 2;
  };
  const rows = (ran: Ran): readonly number[] =>
    (ran.printed("rows") as { mean: number; variance: number }[]).flatMap(({ mean, variance }) => [mean, variance]);
  const model = `--model=${tiny}`;
  return [
    {
      option: "convention",
      without: line(),
      given: line("--convention=matlab-y"),
      check(usual, luma): void {
        assertEquals([usual.printed("convention"), luma.printed("convention")], ["skimage", "matlab-y"]);
        assertStringIncludes(luma.printed("description") as string, "luma");
        assertNotEquals(psnrOf(usual), psnrOf(luma));
      },
    },
    {
      option: "scale",
      without: line("--convention=matlab-y"),
      given: line("--convention=matlab-y", "--scale=4"),
      async check(whole, cropped, run): Promise<void> {
        assertNotEquals(psnrOf(whole), psnrOf(cropped));
        assertEquals(psnrOf(await run(line("--scale=4"))), psnrOf(await run(line())), "skimage crops nothing");
      },
    },
    {
      option: "lpips-weights",
      without: perceptual(),
      given: perceptual(`--lpips-weights=${lpips}`, `--lpips-linear=${linear}`),
      check(usual, given): void {
        assertEquals(distance(usual) ?? null, null);
        assert(distance(given) > 0);
        assertEquals(psnrOf(given), psnrOf(usual));
      },
    },
    {
      option: "lpips-linear",
      without: perceptual(`--lpips-weights=${joined}`),
      given: perceptual(`--lpips-weights=${joined}`, `--lpips-linear=${linear}`),
      async check(own, given, run): Promise<void> {
        assertNotEquals(distance(own), distance(given));
        const apart = await run(perceptual(`--lpips-weights=${lpips}`, `--lpips-linear=${linear}`));
        assertEquals(distance(given), distance(apart));
      },
    },
    {
      option: "lpips-network",
      without: perceptual(`--lpips-weights=${joined}`),
      given: perceptual(`--lpips-weights=${joined}`, "--lpips-network=vgg"),
      codes: [0, 1],
      check: (_, vgg) => assertStringIncludes(vgg.stderr, "joined.safetensors"),
    },
    {
      option: "inception",
      without: ["metrics", left, one],
      given: ["metrics", left, one, "--inception=@.missing"],
      codes: [2, 1],
      async check(without, given, run): Promise<void> {
        assertStringIncludes(without.stderr, "--inception FILE is needed with them");
        assertStringIncludes(given.stderr, ".missing");
        const statistics = await run(["metrics", one, two, "--json"]);
        assertEquals(statistics.printed("features"), "inception-fid-pytorch");
      },
    },
    {
      option: "preparation",
      without: folders("--preparation=pytorch"),
      given: folders("--preparation=pytorch", "--inception=@.missing"),
      codes: [2, 1],
      check: (alone) => assertStringIncludes(alone.stderr, "--preparation needs --inception FILE"),
    },
    {
      option: "save-statistics",
      without: ["metrics", left],
      given: ["metrics", left, "--save-statistics=@.safetensors", "--inception=@.missing"],
      codes: [2, 1],
      check(without, given): void {
        assertStringIncludes(without.stderr, "one is enough with --save-statistics");
        assertStringIncludes(given.stderr, ".missing");
        assertEquals(given.has(".safetensors"), false);
      },
    },
    {
      option: "faithfulness",
      without: line(),
      given: line("--faithfulness"),
      check(usual, given): void {
        const [far, rms] = [given.printed("pairs.0.distance") as number, given.printed("pairs.0.rms") as number];
        assertEquals(usual.printed("pairs.0.distance") ?? null, null);
        assertAlmostEquals(far, rms * Math.sqrt(16 * 16 * 3), 1e-4);
      },
    },
    {
      option: "noise-statistics",
      without: ["metrics", small, "--json", model, "--cpu"],
      given: noise(model, "--cpu"),
      codes: [2, 0],
      check(alone, given): void {
        assertStringIncludes(alone.stderr, "--model needs --noise-statistics");
        const found = given.printed("rows") as { inversion: string }[];
        assertEquals(found.map(({ inversion }) => inversion), [...Array(14).fill("ddim"), ...Array(14).fill("da")]);
      },
    },
    {
      option: "model",
      without: noise(model, "--cpu"),
      given: noise(`--model=${byClass}`, "--class=0", "--cpu"),
      check: (one, other) => assertNotEquals(rows(one), rows(other)),
    },
    ...descriptionRows(materials, {
      line: (model, options) => noise(`--model=${model}`, "--cpu", ...options),
      outcome: (ran) => ran.printed("rows"),
      isLong: true,
    }),
    {
      option: "class",
      without: noise(`--model=${byClass}`, "--class=0", "--cpu"),
      given: noise(`--model=${byClass}`, "--class=3", "--cpu"),
      check: (one, other) => assertNotEquals(rows(one), rows(other)),
    },
    {
      option: "interval",
      without: folders(),
      given: folders("--interval=bootstrap"),
      async check(student, bootstrap, run): Promise<void> {
        assertEquals(student.printed("summaries.psnr.mean"), bootstrap.printed("summaries.psnr.mean"));
        assert(half(bootstrap) < half(student), "of three values the bootstrap is narrower than Student's t");
        assertEquals(half(await run(folders("--interval=student"))), half(student), "default");
      },
    },
    {
      option: "confidence",
      without: folders(),
      given: folders("--confidence=0.9"),
      // Quantiles of Student's t with 2 degrees of freedom: 4.3027 and 2.9200.
      check: (usual, given) => assertAlmostEquals(half(usual) / half(given), 4.3027 / 2.92, 1e-4),
    },
    {
      option: "seed",
      without: noise(model, "--cpu"),
      given: noise(model, "--cpu", "--seed=4"),
      async check(zero, four, run): Promise<void> {
        // DDIM draws nothing; Distortion Adaptive inversion does from its first step on.
        assertEquals(rows(four).slice(0, 28), rows(zero).slice(0, 28));
        assertNotEquals(rows(four).slice(30), rows(zero).slice(30));
        const low = async (seed: number): Promise<unknown> =>
          (await run(folders("--interval=bootstrap", `--seed=${seed}`))).printed("summaries.ssim");
        assertEquals(await low(0), (await run(folders("--interval=bootstrap"))).printed("summaries.ssim"), "default");
      },
    },
    {
      option: "precision",
      without: noise(model, "--cpu"),
      given: noise(model, "--cpu", "--precision=f16"),
      check(f32, f16): void {
        const apart = Math.max(...rows(f32).map((value, i) => Math.abs(value - rows(f16)[i]!)));
        assert(apart > 0 && apart < 0.01, `${apart}`);
      },
    },
    ...runtimeRows(folder, {
      line: noise(model),
      numbers: rows,
      tolerance: 1e-2,
      spoiled: { line: noise(`--model=${broken}`), code: 1, scope: /middle_block/ },
    }),
    {
      option: "json",
      without: ["metrics", a, b],
      given: line(),
      check(text, json): void {
        assertStringIncludes(text.stdout, psnrOf(json).toFixed(3));
        assertEquals(json.printed("event"), "result");
      },
    },
  ];
}
