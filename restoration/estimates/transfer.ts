/** What blurs leave of the power of a frequency: squared transfer functions of kernels of a uniform shape. */

/** The part of the power that is left, 0 to 1, at frequencies in cycles per pixel along columns and rows. */
export type Transfer = (fx: number, fy: number) => number;

/**
 * Of a uniform motion along a line: sinc^2(pi L f), f along the line.
 * @param length in pixels
 * @param angle in degrees, counterclockwise from the direction of rows
 */
export function motionTransfer(length: number, angle: number): Transfer {
  const [cosine, sine] = [Math.cos(angle * Math.PI / 180), Math.sin(angle * Math.PI / 180)];
  return (fx, fy) => sinc(Math.PI * length * (fx * cosine - fy * sine)) ** 2;
}

/**
 * Of a disc, as a lens out of focus makes it: (2 J1(x) / x)^2, x = 2 pi r f.
 * @param radius in pixels
 */
export function discTransfer(radius: number): Transfer {
  return (fx, fy) => {
    const x = 2 * Math.PI * radius * Math.hypot(fx, fy);
    return x < 1e-6 ? 1 : (2 * besselJ1(x) / x) ** 2;
  };
}

/**
 * Of a square along rows and columns, as programs make it: the product of both sinc^2(pi n f).
 * @param side in pixels
 */
export function squareTransfer(side: number): Transfer {
  return (fx, fy) => (sinc(Math.PI * side * fx) * sinc(Math.PI * side * fy)) ** 2;
}

function sinc(x: number): number {
  return Math.abs(x) < 1e-9 ? 1 : Math.sin(x) / x;
}

/** J1(x) for x >= 0 within 1e-7 (Abramowitz and Stegun 9.4.4 and 9.4.6). */
function besselJ1(x: number): number {
  const polynomial = (coefficients: readonly number[], at: number): number =>
    coefficients.reduceRight((sum, coefficient) => sum * at + coefficient, 0);
  if (x < 3) return x * polynomial(SMALL, (x / 3) ** 2);
  const phase = x - 3 * Math.PI / 4 + 3 / x * polynomial(PHASE, 3 / x);
  return polynomial(AMPLITUDE, 3 / x) * Math.cos(phase) / Math.sqrt(x);
}

const SMALL = [0.5, -0.56249985, 0.21093573, -0.03954289, 0.00443319, -0.00031761, 0.00001109];
const AMPLITUDE = [0.79788456, 0.00000156, 0.01659667, 0.00017105, -0.00249511, 0.00113653, -0.00020033];
const PHASE = [0.12499612, 0.0000565, -0.00637879, 0.00074348, 0.00079824, -0.00029166];
