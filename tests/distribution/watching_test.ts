/** How a coordinator says how far it is: rates, lines of a terminal, and metrics. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { QueueError } from "../../distribution/mod.ts";
import { metricsText, type Overview, overviewLines, type WorkerView } from "../../distribution/overview.ts";
import { serveMetrics } from "../../distribution/metrics.ts";
import { Rate } from "../../distribution/rate.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { freePort, natsTest } from "./nats_server.ts";
import { bench, pass, plannedUnits, serveAt, workAt } from "./setting.ts";

Deno.test("a rate is of the last minute, and 0 before something was counted", () => {
  let now = 5000;
  const rate = new Rate(100, () => now);
  assertEquals(rate.perSecond, 0);
  for (let second = 1; second <= 30; second++) {
    now += 1000;
    rate.at(100 + 2 * second);
  }
  assertEquals(rate.perSecond, 2);
  now += 30_000;
  assertEquals(rate.perSecond, 1, "what stands still becomes slower");
  for (let second = 1; second <= 120; second++) {
    now += 1000;
    rate.at(160 + 7 * second);
  }
  assertEquals(rate.perSecond, 7, "what was before a minute is forgotten");
});

Deno.test("a rate keeps some counts only, however often it is told of one", () => {
  let now = 0;
  const rate = new Rate(0, () => now);
  for (let count = 1; count <= 1000; count++) {
    now += 10;
    rate.at(count);
  }
  assert(Math.abs(rate.perSecond - 100) < 1e-9, `${rate.perSecond}`);
});

const WORKER: WorkerView = {
  worker: "0123abcd",
  adapter: 'card "x"\n\\y',
  state: "working",
  units: 12,
  failed: 1,
  unitsPerSecond: 0.5,
};

const VIEW: Overview = {
  units: 40,
  stored: 13,
  failed: 2,
  differences: 1,
  unitsPerSecond: 12.4,
  secondsLeft: 75,
  workers: [WORKER, { ...WORKER, worker: "89abcdef", state: "waiting", failed: 0, units: 3 }],
};

Deno.test("overviewLines() has a line for each worker, and one for those that a terminal has no room for", () => {
  assertEquals(overviewLines(VIEW), [
    "12 units/s from 2 workers, 1 min 15 s left, 1 units came twice with other results",
    '  0123abcd working     12 units, 1 failed, 0.50 units/s  card "x"\n\\y',
    '  89abcdef waiting      3 units, 0.50 units/s  card "x"\n\\y',
  ]);
  const many = overviewLines({ ...VIEW, workers: Array<WorkerView>(100).fill(WORKER) });
  assertEquals(many.length, 17);
  assertEquals(many.at(-1), "  85 others    1020 units, 85 failed, 43 units/s");
});

Deno.test("metricsText() is in the format of Prometheus, with what workers say of themselves escaped", () => {
  const text = metricsText(VIEW);
  for (const line of text.trimEnd().split("\n")) {
    assert(
      /^(# (HELP|TYPE) shortcut_\w+ .+|shortcut_\w+(\{\w+="([^"\\]|\\["\\n])*"(,\w+="([^"\\]|\\["\\n])*")*\})? [\d.]+)$/
        .test(line),
      line,
    );
  }
  assertStringIncludes(text, 'shortcut_units{state="missing"} 25\n');
  assertStringIncludes(text, "shortcut_seconds_left 75\n");
  assertStringIncludes(text, 'shortcut_workers{state="waiting"} 1\n');
  assertStringIncludes(text, 'shortcut_worker_units_total{worker="0123abcd",adapter="card \\"x\\"\\n\\\\y"} 12\n');
  const { secondsLeft: _, ...unknown } = VIEW;
  assert(!metricsText(unknown).includes("seconds_left"), "a forecast that is not known is left out");
});

Deno.test("metrics are at one path, and a port that is taken is named with what to do", async () => {
  const port = freePort();
  await using _metrics = serveMetrics(port, () => "a 1\n");
  const at = (path: string, method = "GET"): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`, { method });
  const found = await at("/metrics");
  assertEquals([found.status, await found.text()], [200, "a 1\n"]);
  assertEquals(found.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  for (const [path, method, status] of [["/", "GET", 404], ["/metrics", "POST", 405]] as const) {
    const response = await at(path, method);
    await response.text();
    assertEquals(response.status, status);
  }
  // In an async function, as the other error of this kind comes of a promise.
  await assertRejects(
    () => Promise.resolve().then(() => serveMetrics(port, () => "")),
    QueueError,
    `Cannot serve metrics at 127.0.0.1:${port}: another program listens there; choose another --metrics`,
  );
});

natsTest("a coordinator tells rates, the workers with their adapters, failures and a forecast", async ({
  server: { host },
}) => {
  const units = await plannedUnits();
  const broken = units[0]!.id;
  const port = freePort();
  const views: Overview[] = [];
  const serving = serveAt(host, { store: new MemoryStore(), metrics: port, view: (view) => void views.push(view) });
  const slow = (): ReturnType<typeof bench> =>
    bench(async (units) => {
      await pass(60);
      if (units.some(({ id }) => id === broken)) throw new Error("no such file");
    });
  const working = [0, 1].map(() => workAt(host, { open: () => Promise.resolve(slow()), pause: 0.1 }));
  let text = "";
  let isOver = false;
  void serving.finally(() => isOver = true);
  while (!isOver) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
    const found = await response?.text() ?? "";
    const workers = found.match(/^shortcut_worker_units_total\{/gm)?.length;
    if (found.includes("seconds_left") && workers === 2) text = found;
    await pass(20);
  }
  const [{ failures }] = await Promise.all([serving, ...working]);
  assertEquals(failures.map(({ unit: { id } }) => id), [broken]);
  const { workers: _, unitsPerSecond, ...last } = views.at(-1)!;
  assertEquals(last, { units: units.length, stored: units.length - 1, failed: 1, differences: 0, secondsLeft: 0 });
  assert(unitsPerSecond > 0.1 && unitsPerSecond < 100, `${unitsPerSecond} units per second`);
  const value = (name: string): number => Number(new RegExp(`^shortcut_${name} (\\S+)$`, "m").exec(text)?.[1]);
  assert(value("seconds_left") >= 0 && value("seconds_left") < 300, text);
  assert(value("units_per_second") > 0, text);
  assertEquals(
    text.match(/^shortcut_worker_units_total\{worker="[0-9a-f]{8}",adapter="[^"]+"\} \d+$/gm)?.length,
    2,
    text,
  );
});
