/** Seeded numbers for tests. */

/** Numbers in [-1, 1) from a 32-bit mixing generator; the same seed gives the same numbers everywhere. */
export function randomValues(count: number, seed: number): Float32Array {
  const bits = mixer(seed);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = bits() / 2 ** 31 - 1;
  return values;
}

/** A function that gives integers from 0 to limit - 1 from the same generator. */
export function randomIntegers(seed: number): (limit: number) => number {
  const bits = mixer(seed);
  return (limit) => bits() % limit;
}

/** 32 bits at a time. */
function mixer(seed: number): () => number {
  // Signed in between, as engines keep such numbers in registers.
  let state = (seed * 0x9e3779b9) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    const once = Math.imul(state ^ (state >>> 15), 1 | state);
    const twice = (once + Math.imul(once ^ (once >>> 7), 61 | once)) ^ once;
    return (twice ^ (twice >>> 14)) >>> 0;
  };
}

/** Standard normal numbers by the Box-Muller transform of the same generator. */
export function normalValues(count: number, seed: number): Float32Array {
  const bits = mixer(seed);
  const unit = (): number => (bits() + 1) / (2 ** 32 + 1);
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(unit())) * Math.cos(2 * Math.PI * unit()));
}
