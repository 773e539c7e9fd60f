/**
 * Where the time of a stage goes: its plan is replayed with one compute pass for each dispatch, timestamps written at
 * both ends of each pass. Without timestamps every dispatch is repeated between two waits instead.
 */
import type { PlannedDispatch } from "../plan.ts";
import { elapsed, median, readTimestamps, repeat, RESOLVE_ALIGNMENT, tickLength, TimedQueue } from "./clock.ts";
import { submit } from "./device.ts";
import type { Executable, ExecutableContext } from "./executable.ts";
import type { Run } from "./pace.ts";

/** How the times of dispatches were taken. */
export type TimingMethod = "timestamps" | "repeated dispatches";

/** One dispatch of a plan and what it costs. */
export interface KernelTime {
  /** Name of the kernel, such as `conv2d.direct`. */
  readonly label: string;
  /** Where the call stands in the network or sampler. */
  readonly scope: string;
  /** Median over the replays. */
  readonly milliseconds: number;
  /** Floating-point operations: those of the call are counted where they are done, or else at its first dispatch. */
  readonly flops: number;
  /** Least bytes moved of the call, all counted at its first dispatch. */
  readonly bytes: number;
  /** Workgroups along x, y and z. */
  readonly workgroups: readonly [number, number, number];
}

/** The times of a stage. */
export interface StageProfile {
  /** Name of the stage. */
  readonly stage: string;
  /** How the times were taken. */
  readonly method: TimingMethod;
  /** How many replays each median is over. */
  readonly replays: number;
  /** One row for each dispatch of the plan, in its order. */
  readonly kernels: readonly KernelTime[];
  /** Median of what all dispatches of a replay take together; above the sum of the rows where something disturbs. */
  readonly kernelMilliseconds: number;
  /** Median time from the begin of the first dispatch to the end of the last, each in a pass of its own; if known. */
  readonly spanMilliseconds: number | undefined;
  /** Median wall time of a plain replay, the fixed cost of a wait taken off. */
  readonly replayMilliseconds: number;
  /** The least of both, where the machine was least disturbed: a plain replay, and the dispatches of a timed one. */
  readonly fastest: { readonly replayMilliseconds: number; readonly kernelMilliseconds: number };
  /** Median time on the host to encode and submit a plain replay on an idle queue. */
  readonly hostMilliseconds: number;
}

/** How a stage is profiled. */
export interface ProfileOptions {
  /** Replays that medians are taken over, 1 or more; default 5. */
  readonly replays?: number;
  /** By default timestamps where the device has them. */
  readonly method?: TimingMethod;
}

/** Queries of one set at most, by the WebGPU specification; a dispatch takes two. */
const QUERIES_PER_SET = 4096;

/** Bytes of a timestamp. */
const TIMESTAMP_BYTES = 8;

/** Milliseconds of work between two waits, so that the uncertainty of a wait weighs little. */
const SAMPLE_MILLISECONDS = { replay: 200, dispatch: 20 } as const;

/** Most repetitions between two waits. */
const MAX_REPETITIONS = 100;

/**
 * Profiles the latest run of a stage. Plain and timed replays alternate, so that both see the same machine.
 * @throws {RangeError} if the number of replays is no positive integer, or timestamps are asked for and not to be had
 * @throws {Error} if the timestamps cannot be brought into agreement with wall time
 */
export async function profileStage(
  executable: Executable,
  context: ExecutableContext,
  options: ProfileOptions = {},
): Promise<StageProfile> {
  const { plan } = executable;
  const { replays = 5 } = options;
  const method = timingMethod(context, `profile stage "${plan.name}"`, options.method);
  if (!Number.isInteger(replays) || replays < 1) {
    throw new RangeError(
      `Cannot profile stage "${plan.name}": ${replays} replays were asked for, 1 or more are needed`,
    );
  }
  const queue = new TimedQueue(context);
  await queue.measureIdle();
  const timer = method === "timestamps"
    ? new TimestampTimer(executable, context, await tickLength(executable, context, queue))
    : new RepetitionTimer(executable, context, queue);
  const estimate = await queue.time(() => executable.replay());
  const perWait = repetitions(estimate, SAMPLE_MILLISECONDS.replay);
  const walls: number[] = [];
  const hosts: number[] = [];
  const sums: number[] = [];
  const spans: number[] = [];
  const times: number[][] = plan.dispatches.map(() => []);
  for (let i = 0; i < replays; i++) {
    const start = performance.now();
    executable.replay();
    hosts.push(performance.now() - start);
    await queue.wait();
    walls.push(await queue.time(() => repeat(perWait, () => executable.replay())) / perWait);
    const timed = await timer.measure();
    sums.push(timed.milliseconds.reduce((sum, value) => sum + value, 0));
    timed.milliseconds.forEach((value, index) => times[index]?.push(value));
    if (timed.span !== undefined) spans.push(timed.span);
  }
  return {
    stage: plan.name,
    method,
    replays,
    kernels: plan.dispatches.map((dispatch, index) => kernelTime(dispatch, median(times[index] ?? []))),
    kernelMilliseconds: median(sums),
    spanMilliseconds: spans.length > 0 ? median(spans) : undefined,
    replayMilliseconds: median(walls),
    fastest: { replayMilliseconds: Math.min(...walls), kernelMilliseconds: Math.min(...sums) },
    hostMilliseconds: median(hosts),
  };
}

/**
 * The method that is wished for, or the best that there is.
 * @param action what it is for, to say that it cannot be done
 * @throws {RangeError} if timestamps are asked for and not to be had
 */
export function timingMethod(
  { opened: { features } }: ExecutableContext,
  action: string,
  wish: TimingMethod | undefined,
): TimingMethod {
  const hasTimestamps = features.includes("timestamp-query");
  if (wish !== "timestamps" || hasTimestamps) return wish ?? (hasTimestamps ? "timestamps" : "repeated dispatches");
  throw new RangeError(`Cannot ${action} with timestamps: the adapter has no timestamp-query`);
}

function kernelTime({ label, scope, flops, bytes, workgroups }: PlannedDispatch, milliseconds: number): KernelTime {
  return { label, scope, milliseconds, flops, bytes, workgroups };
}

/** Times of one timed replay: of each dispatch, and from the first begin to the last end where that is known. */
interface TimedReplay {
  readonly milliseconds: readonly number[];
  readonly span: number | undefined;
}

/** Dispatches that share a query set and a submit. */
interface Chunk extends Run {
  /** Where its timestamps stand in the resolved buffer. */
  readonly offset: number;
}

class TimestampTimer {
  readonly #executable: Executable;
  readonly #context: ExecutableContext;
  /** Nanoseconds of a tick. */
  readonly #tick: number;

  constructor(executable: Executable, context: ExecutableContext, tick: number) {
    [this.#executable, this.#context, this.#tick] = [executable, context, tick];
  }

  async measure(): Promise<TimedReplay> {
    const { dispatches } = this.#executable.plan;
    if (dispatches.length === 0) return { milliseconds: [], span: 0 };
    let bytes = 0;
    const chunks = this.#executable.submits(QUERIES_PER_SET / 2).map(({ first, end }): Chunk => {
      const offset = bytes;
      bytes += Math.ceil(2 * TIMESTAMP_BYTES * (end - first) / RESOLVE_ALIGNMENT) * RESOLVE_ALIGNMENT;
      return { first, end, offset };
    });
    const counts = chunks.map(({ first, end }) => 2 * (end - first));
    const ticks = await readTimestamps(this.#context, counts, bytes, (sets, resolved) => {
      chunks.forEach((chunk, index) => this.#submit(chunk, sets[index]!, resolved));
    });
    const pairs = chunks.flatMap(({ first, end, offset }) =>
      Array.from({ length: end - first }, (_, i) => {
        const at = offset / TIMESTAMP_BYTES + 2 * i;
        return [ticks[at] ?? 0n, ticks[at + 1] ?? 0n] as const;
      })
    );
    return {
      milliseconds: pairs.map(([begin, end]) => elapsed(begin, end, this.#tick)),
      span: elapsed(pairs[0]![0], pairs.at(-1)![1], this.#tick),
    };
  }

  #submit({ first, end, offset }: Chunk, querySet: GPUQuerySet, resolved: GPUBuffer): void {
    submit(this.#context.opened.device, (encoder) => {
      for (let index = first; index < end; index++) {
        const at = 2 * (index - first);
        const pass = encoder.beginComputePass({
          timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
        });
        this.#executable.encodeDispatch(pass, index);
        pass.end();
      }
      encoder.resolveQuerySet(querySet, 0, 2 * (end - first), resolved, offset);
    });
  }
}

/** Repeats each dispatch between two waits; no dispatch changes what it reads, so the results stay the same. */
class RepetitionTimer {
  readonly #executable: Executable;
  readonly #context: ExecutableContext;
  readonly #queue: TimedQueue;

  constructor(executable: Executable, context: ExecutableContext, queue: TimedQueue) {
    [this.#executable, this.#context, this.#queue] = [executable, context, queue];
  }

  async measure(): Promise<TimedReplay> {
    const milliseconds: number[] = [];
    for (const index of this.#executable.plan.dispatches.keys()) {
      const estimate = await this.#queue.time(() => this.#submit(index, 1));
      const count = repetitions(estimate, SAMPLE_MILLISECONDS.dispatch);
      milliseconds.push(count === 1 ? estimate : await this.#queue.time(() => this.#submit(index, count)) / count);
    }
    return { milliseconds, span: undefined };
  }

  #submit(index: number, count: number): void {
    submit(this.#context.opened.device, (encoder) => {
      const pass = encoder.beginComputePass();
      repeat(count, () => this.#executable.encodeDispatch(pass, index));
      pass.end();
    });
  }
}

function repetitions(estimate: number, sample: number): number {
  return Math.min(MAX_REPETITIONS, Math.max(1, Math.ceil(sample / estimate)));
}
