/** The quantities that an evaluation measures: what tables call them, and which direction is better. */

/** A quantity of tables. */
export interface Metric {
  /** Heading of its column. */
  readonly title: string;
  /** What it is, in a line. */
  readonly meaning: string;
  /** Digits behind the point for people; files hold all of them. */
  readonly digits: number;
  /** Whether greater values are better, smaller ones, or neither. */
  readonly better: "greater" | "smaller" | undefined;
}

/** Name of a quantity. */
export type MetricName =
  | "psnr"
  | "ssim"
  | "lpips"
  | "fid"
  | "consistency"
  | "faithfulness"
  | "divergence"
  | "effective";

/** The quantities by name, in the order of columns. */
export const METRICS: Readonly<Record<MetricName, Metric>> = {
  psnr: { title: "PSNR", meaning: "peak signal-to-noise ratio in dB", digits: 2, better: "greater" },
  ssim: { title: "SSIM", meaning: "structural similarity", digits: 3, better: "greater" },
  lpips: { title: "LPIPS", meaning: "learned perceptual distance", digits: 3, better: "smaller" },
  fid: {
    title: "FID",
    meaning: "Frechet distance of Inception features, of all pictures of a cell",
    digits: 2,
    better: "smaller",
  },
  consistency: { title: "Cons", meaning: "root mean square of A x - y", digits: 4, better: "smaller" },
  faithfulness: { title: "Faith", meaning: "Euclidean distance from A^+ y", digits: 2, better: undefined },
  divergence: {
    title: "KL",
    meaning: "divergence of the predicted noise from N(0, 1), mean over the inversion steps",
    digits: 4,
    better: "smaller",
  },
  effective: {
    title: "KL eff",
    meaning: "the same of the effective noise, which an inversion step puts on",
    digits: 4,
    better: "smaller",
  },
};

/** Those of single pictures, as units hold them; the others belong to cells. */
export type UnitMetrics = Readonly<Partial<Record<Exclude<MetricName, "fid">, number>>>;

/** Names in the order of columns. */
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

/** A value as tables show it; what the digits of the quantity would hide is written with an exponent. */
export function formatValue(value: number, metric: MetricName): string {
  const { digits } = METRICS[metric];
  if (value === Infinity) return "equal";
  if (Number.isNaN(value)) return "-";
  return value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits ? value.toExponential(0) : value.toFixed(digits);
}
