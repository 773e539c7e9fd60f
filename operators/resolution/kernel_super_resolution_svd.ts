/**
 * The singular value decomposition of a blur of which every s-th pixel is kept, A = D K, in closed form: with it
 * (A A^T + rho)^-1 and (A^T A + rho)^-1 are products, as in the data step of DiffPIR.
 */
import { constant, type HostTensor, hostTensor, type Tensor } from "../../engine/mod.ts";
import { add, type ComplexArray, fourier, gatherElements, mul, sub } from "../../kernels/mod.ts";
import { factorTensor, filtered, hartley, perChannel } from "../blur/fourier_filter.ts";
import type { SpectralForm } from "../operator.ts";

/** What the operator has prepared. */
export interface SampledBlur {
  /** h [H, W]. */
  readonly transfer: ComplexArray;
  /** Mean of |h|^2 over the frequencies that fall on each of the small picture [H / s, W / s]. */
  readonly power: Float64Array;
  /** The same, 0 where the frequency is removed. */
  readonly kept: Float64Array;
  /** [H, W, C] */
  readonly shape: readonly [number, number, number];
  /** [H / s, W / s, C] */
  readonly small: readonly [number, number, number];
  /** For every element of the small picture its place in the large one. */
  readonly cut: HostTensor;
  /** For every element of the large picture its place in the small one, or none. */
  readonly spread: HostTensor;
}

/** Magnitude below which a number counts as 0 here; those of interest are near 1. */
const NEGLIGIBLE = 1e-9;

/**
 * A = S B^T with S = (A A^T)^(1/2), a circular convolution of the small picture, and B with orthonormal columns. Let E
 * put a small picture on every s-th pixel. A convolution F with unit phases makes M = E^T B F negative semidefinite;
 * then V = I - (E - B F) (I - M)^-1 (E - B F)^T is orthogonal, its own inverse, and V E = B F. So the kept pixels of V x
 * are F^T B^T x, and a Hartley transform of them makes S a product with the singular values.
 */
export function sampledSvd({ transfer, power, kept, shape, small, cut, spread }: SampledBlur): SpectralForm {
  const { difference, weights, phases } = reflection(transfer, power, shape, small);
  const filter = factorTensor(difference, shape);
  const turns = factorTensor(phases, small);
  const weight = perChannel(weights, [small[0], small[1], 2 * small[2]]);
  const take = (x: Tensor): Tensor => gatherElements(x, constant(cut));
  const put = (u: Tensor): Tensor => gatherElements(u, constant(spread));
  const weigh = (u: Tensor): Tensor =>
    fourier(mul(fourier(u, { fromReal: true }), constant(weight)), { inverse: true, toReal: true });
  const reflect = (x: Tensor): Tensor => sub(x, filtered(put(weigh(take(filtered(x, filter, true)))), filter));
  const turnKept = (x: Tensor): Tensor => add(x, put(sub(hartley(take(x)), take(x))));
  const values = perChannel(kept.map(Math.sqrt), small).data;
  return {
    singularValues: hostTensor(Float32Array.from(spread.data, (place) => values[place] ?? 0), shape),
    toSpectrum: (x) => turnKept(reflect(x)),
    fromSpectrum: (c) => reflect(turnKept(c)),
    toMeasurement: (c) => filtered(hartley(take(c)), turns),
    fromMeasurement: (y) => put(hartley(filtered(y, turns, true))),
  };
}

/**
 * The transfer functions of E - B F behind E, of (I - M)^-1, and of F. A frequency of which the blur leaves nothing
 * takes the direction of E for that of B.
 */
function reflection(
  { re, im }: ComplexArray,
  power: Float64Array,
  [height, width]: readonly [number, number, number],
  [rows, columns]: readonly [number, number, number],
): { readonly difference: ComplexArray; readonly weights: Float64Array; readonly phases: ComplexArray } {
  const aliasOf = (i: number): number => (Math.floor(i / width) % rows) * columns + i % width % columns;
  const share = rows * columns / (height * width);
  const sizes = power.map(Math.sqrt);
  const isLost = (alias: number): boolean => sizes[alias]! < NEGLIGIBLE;
  // E^T B: the mean of conj(h) over the root of the mean of |h|^2.
  const overlap = { re: new Float64Array(power.length), im: new Float64Array(power.length) };
  for (let i = 0; i < re.length; i++) {
    const alias = aliasOf(i);
    const size = isLost(alias) ? 1 : sizes[alias]!;
    overlap.re[alias]! += share * (isLost(alias) ? 1 : re[i]!) / size;
    overlap.im[alias]! -= share * (isLost(alias) ? 0 : im[i]!) / size;
  }
  const weights = new Float64Array(power.length);
  const phases = { re: new Float64Array(power.length), im: new Float64Array(power.length) };
  weights.forEach((_, alias) => {
    const [x, y] = [overlap.re[alias]!, overlap.im[alias]!];
    const length = Math.hypot(x, y);
    weights[alias] = 1 / (1 + length);
    [phases.re[alias], phases.im[alias]] = length < NEGLIGIBLE ? [-1, 0] : [-x / length, y / length];
  });
  const difference = { re: new Float64Array(re.length), im: new Float64Array(re.length) };
  for (let i = 0; i < re.length; i++) {
    const alias = aliasOf(i);
    const [x, y] = isLost(alias) ? [1, 0] : [re[i]! / sizes[alias]!, -im[i]! / sizes[alias]!];
    const [c, d] = [phases.re[alias]!, phases.im[alias]!];
    difference.re[i] = 1 - (x * c - y * d);
    difference.im[i] = -(x * d + y * c);
  }
  return { difference, weights, phases };
}
