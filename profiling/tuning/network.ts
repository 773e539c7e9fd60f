/** The network as a whole: its plan, and how long an evaluation takes with one set of choices and with another. */
import {
  type DeviceTensor,
  elementCount,
  type Plan,
  type ReplayTimer,
  type Scalars,
  type Tensors,
  type TimingMethod,
  type WebGpuRuntime,
} from "../../engine/mod.ts";
import { relativeError } from "../../metrics/mod.ts";
import type { NoiseModel, Precision } from "../../models/mod.ts";
import { madeUpValues } from "../made_up.ts";
import { compare, LEAST_ROUNDS, median } from "./decide.ts";
import { type Limit, untilStopped } from "./limit.ts";

/** One evaluation of a network on a runtime, which has been made. */
export interface Evaluation {
  readonly plan: Plan;
  readonly eps: DeviceTensor;
  timer(method: TimingMethod | undefined): Promise<ReplayTimer>;
}

const STAGE = "network";

/** A step in the middle: which one does not matter for the time. */
const TIMESTEP = 500;

/** Evaluates a network once, which makes its plan. */
export async function evaluateNetwork(runtime: WebGpuRuntime, model: NoiseModel, batch: number): Promise<Evaluation> {
  const shape = [batch, ...model.imageShape];
  const stage = runtime.stage(STAGE, ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">) => ({
    eps: model.predictEps(x, timestep),
  }));
  const x = runtime.upload(madeUpValues(elementCount(shape)), shape);
  const { eps } = await stage({ x }, { timestep: Math.min(TIMESTEP, model.alphaBar.length - 1) });
  x.free();
  return { plan: runtime.statistics().plans.get(STAGE)!, eps, timer: (method) => runtime.timer(STAGE, method) };
}

/** An evaluation without and with choices, in milliseconds for the whole batch. */
export interface NetworkComparison {
  /** Median without choices. */
  readonly before: number;
  /** Median with choices. */
  readonly after: number;
  /** Median of what was saved round by round. */
  readonly saved: number;
  /** What `saved` must exceed to mean anything. */
  readonly noise: number;
  /** Rounds that were timed. */
  readonly rounds: number;
  /** Relative L2 difference of the results. */
  readonly difference: number;
}

/**
 * Relative L2 difference that other algorithms may make: in single precision what Winograd convolutions are allowed against
 * PyTorch, in half precision four times what rounding a factor may change it by.
 */
const DIFFERENCE_LIMITS: Readonly<Record<Precision, number>> = { f32: 1e-4, f16: 4 * 2 ** -11 };

/**
 * Times two evaluations in turn.
 * @param options how; where the limit is reached, what was measured until then counts
 * @returns undefined if that is too little
 * @throws {Error} if their results differ by more than rounding
 */
export async function compareNetworks(
  before: Evaluation,
  after: Evaluation,
  { precision, method, rounds, limit }: {
    readonly precision: Precision;
    readonly method: TimingMethod | undefined;
    readonly rounds: number;
    readonly limit: Limit;
  },
): Promise<NetworkComparison | undefined> {
  const difference = relativeError(await after.eps.read(), await before.eps.read());
  const most = DIFFERENCE_LIMITS[precision];
  if (!(difference <= most)) {
    throw new Error(
      `Cannot trust the choices: with them the result of the network differs by ${difference.toExponential(1)} ` +
        `(relative L2), at most ${most.toExponential(1)} is allowed`,
    );
  }
  const timers = [await before.timer(method), await after.timer(method)] as const;
  const samples: readonly [number[], number[]] = [[], []];
  await untilStopped(async () => {
    for (let round = 0; round < rounds; round++) {
      const found: number[] = [];
      for (const timer of timers) {
        await limit.check();
        found.push(await timer.sample());
      }
      found.forEach((milliseconds, index) => samples[index]?.push(milliseconds));
    }
  });
  if (samples[1].length < LEAST_ROUNDS) return undefined;
  const [standard, tuned] = samples.map((samples) => ({ algorithm: "", samples, preparedBytes: 0 }));
  const { saved, noise } = compare(standard!, tuned!);
  return { before: median(samples[0]), after: median(samples[1]), saved, noise, rounds: samples[1].length, difference };
}
