/** Sums and maxima over the invocations of a workgroup, always in the same order. */
import type { Dispatch, Target } from "../../engine/mod.ts";
import { flatGrid, kernel, type KernelSource } from "./wgsl.ts";

/** How two values are combined. */
export type Combine = "sum" | "max";

/**
 * WGSL that combines the values of a workgroup array in a fixed tree, each with the one half of the array further on.
 * @param array its name; entry `lane` was just written by its invocation
 * @param size number of values that are combined to one, a power of two
 * @param own expression of the place of an invocation among those; `lane` by default
 * @param results how many results are left, in the first entries
 */
export function treeReduction(
  array: string,
  size: number,
  { combine = "sum", own = "lane", results = 1 }: {
    readonly combine?: Combine;
    readonly own?: string;
    readonly results?: number;
  } = {},
): string {
  const other = `${array}[lane + half]`;
  return `workgroupBarrier();
for (var half = ${size / 2}u; half ${results === 1 ? "> 0u" : `>= ${results}u`}; half = half >> 1u) {
  if (${own} < half) { ${array}[lane] ${combine === "sum" ? `+= ${other}` : `= max(${array}[lane], ${other})`}; }
  workgroupBarrier();
}`;
}

/** Lines for the kernels of rows. */
export interface RowLines {
  /** Runs a statement for every element `c` of the row. */
  readonly each: (statement: string) => string;
  /** Combines an expression of `c` over the row, from a start value, and names the result. */
  readonly reduced: (name: string, term: string, start?: string, combine?: Combine) => string;
}

/** A kernel that reduces rows; see `rowKernel`. */
export interface RowSource extends Pick<KernelSource, "read" | "write" | "params"> {
  readonly rows: number;
  /** Elements of a row. */
  readonly width: number;
  /** Invocations of a workgroup. */
  readonly size: number;
  /** Invocations that share a row, a power of two; as many as a workgroup has by default. */
  readonly lanes?: number;
  /** Type of what is combined, `f32` by default. */
  readonly type?: "f32" | "vec2f";
  readonly body: (lines: RowLines) => string;
}

/**
 * A kernel whose invocations share rows. Its body sees `row`, `base`, where the row begins in an array of rows, `first`,
 * the place of the invocation among those of the row, and `end`, the number of elements: 0 beyond the last row.
 * Mapping: an invocation takes every `lanes`-th element; a fixed tree adds up. 4 or 8 bytes of shared memory each.
 */
export function rowKernel(
  label: string,
  target: Target,
  { read, write, params, rows, width, size, lanes = size, type = "f32", body }: RowSource,
): Dispatch {
  const each = (statement: string): string => `for (var c = first; c < end; c += ${lanes}u) { ${statement} }`;
  // A row of a whole workgroup is uniform: compilers for the CPU then take a third less time to run it.
  const whole = lanes === size;
  const index = "group.y * groups.x + group.x";
  const place = whole
    ? `let row = ${index};\nlet first = lane;`
    : `let row = (${index}) * ${size / lanes}u + lane / ${lanes}u;\nlet first = lane % ${lanes}u;`;
  let isFirst = true;
  const reduced: RowLines["reduced"] = (name, term, start = `${type}()`, combine = "sum") => {
    const before = isFirst ? "" : "workgroupBarrier();\n";
    isFirst = false;
    return `var own_${name} = ${start};
${each(combine === "sum" ? `own_${name} += ${term};` : `own_${name} = max(own_${name}, ${term});`)}
${before}shared_values[lane] = own_${name};
${treeReduction("shared_values", lanes, { combine, own: "first" })}
let ${name} = shared_values[${whole ? "0" : "lane - first"}];`;
  };
  return kernel({
    label,
    read,
    write,
    params: { rows, width, ...params },
    takesParts: true,
    workgroupSize: size,
    workgroups: flatGrid(Math.ceil(rows * lanes / size), target),
    declarations: `var<workgroup> shared_values: array<${type}, ${size}>;`,
    body: `${place}
let base = row * params.width;
let end = select(0u, params.width, row < params.rows);
${body({ each, reduced })}`,
  });
}
