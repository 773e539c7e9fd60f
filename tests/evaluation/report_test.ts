import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Gathering, type Results } from "../../evaluation/cells.ts";
import type { Expectations } from "../../evaluation/expectations.ts";
import type { Plan, PlannedUnit } from "../../evaluation/plan.ts";
import { makeReport } from "../../evaluation/report/report.ts";
import { resultTable } from "../../evaluation/report/table.ts";
import { metricsOf, type UnitRecord } from "../../evaluation/store.ts";
import { formatPublished } from "../../evaluation/published.ts";
import { formatCells, tableFiles } from "../../evaluation/tables.ts";
import { makePng } from "../io/png_maker.ts";
import { MemoryStore } from "./memory_store.ts";

const METHODS = ["none", "low, & <b>", "high"];

/** Values of PSNR of two pictures by method; of the last one they are equal. */
const PSNR: readonly (readonly (number | "infinite")[])[] = [[20, 22], [25.004, 24.996], ["infinite", "infinite"]];

/** A plan of one task, three methods and two pictures, and a method that the second task refuses. */
function planOf(
  expectations: Expectations,
  known: readonly string[] = [],
): Plan & { readonly units: readonly PlannedUnit[] } {
  const labels = (names: readonly string[]): Plan["tasks"] =>
    names.map((name) => ({ name, label: name, series: name }));
  return {
    version: "1",
    title: "A <title>",
    model: { name: "m.pt", sha256: "0123456789abcdef", known },
    precision: "f32",
    size: 16,
    convention: "ddnm",
    confidence: 0.95,
    images: ["a.png", "b.png"].map((name) => ({ name, sha256: name })),
    tasks: labels(["sr4", "ct"]),
    methods: labels(METHODS),
    seeds: [0],
    pairs: METHODS.map((_, method) => ({ task: 0, method, evaluations: { nominal: 30, actual: 29 } })),
    notApplicable: METHODS.map((_, method) => ({ task: 1, method, reason: "it has no spectrum" })),
    units: METHODS.flatMap((_, method) =>
      [0, 1].map((image) => ({ id: `u${method}${image}`, task: 0, method, image, seed: 0 }))
    ),
    expectations,
  };
}

const NOTHING: Expectations = { trends: [] };

function recordOf(method: number, image: number): UnitRecord {
  return {
    id: `u${method}${image}`,
    key: {},
    metrics: { psnr: PSNR[method]![image]!, consistency: method },
    nfe: 29,
    truth: `t${image}.png`,
    before: `y${image}.png`,
    width: 4,
    height: 4,
    time: { seconds: 1 + Math.random(), steadySeconds: 1, batch: 1 },
    device: "an adapter",
  };
}

function resultsOf(plan: ReturnType<typeof planOf>): Results {
  const units = plan.units.map((unit) => {
    const record = recordOf(unit.method, unit.image);
    return { unit, record, metrics: metricsOf(record) };
  });
  const gathering = new Gathering(plan);
  for (const found of units) gathering.add(found);
  return gathering.results(units, new Map());
}

/** The report of a plan, with pictures. */
async function reportOf(plan: ReturnType<typeof planOf>): Promise<string> {
  const results = resultsOf(plan);
  const store = new MemoryStore();
  const png = makePng({ width: 4, height: 4, bitDepth: 8, colorType: 2, sample: (x, y, c) => 20 * (x + y + c) });
  for await (const { unit: { id }, record } of results.units) {
    await store.write(`units/${id}.png`, png);
    for (const name of [record.truth, record.before]) await store.write(`pictures/${name}`, png);
  }
  const setting = { command: "deno task evaluate 'x'", configuration: null, pictures: 1 };
  return (await makeReport(store, results, setting)).replace(/>\s+</g, "><");
}

Deno.test("the table marks the best and the second best by what it shows, and says what is not applicable", () => {
  const results = resultsOf(planOf(NOTHING));
  const rows = resultTable(results, ["psnr"]).text.split("<tr>").slice(-3);
  assertStringIncludes(rows[0]!, '<td class="first"><span>21.00</span><small>±12.71</small>');
  assertStringIncludes(rows[1]!, '<td class="first second"><span>25.00</span>');
  assertStringIncludes(rows[1]!, "low, &amp; &lt;b&gt;");
  assertStringIncludes(rows[2]!, '<td class="first best"><span>equal</span>');
  assertStringIncludes(rows[0]!, 'title="it has no spectrum">n/a');
  // Of consistency the smallest is the best.
  const consistency = resultTable(results, ["consistency"]).text.split("<tr>").slice(-3);
  assertStringIncludes(consistency[0]!, '<td class="first best"><span>0.0000</span>');
});

Deno.test("tables hold no times, and equal units give equal bytes", async () => {
  const [first, second] = [await tableFiles(resultsOf(planOf(NOTHING))), await tableFiles(resultsOf(planOf(NOTHING)))];
  for (const name of ["results.csv", "summary.csv", "differences.csv", "results.json"]) {
    assertEquals(first[name], second[name]);
  }
  assert(first["times.csv"] !== second["times.csv"]);
  assertEquals(first["results.csv"]!.split("\n").slice(0, 4), [
    "task,method,image,seed,nfe,psnr,consistency,unit",
    "sr4,none,a.png,0,29,20,0,u00",
    "sr4,none,b.png,0,29,22,0,u01",
    'sr4,"low, & <b>",a.png,0,29,25.004,1,u10',
  ]);
  assertStringIncludes(first["summary.csv"]!, "sr4,high,30,29,2,2,0,inf,,,,2,0,2,2,\n");
  assertStringIncludes(first["summary.csv"]!, "ct,none,,,,,,,,,,,,,,it has no spectrum\n");
  assertEquals(formatCells(resultsOf(planOf(NOTHING))).split("\n").map((line) => line.replace(/ {2,}/g, "  ")), [
    "psnr / consistency  sr4  ct",
    "none  21.00 / 0.0000  n/a",
    "low, & <b>  25.00 / 1.0000  n/a",
    "high  equal / 2.0000  n/a",
  ]);
});

Deno.test("the report is one file: no resource outside it, pictures inside, values escaped", async () => {
  {
    const page = await reportOf(planOf(NOTHING));
    assertEquals(page.match(/(src|href)="[^"]*"|url\(|@import|https?:/g), null);
    assertStringIncludes(page, "<h1>A &lt;title&gt;</h1>");
    assertStringIncludes(page, "deno task evaluate &#39;x&#39;");
    const [, data] = /id="data">(.*?)<\/script>/s.exec(page)!;
    const pictures = JSON.parse(data!);
    for (const [, name] of page.matchAll(/data-(?:source|picture|truth|before)="([^"]*)"/g)) {
      assert(pictures[name!].startsWith("data:image/png;base64,"), name);
    }
    assertEquals(Object.keys(pictures).length, 5);
    assertStringIncludes(page, "The first 1 of 2 pictures are shown");
  }
});

Deno.test("published figures stand beside ours for their checkpoint, and for others the order is judged", async () => {
  const expectations: Expectations = {
    papers: [
      {
        source: "P, table 1",
        differs: "chosen by <the original>",
        checkpoints: ["net-256"],
        rows: [{ method: "none", task: "sr4", values: { psnr: 23.5 } }],
      },
      {
        source: "Q, table 2",
        checkpoints: ["other-64"],
        rows: [{ method: "none", task: "sr4", values: { psnr: 31.25, fid: 7.5 } }],
      },
    ],
    trends: [
      { statement: "rises", metric: "psnr", task: "sr4", rising: ["none", "low, & <b>"] },
      { statement: "grows", metric: "consistency", task: "sr4", rising: ["none", "low, & <b>", "high"] },
      { statement: "falls", metric: "consistency", task: "sr4", rising: ["high", "none"] },
      { statement: "unknown", metric: "fid", task: "sr4", rising: ["high", "none"] },
    ],
  };
  {
    const page = await reportOf(planOf(expectations));
    // 20 and 22 against 25.004 and 24.996: 4 dB, but within 12.7 of them with two pictures.
    assertStringIncludes(page, 'rises: <span class="soft">undecided</span>');
    assertStringIncludes(page, 'grows: <span class="holds">holds</span>');
    assertStringIncludes(page, 'falls: <span class="fails">does not hold</span>');
    assertStringIncludes(page, 'unknown: <span class="soft">not measured</span>');
    assert(!page.includes("23.50") && !page.includes("31.25"));
    for (const made of ["P, table 1 were made with net-256", "Q, table 2 were made with other-64"]) {
      assertStringIncludes(page, made);
    }
    assertEquals(formatPublished(resultsOf(planOf(expectations))), []);
    assertEquals((await tableFiles(resultsOf(planOf(expectations))))["published.csv"], undefined);
  }
  {
    const page = await reportOf(planOf(expectations, ["net-256"]));
    assertStringIncludes(page, "<td>PSNR</td><td>23.50</td><td>21.00</td><td>-2.50</td>");
    assertStringIncludes(page, "What differs: chosen by &lt;the original&gt;");
    assertStringIncludes(page, 'grows: <span class="holds">holds</span>');
    assert(!page.includes("31.25"), "figures of another network");
  }
  {
    const page = await reportOf(planOf(expectations, ["net-256", "twin-256"]));
    const doubt = "In doubt: the tensors of the file are those of net-256, twin-256 alike, the figures of net-256";
    assertStringIncludes(page, doubt);
    assertStringIncludes(formatPublished(resultsOf(planOf(expectations, ["net-256", "twin-256"])))[0]!, doubt);
  }
  {
    const results = resultsOf(planOf(expectations, ["other-64"]));
    const [head, ...lines] = (await tableFiles(results))["published.csv"]!.trim().split("\n");
    assertEquals(head, "source,method,task,quantity,published,here,differs");
    assertEquals(lines, ['"Q, table 2",none,sr4,psnr,31.25,21,', '"Q, table 2",none,sr4,fid,7.5,,']);
    const [text = ""] = formatPublished(results);
    assertEquals(text.split("\n").map((line) => line.trim().replace(/ {2,}/g, "  ")), [
      "Beside Q, table 2:",
      "Method  Task  Quantity  Published  Here  Difference",
      "none  sr4  PSNR  31.25  21.00  -10.25",
      "none  sr4  FID  7.50  -  -",
    ]);
  }
});
