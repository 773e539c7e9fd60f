/** How far a restored image is from its measurement. */
export interface Consistency {
  /** Root mean square of A x - y over the entries of y. */
  readonly rms: number;
  /** ||A x - y||_1, the sum of the absolute differences. */
  readonly l1: number;
}

/**
 * Distance of A x from y, in the unit of the measurement.
 * @param measured A x of the restored image
 * @param y the measurement, as many values
 * @throws {TypeError} if the numbers of values differ or are 0
 */
export function consistency(measured: Float32Array, y: Float32Array): Consistency {
  if (measured.length !== y.length || y.length === 0) {
    throw new TypeError(
      `Cannot compare A x with y: they have ${measured.length} and ${y.length} values, equal numbers above 0 are needed`,
    );
  }
  let squares = 0;
  let l1 = 0;
  for (let i = 0; i < y.length; i++) {
    const difference = (measured[i] as number) - (y[i] as number);
    squares += difference * difference;
    l1 += Math.abs(difference);
  }
  return { rms: Math.sqrt(squares / y.length), l1 };
}
