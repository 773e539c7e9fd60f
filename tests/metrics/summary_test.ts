import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { summarize } from "../../metrics/mod.ts";
import { studentQuantile } from "../../metrics/student_t.ts";
import { randomValues } from "../support/random.ts";
import { RECORDED } from "./recorded.ts";

Deno.test("studentQuantile() equals SciPy", () => {
  for (const [degrees, confidence, quantile] of RECORDED.student) {
    assertAlmostEquals(studentQuantile(degrees, confidence), quantile, 1e-10 * quantile, `${degrees} ${confidence}`);
  }
  assertThrows(() => studentQuantile(0, 0.95), RangeError, "0 degrees of freedom");
});

Deno.test("summarize() gives mean, deviation, error and Student's interval as SciPy does", () => {
  const { values, mean, standardDeviation, standardError, interval } = RECORDED.summary;
  const summary = summarize(values);
  assertEquals([summary.count, summary.infinite], [7, 0]);
  assertAlmostEquals(summary.mean, mean, 1e-12);
  assertAlmostEquals(summary.standardDeviation, standardDeviation, 1e-12);
  assertAlmostEquals(summary.standardError, standardError, 1e-12);
  assertAlmostEquals(summary.interval[0], interval[0], 1e-10);
  assertAlmostEquals(summary.interval[1], interval[1], 1e-10);
});

Deno.test("summarize() by bootstrap repeats itself by seed and agrees with Student's interval of many values", () => {
  const values = [...randomValues(400, 5)];
  const options = { interval: "bootstrap", resamples: 2000 } as const;
  const first = summarize(values, options);
  assertEquals(summarize(values, options), first);
  assert(summarize(values, { ...options, seed: 1 }).interval[0] !== first.interval[0]);
  const student = summarize(values).interval;
  const width = student[1] - student[0];
  assertAlmostEquals(first.interval[0], student[0], 0.06 * width);
  assertAlmostEquals(first.interval[1], student[1], 0.06 * width);
});

Deno.test("summarize() counts infinite values apart, and one value has no interval", () => {
  const summary = summarize([Infinity, 30, 32]);
  assertEquals([summary.count, summary.infinite, summary.mean], [2, 1, 31]);
  const { mean, interval, standardError } = summarize([30, Infinity]);
  assertEquals([mean, ...interval, standardError], [30, NaN, NaN, NaN]);
  assertEquals(summarize([]).mean, NaN);
  assertThrows(() => summarize([1, NaN]), RangeError, "value 1 is not a number");
  assertThrows(() => summarize([1], { confidence: 1 }), RangeError, "confidence is 1");
});
