/**
 * How many workers and units a coordinator and a server bear: `deno run -A tests/distribution/scale.ts WORKERS UNITS SECONDS
 * MILLISECONDS`. Workers only sleep, so many milliseconds for a chunk of 8 units. It stops after so many seconds, or when all is done.
 */
import { serve } from "../../distribution/coordinator.ts";
import { InterruptedError } from "../../io/mod.ts";
import { asleepOptions } from "./asleep.ts";
import { withServer } from "./nats_server.ts";
import { Program } from "./program.ts";
import { openQueue, pass } from "./setting.ts";

/** Workers of a process. */
const TOGETHER = 250;

const [workers = 1000, units = 100_000, seconds = 60, sleep = 5000] = Deno.args.map(Number);

/** Seconds of a processor that a process has used; the clock of Linux counts hundredths. */
async function processorSeconds(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/stat`);
  const [user, system] = text.slice(text.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
  return (user! + system!) / 100;
}

function processorSecondsOf(pids: readonly number[]): Promise<readonly number[]> {
  return Promise.all(pids.map(processorSeconds));
}

/** Megabytes of memory that a process has in use. */
async function megabytes(pid: number): Promise<number> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text)?.[1]) / 1000;
}

await withServer(async ({ server }) => {
  const queue = await openQueue(server.host);
  const peak = { coordinator: 0, server: 0, chunks: 0, results: 0, workers: 0 };
  let stored = 0;
  let begin: number | undefined;
  let used: Promise<readonly number[]> = Promise.resolve([]);
  let isOver = false;
  let seen = performance.now();
  const look = async (): Promise<void> => {
    if (performance.now() - seen < 1000) return;
    seen = performance.now();
    peak.coordinator = Math.max(peak.coordinator, await megabytes(Deno.pid));
    peak.server = Math.max(peak.server, await megabytes(server.pid));
    const waiting = await queue.waiting();
    peak.chunks = Math.max(peak.chunks, waiting?.chunks ?? 0);
    peak.results = Math.max(peak.results, waiting?.results ?? 0);
  };
  const start = performance.now();
  const options = await asleepOptions(units, {
    note: (text) => {
      // deno-lint-ignore no-console -- it is what the program is for
      if (!text.startsWith("Worker")) console.log(text);
    },
    watch: (_phase, _step, _steps, figures) => {
      if (!figures) return;
      const made = figures["units"]!;
      if (made > 0 && begin === undefined) {
        begin = performance.now();
        used = processorSecondsOf([Deno.pid, server.pid]);
      }
      stored = made;
      peak.workers = Math.max(peak.workers, figures["workers"]!);
    },
    check: async () => {
      await look();
      if (begin !== undefined && performance.now() - begin > 1000 * seconds) throw new InterruptedError("time is over");
    },
  });
  const planned = (performance.now() - start) / 1000;
  // deno-lint-ignore no-console -- it is what the program is for
  console.log(`${units} units are planned (${planned.toFixed(1)} s), ${Math.round(await megabytes(Deno.pid))} MB`);
  const processes = Array.from(
    { length: Math.ceil(workers / TOGETHER) },
    (_, k) => new Program("sleepers", server.host, `${Math.min(TOGETHER, workers - k * TOGETHER)}`, `${sleep}`),
  );
  for (const each of processes) each.start();
  try {
    await serve(queue, options);
    isOver = true;
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
  }
  const passed = (performance.now() - (begin ?? NaN)) / 1000;
  const before = await used;
  const processor = (await processorSecondsOf([Deno.pid, server.pid])).map((now, at) =>
    (1000 * (now - before[at]!) / stored).toFixed(2)
  );
  await pass(isOver ? 2000 : 0);
  for (const each of processes) await each[Symbol.asyncDispose]();
  // deno-lint-ignore no-console -- it is what the program is for
  console.log(
    `${peak.workers} workers, ${stored} of ${units} units in ${passed.toFixed(0)} s: ${(stored / passed).toFixed(0)} ` +
      `units/s; at most ${peak.chunks} chunks and ${peak.results} results wait; coordinator ${
        Math.round(peak.coordinator)
      } MB, ` +
      `server ${Math.round(peak.server)} MB; processor of a unit: coordinator ${processor[0]} ms, server ${
        processor[1]
      } ms`,
  );
  await queue.connection.close();
});
