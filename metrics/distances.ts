/** Distances between as many values: of a restored image from its measurement, and from the picture it was made from. */

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
  const { rms, l1 } = distances("A x with y", measured, y);
  return { rms, l1 };
}

/** How far a result went from the picture that it was made from. */
export interface Faithfulness {
  /** ||x - g||_2, the Euclidean distance over all pixels and channels. */
  readonly l2: number;
  /** Root mean square of x - g. */
  readonly rms: number;
}

/**
 * Distance of a result from its guide, the degraded picture at the result's size, such as A^+ y: the axis against which
 * figure S5 of Shortcut Sampling (Liu et al. 2024) shows the realism of results.
 * @param x result, any unit and order
 * @param guide degraded picture in the same unit, as many values
 * @throws {TypeError} if the numbers of values differ or are 0
 */
export function faithfulness(x: Float32Array, guide: Float32Array): Faithfulness {
  const { l2, rms } = distances("x with its guide", x, guide);
  return { l2, rms };
}

function distances(what: string, a: Float32Array, b: Float32Array): Consistency & Faithfulness {
  if (a.length !== b.length || a.length === 0) {
    throw new TypeError(
      `Cannot compare ${what}: they have ${a.length} and ${b.length} values, equal numbers above 0 are needed`,
    );
  }
  let [squares, l1] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    squares += difference * difference;
    l1 += Math.abs(difference);
  }
  return { l1, l2: Math.sqrt(squares), rms: Math.sqrt(squares / a.length) };
}
