/**
 * The two clocks of a device: wall time between waits, and timestamps, whose ticks are as long as the adapter likes.
 * WebGPU says nanoseconds, but Deno passes on what the driver counts: 10 ns on AMD, 52 to 83 ns on Intel, the inverse of
 * a frequency with Direct3D 12. So the length of a tick is measured against wall time once for each open device.
 */
import type { Executable, ExecutableContext } from "./executable.ts";

/** Multiples of it are where resolved queries may begin, in bytes. */
export const RESOLVE_ALIGNMENT = 256;

/** Lengths of ticks that are known, in nanoseconds: none, AMD, and what Intel's and Apple's clocks of so many MHz give. */
const KNOWN_TICKS = [1, 10, 1000 / 38.4, 1000 / 24, 1000 / 19.2, 80, 1000 / 12, 100];

/** Those of clocks of whole MHz, which are taken where no known one fits. */
const OTHER_TICKS = Array.from({ length: 50 }, (_, megahertz) => 1000 / (megahertz + 1));

/** Largest difference of timestamps and wall time that may remain, as part of the wall time. */
const AGREEMENT = 0.2;

/**
 * Milliseconds of work by which a tick is measured: a wait on Deno ends up to 11 ms late. On a machine that has other
 * things to do wall time comes out too long, so that it is measured anew, each time for twice as long.
 */
const CALIBRATION_MILLISECONDS = 200;
const CALIBRATIONS = 3;

/** Dispatches that are recorded at most to measure a tick. */
const CALIBRATION_DISPATCHES = 2 ** 16;

/** Wall time of submitted work: a wait costs a fixed time by itself (11 ms on Deno), which is taken off. */
export class TimedQueue {
  readonly #context: ExecutableContext;
  #idle = 0;

  constructor(context: ExecutableContext) {
    this.#context = context;
  }

  async wait(): Promise<void> {
    await this.#context.opened.device.queue.onSubmittedWorkDone();
    this.#context.opened.check();
  }

  async measureIdle(): Promise<void> {
    await this.wait();
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      await this.wait();
      waits.push(performance.now() - start);
    }
    this.#idle = median(waits);
  }

  /** Milliseconds of what `submit` submits. */
  async time(submit: () => void): Promise<number> {
    const start = performance.now();
    submit();
    return await this.since(start);
  }

  /** Milliseconds from `start`, a moment of `performance.now()`, until all submitted work is done. */
  async since(start: number): Promise<number> {
    await this.wait();
    return Math.max(0, performance.now() - start - this.#idle);
  }
}

/**
 * Ticks that submits write to queries.
 * @param counts number of queries of each set
 * @param bytes of the buffer that `record` resolves them to
 */
export async function readTimestamps(
  { opened: { device }, store }: Pick<ExecutableContext, "opened" | "store">,
  counts: readonly number[],
  bytes: number,
  record: (sets: readonly GPUQuerySet[], resolved: GPUBuffer) => void | Promise<void>,
): Promise<BigUint64Array> {
  const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
  const resolved = store.allocate(bytes, "timestamps", usage);
  const sets = counts.map((count) => device.createQuerySet({ type: "timestamp", count }));
  try {
    await record(sets, resolved);
    return new BigUint64Array((await store.read(resolved, bytes)).buffer);
  } finally {
    sets.forEach((set) => set.destroy());
    store.release(resolved);
  }
}

/**
 * Milliseconds between two timestamps; 0 where a driver reports them in reverse.
 * @param tick nanoseconds of a tick
 */
export function elapsed(begin: bigint, end: bigint, tick: number): number {
  return Math.max(0, Number(end - begin) * tick / 1e6);
}

/** The time of some replays by both clocks. */
export interface ReplayTicks {
  /** Timestamps of the begin of the first replay and the end of the last. */
  readonly begin: bigint;
  readonly end: bigint;
  /** Milliseconds of wall time from the first submit on, if a queue was given to wait for it. */
  readonly wall: number;
}

/** Replays a stage between two timestamps. */
export async function replayTicks(
  executable: Executable,
  context: ExecutableContext,
  replays: number,
  queue?: TimedQueue,
): Promise<ReplayTicks> {
  const { device } = context.opened;
  const passes = passesOf(executable, replays);
  let wall = 0;
  const [begin = 0n, end = 0n] = await readTimestamps(context, [2], RESOLVE_ALIGNMENT, async ([querySet], resolved) => {
    let start: number | undefined;
    for (const [index, dispatches] of passes.entries()) {
      const isLast = index === passes.length - 1;
      const marks = {
        ...(index === 0 ? { beginningOfPassWriteIndex: 0 } : {}),
        ...(isLast ? { endOfPassWriteIndex: 1 } : {}),
      };
      const timed = index === 0 || isLast ? { timestampWrites: { querySet: querySet!, ...marks } } : {};
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass(timed);
      for (const dispatch of dispatches) executable.encodeDispatch(pass, dispatch);
      pass.end();
      if (isLast) encoder.resolveQuerySet(querySet!, 0, 2, resolved, 0);
      const commands = encoder.finish();
      // What the host takes to record the first submit is no time of the device.
      start ??= performance.now();
      device.queue.submit([commands]);
    }
    if (queue) wall = await queue.since(start!);
  });
  return { begin, end, wall };
}

/** The dispatches of all replays in one pass; a replay that is too long for one submit is split, and stands alone. */
function passesOf(executable: Executable, replays: number): readonly (readonly number[])[] {
  const order = [...executable.plan.dispatches.keys()];
  if (replays > 1) return [Array.from({ length: replays }, () => order).flat()];
  return executable.submits().map(({ first, end }) => order.slice(first, end));
}

/**
 * Nanoseconds of a tick of the device's timestamps. Unless it was measured before, the stage, which has run, is replayed
 * for some 0.2 s, and the ratio of wall time and ticks is taken to be the nearest length that clocks have.
 * @param queue whose cost of a wait was measured
 * @throws {Error} if with the best length the two clocks differ by more than a fifth
 */
export async function tickLength(
  executable: Executable,
  context: ExecutableContext,
  queue: TimedQueue,
): Promise<number> {
  const { opened: { clock } } = context;
  const { plan: { name, dispatches } } = executable;
  if (clock.tick !== undefined) return clock.tick;
  if (dispatches.length === 0) return 1;
  const estimate = await queue.time(() => executable.replay());
  const most = Math.max(1, Math.floor(CALIBRATION_DISPATCHES / dispatches.length));
  let replays = Math.min(most, Math.ceil(CALIBRATION_MILLISECONDS / Math.max(estimate, 1)));
  let [shortest, wall, ticks] = [Infinity, 0, 0];
  for (let calibration = 0; calibration < CALIBRATIONS; replays = Math.min(most, 2 * replays)) {
    const found = await replayTicks(executable, context, replays, queue);
    // Too short to say anything, and more can be recorded.
    if (found.wall < CALIBRATION_MILLISECONDS / 2 && replays < most) continue;
    calibration++;
    const count = Math.max(0, Number(found.end - found.begin));
    const measured = 1e6 * found.wall / count;
    if (measured > shortest) continue;
    [shortest, wall, ticks] = [measured, found.wall, count];
    const tick = nearestTick(measured);
    if (agrees(tick, measured)) return clock.tick = tick;
  }
  throw new Error(
    `Cannot time stage "${name}" with timestamps: ${wall.toFixed(1)} ms of wall time gave ${ticks} ticks, which is ` +
      `${shortest.toPrecision(3)} ns a tick, and no clock that is known is within ${100 * AGREEMENT} % of that; ` +
      'repeat dispatches between waits instead (method "repeated dispatches", option --no-timestamps)',
  );
}

/** The length of ticks that a measured one stands for: one that is known, else that of a clock of whole MHz. */
function nearestTick(measured: number): number {
  const nearest = (lengths: readonly number[]): number =>
    lengths.reduce((best, next) => Math.abs(next - measured) < Math.abs(best - measured) ? next : best);
  const known = nearest(KNOWN_TICKS);
  return agrees(known, measured) ? known : nearest(OTHER_TICKS);
}

function agrees(tick: number, measured: number): boolean {
  return Math.abs(tick / measured - 1) <= AGREEMENT;
}

/** Does something so often. */
export function repeat(count: number, body: () => void): void {
  for (let i = 0; i < count; i++) body();
}

/** The middle of measurements, the mean of the middle two where their number is even; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return (lower + upper) / 2;
}
