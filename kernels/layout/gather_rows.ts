/** Rows of a table, such as the timestep embedding of the current step, and the adjoint. */
import { type Coefficient, elementCount, type Op, type Shape, type Tensor, valueOf } from "../../engine/mod.ts";
import { movedBytes, requireFit, requireRank } from "../operands.ts";
import { pointwise } from "../pointwise/pointwise.ts";
import { itemIntegers, requireInteger, requireIntegers } from "../text/item_integers.ts";

/** Attributes of `gatherRows`. */
export interface GatherAttrs {
  /** The row for each row of the result. */
  readonly rows: readonly Coefficient[];
}

/** Definition of `gatherRows`. */
export const gatherRowsOp: Op<GatherAttrs> = pointwise<GatherAttrs>({
  name: "gatherRows",
  inputs: ["table"],
  shape([table], { rows }): Shape {
    requireRank("gatherRows", "table", table!, 2, "[R, C]");
    if (rows.length === 0) throw new TypeError("Cannot build gatherRows: no row is named, at least 1 is needed");
    requireIntegers("gatherRows", "row", rows, table!.shape[0]!);
    return [rows.length, table!.shape[1]!];
  },
  kernel: ({ inputs: [table], attrs: { rows } }, target) => ({
    params: { height: table!.shape[0]!, width: table!.shape[1]! },
    declarations: itemIntegers("row_of", rows, target),
    body: `let item = i / params.width;
let row = row_of(item);
let inside = select(params.height - 1u, min(row.x, params.height - 1u), row.y == 0u);
y[i] = table[inside * params.width + (i - item * params.width)];`,
  }),
  software: {
    reference({ inputs, attrs }, [table], scalars): readonly Float32Array[] {
      const [height, width] = [inputs[0]!.shape[0]!, inputs[0]!.shape[1]!];
      const y = new Float32Array(attrs.rows.length * width);
      attrs.rows.forEach((coefficient, item) => {
        const row = valueOf(coefficient, scalars);
        requireInteger("Cannot run gatherRows", `row ${item}`, row, height);
        y.set(table!.subarray(row * width, (row + 1) * width), item * width);
      });
      return [y];
    },
  },
  gradient: ({ inputs: [table], attrs: { rows } }, [dy]) => [scatterRows(dy!, rows, table!.shape[0]!)],
  cost: (call) => ({ flops: 0, bytes: 2 * movedBytes({ inputs: [], outputs: call.outputs }) }),
  examples: [
    { inputs: [[11, 7]], attrs: { rows: [{ scalar: "t" }] }, scalars: { t: 10 } },
    { inputs: [[5, 33]], attrs: { rows: [{ scalar: "t" }, 0, { scalar: "s" }] }, scalars: { t: 4, s: 2 } },
    { inputs: [[5, 33]], attrs: { rows: [{ scalar: "t" }, { scalar: "t" }] }, scalars: { t: 3 } },
  ],
});

/**
 * Rows of a table: y[k, c] = table[rows[k], c].
 * @param table [R, C], f32
 * @param rows one row index for each batch item, an integer from 0 to R - 1 (number, or scalar of the run)
 * @returns [rows.length, C]
 * @throws {RangeError} if a number is no row; a scalar out of range throws on the CPU runtime and takes the last row
 *   on a GPU
 */
export function gatherRows(table: Tensor, rows: readonly Coefficient[]): Tensor {
  return gatherRowsOp([table], { rows })[0]!;
}

/** Attributes of `scatterRows`. */
export interface ScatterAttrs extends GatherAttrs {
  /** Rows of the table. */
  readonly height: number;
}

/** Definition of `scatterRows`. */
export const scatterRowsOp: Op<ScatterAttrs> = pointwise<ScatterAttrs>({
  name: "scatterRows",
  inputs: ["x"],
  shape([x], { rows, height }): Shape {
    requireRank("scatterRows", "x", x!, 2, "[K, C]");
    const needed = `and ${rows.length} rows are named; one for each row of x is needed`;
    requireFit("scatterRows", { x }, rows.length === x!.shape[0], needed);
    requireIntegers("scatterRows", "row", rows, height);
    return [height, x!.shape[1]!];
  },
  // Mapping: an invocation computes one element of the table and looks through all rows of x, of which there are few.
  kernel: ({ inputs: [x], attrs: { rows, height } }, target) => ({
    params: { width: x!.shape[1]!, items: rows.length, height },
    declarations: itemIntegers("row_of", rows, target),
    body: `let row = i / params.width;
let c = i - row * params.width;
var sum = 0.0;
for (var item = 0u; item < params.items; item += 1u) {
  let at = row_of(item);
  let inside = select(params.height - 1u, min(at.x, params.height - 1u), at.y == 0u);
  if (inside == row) { sum += x[item * params.width + c]; }
}
y[i] = sum;`,
  }),
  software: {
    reference({ inputs, attrs: { rows, height } }, [x], scalars): readonly Float32Array[] {
      const width = inputs[0]!.shape[1]!;
      const sums = new Float64Array(height * width);
      rows.forEach((coefficient, item) => {
        const row = valueOf(coefficient, scalars);
        requireInteger("Cannot run scatterRows", `row ${item}`, row, height);
        for (let c = 0; c < width; c++) sums[row * width + c]! += x![item * width + c]!;
      });
      return [Float32Array.from(sums)];
    },
  },
  gradient: ({ attrs: { rows } }, [dy]) => [gatherRows(dy!, rows)],
  cost: (call) => ({ flops: elementCount(call.inputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[1, 7]], attrs: { rows: [{ scalar: "t" }], height: 11 }, scalars: { t: 10 } },
    { inputs: [[3, 33]], attrs: { rows: [{ scalar: "t" }, 0, { scalar: "t" }], height: 5 }, scalars: { t: 4 } },
  ],
});

/**
 * Rows added up at their places in a table, the adjoint of `gatherRows`: y[r, c] = sum over k with rows[k] = r of x[k, c].
 * @param x [K, C], f32
 * @param rows one row index for each row of x, an integer from 0 to height - 1 (number, or scalar of the run)
 * @param height number of rows of the table
 * @returns [height, C]
 * @throws {TypeError} if there is not one index for each row; {RangeError} as `gatherRows`
 */
export function scatterRows(x: Tensor, rows: readonly Coefficient[], height: number): Tensor {
  return scatterRowsOp([x], { rows, height })[0]!;
}
