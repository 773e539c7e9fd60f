/** The `broadcast` form of products: a subgroup loads S values of a row with one load and hands them out by shuffles. */
import type { Target } from "../../engine/mod.ts";

/**
 * Whether kernels should take the `broadcast` form. On the CPU a load costs as much as 15 multiply-adds and a shuffle
 * almost nothing; on a GPU the loads of the `vector` form come from the cache.
 */
export function prefersBroadcast(target: Target): boolean {
  return target.software && target.subgroupSize > 0;
}

/** The integers from 0 to `count` - 1. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Where a kernel in the `broadcast` form takes the S values of its columns from in one turn of its loop over k. */
export interface WeightLoads {
  /** Lines that must come before the first use of the value of k = `q` in column group `group`. */
  readonly load: (q: number, group: number) => readonly string[];
  /** Name of that value. */
  readonly value: (q: number, group: number) => string;
}

/**
 * Loads from a texture of four values of k a texel.
 * @param texture its name
 * @param prefix of the names of what is loaded
 * @param line expression of the row of texels that holds the first k
 * @param lanes invocations of a subgroup, a multiple of 4
 */
export function texelLoads(texture: string, prefix: string, line: string, lanes: number): WeightLoads {
  return {
    load: (q, group) =>
      q % 4 > 0 ? [] : [
        `let ${prefix}${group}_${q / 4} = ` +
        `textureLoad(${texture}, vec2u(column + ${group * lanes}u, ${line} + ${q / 4}u), 0);`,
      ],
    value: (q, group) => `${prefix}${group}_${Math.floor(q / 4)}.${"xyzw"[q % 4]}`,
  };
}

/**
 * Loads from a buffer, one for each k.
 * @param array its name
 * @param prefix of the names of what is loaded
 * @param element expression of the position of k = `q` in column group 0
 * @param lanes invocations of a subgroup
 */
export function bufferLoads(
  array: string,
  prefix: string,
  element: (q: number) => string,
  lanes: number,
): WeightLoads {
  return {
    load: (q, group) => [`let ${prefix}${group}_${q} = ${array}[${element(q)} + ${group * lanes}u];`],
    value: (q, group) => `${prefix}${group}_${q}`,
  };
}

/**
 * Loads from the words of an f16 matrix, one for two k.
 * @param array its name
 * @param prefix of the names of what is loaded
 * @param word expression of the position of the word of k = `q`, an even number, in column group 0
 * @param lanes invocations of a subgroup
 */
export function halfLoads(
  array: string,
  prefix: string,
  word: (q: number) => string,
  lanes: number,
): WeightLoads {
  return {
    load: (q, group) =>
      q % 2 > 0 ? [] : [`let ${prefix}${group}_${q} = unpack2x16float(${array}[${word(q)} + ${group * lanes}u]);`],
    value: (q, group) => `${prefix}${group}_${q - q % 2}.${"xy"[q % 2]}`,
  };
}
