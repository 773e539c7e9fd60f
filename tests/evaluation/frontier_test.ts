/** What evaluations buy: methods at given numbers of them, what units record, and the tables and the page of that. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import {
  evaluate,
  type Evaluation,
  frontierFiles,
  makePlan,
  readEntries,
  readStudy,
  type Results,
  tableFiles,
  type UnitRecord,
  writeResults,
} from "../../evaluation/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { evaluationOptions, restoringMethods } from "../../restoration/mod.ts";
import { registerSampler } from "../../samplers/mod.ts";
import { ownRounds } from "../support/own_network_sampler.ts";
import { MemoryStore } from "./memory_store.ts";
import { TENTH_NETWORK, TENTH_PROCESS } from "../support/tenth_network.ts";

const IDENTITY = { name: "tenth", sha256: "0", known: [] };

/** Good pictures of a side. */
function picturesOf(side: number): Parameters<typeof evaluate>[3]["pictures"] {
  return ["a", "b"].map((name, k) => ({
    name,
    sha256: name,
    read: () =>
      Promise.resolve({
        width: side,
        height: side,
        channels: 3,
        data: Float32Array.from({ length: side * side * 3 }, (_, at) => Math.sin(at * (k + 1) / 9)),
      }),
  }));
}

async function run(methods: unknown, tasks: unknown = ["sr2"]): Promise<Evaluation & { readonly store: MemoryStore }> {
  const store = new MemoryStore();
  const study = readStudy({ title: "A study", tasks, methods, seeds: [3] });
  const options = { store, pictures: picturesOf(8), identity: IDENTITY };
  return { ...await evaluate(new ReferenceRuntime(), TENTH_NETWORK, study, options), store };
}

/** The lines of a table by the heads of their columns. */
function rowsOf(text: string): readonly Readonly<Record<string, string>>[] {
  const [heads, ...rows] = text.trim().split("\n").map((line) => line.split(","));
  return rows.map((row) => Object.fromEntries(row.map((field, k) => [heads![k]!, field])));
}

Deno.test("a method has the evaluations that its whole numbers allow, within a tenth or 1", () => {
  for (const entry of restoringMethods()) {
    const { method, parameters, evaluations } = entry;
    for (const target of [4, 10, 30, 100]) {
      const options = evaluationOptions({ method }, target);
      assert(options, `${method} at ${target}`);
      const values = Object.entries(parameters).flatMap(([name, { option }]) => {
        const given = options[option ?? name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)];
        return given === undefined ? [] : [[name, given]];
      });
      assertEquals(values.length, Object.keys(options).length);
      const { actual } = evaluations(Object.fromEntries(values));
      const close = Math.abs(actual - target) <= Math.max(1, target / 10);
      assert(close || (actual === 0 && values.length === 0), `${method} at ${target}: ${actual}`);
    }
  }
});

Deno.test("published proportions stay as far as they can, and what is given stays as it is", () => {
  // 20 levels of 30 evaluations, scaled together; and with 5 levels the evaluations of one.
  assertEquals(evaluationOptions({ method: "sitcom" }, 600), { steps: 20, "inner-steps": 30 });
  assertEquals(evaluationOptions({ method: "sitcom", steps: 5 }, 100), { "inner-steps": 20 });
  assertEquals(evaluationOptions({ method: "pseudo-inverse" }, 10), {});
  // There are 1000 timesteps.
  assertEquals(evaluationOptions({ method: "dps" }, 5000), undefined);
  assertEquals(evaluationOptions({ method: "sitcom", steps: 7, "inner-steps": 7 }, 100), undefined);
  assertEquals(evaluationOptions({ method: "sitcom", steps: 7, "inner-steps": 7 }, 50), {});
});

Deno.test("evaluations of an entry stand for options, and a list of them is one line of points", () => {
  const entries = readEntries("method", [{ method: "ddnm", evaluations: [4, 30] }]);
  assertEquals(entries.map(({ label, series, options }) => [label, series, options["steps"]]), [
    ["ddnm evaluations=4", "ddnm", 4],
    ["ddnm evaluations=30", "ddnm", 30],
  ]);
  const all = readEntries("method", "* evaluations=4|30");
  assertEquals(new Set(all.map(({ name }) => name)), new Set(restoringMethods().map(({ method }) => method)));
  // Without a network a method is there once, at any number of evaluations.
  assertEquals(all.filter(({ name }) => name === "pseudo-inverse").map(({ label }) => label), ["pseudo-inverse"]);
  assertEquals(readEntries("method", "* evaluations=5000").some(({ name }) => name === "dps"), false);
  const message = 'methods[0].evaluations is 5000: no whole numbers of "dps" come within a tenth of that many';
  assertThrows(() => readEntries("method", "dps evaluations=5000"), UsageError, message);
});

Deno.test("the ready study has every method on its tasks with the evaluations that its labels say", async () => {
  const file = new URL("../../evaluation/studies/frontier.json", import.meta.url);
  const { batch, ...found } = JSON.parse(await Deno.readTextFile(file));
  assertEquals(batch, 1, "seconds and memory are those of one picture");
  const study = readStudy({ ...found, images: [] });
  const subject = { identity: IDENTITY, precision: "f32", label: undefined, imageSize: 16, process: TENTH_PROCESS };
  const { plan } = await makePlan(study, subject, picturesOf(16).slice(0, 1));
  assertEquals(plan.tasks.length, 5);
  for (const { task, method, evaluations: { actual } } of plan.pairs) {
    const { label, name } = plan.methods[method]!;
    const target = Number(/evaluations=(\d+)$/.exec(label)?.[1] ?? 0);
    const [place, off] = [`${label} on ${plan.tasks[task]!.label}`, Math.abs(actual - target)];
    assert(off <= Math.max(target === 0 ? 0 : 1, target / 10), `${place}: ${actual}`);
    if (target === 0) assert(["pseudo-inverse", "bicubic", "admm-tv"].includes(name), place);
  }
  const refused = new Set(plan.notApplicable.map(({ method }) => plan.methods[method]!.name));
  assertEquals([...refused].sort(), ["bicubic", "gibbs-ddrm"]);
});

/** The record of the first unit of each cell. */
async function firstRecords({ units }: Results): Promise<readonly UnitRecord[]> {
  const all = await Array.fromAsync(units);
  return Array.from(Map.groupBy(all, ({ unit }) => unit.method).values(), ([first]) => first!.record);
}

Deno.test("units hold what was counted, and tables and data tell it", async () => {
  const { results } = await run("ddnm evaluations=4, dps evaluations=4, pseudo-inverse");
  const [ddnm, dps, pinv] = await firstRecords(results);
  const none = { nfe: 0, vjp: 0, forward: 0, adjoint: 0, pseudoInverse: 0, spectral: 0 };
  assertEquals(ddnm!.counts, { ...none, nfe: 4, forward: 4, pseudoInverse: 4 });
  assertEquals(dps!.counts, { ...none, nfe: 4, vjp: 4, forward: 4, adjoint: 4 });
  assertEquals(pinv!.counts, { ...none, pseudoInverse: 1 });
  const files = await tableFiles(results);
  assertEquals(files["results.csv"]!.split("\n")[0]!.split(",").slice(4, 11), [
    ...["nfe", "vjp", "forward", "adjoint", "pseudo-inverse", "spectral", "psnr"],
  ]);
  const row = rowsOf(files["results.csv"]!).find(({ method }) => method === "dps evaluations=4")!;
  assertEquals([row["nfe"], row["vjp"], row["forward"], row["adjoint"]], ["4", "4", "4", "4"]);
  assertEquals(JSON.parse(files["results.json"]!).cells[1].units[0].counts, dps!.counts);
});

Deno.test("the table of the frontier says what is on it, and the benchmark tables have means and deviations", async () => {
  const { results } = await run("ddnm evaluations=4|10, pseudo-inverse", "sr2, denoise sigma-y=0.1");
  const files = frontierFiles(results);
  assertEquals(Object.keys(files), ["frontier.csv", "deepinv/1-sr2.csv", "deepinv/2-denoise-sigma-y-0-1.csv"]);
  const rows = rowsOf(files["frontier.csv"]!);
  assertEquals(rows.length, 6);
  for (const task of ["sr2", "denoise sigma-y=0.1"]) {
    const own = rows.filter((row) => row["task"] === task);
    const points = own.map((row) => ({ nfe: Number(row["nfe"]), psnr: Number(row["psnr"]) }));
    for (const [k, { nfe, psnr }] of points.entries()) {
      const isBeaten = points.some((other) =>
        other.nfe <= nfe && other.psnr >= psnr && (other.nfe < nfe || other.psnr > psnr)
      );
      assertEquals(own[k]!["front psnr nfe"], isBeaten ? "0" : "1", `${task} ${own[k]!["method"]}`);
      const [low, high] = [Number(own[k]!["psnr low"]), Number(own[k]!["psnr high"])];
      assertAlmostEquals((low + high) / 2, psnr, 1e-9);
    }
    assertEquals(own.map(({ series }) => series), ["ddnm", "ddnm", "pseudo-inverse"]);
  }
  const [first] = rowsOf(files["deepinv/1-sr2.csv"]!);
  const { psnr } = results.cells[0]!.summaries;
  assertEquals([first!["objective_name"], first!["solver_name"]], ["sr2", "ddnm evaluations=4"]);
  assertEquals([Number(first!["objective_PSNR"]), Number(first!["objective_PSNR_std"])], [
    psnr!.mean,
    psnr!.standardDeviation,
  ]);
  assertEquals(first!["objective_nfe"], "4");
});

Deno.test("a method of one file is on the page without another change", async () => {
  using _own = registerSampler(ownRounds);
  assert(readEntries("method", "* evaluations=4|10").some(({ label }) => label === "own-rounds evaluations=10"));
  const { results, store } = await run("own-rounds evaluations=4|10, ddnm evaluations=4|10, pseudo-inverse");
  assertEquals(results.cells.map(({ actual }) => actual), [4, 10, 4, 10, 0]);
  assertEquals((await firstRecords(results))[1]!.counts!.pseudoInverse, 10);
  await writeResults(store, results, { command: "a program", configuration: null }, 0);
  const page = new TextDecoder().decode(await store.read("report.html"));
  assertStringIncludes(page, "What each evaluation buys");
  assertStringIncludes(page, "sr2: PSNR dB against network evaluations");
  assertStringIncludes(page, "sr2: PSNR dB against seconds");
  assertEquals(page.includes("against vector-Jacobian products"), false, "none of these takes any");
  // One line of two points, with their figures in the legend and the table.
  const points = page.match(/<title>own-rounds: [^<]* at (4|10)<\/title>/g)!;
  assertEquals(points.length, 2 * 2, "PSNR and SSIM at both");
  assertStringIncludes(page, '<th scope="row">own-rounds evaluations=10</th>');
});
