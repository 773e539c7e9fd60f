/** What tables and trends of a report say of means that lie close together. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Gathering, type Results } from "../../evaluation/cells.ts";
import type { MetricName } from "../../evaluation/metrics.ts";
import { pairName, type Plan, type PlannedUnit } from "../../evaluation/plan.ts";
import { makeReport } from "../../evaluation/report/report.ts";
import { resultTable } from "../../evaluation/report/table.ts";
import { signOf } from "../../evaluation/statistics.ts";
import { metricsOf, type UnitRecord } from "../../evaluation/store.ts";
import { explain, judge } from "../../evaluation/trends.ts";
import { summarize } from "../../metrics/mod.ts";
import { makePng } from "../io/png_maker.ts";
import { MemoryStore } from "./memory_store.ts";

const METHODS = ["a", "b", "c"];
const TASKS = ["sr2", "sr4"];
const IMAGES = ["a", "b", "c"];

/** A plan of two tasks and three methods with three pictures. */
function planOf(
  trends: Plan["expectations"]["trends"],
): Plan & { readonly units: readonly PlannedUnit[] } {
  const labels = (names: readonly string[]): Plan["tasks"] =>
    names.map((name) => ({ name, label: name, series: name }));
  const pairs = TASKS.flatMap((_, task) => METHODS.map((_, method) => ({ task, method })));
  return {
    version: "1",
    title: "title",
    model: { name: "m.pt", sha256: "0123456789abcdef", known: [] },
    precision: "f32",
    size: 16,
    convention: "ddnm",
    confidence: 0.95,
    images: IMAGES.map((name) => ({ name: `${name}.png`, sha256: name })),
    tasks: labels(TASKS),
    methods: labels(METHODS),
    seeds: [0],
    pairs: pairs.map((pair) => ({ ...pair, evaluations: { nominal: 30, actual: 30 } })),
    notApplicable: [],
    units: pairs.flatMap((pair) =>
      IMAGES.map((_, image) => ({ id: `u${pair.task}${pair.method}${image}`, ...pair, image, seed: 0 }))
    ),
    expectations: { trends },
  };
}

type Values = Readonly<Partial<Record<MetricName, number>>>;

/** Results with the values of every picture by task and method; units without values are missing. */
function resultsOf(
  plan: ReturnType<typeof planOf>,
  values: (task: number, method: number) => Values | undefined,
  fid: ReadonlyMap<string, number> = new Map(),
): Results {
  const units = plan.units.flatMap((unit) => {
    const { id, task, method } = unit;
    const metrics = values(task, method);
    if (!metrics) return [];
    const record: UnitRecord = {
      id,
      key: {},
      metrics: metrics as UnitRecord["metrics"],
      nfe: 30,
      truth: "t.png",
      before: "y.png",
      width: 4,
      height: 4,
      time: { seconds: 100, steadySeconds: method + 1, batch: 1 },
      device: "an adapter",
    };
    return [{ unit, record, metrics: metricsOf(record) }];
  });
  const gathering = new Gathering(plan);
  for (const found of units) gathering.add(found);
  return gathering.results(units, fid);
}

async function reportOf(results: Results): Promise<string> {
  const store = new MemoryStore();
  const png = makePng({ width: 4, height: 4, bitDepth: 8, colorType: 2, sample: () => 0 });
  for await (const { id } of results.plan.units) await store.write(`units/${id}.png`, png);
  for (const name of ["t", "y"]) await store.write(`pictures/${name}.png`, png);
  const setting = { command: "evaluate", configuration: null, pictures: 1 };
  return (await makeReport(store, results, setting)).replace(/>\s+</g, "><");
}

Deno.test("a trend holds where each mean is above the one before, however little, and fails where it is not", async () => {
  const trend = (
    statement: string,
    rising: readonly string[],
    task = "sr4",
  ): Plan["expectations"]["trends"][number] => ({
    statement,
    metric: "psnr",
    task,
    rising,
  });
  const plan = planOf([
    trend("little more", ["a", "b"]),
    trend("little less", ["b", "a"]),
    trend("in the middle", ["a", "b", "c"]),
    trend("of the other task", ["b", "a"], "sr2"),
    { statement: "of tasks", metric: "psnr", method: "c", rising: ["sr4", "sr2"] },
  ]);
  const psnr = [[20.5, 20.25, 21], [20, 20.01, 20]];
  const page = await reportOf(resultsOf(plan, (task, method) => ({ psnr: psnr[task]![method]! })));
  const [holds, fails] = ['<span class="holds">holds</span>', '<span class="fails">does not hold</span>'];
  assertStringIncludes(page, `little more: ${holds}`);
  assertStringIncludes(page, `little less: ${fails}`);
  assertStringIncludes(page, `in the middle: ${fails}`);
  assertStringIncludes(page, `of the other task: ${holds}`);
  assertStringIncludes(page, `of tasks: ${holds}`);
});

Deno.test("a trend of what was not measured is neither held nor broken", async () => {
  const plan = planOf([{ statement: "unknown", metric: "psnr", task: "sr4", rising: ["a", "b"] }]);
  const results = resultsOf(plan, (_, method) => method === 1 ? undefined : { psnr: 20 });
  assertStringIncludes(await reportOf(results), 'unknown: <span class="soft">not measured</span>');
  assertEquals(results.cells.map(({ missing }) => missing), [0, 3, 0, 0, 3, 0]);
});

Deno.test("a distance of all pictures has one difference, of which no interval decides", () => {
  const trend = { statement: "nearer", metric: "fid", task: "sr4", rising: ["a", "b"] } as const;
  const fid = new Map([12, 15].map((value, method) => [pairName({ task: 1, method }), value]));
  const results = resultsOf(planOf([trend]), () => ({ psnr: 20 }), fid);
  const judgement = judge(trend, results);
  assertEquals([judgement.verdict, judgement.differences[0]!.mean], ["undecided", 3]);
  assertStringIncludes(explain(trend, judgement), "difference +3.00 without an interval");
});

Deno.test("infinite differences decide nothing, however clear the finite ones are", () => {
  assertEquals(signOf(summarize([1, 1.1, 1.2])), "above");
  assertEquals(signOf(summarize([-1, -1.1, -1.2])), "below");
  assertEquals(signOf(summarize([1, 1.1, 1.2, Infinity])), "undecided");
});

Deno.test("times of the report leave tracing and compiling out", async () => {
  const page = await reportOf(resultsOf(planOf([]), () => ({ psnr: 20 })));
  for (const seconds of ["1.00 s", "2.00 s", "3.00 s"]) assertStringIncludes(page, seconds);
});

Deno.test("methods whose means look alike in the table share a rank", () => {
  const results = resultsOf(planOf([]), (_, method) => ({ psnr: [20.001, 20.002, 19][method]! }));
  const rows = resultTable(results, ["psnr"]).text.split("<tr>").slice(-3);
  assertStringIncludes(rows[0]!, '<td class="first best"><span>20.00</span>');
  assertStringIncludes(rows[1]!, '<td class="first best"><span>20.00</span>');
  assertStringIncludes(rows[2]!, '<td class="first second"><span>19.00</span>');
});

Deno.test("the best of a quantity is the greatest or the smallest, as its nature is", () => {
  const best = (metric: MetricName): readonly string[] => {
    const results = resultsOf(planOf([]), (_, method) => ({ [metric]: 0.25 + method / 4 }));
    return resultTable(results, [metric]).text.split("<tr>").slice(-3).map((row) => /first( best)?/.exec(row)![0]);
  };
  const [greatest, smallest, none] = [
    ["first", "first", "first best"],
    ["first best", "first", "first"],
    ["first", "first", "first"],
  ];
  for (const metric of ["psnr", "ssim"] as const) {
    assertEquals(best(metric).map((found) => found.trim()), greatest, metric);
  }
  for (const metric of ["consistency", "divergence"] as const) assertEquals(best(metric), smallest, metric);
  assertEquals(best("faithfulness"), none);
});
