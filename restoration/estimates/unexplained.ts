/** What is left of the power of a picture when its blur and what pictures have by themselves are taken off. */
import type { PowerSpectrum } from "./power_spectrum.ts";
import type { Transfer } from "./transfer.ts";

/** Zeros of a blur are filled up by windows and rounding to this part of the power. */
const FILLED = 0.02;

/** Most frequencies that are looked at. */
const MOST_FREQUENCIES = 4000;

/** What a picture without blur has: a plane over log f and angles. */
export function ownColumns({ fx, fy }: PowerSpectrum): Float64Array[] {
  const logarithms = fx.map((x, i) => Math.log(Math.hypot(x, fy[i]!)));
  const mean = logarithms.reduce((sum, value) => sum + value, 0) / logarithms.length;
  const centred = logarithms.map((value) => value - mean);
  const angular = (times: number, of: (angle: number) => number): Float64Array =>
    fx.map((x, i) => of(times * Math.atan2(fy[i]!, x)));
  const [cosine, sine] = [angular(2, Math.cos), angular(2, Math.sin)];
  const falling = (column: Float64Array): Float64Array => column.map((value, i) => value * centred[i]!);
  return [
    centred,
    fx.map(() => 1),
    cosine,
    sine,
    falling(cosine),
    falling(sine),
    angular(4, Math.cos),
    angular(4, Math.sin),
  ];
}

/**
 * The mean square that is left of the power when a blur and what a picture has by itself are taken off.
 * @returns a function of the blur
 */
export function unexplained(spectrum: PowerSpectrum): (transfer: Transfer) => number {
  const step = Math.ceil(spectrum.power.length / MOST_FREQUENCIES);
  const thinned = (values: Float64Array): Float64Array => values.filter((_, i) => i % step === 0);
  const [fx, fy, power] = [spectrum.fx, spectrum.fy, spectrum.power].map(thinned) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const basis = orthonormal(ownColumns({ ...spectrum, fx, fy, power }));
  const rest = new Float64Array(power.length);
  return (transfer) => {
    for (let i = 0; i < rest.length; i++) rest[i] = power[i]! - Math.log(transfer(fx[i]!, fy[i]!) + FILLED);
    let square = 0;
    for (const value of rest) square += value * value;
    for (const column of basis) {
      let part = 0;
      for (let i = 0; i < rest.length; i++) part += column[i]! * rest[i]!;
      square -= part * part;
    }
    return square / rest.length;
  };
}

/** Columns made orthonormal one after the other (Gram and Schmidt). */
function orthonormal(columns: readonly Float64Array[]): readonly Float64Array[] {
  const basis: Float64Array[] = [];
  for (const column of columns) {
    const rest = Float64Array.from(column);
    for (const other of basis) {
      const part = rest.reduce((sum, value, i) => sum + value * other[i]!, 0);
      for (let i = 0; i < rest.length; i++) rest[i]! -= part * other[i]!;
    }
    const length = Math.sqrt(rest.reduce((sum, value) => sum + value ** 2, 0));
    if (length > 1e-6) basis.push(rest.map((value) => value / length));
  }
  return basis;
}
