/** Random numbers on the host from a seed, the same everywhere: for masks, kernels and noise that counts. */

/**
 * Uniform integers from a seed, the same everywhere: the Weyl sequence of the golden ratio through the 32-bit
 * finalizer of MurmurHash3. Draws that would favour small results are repeated.
 */
export function integers(seed: number): (bound: number) => number {
  if (!Number.isSafeInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(
      `Cannot draw random numbers: the seed is ${seed}, an integer from 0 to ${
        2 ** 32 - 1
      } is needed; use another seed`,
    );
  }
  const scramble = (word: number): number => {
    let bits = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return (bits ^ (bits >>> 16)) >>> 0;
  };
  let state = scramble(seed ^ 0x2545f491);
  return (bound) => {
    const limit = 2 ** 32 - 2 ** 32 % bound;
    let word: number;
    do {
      state = (state + 0x9e3779b9) >>> 0;
      word = scramble(state);
    } while (word >= limit);
    return word % bound;
  };
}

/** Draws of one seed. */
export interface Draws {
  /** Uniform in (0, 1), a multiple of 2^-32 plus 2^-33. */
  uniform(): number;
  /** Uniform integer from 0 to `bound` - 1. */
  integer(bound: number): number;
  /** Standard normal (Box and Muller). */
  normal(): number;
}

/**
 * Random numbers from a seed.
 * @param seed an integer from 0 to 2^32 - 1
 * @throws {RangeError} if the seed is out of range
 */
export function draws(seed: number): Draws {
  const integer = integers(seed);
  const uniform = (): number => (integer(2 ** 32) + 0.5) / 2 ** 32;
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/**
 * The integers 0, ..., count - 1 in random order.
 * @param drawn how many of the first are drawn, where no more of them are read; default all
 */
export function randomPermutation(count: number, seed: number, drawn = count): Uint32Array {
  const integer = integers(seed);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < drawn; i++) {
    const j = i + integer(count - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
