/** What measurements say: which algorithm a layer shall take, and which of the choices fit into memory. */
import { NANOSECONDS_PER_BYTE } from "../../kernels/mod.ts";

/** What was measured of one algorithm of a layer. */
export interface Timing {
  readonly algorithm: string;
  /** Milliseconds of one image, one for each round; all algorithms of a round are timed one after the other. */
  readonly samples: readonly number[];
  /** Bytes of constants prepared for one layer. */
  readonly preparedBytes: number;
}

/** An algorithm against the one that is taken by default. */
export interface Advantage {
  /** What could be taken. */
  readonly algorithm: string;
  /** Time of the layer by it. */
  readonly milliseconds: number;
  /** Milliseconds saved in one layer: the median over the rounds; below 0 where it is slower. */
  readonly saved: number;
  /** What `saved` must exceed to mean anything. */
  readonly noise: number;
  /** Bytes of prepared constants more than by default, in one layer. */
  readonly moreBytes: number;
}

/**
 * What a choice must save at least, as part of the default's time. Layers of the embedded prior timed against
 * themselves, in stages with buffers of their own, differed by up to this much on llvmpipe.
 */
export const LEAST_GAIN = 0.03;

/** Three times the median absolute deviation of 7 paired differences is some four standard errors of their median. */
const DEVIATIONS = 3;

/** Rounds that a comparison needs at least. */
export const LEAST_ROUNDS = 3;

/**
 * Compares an algorithm with the default, round by round, so that what slows the machine for a while meets both. The
 * noise is `LEAST_GAIN` of the default's time, or three times the median absolute deviation of the differences if that
 * is more.
 */
export function compare(standard: Timing, other: Timing): Advantage {
  const rounds = Math.min(standard.samples.length, other.samples.length);
  const differences = Array.from({ length: rounds }, (_, i) => standard.samples[i]! - other.samples[i]!);
  const saved = median(differences);
  const deviation = median(differences.map((difference) => Math.abs(difference - saved)));
  return {
    algorithm: other.algorithm,
    milliseconds: median(other.samples),
    saved,
    noise: Math.max(LEAST_GAIN * median(standard.samples), DEVIATIONS * deviation),
    moreBytes: other.preparedBytes - standard.preparedBytes,
  };
}

/** Layers of one shape with what was measured of their algorithms. */
export interface Measured {
  readonly key: string;
  readonly count: number;
  readonly advantages: readonly Advantage[];
}

/** What memory is worth: what a byte must save in each run, and how many more bytes all choices may take together. */
export interface MemoryTerms {
  /** What a byte of prepared constants must save in each run. */
  readonly nanosecondsPerByte: number;
  /** Bytes that all choices may take together beyond the defaults. */
  readonly moreBytes: number;
}

/**
 * What memory is worth where nobody says it. On the CPU a byte must save what the cost model of the kernels pays for it;
 * on a graphics card memory that is free earns nothing, and choices may take that of the weights in f32 once more.
 * @param isSoftware whether the adapter computes on the CPU
 * @param parameters number of weights of the network
 */
export function defaultMemoryTerms(isSoftware: boolean, parameters: number): MemoryTerms {
  if (isSoftware) return { nanosecondsPerByte: NANOSECONDS_PER_BYTE, moreBytes: Infinity };
  return { nanosecondsPerByte: 0, moreBytes: 4 * parameters };
}

/**
 * Chooses for each layer the algorithm that saves most, its memory paid for, among those that save more than the noise.
 * Where all together would take more memory than is allowed, those go first that save most for a byte.
 * @returns the advantage by key of each layer that is to leave its default
 */
export function choose(layers: readonly Measured[], terms: MemoryTerms): ReadonlyMap<string, Advantage> {
  const options = layers.flatMap(({ key, count, advantages }) =>
    advantages.filter((advantage) => worth(advantage, terms) > advantage.noise).map((advantage) => ({
      key,
      advantage,
      worth: count * worth(advantage, terms),
      bytes: count * advantage.moreBytes,
    }))
  );
  const chosen = new Map<string, typeof options[number]>();
  let bytes = 0;
  // What takes no more memory goes first and makes room; of one layer the next best only where the best does not fit.
  const density = ({ worth, bytes }: typeof options[number]): number => bytes > 0 ? worth / bytes : Infinity;
  const order = options.toSorted((a, b) =>
    density(b) === density(a) ? b.worth - a.worth : density(b) > density(a) ? 1 : -1
  );
  for (const option of order) {
    const before = chosen.get(option.key);
    if (before && before.worth >= option.worth) continue;
    const after = bytes - (before?.bytes ?? 0) + option.bytes;
    if (option.bytes > (before?.bytes ?? 0) && after > terms.moreBytes) continue;
    chosen.set(option.key, option);
    bytes = after;
  }
  return new Map(Array.from(chosen, ([key, { advantage }]) => [key, advantage]));
}

/** Milliseconds that a layer saves beyond the price of its memory; memory that is given back earns nothing. */
function worth({ saved, moreBytes }: Advantage, { nanosecondsPerByte }: MemoryTerms): number {
  return saved - nanosecondsPerByte * Math.max(0, moreBytes) / 1e6;
}

/** The choices without those for parts of layers that are to be computed otherwise, hence without these parts. */
export function withoutVoid(
  choices: ReadonlyMap<string, Advantage>,
  layers: readonly { readonly key: string; readonly partOf?: string }[],
): ReadonlyMap<string, Advantage> {
  const isVoid = (key: string): boolean =>
    layers.some((layer) => layer.key === key && layer.partOf !== undefined && choices.has(layer.partOf));
  return new Map([...choices].filter(([key]) => !isVoid(key)));
}

/** The middle of measurements, the mean of the middle two where their number is even; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? upper;
  return (lower + upper) / 2;
}
