/** A study as a program runs it: values in, tables out, nothing on a disk. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import {
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  formatCells,
  mergeParts,
  readStudy,
  tableFiles,
  writePlan,
  writeResults,
} from "../../evaluation/mod.ts";
import { MemoryStore } from "./memory_store.ts";
import { TENTH_NETWORK } from "../support/tenth_network.ts";

const PICTURES = ["a", "b"].map((name, k) => ({
  name,
  sha256: name,
  read: () =>
    Promise.resolve({
      width: 8,
      height: 7,
      channels: 3,
      data: Float32Array.from({ length: 8 * 7 * 3 }, (_, at) => Math.sin(at * (k + 1))),
    }),
}));

const STUDY = readStudy({
  tasks: "sr2, colorize sigma-y=0.1, ct",
  methods: "pseudo-inverse, ddrm steps=3",
  seeds: [3],
});

function run(store: MemoryStore, options: Partial<EvaluateOptions> = {}): Promise<Evaluation> {
  const identity = { name: "tenth", sha256: "0", known: [] };
  return evaluate(new ReferenceRuntime(), TENTH_NETWORK, STUDY, { store, pictures: PICTURES, identity, ...options });
}

Deno.test("a program evaluates a study, goes on where it was stopped, and gets the same tables", async () => {
  const whole = new MemoryStore();
  const { results, restored, failures } = await run(whole, { batch: 2 });
  assertEquals([results.cells.length, restored, failures], [5, 10, []]);
  assertEquals(results.plan.notApplicable.map(({ task, method }) => [task, method]), [[2, 1]]);
  const all = await Array.fromAsync(results.units, ({ unit }) => unit.image);
  assertEquals(all, results.cells.flatMap(() => [0, 1]));
  assertStringIncludes(formatCells(results), "ddrm steps=3");

  const stopped = new MemoryStore();
  let steps = 0;
  const watch = (): void => {
    if (++steps === 12) throw new Error("stopped");
  };
  await assertRejects(() => run(stopped, { batch: 1, watch }), Error, "stopped");
  const there = (await stopped.list("units")).filter((name) => name.endsWith(".json")).length;
  assert(there > 0 && there < 10, `${there} units`);
  const again = await run(stopped, { batch: 1 });
  assertEquals(again.restored, 10 - there);
  const timeless = async ({ results }: Evaluation): Promise<object> => ({
    ...await tableFiles(results),
    "times.csv": "",
  });
  assertEquals(await timeless(again), await timeless(await run(whole)));
  assertEquals((await run(whole)).restored, 0);
});

Deno.test("results are written beside the units, and parts are joined", async () => {
  const store = new MemoryStore();
  const { results } = await run(store);
  const names = await writeResults(store, results, { command: "a program", configuration: null }, 1);
  const tables = ["results.csv", "summary.csv", "differences.csv", "results.json", "times.csv"];
  const frontier = ["frontier.csv", "deepinv/1-sr2.csv", "deepinv/2-colorize-sigma-y-0-1.csv", "deepinv/3-ct.csv"];
  assertEquals(names, [...tables, ...frontier, "report.html"]);
  const joined = new MemoryStore();
  await assertRejects(() => mergeParts(new Map([["x", store]]), joined), RangeError, '"x": it has no plan.json');
  await writePlan(store, { plan: results.plan, command: "a program", configuration: null });
  const { plan } = await mergeParts(new Map([["x", store]]), joined);
  assertEquals(await Array.fromAsync(plan.units), await Array.fromAsync(results.plan.units));
  for (const folder of ["units", "pictures"] as const) {
    assertEquals([...await joined.list(folder)].sort(), [...await store.list(folder)].sort());
  }
});
