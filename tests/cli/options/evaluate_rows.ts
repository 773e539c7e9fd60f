/** Rows for the options of `evaluate`. */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { linearTensors, perceptualTensors } from "../../models/feature_files.ts";
import { type Materials, writeTensors } from "./materials.ts";
import { resultOf, seedRows, seeds } from "./seed_rows.ts";
import { descriptionRows, runtimeRows } from "./shared_rows.ts";
import { fieldOf, type Ran, type Row, type Words } from "./table.ts";

/** A metric of the first unit. */
const unitMetric = (ran: Ran, name: string, cell = 0): number =>
  resultOf(ran, `cells.${cell}.units.0.metrics.${name}`) as number;

const labels = (ran: Ran, kind: "tasks" | "methods"): unknown =>
  (resultOf(ran, kind) as readonly { readonly label: string }[]).map(({ label }) => label);

const half = (ran: Ran): number => {
  const [low, high] = resultOf(ran, "cells.0.summaries.psnr.interval") as [number, number];
  return (high - low) / 2;
};

/** All options of `evaluate`. */
export async function evaluateRows(materials: Materials): Promise<readonly Row[]> {
  const { folder, small, tiny, byClass, broken } = materials;
  const pictures = folder.folder("evaluated");
  for (const index of [0, 1, 2]) {
    const sample = (x: number, y: number, c: number): number => (37 * x + 11 * y * (index + 1) + 90 * c) % 256;
    folder.picture(`evaluated/${index}.png`, { width: 8, height: 8, sample });
  }
  const line = (...options: string[]): Words => ["evaluate", pictures, "--out=@", ...options];
  /** A^+ y takes no network and no time. */
  const inverse = (...options: string[]): Words =>
    line("--cpu", `--model=${tiny}`, "--methods=pseudo-inverse", ...options);
  const ssd = (
    ...options: string[]
  ): Words => ["evaluate", small, "--out=@", "--methods=ssd steps=4", "--tasks=sr2", ...options];
  const drawn = { seed: 3, divisor: 1 } as const;
  const lpips = await writeTensors(folder, "alexnet.safetensors", perceptualTensors("alex", drawn));
  const linear = await writeTensors(folder, "linear.safetensors", linearTensors("alex", drawn));
  const joined = await writeTensors(folder, "joined.safetensors", [
    ...perceptualTensors("alex", drawn),
    ...linearTensors("alex", { ...drawn, seed: 4 }),
  ]);
  folder.picture("forty.png", { width: 40, height: 40 });
  const forty = [
    "evaluate",
    folder.path("forty.png"),
    "--out=@",
    "--size=40",
    `--model=${tiny}`,
    "--methods=pseudo-inverse",
  ];
  const seen = (...options: string[]): Words => [
    ...["evaluate", folder.path("forty.png"), "--out=@", "--cpu", "--size=16", `--model=${tiny}`],
    ...["--methods=ddnm steps=2", "--tasks=sr2", ...options],
  ];
  const config = folder.write(
    "config.json",
    new TextEncoder().encode(JSON.stringify({
      title: "From a file",
      images: "evaluated",
      tasks: ["sr2", "colorize"],
      methods: ["pseudo-inverse"],
      seeds: [3],
      limit: 2,
    })),
  );
  return [
    {
      option: "config",
      without: inverse(),
      given: ["evaluate", "--out=@", "--cpu", `--model=${tiny}`, `--config=${config}`],
      async check(usual, given, run): Promise<void> {
        assertEquals([resultOf(given, "title"), labels(given, "tasks"), seeds(given)], [
          "From a file",
          ["sr2", "colorize"],
          [3, 3],
        ]);
        assertEquals([resultOf(usual, "title"), labels(usual, "tasks")], ["Evaluation", ["sr4"]]);
        const both = await run(["evaluate", "--out=@", "--cpu", `--model=${tiny}`, `--config=${config}`, "--seeds=8"]);
        assertEquals(seeds(both), [8, 8], "options outweigh it");
      },
    },
    {
      option: "tasks",
      without: inverse(),
      given: inverse("--tasks=sr2 sigma-y=0.1, colorize"),
      check(usual, given): void {
        assertEquals([labels(usual, "tasks"), labels(given, "tasks")], [["sr4"], ["sr2 sigma-y=0.1", "colorize"]]);
        assertEquals(resultOf(given, "cells.0.units.0.key.noise"), { kind: "gaussian", sigma: 0.1 });
        assert(unitMetric(given, "psnr") !== unitMetric(given, "psnr", 1));
      },
    },
    {
      option: "methods",
      without: line("--cpu", `--model=${tiny}`, "--limit=1", "--plan", "--json"),
      given: line(
        "--cpu",
        `--model=${tiny}`,
        "--limit=1",
        "--plan",
        "--json",
        "--methods=ddnm steps=4|6, pseudo-inverse",
      ),
      check(usual, given): void {
        const pairs = (ran: Ran): unknown =>
          (ran.printed("pairs") as readonly { method: string; nfe: { actual: number } }[])
            .map(({ method, nfe }) => [method, nfe.actual]);
        assertEquals(pairs(usual), [["pseudo-inverse", 0], ["ssd", 29]]);
        assertEquals(pairs(given), [["ddnm steps=4", 4], ["ddnm steps=6", 6], ["pseudo-inverse", 0]]);
      },
    },
    ...seedRows(inverse),
    {
      option: "limit",
      without: inverse(),
      given: inverse("--limit=2"),
      check(all, first): void {
        const images = (ran: Ran): unknown => (resultOf(ran, "images") as { name: string }[]).map(({ name }) => name);
        assertEquals([images(all), images(first)], [["0.png", "1.png", "2.png"], ["0.png", "1.png"]]);
      },
    },
    {
      option: "size",
      without: forty.filter((word) => !word.startsWith("--size=")).concat("--cpu"),
      given: [...forty, "--cpu"],
      check(usual, given): void {
        assertEquals([resultOf(usual, "size"), resultOf(given, "size")], [8, 40]);
        const id = resultOf(given, "cells.0.units.0.unit");
        assertEquals(fieldOf(JSON.parse(given.text(`/units/${id}.json`)), "width"), 40);
      },
    },
    {
      option: "window",
      without: seen(),
      given: seen("--window=8"),
      check(whole, windows): void {
        assertEquals(resultOf(windows, "cells.0.units.0.key.window"), { side: 8, form: "overlapping" });
        assertNotEquals(unitMetric(windows, "psnr"), unitMetric(whole, "psnr"));
      },
    },
    {
      option: "window-form",
      without: seen("--window=8"),
      given: seen("--window=8", "--window-form=shifted"),
      check: (overlapping, shifted): void =>
        assertNotEquals(unitMetric(overlapping, "psnr"), unitMetric(shifted, "psnr")),
    },
    {
      option: "title",
      without: inverse(),
      given: inverse("--title=My own"),
      check(usual, given): void {
        assertStringIncludes(usual.text("/report.html"), "<h1>Evaluation</h1>");
        assertStringIncludes(given.text("/report.html"), "<h1>My own</h1>");
        assertEquals(resultOf(given, "cells.0.units.0.unit"), resultOf(usual, "cells.0.units.0.unit"));
      },
    },
    {
      option: "convention",
      without: inverse(),
      given: inverse("--convention=skimage"),
      async check(ddnm, skimage, run): Promise<void> {
        assertEquals([resultOf(ddnm, "convention"), resultOf(skimage, "convention")], ["ddnm", "skimage"]);
        const { truth } = JSON.parse(skimage.text(`/units/${resultOf(skimage, "cells.0.units.0.unit")}.json`));
        const pair = [
          `${skimage.out}/units/${resultOf(skimage, "cells.0.units.0.unit")}.png`,
          `${skimage.out}/pictures/${truth}`,
        ];
        const compared = await run(["metrics", ...pair, "--convention=skimage", "--json"]);
        assertAlmostEquals(unitMetric(skimage, "psnr"), compared.printed("pairs.0.psnr") as number, 1e-9);
        assertNotEquals(unitMetric(ddnm, "psnr"), unitMetric(skimage, "psnr"));
      },
    },
    {
      option: "confidence",
      without: inverse(),
      given: inverse("--confidence=0.9"),
      // Quantiles of Student's t with 2 degrees of freedom: 4.3027 and 2.9200.
      check: (usual, given) => assertAlmostEquals(half(usual) / half(given), 4.3027 / 2.92, 1e-4),
    },
    {
      option: "noise-statistics",
      without: ssd("--cpu", `--model=${tiny}`),
      given: ssd("--cpu", `--model=${tiny}`, "--noise-statistics"),
      check(usual, given): void {
        assertEquals(resultOf(usual, "cells.0.units.0.noise"), undefined);
        const rows = resultOf(given, "cells.0.units.0.noise") as {
          mean: number;
          variance: number;
          divergence: number;
        }[];
        for (const { mean, variance, divergence } of rows) {
          assertAlmostEquals(divergence, 0.5 * (variance + mean ** 2 - 1 - Math.log(variance)), 1e-9);
        }
        assertEquals(unitMetric(usual, "psnr"), unitMetric(given, "psnr"));
      },
    },
    {
      option: "lpips-weights",
      without: [...forty, "--cpu"],
      given: [...forty, `--lpips-weights=${lpips}`, `--lpips-linear=${linear}`],
      async check(usual, given, run): Promise<void> {
        assertEquals(unitMetric(usual, "lpips"), undefined);
        const id = resultOf(given, "cells.0.units.0.unit");
        const { truth } = JSON.parse(given.text(`/units/${id}.json`));
        const files = [`${given.out}/units/${id}.png`, `${given.out}/pictures/${truth}`];
        const weights = [`--lpips-weights=${lpips}`, `--lpips-linear=${linear}`, "--json"];
        const compared = await run(["metrics", ...files, ...weights]);
        assertEquals(unitMetric(given, "lpips"), compared.printed("pairs.0.lpips"));
      },
    },
    {
      option: "lpips-linear",
      without: [...forty, `--lpips-weights=${joined}`],
      given: [...forty, `--lpips-weights=${joined}`, `--lpips-linear=${linear}`],
      async check(own, given, run): Promise<void> {
        assertNotEquals(unitMetric(own, "lpips"), unitMetric(given, "lpips"));
        const apart = await run([...forty, `--lpips-weights=${lpips}`, `--lpips-linear=${linear}`]);
        assertEquals(unitMetric(given, "lpips"), unitMetric(apart, "lpips"), "the features are the same");
      },
    },
    {
      option: "lpips-network",
      without: [...forty, `--lpips-weights=${joined}`, "--lpips-network=alex"],
      given: [...forty, `--lpips-weights=${joined}`, "--lpips-network=vgg"],
      codes: [0, 1],
      async check(alex, vgg, run): Promise<void> {
        assertEquals(
          unitMetric(alex, "lpips"),
          unitMetric(await run([...forty, `--lpips-weights=${joined}`]), "lpips"),
        );
        assertStringIncludes(vgg.stderr, "joined.safetensors");
      },
    },
    {
      option: "inception",
      without: inverse(),
      given: inverse("--inception=@.missing"),
      codes: [0, 1],
      check: (_, given) => assertStringIncludes(given.stderr, ".missing"),
    },
    {
      option: "preparation",
      without: inverse("--preparation=pytorch"),
      given: inverse("--preparation=pytorch", "--inception=@.missing"),
      codes: [2, 1],
      check: (alone) => assertStringIncludes(alone.stderr, "--preparation needs --inception FILE"),
    },
    {
      option: "out",
      without: inverse("--limit=1"),
      given: [
        "evaluate",
        pictures,
        "--cpu",
        `--model=${tiny}`,
        "--methods=pseudo-inverse",
        "--limit=1",
        "--out=@-other",
      ],
      check(_, given): void {
        const files = ["results.csv", "summary.csv", "differences.csv", "results.json", "times.csv", "report.html"];
        assertEquals([...files, "plan.json"].map((name) => given.has(`-other/${name}`)), Array(7).fill(true));
      },
    },
    {
      option: "sheet",
      without: inverse("--limit=1"),
      given: inverse("--limit=1", "--sheet=@-sheet.png"),
      async check(usual, given): Promise<void> {
        assertEquals([usual.has("-sheet.png"), given.has("-sheet.png")], [false, true]);
        const { width, height } = await given.picture("-sheet.png");
        assert(height > 2.5 * width, "the original, A^+ y and one method, of one task");
      },
    },
    {
      option: "sheet-images",
      without: inverse("--sheet=@-sheet.png"),
      given: inverse("--sheet=@-sheet.png", "--sheet-images=3"),
      async check(one, three): Promise<void> {
        const [narrow, wide] = [await one.picture("-sheet.png"), await three.picture("-sheet.png")];
        assert(wide.width > 2.8 * narrow.width && wide.height === narrow.height, `${narrow.width}, ${wide.width}`);
      },
    },
    ...["plan", "dry-run"].map((option): Row => ({
      option,
      without: inverse("--limit=1"),
      given: inverse("--limit=1", `--${option}`),
      check(done, planned): void {
        assertEquals([done.has("/report.html"), planned.has("/plan.json")], [true, false]);
        assertStringIncludes(planned.stdout, "0 of 1 units are there already, 1 are to be done");
        assertStringIncludes(planned.stderr, "1 picture x 1 task x 1 method x 1 seed: 1 unit");
      },
    })),
    {
      option: "shard",
      without: inverse(),
      given: inverse("--shard=2/2"),
      async check(whole, second, run): Promise<void> {
        assertStringIncludes(second.stdout, "Shard 2 of 2: 1 of 1 units");
        const first = await run(inverse("--shard=1/2"));
        const merged = await run(["evaluate", "merge", first.out, second.out, "--out=@"]);
        assertEquals(merged.text("/results.json"), whole.text("/results.json"));
      },
    },
    {
      option: "batch",
      without: inverse("--batch=1"),
      given: inverse("--batch=3"),
      check(one, three): void {
        const batches = (ran: Ran): unknown =>
          ran.text("/times.csv").trim().split("\n").slice(1).map((row) => row.split(",")[6]);
        assertEquals([batches(one), batches(three)], [["1", "1", "1"], ["3", "3", "3"]]);
        assertEquals(three.text("/results.json"), one.text("/results.json"));
      },
    },
    {
      option: "report-images",
      without: inverse("--report-images=0"),
      given: inverse("--report-images=2"),
      check(none, two): void {
        assertEquals(none.text("/report.html").includes("data:image/png;base64,"), false);
        assertStringIncludes(two.text("/report.html"), "data:image/png;base64,");
        assertStringIncludes(two.text("/report.html"), "The first 2 of 3 pictures are shown");
      },
    },
    {
      option: "model",
      without: line("--cpu", "--methods=pseudo-inverse", "--limit=1"),
      given: inverse("--limit=1"),
      check(embedded, given): void {
        assertEquals([resultOf(embedded, "model.name"), resultOf(given, "model.name")], [
          "prior.safetensors",
          "tiny.safetensors",
        ]);
        assertEquals([resultOf(embedded, "size"), resultOf(given, "size")], [64, 8]);
      },
    },
    ...descriptionRows(materials, {
      line: (model, options) =>
        ssd("--cpu", "--methods=ssd steps=4 shortcut=100", `--model=${model}`, ...options)
          .filter((word) => word !== "--methods=ssd steps=4"),
      outcome: (ran) => [resultOf(ran, "cells.0.units.0.metrics"), resultOf(ran, "size")],
      isLong: true,
    }),
    {
      option: "class",
      without: ssd("--cpu", `--model=${byClass}`),
      given: ssd("--cpu", `--model=${byClass}`, "--class=3"),
      codes: [2, 0],
      async check(unsaid, given, run): Promise<void> {
        assertStringIncludes(unsaid.stderr, "--class N with N within 0..4 is needed");
        assertEquals(resultOf(given, "cells.0.units.0.key.class"), 3);
        const other = await run(ssd("--cpu", `--model=${byClass}`, "--class=1"));
        assertNotEquals(unitMetric(other, "psnr"), unitMetric(given, "psnr"));
      },
    },
    {
      option: "precision",
      without: ssd("--cpu", `--model=${tiny}`),
      given: ssd("--cpu", `--model=${tiny}`, "--precision=f16"),
      check(f32, f16): void {
        assertEquals([resultOf(f32, "precision"), resultOf(f16, "precision")], ["f32", "f16"]);
        const apart = Math.abs(unitMetric(f32, "psnr") - unitMetric(f16, "psnr"));
        assert(apart > 0 && apart < 0.2, `${apart} dB by rounding of weights`);
      },
    },
    ...runtimeRows(folder, {
      line: ssd(`--model=${tiny}`),
      numbers: (ran) => [unitMetric(ran, "psnr"), unitMetric(ran, "faithfulness")],
      tolerance: 0.05,
      spoiled: { line: ssd(`--model=${broken}`), code: 1, scope: /middle_block/ },
    }),
    {
      option: "json",
      without: inverse("--limit=1"),
      given: inverse("--limit=1", "--json"),
      check(text, json): void {
        assertStringIncludes(text.stdout, "pseudo-inverse");
        assertEquals([json.printed("event"), json.printed("units"), json.printed("restored")], ["result", 1, 1]);
      },
    },
  ];
}
