/** Settings of samplers by the number of network evaluations that a run takes. */
import { greatest, isOption, type Parameter } from "../parameters/mod.ts";
import { PUBLISHED_TIMESTEPS, runValues, type SamplerDescription } from "./description.ts";

/** Parameters of a sampler by name. */
export type SamplerValues = Readonly<Record<string, unknown>>;

/** Something that changes the number of evaluations: whole numbers from `least`, and the parameters that one sets. */
interface Knob {
  readonly least: number;
  readonly initial: number;
  /** @param values of the other parameters, which may bound it */
  most(values: SamplerValues): number;
  spread(value: number): SamplerValues;
}

/** Factors by which published values are scaled, at the least and at the most. */
const MOST_SCALED = 2 ** 12;

/** Halvings of the range in which a factor or value is looked for. */
const HALVINGS = 30;

/**
 * Values of parameters with which a run takes about so many network evaluations: within a tenth of them, or 1.
 *
 * What a sampler allows follows from what it says of itself. Its whole numbers that change `evaluations` are scaled
 * together, so that their published proportions stay as far as whole numbers and ranges let them; where that does not come
 * close enough, one of them alone makes up the rest. A shorthand that changes them stands for the parameters that it sets.
 * @param target network evaluations of a picture, as they are made
 * @param given values that stay as they are
 * @returns the values besides those given: none where a run evaluates no network, or is that long by those given;
 *   undefined where none come close enough
 */
export function evaluationSetting(
  // deno-lint-ignore no-explicit-any
  sampler: SamplerDescription<any>,
  target: number,
  given: SamplerValues = {},
): SamplerValues | undefined {
  const countOf = (values: SamplerValues): number => {
    try {
      const all = runValues(sampler, { ...given, ...values }, { T: PUBLISHED_TIMESTEPS });
      return sampler.evaluations(all as SamplerValues).actual;
    } catch (error) {
      if (error instanceof RangeError || error instanceof TypeError) return NaN;
      throw error;
    }
  };
  const isNear = (count: number): boolean => Math.abs(count - target) <= Math.max(1, target / 10);
  const knobs = knobsOf(sampler, given, countOf);
  if (knobs.length === 0) return countOf({}) === 0 || isNear(countOf({})) ? {} : undefined;
  let best: { readonly values: readonly number[]; readonly count: number } | undefined;
  /** Looks at values of the knobs, and says whether they take too many evaluations, or are too great to be taken. */
  const isAbove = (values: readonly number[]): boolean => {
    const count = countOf(spreadOf(knobs, values));
    const isNearer = !best || Math.abs(count - target) < Math.abs(best.count - target);
    if (!Number.isNaN(count) && isNearer) best = { values, count };
    return !(count <= target);
  };
  const base: SamplerValues = { ...sampler.defaults as SamplerValues, ...given };
  halve(-Math.log2(MOST_SCALED), Math.log2(MOST_SCALED), (power) => isAbove(scaled(knobs, 2 ** power, base)));
  const isClose = (): boolean => best !== undefined && isNear(best.count);
  const from = best?.values ?? knobs.map(({ initial }) => initial);
  for (const [k, { least, most }] of isClose() ? [] : knobs.entries()) {
    const values = { ...base, ...spreadOf(knobs, from) };
    const moved = (value: number): boolean => isAbove(from.with(k, Math.round(value)));
    moved(least);
    halve(least, most(values), moved);
  }
  return isClose() ? spreadOf(knobs, best!.values) : undefined;
}

/** Halves a range again and again, keeping the part below where something is too much. */
function halve(low: number, high: number, isAbove: (value: number) => boolean): void {
  for (let k = 0; k < HALVINGS; k++) {
    const middle = (low + high) / 2;
    if (isAbove(middle)) high = middle;
    else low = middle;
  }
}

function spreadOf(knobs: readonly Knob[], values: readonly number[]): SamplerValues {
  return Object.assign({}, ...knobs.map(({ spread }, k) => spread(values[k]!)));
}

/** The published values times a factor, within their ranges; a later one may be bounded by an earlier one. */
function scaled(knobs: readonly Knob[], factor: number, base: SamplerValues): readonly number[] {
  let values = base;
  return knobs.map(({ initial, least, most, spread }) => {
    const value = Math.min(Math.max(Math.round(initial * factor), least), most(values));
    values = { ...values, ...spread(value) };
    return value;
  });
}

function knobsOf(
  { parameters, shorthands, defaults, limits }: SamplerDescription<object>,
  given: SamplerValues,
  countOf: (values: SamplerValues) => number,
): readonly Knob[] {
  const published: SamplerValues = { ...defaults };
  const made = (parameter: Parameter<unknown>, initial: number, spread: Knob["spread"]): Knob => ({
    least: parameter.min ?? 1,
    initial,
    most: (values) => {
      const bounds = { T: PUBLISHED_TIMESTEPS, ...limits(values), ...values };
      return greatest(parameter, bounds as Readonly<Record<string, number>>) ?? MOST_SCALED;
    },
    spread,
  });
  const changes = ({ least, initial, spread }: Knob): boolean => {
    const tried = [least, Math.max(least, Math.round(initial / 2)), initial, initial + 1, 2 * initial];
    // The others as published: what one value implies for another is not its own doing.
    const counts = tried.map((value) => countOf({ ...published, ...given, ...spread(value) }));
    return new Set(counts.filter((count) => !Number.isNaN(count))).size > 1;
  };
  const isOpen = (values: SamplerValues): boolean => Object.keys(values).every((name) => !Object.hasOwn(given, name));
  const short = Object.values(shorthands).filter(({ parameter }) => parameter.kind === "integer")
    .map(({ parameter, spread }) =>
      made(parameter, 10 * (parameter.min ?? 1), (value) => spread(value) as SamplerValues)
    )
    .filter((knob) => isOpen(knob.spread(knob.initial)) && changes(knob));
  if (short.length > 0) return short.slice(0, 1);
  return Object.entries(parameters).flatMap(([name, parameter]): readonly Knob[] => {
    const initial = published[name];
    if (parameter.kind !== "integer" || typeof initial !== "number" || !isOption(parameter)) return [];
    const knob = made(parameter, initial, (value) => ({ [name]: value }));
    return isOpen({ [name]: initial }) && changes(knob) ? [knob] : [];
  });
}
