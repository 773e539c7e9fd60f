/** What the figures of a visit decide, on figures that are made up. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { decide, type Decision, type VisitRow, type VisitRows } from "../../bench/gpu/rules.ts";

/** Verdicts and texts of one rule. */
function decisions(rule: string, rows: VisitRows): readonly Pick<Decision, "verdict" | "text">[] {
  return decide(rows).filter((found) => found.rule === rule).map(({ verdict, text }) => ({ verdict, text }));
}

function verdicts(rule: string, rows: VisitRows): readonly string[] {
  return decisions(rule, rows).map(({ verdict }) => verdict);
}

/** A form of a layer. */
function form(kernel: string, name: string, gflopPerSecond: number, more: VisitRow = {}): VisitRow {
  return { kind: "form", kernel, form: name, gflopPerSecond, ...more };
}

const RATES = [{ what: "multiplyAdds", gflopPerSecond: 50_000 }];

Deno.test("without figures nothing is decided, and rows that tell of failures count for nothing", () => {
  assertEquals(decide({}), []);
  assertEquals(decide({ products: [{ kernel: "matmul", form: "default", error: "lost" }], rates: [], torch: [] }), []);
});

Deno.test("timestamps that are not nanoseconds are told", () => {
  assertEquals(verdicts("clock", { clock: [{ what: "clock", ticks: null }] }), []);
  for (const [tick, verdict] of [[1.02, "keep"], [1 / 1.3, "change"], [10, "change"]] as const) {
    assertEquals(verdicts("clock", { clock: [{ what: "clock", nanosecondsPerTick: tick }] }), [verdict]);
  }
});

Deno.test("a quantity that differs stops everything", () => {
  const ok = { quantity: "a", status: "ok" };
  const rows = { verify: [ok, ok], "verify-f16": [ok, { quantity: "b", status: "FAILED" }, { summary: {} }] };
  assertEquals(verdicts("verify", rows), ["keep", "stop"]);
  assertMatch(decisions("verify", rows)[1]!.text, /1 quantities differ, 1 agree/);
});

Deno.test("dear dispatches and submits ask for fewer of them", () => {
  const rates = (gap: number, host: number): VisitRows => ({
    rates: [
      { what: "dependent dispatch", microseconds: { median: gap } },
      { what: "submit", count: 1, hostMicroseconds: { median: 1000 } },
      { what: "submit", count: 50, hostMicroseconds: { median: host } },
    ],
  });
  assertEquals(verdicts("dispatches", rates(2.9, 140)), ["keep", "keep"]);
  assertEquals(verdicts("dispatches", rates(3.1, 160)), ["change", "change"]);
});

Deno.test("the fastest form of a layer becomes its default if it wins by a twentieth; half precision is told apart", () => {
  const products = [
    form("matmul a", "default", 100),
    form("matmul a", "shared-64", 104),
    form("matmul a", "shared-128", 90),
    form("matmul b", "default", 100),
    form("matmul b", "shared-64", 140),
    form("matmul b", "shared-f16", 150),
    { kind: "form", kernel: "matmul b", form: "shared-32", error: "lost" },
  ];
  const found = decisions("forms", { products });
  assertEquals(found.map(({ verdict }) => verdict), ["keep", "change", "change"]);
  assertMatch(found[1]!.text, /"shared-64" is 1.40 times as fast as the default: ship "shared-64"/);
  assertMatch(found[2]!.text, /"shared-f16" is 1.07 times/);
});

Deno.test("products and attention are compared with the ceiling of multiply-adds", () => {
  const rows = {
    rates: RATES,
    products: [form("matmul a", "default", 26_000), form("matmul b", "default", 24_000), form("conv3x3", "default", 1)],
    layers: [form("attention 8x64@1024", "default", 9_000), form("groupNorm", "default", 1)],
  };
  assertEquals(verdicts("ceiling", rows), ["keep", "change"]);
  assertEquals(verdicts("attention", rows), ["change"]);
  assertEquals(verdicts("ceiling", { ...rows, rates: [] }), []);
});

Deno.test("what merges the statistics of a norm must be short, whatever passes over its pixels take", () => {
  const layers = (finish: number): VisitRow[] => [
    form("groupNorm 256@256x256", "default", 1, {
      parts: { "groupNorm.statistics": 1, "groupNorm.merge": 0.05, "groupNorm.finish.modulated": finish, apply: 1 },
    }),
  ];
  assertEquals(verdicts("norm", { layers: layers(0.09) }), ["keep"]);
  assertEquals(verdicts("norm", { layers: layers(0.11) }), ["change"]);
});

Deno.test("networks are compared with the sum of their kernels and with PyTorch", () => {
  const rows = {
    ffhq: [
      { kind: "network", nfeMilliseconds: { median: 20 } },
      { kind: "kernels of a network", milliseconds: { a: 10, b: 9 } },
    ],
    torch: [
      { what: "network", network: "ffhq", precision: "fp32", mode: "eager", layout: "channels_last", ms: 30 },
      { what: "network", network: "ffhq", precision: "fp16", mode: "compiled", layout: "channels_last", ms: 8 },
      { what: "network", network: "imagenet-256", precision: "fp16", mode: "eager", layout: "channels_last", ms: 8 },
    ],
  };
  const found = decisions("networks", rows);
  assertEquals(found.map(({ verdict }) => verdict), ["keep", "keep", "change"]);
  assert(found[2]!.text.endsWith("PyTorch fp16 compiled channels_last 8.0 ms: 2.50 times as slow"), found[2]!.text);
});

Deno.test("Dawn and tuning are told where they win", () => {
  const products = [form("matmul a", "default", 100)];
  assertEquals(verdicts("dawn", { products, dawn: [form("matmul a", "default", 120)] }), ["change"]);
  assertEquals(verdicts("dawn", { products, dawn: [form("matmul a", "default", 105)] }), ["keep"]);
  const layers = [{ times: [1, 2], choice: {} }, { times: [1, 2] }, { times: [] }];
  assertEquals(verdicts("tune", { tune: [{ step: 1 }, { layers, network: { before: 11, after: 10 } }] }), ["change"]);
  const [{ verdict, text }] = decisions("tune", { tune: [{ layers }] }) as [Decision];
  assertEquals(verdict, "keep");
  assertMatch(text, /^tune: 1 of 2 layers of the embedded network beat their default, the whole is 1.00 times/);
});
