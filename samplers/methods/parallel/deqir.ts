/**
 * DeqIR: all states of a run of DDNM are unknowns of one fixed point, which Anderson acceleration solves in fewer sweeps
 * over all of them than there are steps; within a sweep no state waits for another. Cao, Shi, Zhang, Zhang, Timofte, Van
 * Gool, Deep Equilibrium Diffusion Restoration with Parallel Sampling, CVPR 2024.
 */
import type { DeviceTensor, Runtime, Tensor } from "../../../engine/mod.ts";
import { add, sampleDot, sampleSquares, scaleSamples, sub, weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, respace, sigmaOf } from "../../coefficients.ts";
import { freshNoise, steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { type NoiseSource, silence } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { counter, pureNoise, stateShape } from "../../steps/run.ts";
import { sampleChoice } from "../../steps/sample_choice.ts";
import { networkStep, noisyStage, type Step } from "../../steps/step.ts";
import { ddnmTimesteps } from "../../timesteps.ts";
import { mixingWeights } from "./anderson.ts";

/** The parameters of `deqir`. */
export const PARAMETERS = {
  steps: steps(25, 1) as Parameter<number>,
  sweeps: integer(
    15,
    { min: 1, max: 1000 },
    "most sweeps over all states, each with an evaluation for every one",
  ) as Parameter<
    number
  >,
  history: integer(5, { min: 1, max: 20 }, "sweeps that the next states are mixed of") as Parameter<number>,
  tolerance: number(
    1e-3,
    { min: 0 },
    "change of all states, relative to their length, at which they count as found",
  ) as Parameter<
    number
  >,
  eta: freshNoise(0.1, "share of the noise of a state that does not come from the network") as Parameter<number>,
  noiseWeight: number(0, { min: 0 }, "weight of one noise image that all states have in common") as Parameter<number>,
};

/** Parameters of DeqIR. It does not read the deviation of the noise. */
export type DeqirOptions = ValuesOf<typeof PARAMETERS>;

/** DeqIR. */
export const deqir: Sampler<DeqirOptions> = sampler({
  name: "deqir",
  paper: "Cao et al., Deep Equilibrium Diffusion Restoration with Parallel Sampling, CVPR 2024",
  about: "all states of ddnm at once, as a fixed point",
  parameters: PARAMETERS,
  // At most: sweeps end where the states do not change any more.
  evaluations: ({ steps, sweeps }) => ({ nominal: steps * sweeps, actual: steps * sweeps }),
  restore: (runtime, problem, options) => run(runtime, problem, options),
});

/** The rows of a sweep, from the noisiest, each with the weights of its equation. */
interface Row extends Level {
  /** Weight of the noise that the network predicts in the running sum. */
  readonly change: number;
  /** The same in what the measurement replaces. */
  readonly replaced: number;
  /** Weight of the shared noise in both. */
  readonly shared: number;
  /** Scale of the next state. */
  readonly scale: number;
}

function rowsOf({ model: { alphaBar } }: Problem, { steps, eta, noiseWeight }: DeqirOptions): readonly Row[] {
  return respace(alphaBar, ddnmTimesteps(alphaBar.length, steps)).toReversed().map((level) => {
    const next = sigmaOf(level.alphaBarPrevious);
    const replaced = next * Math.sqrt(1 - eta * eta);
    return {
      ...level,
      change: replaced - sigmaOf(level.alphaBar),
      replaced,
      shared: next * noiseWeight,
      scale: Math.sqrt(level.alphaBarPrevious),
    };
  });
}

/** Where a row is evaluated. */
interface RowPlace extends Row {
  /** What the rows before it add up to. */
  readonly sum: DeviceTensor;
  /** The state that the row stands for, before it is evaluated. */
  readonly own: DeviceTensor;
  readonly noise: DeviceTensor;
}

/**
 * Prepares the equation of a row: with the running sum s = x_T/sqrt(a_0) + sum (change eps + shared z) of all rows so far
 * the next state is scale (s + A^+ (y - A (s - replaced eps - shared z))): what A loses follows all rows, what it measures
 * this one alone. `value` is that state, `residual` how far it is from `own`.
 */
function rowStep(
  runtime: Runtime,
  { model, operator, y }: Problem,
): Step<RowPlace, "sum" | "value" | "residual"> {
  return networkStep(runtime, model, {
    name: "row",
    noise: silence,
    inputs: { y },
    scalars: ({ change, replaced, shared, scale }: RowPlace) => ({ change, replaced, shared, scale }),
    tensors: ({ sum, own, noise }) => ({ tensors: { sum, own, noise }, free: () => {} }),
    update({ eps, y, sum: before, own, noise }, c): Readonly<Record<"sum" | "value" | "residual", Tensor>> {
      const sum = weightedSum([[1, before], [c.change, eps], [c.shared, noise]]);
      const kept = sub(sum, weightedSum([[c.replaced, eps], [c.shared, noise]]));
      const image = add(sum, operator.pseudoInverse(sub(y, operator.forward(kept))));
      const value = weightedSum([[c.scale, image]]);
      return { sum, value, residual: sub(value, own) };
    },
  });
}

/** A sweep that is remembered: the values of all rows, and their residuals. */
interface Sweep {
  readonly values: readonly DeviceTensor[];
  readonly residuals: readonly DeviceTensor[];
}

const freeAll = (tensors: readonly DeviceTensor[]): void => tensors.forEach((tensor) => tensor.free());

const freeSweep = ({ values, residuals }: Sweep): void => freeAll([...values, ...residuals]);

/** Regularisation of the small systems. */
const RIDGE = 1e-3;

/** Added to the length of the states where their change is compared with it. */
const FLOOR = 1e-5;

async function* run(
  runtime: Runtime,
  problem: Problem,
  options: DeqirOptions & { readonly noise: NoiseSource },
): AsyncGenerator<Progress, DeviceTensor> {
  const { sweeps, history } = options;
  const rows = rowsOf(problem, options);
  const samples = problem.y.shape[0]!;
  const step = rowStep(runtime, problem);
  const tools = mixing(runtime, history);
  const choose = sampleChoice(runtime);
  const start = await pureNoise(runtime, problem, options.noise);
  const { shared, first, release } = await fixedParts(runtime, problem, options, { start, level: rows[0]! });
  const count = counter(sweeps);
  const known: Sweep[] = [];
  // By row and sample: inner products of the residuals of remembered sweeps.
  const grams = rows.map(() => Array.from({ length: samples }, (): number[][] => []));
  let states: readonly DeviceTensor[] = rows.map(() => start);
  // The states that are no values of a sweep.
  let own: readonly DeviceTensor[] = [];
  let isFound: readonly boolean[] = new Array<boolean>(samples).fill(false);
  let result: DeviceTensor | undefined;
  try {
    for (let i = 0; i < sweeps; i++) {
      const sweep = await swept({ step, rows, start, first, shared }, states);
      const slot = i % history;
      const replaced = known[slot];
      known[slot] = sweep;
      const lengths = await tools.compare(known, slot, grams);
      const last = states.at(-1)!;
      const before = result;
      result = (await choose(last, before ?? last, isFound)).keep();
      before?.free();
      isFound = isFound.map((is, n) => {
        const change = Math.sqrt(lengths.residual[n]!) / (FLOOR + Math.sqrt(lengths.value[n]!));
        // The first two sweeps are not mixed of others.
        return is || (i > 1 && change < options.tolerance);
      });
      const parts = Object.fromEntries(sweep.values.map((value, k) => [`row${k}`, value]));
      const isLast = i === sweeps - 1 || isFound.every((is) => is);
      const made = count({ name: String(i), x0: sweep.values.at(-1)!, xt: result, evaluations: rows.length, parts });
      // A run is over with the sweep that finds the states.
      yield isLast ? { ...made, steps: made.step } : made;
      if (isLast) {
        if (replaced) freeSweep(replaced);
        break;
      }
      const mixed = i === 0 ? sweep.values : await tools.mix(known, grams, Math.min(i + 1, history));
      freeAll(own);
      if (replaced) freeSweep(replaced);
      own = i === 0 ? [] : mixed;
      states = mixed;
    }
    return result!;
  } finally {
    for (const stage of [step, tools, choose]) stage.release();
    freeAll(own);
    known.forEach(freeSweep);
    release();
    start.free();
  }
}

/** What all sweeps have in common: x_T/sqrt(a_0), with which running sums begin, and the shared noise. */
async function fixedParts(
  runtime: Runtime,
  problem: Problem,
  { noise }: { readonly noise: NoiseSource },
  { start, level }: { readonly start: DeviceTensor; readonly level: Level },
): Promise<Readonly<Record<"first" | "shared", DeviceTensor>> & { release(): void }> {
  const stage = noisyStage<"xt", never, "first" | "shared">(runtime, "fixed parts", noise, ({ xt }, _c, normal) => ({
    first: weightedSum([[1 / Math.sqrt(level.alphaBar), xt]]),
    shared: weightedSum([[1, normal(stateShape(problem))]]),
  }));
  const made = await stage({ name: "shared", ordinal: 1 }, { xt: start }, {});
  const [first, shared] = [made.first.keep(), made.shared.keep()];
  stage.release();
  return { first, shared, release: () => freeAll([first, shared]) };
}

/** Evaluates all rows at the states. */
async function swept(
  { step, rows, start, first, shared }: {
    readonly step: ReturnType<typeof rowStep>;
    readonly rows: readonly Row[];
    readonly start: DeviceTensor;
    readonly first: DeviceTensor;
    readonly shared: DeviceTensor;
  },
  states: readonly DeviceTensor[],
): Promise<Sweep> {
  const [values, residuals]: [DeviceTensor[], DeviceTensor[]] = [[], []];
  let sum = first;
  for (const [k, row] of rows.entries()) {
    const place = { ...row, sum, own: states[k]!, noise: shared };
    const made = await step(k === 0 ? start : states[k - 1]!, place, { name: "row", ordinal: 0 });
    values.push(made.value.keep());
    residuals.push(made.residual.keep());
    sum = made.sum;
  }
  return { values, residuals };
}

/** By row and sample: inner products of the residuals of remembered sweeps, by their slots. */
type Grams = readonly (readonly number[][][])[];

/** Comparing sweeps, and mixing them. */
interface Mixing {
  /**
   * Puts the inner products of a sweep's residuals with those of all others into the tables.
   * @returns by sample the squared lengths of its residuals and values
   */
  compare(
    known: readonly Sweep[],
    slot: number,
    grams: Grams,
  ): Promise<Readonly<Record<"residual" | "value", readonly number[]>>>;
  /** The states mixed of the values of the first sweeps; the caller frees them. */
  mix(known: readonly Sweep[], grams: Grams, count: number): Promise<readonly DeviceTensor[]>;
  release(): void;
}

function mixing(runtime: Runtime, history: number): Mixing {
  const slots = Array.from({ length: history }, (_, j) => j);
  const products = runtime.stage<string, never, string>("products of residuals", (all) => ({
    length: sampleSquares(all["value"]!),
    ...Object.fromEntries(slots.map((j) => [`dot${j}`, sampleDot(all["residual"]!, all[`other${j}`]!)])),
  }));
  const mixture = runtime.stage<string, never, "state">("mixture", (all) => ({
    state: slots.map((j) => scaleSamples(all[`value${j}`]!, all[`weight${j}`]!)).reduce((sum, term) => add(sum, term)),
  }));
  const perSlot = <T>(name: string, of: (j: number) => T): Record<string, T> =>
    Object.fromEntries(slots.map((j) => [`${name}${j}`, of(j)]));
  return {
    async compare(known, slot, grams): ReturnType<Mixing["compare"]> {
      const lengths = grams[0]!.map(() => ({ residual: 0, value: 0 }));
      for (const [k, gram] of grams.entries()) {
        const residual = known[slot]!.residuals[k]!;
        const others = perSlot("other", (j) => known[j]?.residuals[k] ?? residual);
        const made = await products({ residual, value: known[slot]!.values[k]!, ...others }, {});
        const lists = await Promise.all(["length", ...slots.map((j) => `dot${j}`)].map((name) => made[name]!.read()));
        for (const [n, table] of gram.entries()) {
          for (const j of slots) {
            const value = lists[j + 1]![n]!;
            (table[slot] ??= [])[j] = value;
            (table[j] ??= [])[slot] = value;
          }
          lengths[n]!.value += lists[0]![n]!;
          lengths[n]!.residual += table[slot]![slot]!;
        }
      }
      return { residual: lengths.map(({ residual }) => residual), value: lengths.map(({ value }) => value) };
    },
    async mix(known, grams, count): ReturnType<Mixing["mix"]> {
      const states: DeviceTensor[] = [];
      for (const [k, gram] of grams.entries()) {
        const alphas = gram.map((table) =>
          mixingWeights(table.slice(0, count).map((row) => row.slice(0, count)), RIDGE)
        );
        const weights = perSlot("weight", (j) => {
          const values = alphas.map((alpha) => alpha[j] ?? 0);
          return runtime.upload(Float32Array.from(values), [values.length]);
        });
        const values = perSlot("value", (j) => known[j < count ? j : 0]!.values[k]!);
        states.push((await mixture({ ...values, ...weights }, {})).state.keep());
        freeAll(Object.values(weights));
      }
      return states;
    },
    release(): void {
      products.release();
      mixture.release();
    },
  };
}
