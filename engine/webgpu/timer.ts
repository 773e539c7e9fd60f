/** Timing whole replays of a stage, one sample at a time, so that stages can be timed in turn on the same machine. */
import { elapsed, repeat, replayTicks, tickLength, TimedQueue } from "./clock.ts";
import type { Executable, ExecutableContext } from "./executable.ts";
import { type TimingMethod, timingMethod } from "./profiler.ts";

/** Times the latest run of a stage by replaying it; its results stay what they are. */
export interface ReplayTimer {
  /** How it takes the time. */
  readonly method: TimingMethod;
  /**
   * Milliseconds of one replay with the gaps between its dispatches, the mean over as many as fill some 20 ms: on the
   * device where it has timestamps, otherwise wall time less the fixed cost of a wait.
   */
  sample(): Promise<number>;
}

/** Milliseconds of work in a sample, and the most replays that make it up. */
const SAMPLE_MILLISECONDS = 20;
const MAX_REPLAYS = 100;

/**
 * Warms a stage up and finds how many replays fill a sample.
 * @throws {RangeError} if timestamps are asked for and not to be had
 * @throws {Error} if the timestamps cannot be brought into agreement with wall time
 */
export async function openTimer(
  executable: Executable,
  context: ExecutableContext,
  wish: TimingMethod | undefined,
): Promise<ReplayTimer> {
  const method = timingMethod(context, `time stage "${executable.plan.name}"`, wish);
  const queue = new TimedQueue(context);
  // Drivers compile late and load what they touch first: the first replay tells nothing.
  executable.replay();
  await queue.measureIdle();
  const tick = method === "timestamps" ? await tickLength(executable, context, queue) : undefined;
  const total = async (replays: number): Promise<number> => {
    if (tick === undefined) return await queue.time(() => repeat(replays, () => executable.replay()));
    const { begin, end } = await replayTicks(executable, context, replays);
    return elapsed(begin, end, tick);
  };
  const estimate = await total(1);
  const replays = Math.min(MAX_REPLAYS, Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / estimate)));
  return { method, sample: async () => await total(replays) / replays };
}
