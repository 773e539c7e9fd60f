/** Clocks that are set while an evaluation runs, by a library of Debian that stands between a program and the clock. */
import { assert, assertEquals } from "@std/assert";
import { FolderStore } from "../../cli/evaluate_store.ts";
import { missingProgram, succeeds } from "./debian.ts";
import { natsTest } from "./nats_server.ts";
import { Program } from "./program.ts";
import { expectedTables, pass, plannedUnits, tablesOf } from "./setting.ts";

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
