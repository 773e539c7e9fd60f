/** Seeded numbers: what is measured needs weights and images, and no particular ones. */

/**
 * Uniform numbers from a 32-bit mixing generator; the same seed gives the same numbers everywhere.
 * @param count how many
 * @param seed an integer
 * @param into where they go, at least as many; a new array by default
 * @returns numbers in [-1, 1)
 */
export function randomValues(count: number, seed: number, into: Float32Array = new Float32Array(count)): Float32Array {
  const values = into.subarray(0, count);
  let state = Math.imul(seed + 1, 0x9e3779b1);
  for (let i = 0; i < count; i++) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    values[i] = (mixed ^ (mixed >>> 14)) / 2 ** 31;
  }
  return values;
}
