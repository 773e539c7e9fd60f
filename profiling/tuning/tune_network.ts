/** Tuning: the layers of a network are timed within a budget, choices are made, and the network is timed with them. */
import type { Preferences, TimingMethod, WebGpuRuntime } from "../../engine/mod.ts";
import { TUNABLE_ALGORITHMS } from "../../kernels/mod.ts";
import type { NoiseModel, Precision } from "../../models/mod.ts";
import {
  type Advantage,
  choose,
  compare,
  LEAST_ROUNDS,
  median,
  type MemoryTerms,
  type Timing,
  withoutVoid,
} from "./decide.ts";
import { type Layer, layersOf } from "./layers.ts";
import { type Limit, type StopReason, untilStopped } from "./limit.ts";
import { lookAt, measureLayer } from "./measure_layer.ts";
import { compareNetworks, evaluateNetwork, type Evaluation, type NetworkComparison } from "./network.ts";

/** What is tuned, and how. */
export interface TuneRun {
  /** The network, for one size of image. */
  readonly model: NoiseModel;
  /** How its weights are kept, on which it depends what may be chosen. */
  readonly precision: Precision;
  /** Images that are computed together. */
  readonly batch: number;
  /** By default timestamps where the adapter has them. */
  readonly method: TimingMethod | undefined;
  /** When to stop. */
  readonly limit: Limit;
  /** What the memory of a choice must save. */
  readonly memory: MemoryTerms;
  /** Told of each layer before it is measured. */
  onLayer(index: number, count: number): void;
}

/** A layer with what was measured and chosen. */
export interface TunedLayer {
  /** Operation and shapes, by which a choice is found again. */
  readonly key: string;
  /** Name of its operation. */
  readonly operation: string;
  /** How many of them the network has. */
  readonly count: number;
  /** Milliseconds of one image in the default algorithm, from one sample; undefined where there was no time. */
  readonly look: number | undefined;
  /** Names of the algorithms that were timed with the median of their times, the default first; none if too few. */
  readonly times: readonly { readonly algorithm: string; readonly milliseconds: number }[];
  /** Rounds in which the algorithms were timed; 0 where there was no time. */
  readonly rounds: number;
  /** The choice that leaves the default, if there is one. */
  readonly choice: Advantage | undefined;
}

/** What came of tuning. */
export interface TuneOutcome {
  /** How dispatches were timed. */
  readonly method: TimingMethod;
  /** The most expensive layers first. */
  readonly layers: readonly TunedLayer[];
  /** Milliseconds of one image that the choices save by the times of the layers. */
  readonly predictedSaved: number;
  /** Bytes of prepared constants that they take more. */
  readonly moreBytes: number;
  /** The network without and with them; undefined if there are none or it was not timed. */
  readonly network: NetworkComparison | undefined;
  /** Milliseconds of a batch without choices, from one sample. */
  readonly networkLook: number;
  /** Why it ended early, if it did. */
  readonly stopped: StopReason | undefined;
}

/** Rounds that medians of layers and of the network are over. */
const ROUNDS = 7;

/** Evaluations that the comparison of networks needs besides its rounds, warming up included. */
const EXTRA_EVALUATIONS = 6;

/** Tunes a network on a runtime without preferences. */
export async function tuneNetwork(base: WebGpuRuntime, run: TuneRun): Promise<TuneOutcome> {
  const { model, precision, batch, method, limit, memory } = run;
  const standard = await evaluateNetwork(base, model, batch);
  limit.begin();
  const timer = await standard.timer(method);
  const networkLook = await timer.sample();
  limit.reserve((2 * ROUNDS + EXTRA_EVALUATIONS) * networkLook);
  const looks = new Map<Layer, number>();
  const timings = new Map<Layer, readonly Timing[]>();
  const found = layersOf(standard.plan, TUNABLE_ALGORITHMS[precision]);
  const layers = [...found];
  await untilStopped(() => measureLayers(base, layers, { ...run, looks, timings }));
  const measured = [...timings].filter(([, [first]]) => (first?.samples.length ?? 0) >= LEAST_ROUNDS)
    .map(([layer, [first, ...others]]) => ({ ...layer, advantages: others.map((other) => compare(first!, other)) }));
  const choices = withoutVoid(choose(measured, memory), found);
  const chosen = measured.flatMap(({ key, count }) => {
    const advantage = choices.get(key);
    return advantage ? [{ count, ...advantage }] : [];
  });
  limit.reserve(0);
  const network = await compareWith(base, standard, run, preferencesFor(choices));
  return {
    method: timer.method,
    layers: layers.map((layer) => tunedLayer(layer, looks.get(layer), timings.get(layer) ?? [], choices)),
    predictedSaved: chosen.reduce((sum, { count, saved }) => sum + count * saved, 0),
    moreBytes: chosen.reduce((sum, { count, moreBytes }) => sum + count * moreBytes, 0),
    network,
    networkLook,
    stopped: limit.reason,
  };
}

/** The part of the budget that looking at layers may take; the cost of others is told from their operations. */
const LOOKING = 0.25;

/**
 * Looks at each layer, puts the most expensive first, and measures in that order; parts come last, as they are void where
 * the whole is to be computed otherwise.
 */
async function measureLayers(
  base: WebGpuRuntime,
  layers: Layer[],
  { batch, method, limit, looks, timings, onLayer }: TuneRun & {
    readonly looks: Map<Layer, number>;
    readonly timings: Map<Layer, readonly Timing[]>;
  },
): Promise<void> {
  const timing = { batch, method, rounds: ROUNDS, check: () => limit.check() };
  for (const layer of layers) {
    await limit.check();
    if (limit.spent > LOOKING) break;
    looks.set(layer, await lookAt(base, layer, timing));
  }
  const seen = [...looks];
  const millisecondsPerFlop = seen.reduce((sum, [, look]) => sum + look, 0) /
    seen.reduce((sum, [{ flops }]) => sum + flops, 1);
  const cost = (layer: Layer): number => layer.count * (looks.get(layer) ?? layer.flops * millisecondsPerFlop);
  const isPart = ({ partOf }: Layer): number => partOf === undefined ? 0 : 1;
  layers.sort((a, b) => isPart(a) - isPart(b) || cost(b) - cost(a));
  for (const [index, layer] of layers.entries()) {
    onLayer(index, layers.length);
    await measureLayer(base, layer, timing, (samples) => timings.set(layer, samples));
  }
}

/** Times the network with choices against the one without, where there are any. */
async function compareWith(
  base: WebGpuRuntime,
  before: Evaluation,
  { model, precision, batch, method, limit }: TuneRun,
  preferences: Preferences,
): Promise<NetworkComparison | undefined> {
  let comparison: NetworkComparison | undefined;
  if (Object.keys(preferences).length === 0) return undefined;
  const tuned = base.withPreferences(preferences);
  try {
    await untilStopped(async () => {
      await limit.check();
      const after = await evaluateNetwork(tuned, model, batch);
      comparison = await compareNetworks(before, after, { precision, method, rounds: ROUNDS, limit });
    });
    return comparison;
  } finally {
    tuned.destroy();
  }
}

function preferencesFor(choices: ReadonlyMap<string, Advantage>): Preferences {
  return Object.fromEntries(Array.from(choices, ([key, { algorithm }]) => [key, algorithm]));
}

function tunedLayer(
  { key, operation, count }: Layer,
  look: number | undefined,
  timings: readonly Timing[],
  choices: ReadonlyMap<string, Advantage>,
): TunedLayer {
  const rounds = timings[0]?.samples.length ?? 0;
  const times = timings.map(({ algorithm, samples }) => ({ algorithm, milliseconds: median(samples) }));
  return {
    key,
    operation,
    count,
    look,
    times: rounds >= LEAST_ROUNDS ? times : [],
    rounds,
    choice: choices.get(key),
  };
}
