/** Clocks that are set while an evaluation runs, by a library of Debian that stands between a program and the clock. */
import { assert, assertEquals } from "@std/assert";
import { FolderStore } from "../../io/mod.ts";
import { missingProgram, succeeds } from "./debian.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";
import { Program } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { bench, expectedTables, pass, plannedUnits, serveAt, tablesOf, workAt } from "./setting.ts";

const LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

const missing = await missingProgram("faketime", ["faketime"]) ??
  (await succeeds("test", ["-e", LIBRARY]) ? undefined : `there is no ${LIBRARY}`);
// deno-lint-ignore no-console -- a skipped test must say why
if (missing !== undefined) console.log(`Clocks that are set are not tried: ${missing}`);

/** Where a clock is set to, one after the other, from what it is. */
const JUMPS = ["+1d", "-1d", "+10y", "-1h", "+0"];

/** A clock that a program sees instead of that of the machine; what counts from its start is left as it is. */
class Clock {
  constructor(readonly file: string) {
    Deno.writeTextFileSync(file, "+0\n");
  }

  /** What starts a program with this clock. */
  get env(): Readonly<Record<string, string>> {
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    };
  }

  /** Sets it, in one step, as a reader must not see half of it. */
  async set(to: string): Promise<void> {
    await Deno.writeTextFile(`${this.file}.new`, `${to}\n`);
    await Deno.rename(`${this.file}.new`, this.file);
  }
}

/** Nanoseconds of a year. */
const YEAR = 365n * 86_400n * 10n ** 9n;

/** Years that the clock of a server is off, one after the other. */
const OFF = [10, -10, 0, 3];

natsTest("the times that a server tells with its messages are years off, and jump", async ({ server: { host } }) => {
  const told = new Set<number>();
  let off = OFF[0]!;
  // A server takes its time from the kernel itself, where no library stands between: what it says is changed instead.
  const change = (text: string): string => {
    const year = (found: string): string => {
      const changed = Number(found) + off;
      told.add(changed);
      return `${changed}`;
    };
    return text
      .replaceAll(/(?<=\$JS\.ACK\.[\w.-]+\.)1\d{18}(?=\.)/g, (time) => {
        const changed = BigInt(time) + BigInt(off) * YEAR;
        told.add(new Date(Number(changed / 1_000_000n)).getUTCFullYear());
        return `${changed}`;
      })
      .replaceAll(/(?<=")20\d\d(?=-\d\d-\d\dT\d\d:\d\d:)/g, year);
  };
  using proxy = new Proxy(host, change);
  const store = new MemoryStore();
  const forecasts: number[] = [];
  let isOver = false;
  const serving = serveAt(proxy.host, {
    store,
    lease: 3,
    watch: (_phase, _step, _steps, figures) => {
      if (figures?.["secondsLeft"] !== undefined) forecasts.push(figures["secondsLeft"]);
    },
  });
  void serving.finally(() => isOver = true).catch(() => {});
  let made = 0;
  // Longer than a lease, which then holds by signs of life alone.
  const slow = bench(async (units) => {
    made += units.length;
    await pass(made === units.length ? 7000 : 300);
  });
  const working = workAt(proxy.host, { open: () => Promise.resolve(slow) });
  for (let jump = 1; !isOver; jump++) {
    await pass(400);
    off = OFF[jump % OFF.length]!;
  }
  const [served] = await Promise.all([serving, working]);
  const units = await plannedUnits();
  assertEquals([served.failures, served.differences, made], [[], [], units.length]);
  const now = new Date().getUTCFullYear();
  assert(OFF.every((years) => told.has(now + years)), `years that were told: ${[...told]}`);
  assert(forecasts.length > 2 && forecasts.every((seconds) => seconds < 1000), forecasts.join());
  assertEquals(await tablesOf(store), await expectedTables());
});

/** A line of one of the programs: a time by its clock, and a figure. */
function readLine(line: string): { readonly year: number; readonly figure: string } {
  const [time, figure] = line.split(" ");
  return { year: new Date(time!).getUTCFullYear(), figure: figure! };
}

for (const who of ["coordinator", "worker"] as const) {
  natsTest(`the clock of the ${who} is set hours and years forwards and back`, async ({ server: { host }, folder }) => {
    if (missing !== undefined) return;
    const out = `${folder}/out`;
    const clock = new Clock(`${folder}/clock`);
    // Longer than a lease, which then holds by signs of life alone; the other one would take what is lost.
    await using slow = new Program("worker", host, "4000");
    await using fast = new Program("worker", host, "700");
    await using coordinator = new Program("coordinator", host, out, "3");
    for (const worker of [slow, fast]) worker.start(who === "worker" ? clock.env : {});
    coordinator.start(who === "coordinator" ? clock.env : {});
    for (let jump = 0; !coordinator.isOver; jump++) {
      await Promise.race([pass(500), coordinator.over()]);
      await clock.set(JUMPS[jump % JUMPS.length]!);
    }
    const printed = {
      worker: [...slow.printed, ...fast.printed].map(readLine),
      coordinator: coordinator.printed.map(readLine),
    };
    const years = new Set(printed[who].map(({ year }) => year));
    assert(years.size > 1, `the clock was seen in ${[...years]} only`);
    const units = await plannedUnits();
    const made = printed.worker.reduce((sum, { figure }) => sum + Number(figure), 0);
    assertEquals(made, units.length, "no lease was lost: nothing is made twice");
    const forecasts = printed.coordinator.map(({ figure }) => figure).filter((figure) => figure !== "unknown");
    assert(forecasts.length > 2 && forecasts.every((figure) => Number(figure) < 100), forecasts.join());
    using store = await FolderStore.writing(out);
    assertEquals(await tablesOf(store), await expectedTables());
  });
}
