/**
 * What posterior samplers converge to where all is Gaussian: a prior N(m, c I) with its exact denoiser, and y = A x + n
 * of deviation sigma, where A has one singular value s besides 0. Then every published step takes each coefficient of
 * x_t - sqrt(a) m to p times itself + q times that of y - A m + r times that of m + d z, so that its mean and variance
 * follow from numbers alone. a is alphaBar of the level, b that of the level it goes to.
 */
import type { Level } from "../../samplers/coefficients.ts";

/** A coefficient of a state less sqrt(a) m: mean fromY Y + fromMean mu, and variance; Y is that of y - A m, mu that of m. */
export interface Moments {
  readonly fromY: number;
  readonly fromMean: number;
  readonly variance: number;
}

/** A step: p, q, r and d of the above. */
export interface AffineStep {
  readonly p: number;
  readonly q?: number;
  readonly r?: number;
  readonly d: number;
}

/** The prior and the noise. */
export interface GaussianSetting {
  /** c */
  readonly variance: number;
  readonly sigma: number;
  /** The singular value of the coefficient; 0 where A loses it. */
  readonly s: number;
}

/** The moments after a step. */
export function moved({ fromY, fromMean, variance }: Moments, { p, q = 0, r = 0, d }: AffineStep): Moments {
  return { fromY: p * fromY + q, fromMean: p * fromMean + r, variance: p * p * variance + d * d };
}

/** x0 = m + g u and eps = e u of the exact denoiser, u = x_t - sqrt(a) m. */
export function denoiser(a: number, c: number): { readonly g: number; readonly e: number } {
  const total = 1 - a + a * c;
  return { g: Math.sqrt(a) * c / total, e: Math.sqrt(1 - a) / total };
}

/** White noise as the first state. */
export function whiteStart(a: number): Moments {
  return { fromY: 0, fromMean: -Math.sqrt(a), variance: 1 };
}

/** The ancestral step with the variance of the posterior. */
export function ancestral(
  { alphaBar: a, alphaBarPrevious: b, beta }: Level,
  { variance }: GaussianSetting,
): AffineStep {
  const { g } = denoiser(a, variance);
  const p = (beta * Math.sqrt(b) * g + (1 - b) * Math.sqrt(1 - beta)) / (1 - a);
  return { p, d: Math.sqrt(beta * (1 - b) / (1 - a)) };
}

/** The step down with a share eta of fresh noise. */
export function etaMix(b: number, eta: number, { g, e }: ReturnType<typeof denoiser>): AffineStep {
  const rest = Math.sqrt(1 - b);
  return { p: Math.sqrt(b) * g + Math.sqrt(1 - eta * eta) * rest * e, d: eta * rest };
}

/** DMPS: an ancestral step, then scale (1 - alpha)/sqrt(alpha a) A^T (s^2 (1 - a)/a + sigma^2)^-1 (y - A x_e/sqrt(a)). */
export function dmpsStep(level: Level, setting: GaussianSetting, scale: number, point: "before" | "after"): AffineStep {
  const { alphaBar: a, alphaBarPrevious: b, beta } = level;
  const { s, sigma } = setting;
  const { p, d } = ancestral(level, setting);
  const pull = scale * beta / Math.sqrt(1 - beta) / Math.sqrt(a) * s / (s * s * (1 - a) / a + sigma ** 2);
  const back = pull * s / Math.sqrt(a);
  if (point === "before") return { p: p - back, q: pull, d };
  // x_e / sqrt(a) is sqrt(b / a) m beside what the state deviates by.
  return { p: p * (1 - back), q: pull, r: pull * s * (1 - Math.sqrt(b / a)), d: d * (1 - back) };
}

/** DPS: an ancestral step, less scale times the gradient of |y - A x0| through the denoiser. */
export function dpsStep(level: Level, setting: GaussianSetting, scale: number, residual: number): AffineStep {
  const { p, d } = ancestral(level, setting);
  const { g } = denoiser(level.alphaBar, setting.variance);
  const pull = scale * g * setting.s / residual;
  return { p: p - pull * setting.s * g, q: pull, d };
}

/** PiGDM: a DDIM step with eta = 1, and sqrt(a) r^2 times the guidance through the denoiser, r^2 = 1 - a. */
export function pigdmStep(
  { alphaBar: a, alphaBarPrevious: b }: Level,
  { variance, s, sigma }: GaussianSetting,
): AffineStep {
  const { g, e } = denoiser(a, variance);
  const d = Math.sqrt((1 - b) / (1 - a) * (1 - a / b));
  const pull = Math.sqrt(a) * (1 - a) * g * s / (s * s * (1 - a) + sigma ** 2);
  return { p: Math.sqrt(b) * g + Math.sqrt(1 - b - d * d) * e - pull * s * g, q: pull, d };
}

/** DDNM+ for every singular value. */
export function ddnmPlusStep(
  { alphaBar: a, alphaBarPrevious: b }: Level,
  { variance, s, sigma }: GaussianSetting,
  eta: number,
): AffineStep {
  const { g, e } = denoiser(a, variance);
  if (s === 0) return etaMix(b, eta, { g, e });
  const [level, noise] = [Math.sqrt(1 - b), Math.sqrt(b) * sigma / s];
  const isCovered = level >= noise;
  const correction = isCovered ? 1 : level * Math.sqrt(1 - eta * eta) / noise;
  return {
    p: Math.sqrt(b) * g * (1 - correction),
    q: Math.sqrt(b) * correction / s,
    d: isCovered ? Math.sqrt(level ** 2 - noise ** 2) : level * eta,
  };
}

/** The first state of DDRM, at the level a. */
export function ddrmStart(a: number, { s, sigma }: GaussianSetting): Moments {
  const spread = Math.sqrt((1 - a) / a);
  if (s * spread <= sigma) return whiteStart(a);
  return {
    fromY: 1 / (s * spread),
    fromMean: 1 / spread - Math.sqrt(a),
    variance: (spread ** 2 - (sigma / s) ** 2) / spread ** 2,
  };
}

/** DDRM with eta = eta_a and eta_b = 1. */
export function ddrmStep(
  { alphaBar: a, alphaBarPrevious: b }: Level,
  { variance, s, sigma }: GaussianSetting,
  eta: number,
): AffineStep {
  const { g, e } = denoiser(a, variance);
  const [scale, spread] = [Math.sqrt(b), Math.sqrt((1 - b) / b)];
  const kept = spread * Math.sqrt(1 - eta * eta);
  if (s === 0) return { p: scale * (g + kept * e), d: scale * spread * eta };
  if (s * spread > sigma) return { p: 0, q: scale / s, d: scale * Math.sqrt(spread ** 2 - (sigma / s) ** 2) };
  return { p: scale * g * (1 - kept * s / sigma), q: scale * kept / sigma, d: scale * spread * eta };
}

/** DDS: x0 is moved to the solution of (I + A^T A) u = x0 + A^T y; `arrives` where that is the next state itself. */
export function ddsStep(
  { alphaBar: a, alphaBarPrevious: b }: Level,
  { variance, s }: GaussianSetting,
  eta: number,
  arrives: boolean,
): AffineStep {
  const { g, e } = denoiser(a, variance);
  const share = 1 / (1 + s * s);
  if (arrives) return { p: g * share, q: s * share, r: 1 - Math.sqrt(b), d: 0 };
  const { p, d } = etaMix(b, eta, { g: g * share, e });
  return { p, q: Math.sqrt(b) * s * share, d };
}

/**
 * DiffPIR: x0 goes the share `pull` of A^T (y - A x0), and its noise is taken from the state again.
 * @param zeta share of fresh noise
 */
export function diffpirStep(
  { alphaBar: a, alphaBarPrevious: b }: Level,
  { variance, s }: GaussianSetting,
  zeta: number,
  pull: number,
): AffineStep {
  const { g } = denoiser(a, variance);
  const kept = Math.sqrt((1 - zeta) * (1 - b) / (1 - a));
  const fromX0 = Math.sqrt(b) - kept * Math.sqrt(a);
  return { p: kept + fromX0 * g * (1 - pull * s * s), q: fromX0 * pull * s, d: Math.sqrt(zeta * (1 - b)) };
}

/** An ancestral step and the projection onto the measurement noised to `level`; what A loses keeps the step. */
export function projectedStep(level: Level, setting: GaussianSetting, noised: number): AffineStep {
  if (setting.s === 0) return ancestral(level, setting);
  const [kept, b] = [Math.sqrt(noised), level.alphaBarPrevious];
  return { p: 0, q: kept / setting.s, r: kept - Math.sqrt(b), d: Math.sqrt(1 - noised) };
}

/**
 * Guess & Guide: x0 to the minimum of |y - A u|^2/sigma^2 + |u - x0|^2/(1 - a), sigma that of the method, then fresh noise;
 * the step to the image of a noisy measurement is x0 alone.
 */
export function guidedStep({ alphaBar: a, alphaBarPrevious: b }: Level, setting: GaussianSetting): AffineStep {
  const { variance, sigma, s } = setting;
  const isFree = s === 0 || (b === 1 && sigma > 0);
  const pull = isFree ? 0 : (1 - a) * s / ((1 - a) * s * s + sigma ** 2);
  const p = Math.sqrt(b) * denoiser(a, variance).g * (1 - pull * s);
  return { p, q: Math.sqrt(b) * pull, d: Math.sqrt(1 - b) };
}
