/** Wall time of replays: many between two waits, since every wait costs a fixed 11 ms on Deno. */
import process from "node:process";
import type { ProbedRuntime } from "./device_probe.ts";
import { type Spread, spreadOf } from "./statistics.ts";

/** Milliseconds of work between two waits, so that the wait itself is about 1 %. */
const SAMPLE_MILLISECONDS = 1000;

/** Most replays between two waits. */
const MAX_REPLAYS = 100;

/** Times of a replayed computation in milliseconds. */
export interface ReplayTimes {
  /** Wall time of one replay. */
  readonly replay: Spread;
  /** Time of this process on all cores for one replay: on software adapters what other programs do hardly changes it. */
  readonly processTime: Spread;
  /** Replays between two waits. */
  readonly replaysPerSample: number;
  /** Time on the host of one replay: to encode and to submit it on an idle queue, without waiting. */
  readonly host: Spread;
  /** Time of a wait with nothing to wait for, contained once in every sample. */
  readonly idleWait: number;
}

/**
 * Measures a computation that has run before.
 * @param probed the runtime it runs on
 * @param replay runs it once
 * @param samples how often to measure, 1 or more
 */
export async function timeReplays(
  probed: ProbedRuntime,
  replay: () => Promise<unknown>,
  samples: number,
): Promise<ReplayTimes> {
  const { runtime } = probed;
  const settled = async (count: number): Promise<number> => {
    const start = performance.now();
    await probed.withoutWaiting(async () => {
      for (let i = 0; i < count; i++) await replay();
    });
    await runtime.settle();
    return performance.now() - start;
  };
  /** One replay on an idle queue: time to encode and submit it, and until it is done. */
  const single = async (): Promise<{ readonly host: number; readonly total: number; readonly process: number }> => {
    const before = processMilliseconds();
    const start = performance.now();
    await probed.withoutWaiting(replay);
    const host = performance.now() - start;
    await runtime.settle();
    return { host, total: performance.now() - start, process: processMilliseconds() - before };
  };
  await runtime.settle();
  const idleWaits = await repeat(samples, async () => {
    const start = performance.now();
    await runtime.settle();
    return performance.now() - start;
  });
  const singles = await repeat(samples, single);
  const estimate = Math.min(...singles.map(({ total }) => total));
  const replaysPerSample = Math.min(MAX_REPLAYS, Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / estimate)));
  const replays = replaysPerSample === 1 ? singles : await repeat(samples, async () => {
    const before = processMilliseconds();
    const total = await settled(replaysPerSample) / replaysPerSample;
    return { total, process: (processMilliseconds() - before) / replaysPerSample };
  });
  return {
    processTime: spreadOf(replays.map((measured) => measured.process)),
    replay: spreadOf(replays.map(({ total }) => total)),
    replaysPerSample,
    host: spreadOf(singles.map(({ host }) => host)),
    idleWait: spreadOf(idleWaits).median,
  };
}

function processMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function repeat<T>(count: number, measure: () => Promise<T>): Promise<T[]> {
  const values: T[] = [];
  for (let i = 0; i < count; i++) values.push(await measure());
  return values;
}
