/**
 * The block of sums that an invocation of a product keeps in registers, in two forms: `broadcast` spreads the values of a
 * row over the lanes of a subgroup, which loads S of them with one load and hands them out by shuffles; `vector` gives
 * every invocation four columns. Products differ in where they load from.
 */
import type { Target, Tensor } from "../../engine/mod.ts";
import { lines, type Port, range } from "../text/wgsl.ts";
import { type Epilogue, epilogueFunctions } from "./epilogue.ts";

/** Invocations of a workgroup in the `vector` form. */
export const VECTOR_WORKGROUP = 64;

/**
 * Whether kernels should take the `broadcast` form. On the CPU a load costs as much as 15 multiply-adds and a shuffle
 * almost nothing; on a GPU the loads of the `vector` form come from the cache.
 */
export function prefersBroadcast(target: Target): boolean {
  return target.software && target.subgroupSize > 0;
}

/** Where a kernel takes the values of its columns from in one step of its loop over k. */
export interface WeightLoads {
  /** Lines that must come before the first use of the value of k = `q` in column group `group`. */
  readonly load: (q: number, group: number) => readonly string[];
  /** Name of that value. */
  readonly value: (q: number, group: number) => string;
}

/** A value of the left matrix, and the sums that it is part of. */
export interface BlockInput {
  /** Its values of all k of a step are named `x` and this. */
  readonly name: string;
  /** Number of the sum, and of the weight that it meets there. */
  readonly uses: readonly { readonly sum: number; readonly tap: number }[];
}

/** The inputs of a matrix product: row p is part of sum p alone. */
export function rowInputs(rows: number): readonly BlockInput[] {
  return range(rows).map((row) => ({ name: `${row}`, uses: [{ sum: row, tap: 0 }] }));
}

/**
 * The multiply-adds of one step over k: sums are named c0_0, c0_1, ... by number and column group in the `broadcast` form,
 * c0, c1, ... in the `vector` form.
 * @param lanes invocations of a subgroup, as many as k of a step; undefined for the `vector` form with four
 * @param weights those of each tap
 * @param lead lines that must come before the loads of k = `q`
 */
export function blockStep(
  lanes: number | undefined,
  inputs: readonly BlockInput[],
  weights: readonly WeightLoads[],
  { groups = 1, lead }: { readonly groups?: number; readonly lead?: (q: number) => readonly string[] } = {},
): string {
  const columns = range(groups);
  return lines(lanes ?? 4, (q) => [
    ...lead?.(q) ?? [],
    ...weights.flatMap(({ load }) => columns.flatMap((v) => load(q, v))),
    ...inputs.flatMap(({ name, uses }) => [
      ...lanes ? [`let s${q}_${name} = subgroupShuffle(x${name}, ${q}u);`] : [],
      ...uses.flatMap(({ sum, tap }) =>
        columns.map((v) => {
          const [to, factor] = lanes ? [`c${sum}_${v}`, `s${q}_${name}`] : [`c${sum}`, `vec4f(x${name}.${"xyzw"[q]})`];
          return `${to} = fma(${factor}, ${weights[tap]!.value(q, v)}, ${to});`;
        })
      ),
    ]),
  ]);
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

/**
 * WGSL function `inputFour(base, k, limit)`: four words of the input from k on, 0 from `limit` on. All positions count
 * words; a `wide` array is one of vec4f.
 */
export function vectorLoads(input: string, wide: boolean): string {
  const four = `vec4f(${range(4).map((j) => `${input}[i + ${j}u]`).join(", ")})`;
  const load = wide ? `return select(vec4f(), ${input}[(base + k) / 4u], k < limit);` : `let i = base + k;
  return select(vec4f(), ${four}, vec4u(k, k + 1u, k + 2u, k + 3u) < vec4u(limit));`;
  return `fn inputFour(base: u32, k: u32, limit: u32) -> vec4f {
  ${load}
}`;
}

/** How a kernel in the `vector` form reads a weight, four columns at a time. */
export interface VectorWeights {
  readonly port: Port;
  /** Suffix of the kernel's name. */
  readonly suffix: string;
  /** Rows of the matrix that a row of words holds: 2 for f16, otherwise 1. */
  readonly rows: number;
  readonly declarations: string;
  /**
   * The loads of four k, under names that begin with `prefix`.
   * @param position expression of the position of a row of words, counted from that of row 0
   */
  readonly loads: (prefix: string, position: (row: number) => string) => WeightLoads;
}

/** The loads of a weight [..., K, N] that is bound as `name`; a `wide` array is one of vec4. */
export function vectorWeights(name: string, weight: Tensor, wide: boolean): VectorWeights {
  const four = (type: string): string => `vec4${type}(${range(4).map((j) => `${name}[i + ${j}u]`).join(", ")})`;
  if (weight.dtype !== "f16") {
    return {
      port: { tensor: weight, type: wide ? "vec4f" : "f32" },
      suffix: "",
      rows: 1,
      declarations: `fn weightFour(i: u32) -> vec4f {
  return ${wide ? `${name}[i / 4u]` : four("f")};
}`,
      loads: (prefix, position) => ({
        load: (q) => [`let ${prefix}${q} = weightFour(${position(q)});`],
        value: (q) => `${prefix}${q}`,
      }),
    };
  }
  const unpacked = range(4).map((j) => `unpack2x16float(words.${"xyzw"[j]})`).join(", ");
  return {
    port: { tensor: weight, type: wide ? "vec4u" : "u32" },
    suffix: ".f16",
    rows: 2,
    declarations: `fn weightRows(i: u32) -> mat4x2f {
  let words = ${wide ? `${name}[i / 4u]` : four("u")};
  return mat4x2f(${unpacked});
}`,
    loads: (prefix, position) => ({
      load: (q) => q % 2 > 0 ? [] : [`let ${prefix}${q} = transpose(weightRows(${position(q / 2)}));`],
      value: (q) => `${prefix}${q - q % 2}[${q % 2}]`,
    }),
  };
}

/**
 * WGSL functions of the epilogue for four columns at once: `startFour(column)` and `storeFour(value, base, column)`
 * with `base` the position of column 0. All positions count words; columns from `params.columns` on are not stored.
 */
export function vectorEpilogue(wide: boolean, epilogue: Epilogue): string {
  if (wide) {
    return `${epilogueFunctions("vec4f", epilogue)}
fn startFour(column: u32) -> vec4f { return start(column / 4u); }
fn storeFour(value: vec4f, base: u32, column: u32) {
  let e = (base + column) / 4u;
  out[e] = finish(value, e);
}`;
  }
  return `${epilogueFunctions("f32", epilogue)}
fn startFour(column: u32) -> vec4f {
  return vec4f(start(column), start(column + 1u), start(column + 2u), start(column + 3u));
}
fn storeFour(value: vec4f, base: u32, column: u32) {
  let e = base + column;
${lines(4, (j) => `  if (column + ${j}u < params.columns) { out[e + ${j}u] = finish(value.${"xyzw"[j]}, e + ${j}u); }`)}
}`;
}
