/** Timing whole replays of a stage, one sample at a time, so that stages can be timed in turn on the same machine. */
import { submit } from "./device.ts";
import { type Executable, type ExecutableContext, submitsOf } from "./executable.ts";
import {
  elapsed,
  readTimestamps,
  repeat,
  RESOLVE_ALIGNMENT,
  TimedQueue,
  type TimingMethod,
  timingMethod,
} from "./profiler.ts";

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
 */
export async function openTimer(
  executable: Executable,
  context: ExecutableContext,
  wish: TimingMethod | undefined,
): Promise<ReplayTimer> {
  const method = timingMethod(context, `time stage "${executable.plan.name}"`, wish);
  const queue = new TimedQueue(context);
  const total = method === "timestamps"
    ? (replays: number): Promise<number> => deviceTime(executable, context, replays)
    : (replays: number): Promise<number> => queue.time(() => repeat(replays, () => executable.replay()));
  // Drivers compile late and load what they touch first: the first replay tells nothing.
  executable.replay();
  await queue.measureIdle();
  const estimate = await total(1);
  const replays = Math.min(MAX_REPLAYS, Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / estimate)));
  return { method, sample: async () => await total(replays) / replays };
}

/** Milliseconds from the begin of the first replay to the end of the last, by timestamps. */
async function deviceTime(executable: Executable, context: ExecutableContext, replays: number): Promise<number> {
  const passes = passesOf(executable, replays);
  const [begin = 0n, end = 0n] = await readTimestamps(context, [2], RESOLVE_ALIGNMENT, ([querySet], resolved) => {
    for (const [index, dispatches] of passes.entries()) {
      const isLast = index === passes.length - 1;
      const marks = {
        ...(index === 0 ? { beginningOfPassWriteIndex: 0 } : {}),
        ...(isLast ? { endOfPassWriteIndex: 1 } : {}),
      };
      const timed = index === 0 || isLast ? { timestampWrites: { querySet: querySet!, ...marks } } : {};
      submit(context.opened.device, (encoder) => {
        const pass = encoder.beginComputePass(timed);
        for (const dispatch of dispatches) executable.encodeDispatch(pass, dispatch);
        pass.end();
        if (isLast) encoder.resolveQuerySet(querySet!, 0, 2, resolved, 0);
      });
    }
  });
  return elapsed(begin, end);
}

/** The dispatches of all replays in one pass; a replay that is too long for one submit is split, and stands alone. */
function passesOf({ plan: { dispatches } }: Executable, replays: number): readonly (readonly number[])[] {
  const order = [...dispatches.keys()];
  if (replays > 1) return [Array.from({ length: replays }, () => order).flat()];
  return submitsOf(dispatches).map(({ first, end }) => order.slice(first, end));
}
