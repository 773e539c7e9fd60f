/** Timing whole replays of a stage, one sample at a time, so that stages can be timed in turn on the same machine. */
import { TimedQueue, type TimingMethod } from "./profiler.ts";
import { type Executable, type ExecutableContext, FLOPS_PER_SUBMIT } from "./executable.ts";

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

/** Bytes of a begin and an end, and what resolved queries must be aligned to. */
const RESOLVED_BYTES = 256;

/**
 * Warms a stage up and finds how many replays fill a sample.
 * @throws {RangeError} if timestamps are asked for and not to be had
 */
export async function openTimer(
  executable: Executable,
  context: ExecutableContext,
  wish: TimingMethod | undefined,
): Promise<ReplayTimer> {
  const hasTimestamps = context.opened.features.includes("timestamp-query");
  const method = wish ?? (hasTimestamps ? "timestamps" : "repeated dispatches");
  if (method === "timestamps" && !hasTimestamps) {
    throw new RangeError(
      `Cannot time stage "${executable.plan.name}" with timestamps: the adapter has no timestamp-query`,
    );
  }
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
  const { opened: { device }, store } = context;
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = store.allocate(RESOLVED_BYTES, "timestamps", usage);
  const querySet = device.createQuerySet({ type: "timestamp", count: 2 });
  try {
    const passes = passesOf(executable, replays);
    for (const [index, dispatches] of passes.entries()) {
      const encoder = device.createCommandEncoder();
      const isLast = index === passes.length - 1;
      const marks = {
        ...(index === 0 ? { beginningOfPassWriteIndex: 0 } : {}),
        ...(isLast ? { endOfPassWriteIndex: 1 } : {}),
      };
      const pass = encoder.beginComputePass(index === 0 || isLast ? { timestampWrites: { querySet, ...marks } } : {});
      for (const dispatch of dispatches) executable.encodeDispatch(pass, dispatch);
      pass.end();
      if (isLast) encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
      device.queue.submit([encoder.finish()]);
    }
    const [begin = 0n, end = 0n] = new BigUint64Array((await store.read(resolved, RESOLVED_BYTES)).buffer);
    return Math.max(0, Number(end - begin) / 1e6);
  } finally {
    querySet.destroy();
    store.release(resolved);
  }
}

/** The dispatches of all replays in one pass; a replay that is too long for one submit is split, and stands alone. */
function passesOf(executable: Executable, replays: number): readonly (readonly number[])[] {
  const { dispatches } = executable.plan;
  const order = [...dispatches.keys()];
  if (replays > 1) return [Array.from({ length: replays }, () => order).flat()];
  const passes: number[][] = [[]];
  let flops = 0;
  for (const index of order) {
    if (flops > FLOPS_PER_SUBMIT) {
      passes.push([]);
      flops = 0;
    }
    flops += dispatches[index]?.flops ?? 0;
    passes.at(-1)?.push(index);
  }
  return passes;
}

function repeat(count: number, body: () => void): void {
  for (let i = 0; i < count; i++) body();
}
