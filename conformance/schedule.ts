/** Files of kind `schedule`: noise schedules, respaced ones, and the coefficients of the inversion. */
import type { Runtime } from "../engine/mod.ts";
import { isBetaCurve, type NoiseSchedule, noiseSchedule, respacedSchedule } from "../models/mod.ts";
import { inversionCoefficients, type Level, respace, spaceTimesteps, ssdTimesteps } from "../samplers/mod.ts";
import type { ReferenceFile, Settings } from "./reference_file.ts";
import { compareList, type Finding, NotSupportedError, refusal } from "./row.ts";

const LIMIT = 1e-12;

/** Steps of a process whose length the file does not tell. */
const TRAINING_STEPS = 1000;

type Table = (schedule: NoiseSchedule) => ArrayLike<number>;

/** Tables of a schedule by their name in the file. */
const TABLES: ReadonlyMap<string, Table> = new Map<string, Table>([
  ["timestep_map", ({ timesteps }) => timesteps],
  ["betas", ({ betas }) => betas],
  ["alphas_cumprod", ({ alphaBar }) => alphaBar],
  ["alphas_cumprod_prev", ({ alphaBarPrev }) => alphaBarPrev],
  ["alphas_cumprod_next", ({ alphaBarNext }) => alphaBarNext],
  ["posterior_variance", ({ posteriorVariance }) => posteriorVariance],
  ["posterior_log_variance_clipped", ({ posteriorLogVarianceClipped }) => posteriorLogVarianceClipped],
  ["posterior_mean_coef1", ({ posteriorMeanX0 }) => posteriorMeanX0],
  ["posterior_mean_coef2", ({ posteriorMeanXt }) => posteriorMeanXt],
]);

/** A rule that computes the quantities whose names match; the groups of the match are its parameters. */
interface Rule {
  readonly pattern: RegExp;
  compute(file: ReferenceFile, groups: readonly string[], length: number): ArrayLike<number>;
}

/** A training schedule by its name, such as `linear` or `cosine100`: the curve, and the number of steps if it is told. */
const TRAINING = "([a-z]+(?:_[a-z]+)*?)(\\d*)";

/** The two lists of Shortcut Sampling, such as `linear250_f5_b25_t150`: name, curve and steps. */
const SHORTCUT = `(${TRAINING}_f\\d+_b\\d+_t\\d+)`;

const RULES: readonly Rule[] = [
  {
    pattern: new RegExp(`^(?:${TRAINING}_)?respace_([\\da-z,-]+)\\.(\\w+)$`),
    compute: (file, [named, told, rule, table]) => {
      const { curve, steps } = named === undefined ? respacedByDefault(file) : { curve: named, steps: told! };
      const schedule = training(curve, stepsOf(file, curve, steps));
      const kept = spaceTimesteps(schedule.betas.length, rule!.replaceAll("-", ","));
      return tableOf(respacedSchedule(schedule, kept), table!);
    },
  },
  {
    pattern: new RegExp(`^${TRAINING}\\.(\\w+)$`),
    compute: (_file, [curve, steps, table], length) => tableOf(training(curve!, countOf(steps!) ?? length), table!),
  },
  {
    pattern: new RegExp(`^${SHORTCUT}\\.(forward|backward)\\.(\\w+)$`),
    compute: (file, [name, curve, steps, direction, table]) => {
      const schedule = training(curve!, stepsOf(file, curve!, steps!));
      return tableOf(respacedSchedule(schedule, shortcutSteps(file, name!, direction!)), table!);
    },
  },
  {
    pattern: new RegExp(`^${SHORTCUT}\\.inversion_c([12])\\.eta([\\d.e-]+)$`),
    compute: (file, [name, curve, steps, which, eta]) => {
      const schedule = training(curve!, stepsOf(file, curve!, steps!));
      const levels = respace(schedule.alphaBar, shortcutSteps(file, name!, "forward"));
      return inversionTable(levels, Number(eta), which === "1" ? "xtFromEps" : "xtFromNoise");
    },
  },
];

/** Tables in single precision of two projects, which begin with their name. */
const SINGLE_PRECISION: ReadonlyMap<string, (length: number) => Float32Array> = new Map([
  ["ddnm.alphas_cumprod_f32", ddnmAlphaBar],
  ["diffpir.alphas_cumprod_f32", diffpirAlphaBar],
  ["diffpir.sigma_f32", diffpirSigma],
]);

/**
 * Compares every table of the file; timesteps must be equal.
 * @param _runtime unused, since schedules are made on the host
 * @param file of kind `schedule`
 */
export async function* verifySchedule(_runtime: Runtime, file: ReferenceFile): AsyncGenerator<Finding, void> {
  for (const quantity of file.names(/./)) {
    try {
      const expected = await file.readNumbers(quantity);
      const limit = quantity.endsWith("timestep_map") ? 0 : LIMIT;
      yield compareList(quantity, compute(file, quantity, expected.length), expected, limit);
    } catch (error) {
      yield refusal(quantity, error);
    }
  }
}

function compute(file: ReferenceFile, quantity: string, length: number): ArrayLike<number> {
  const single = SINGLE_PRECISION.get(quantity);
  if (single) return single(length);
  for (const { pattern, compute } of RULES) {
    const match = pattern.exec(quantity);
    if (match) return compute(file, match.slice(1), length);
  }
  throw new NotSupportedError("no rule makes a table of this name");
}

function training(curve: string, steps: number): NoiseSchedule {
  if (isBetaCurve(curve)) return noiseSchedule(curve, steps);
  throw new NotSupportedError(`there is no noise schedule "${curve}"`);
}

/** Steps of the training process that a respaced table thins out: those of its name, or of the file's tables. */
function stepsOf(file: ReferenceFile, curve: string, told: string): number {
  return countOf(told) ?? file.shape(`${curve}.betas`)?.[0] ?? TRAINING_STEPS;
}

/** The number of steps that a name tells; undefined if it tells none. */
function countOf(digits: string): number | undefined {
  return digits === "" ? undefined : Number(digits);
}

/** What `respace_<rule>` thins out: `linear`, or else the file's only training schedule. */
function respacedByDefault(file: ReferenceFile): { readonly curve: string; readonly steps: string } {
  const pattern = new RegExp(`^${TRAINING}\\.`);
  const known = file.names(pattern).map((name) => pattern.exec(name)!).filter(([, curve]) => isBetaCurve(curve));
  const own = new Map(known.map(([name, curve, steps]) => [name, { curve: curve!, steps: steps! }]));
  if (own.size === 0 || own.has("linear.")) return { curve: "linear", steps: "" };
  if (own.size === 1) return own.values().next().value!;
  throw new NotSupportedError("the file does not tell which of its schedules this one thins out");
}

function tableOf(schedule: NoiseSchedule, table: string): ArrayLike<number> {
  const values = TABLES.get(table);
  if (values) return values(schedule);
  throw new NotSupportedError(`schedules have no table "${table}"`);
}

/** One of the two lists of Shortcut Sampling, by the name `<curve>_f<forward>_b<backward>_t<t0>` or its configuration. */
function shortcutSteps(file: ReferenceFile, name: string, direction: string): readonly number[] {
  const [forward, backward, t0] = [...name.matchAll(/_[fbt](\d+)/g)].map((match) => Number(match[1]));
  const configs: Settings | undefined = file.metadata.has("configs") ? file.metadata.settings("configs") : undefined;
  const config = configs?.has(name) ? configs.settings(name) : undefined;
  const count = direction === "forward" ? forward : backward;
  return ssdTimesteps(t0!, config?.number(`${direction}_steps`, count) ?? count!);
}

/** Coefficients of all inversion steps; after the last level, which no step leaves, 1 for eps and 0 for noise. */
function inversionTable(
  levels: readonly Level[],
  eta: number,
  coefficient: "xtFromEps" | "xtFromNoise",
): readonly number[] {
  const steps = levels.slice(1).map((next) => inversionCoefficients(next, "da", eta)[coefficient]);
  return [...steps, coefficient === "xtFromEps" ? 1 : 0];
}

/** beta from 1e-4 to 0.02, rounded to f32. */
function singleBetas(steps: number): Float32Array {
  return Float32Array.from(noiseSchedule("linear", steps).betas);
}

/** Entry t + 1 is alphaBar_t and entry 0 is 1: products of f32 factors accumulated in f64, as PyTorch does on the CPU. */
function ddnmAlphaBar(length: number): Float32Array {
  let product = 1;
  return Float32Array.from([1, ...singleBetas(length - 1).map((beta) => 1 - beta)], (factor) => product *= factor);
}

/** The products of DiffPIR: the same accumulated in f32, as NumPy does. */
export function diffpirAlphaBar(length: number): Float32Array {
  let product = 1;
  return singleBetas(length).map((beta) => product = Math.fround(product * Math.fround(1 - beta)));
}

/** sqrt(1 - alphaBar) / sqrt(alphaBar), every operation rounded to f32. */
function diffpirSigma(length: number): Float32Array {
  const root = (value: number): number => Math.fround(Math.sqrt(Math.fround(value)));
  return diffpirAlphaBar(length).map((alphaBar) => root(1 - alphaBar) / root(alphaBar));
}
