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
  if (x.length !== guide.length || x.length === 0) {
    throw new TypeError(
      `Cannot compare x with its guide: they have ${x.length} and ${guide.length} values, equal numbers above 0 are ` +
        "needed; bring the guide to the size of x",
    );
  }
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += ((x[i] as number) - (guide[i] as number)) ** 2;
  return { l2: Math.sqrt(squares), rms: Math.sqrt(squares / x.length) };
}
