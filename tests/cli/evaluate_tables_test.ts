import { assertEquals, assertStringIncludes } from "@std/assert";
import type { EvaluationRecord } from "../../cli/evaluate/store.ts";
import {
  medianOf,
  resultsCsv,
  type Row,
  summaryCsv,
  tablesOf,
  textTable,
  timingsCsv,
} from "../../cli/evaluate/tables.ts";

const RECORD: EvaluationRecord = {
  kind: "evaluation",
  title: "",
  note: "",
  model: { name: "m", sha256: "0", parameters: 1 },
  options: "",
  images: [],
  tasks: [{ name: "sr4", options: "--task sr4" }],
  methods: ["a", "b, quoted", "c"].map((name) => ({ name, options: "" })),
  seeds: [0],
  paper: [],
  unfit: [],
  units: [],
};

function row(method: string, psnr: number | "infinite", seconds: number, image = "x.png"): Row {
  return {
    hash: `${method}-${image}`,
    case: image,
    image,
    task: "sr4",
    method,
    seed: 0,
    sampler: { name: method },
    evaluations: { nominal: 30, actual: 29 },
    width: 8,
    height: 8,
    metrics: { psnr, ssim: null, consistency: 0.5 },
    adapter: "gpu",
    command: [],
    timings: { seconds, secondsPerNfe: seconds / 29 },
  };
}

const ROWS = [row("a", 20, 1), row("a", 22, 3, "y.png"), row("b, quoted", 25, 2), row("c", "infinite", 9)];

Deno.test("tables hold means by task and method, and only timings.csv holds times", () => {
  const tables = tablesOf(RECORD, ROWS);
  const lines = summaryCsv(tables).trimEnd().split("\n");
  assertEquals(lines.length, 4);
  const [task, method, nfe, units, psnr, low, high] = lines[1]!.split(",");
  assertEquals([task, method, nfe, units, psnr], ["sr4", "a", "29", "2", "21"]);
  // Student's t for one degree of freedom and 95 %: 12.706 times the standard error of 1.
  assertEquals([Number(low).toFixed(2), Number(high).toFixed(2)], ["8.29", "33.71"]);
  assertStringIncludes(lines[2]!, 'sr4,"b, quoted",29,1,25,,,');
  const slower = tablesOf(RECORD, ROWS.map((row) => ({ ...row, timings: { seconds: 100, secondsPerNfe: 9 } })));
  assertEquals(resultsCsv(slower), resultsCsv(tables));
  assertEquals(summaryCsv(slower), summaryCsv(tables));
  assertEquals(timingsCsv(slower) === timingsCsv(tables), false);
  assertEquals(tables.cells.map(({ seconds }) => seconds), [2, 2, 9]);
});

Deno.test("an exact result is the best of its column, and a method without results has no line", () => {
  const text = textTable(tablesOf(RECORD, ROWS.slice(2)));
  assertEquals(text.split("\n").length, 3);
  assertStringIncludes(text, "exact*");
  assertStringIncludes(textTable(tablesOf(RECORD, ROWS.slice(0, 3))), "25.00*");
});

Deno.test("medianOf() is the value in the middle, or the mean of two", () => {
  assertEquals([medianOf([3]), medianOf([4, 1, 2]), medianOf([1, 2, 3, 10])], [3, 2, 2.5]);
});
