/** Rows of a table, such as the timestep embedding of the current step. */
import {
  type Coefficient,
  defineOp,
  type Dispatch,
  type Op,
  type Tensor,
  type TensorType,
  valueOf,
} from "../engine/mod.ts";
import { itemIntegers, requireInteger, requireIntegers } from "./item_integers.ts";
import { movedBytes, requireF32, requireRank } from "./operands.ts";
import { elementwise } from "./wgsl.ts";

/** Definition of `gatherRows`. */
export const gatherRowsOp: Op<{ readonly rows: readonly Coefficient[] }> = defineOp<
  { readonly rows: readonly Coefficient[] }
>({
  name: "gatherRows",
  infer(inputs, { rows }): readonly TensorType[] {
    requireF32("gatherRows", inputs, ["table"]);
    const table = inputs[0]!;
    requireRank("gatherRows", "table", table, 2, "[R, C]");
    if (rows.length === 0) throw new TypeError("Cannot build gatherRows: no row is named, at least 1 is needed");
    requireIntegers("gatherRows", "row", rows, table.shape[0]!);
    return [{ shape: [rows.length, table.shape[1]!], dtype: "f32" }];
  },
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
  lower({ inputs, outputs, attrs }, target): readonly Dispatch[] {
    const [table, y] = [inputs[0]!, outputs[0]!];
    const [height, width] = [table.shape[0]!, table.shape[1]!];
    return [
      elementwise("gatherRows", target, {
        read: { source: table },
        write: { y },
        params: { height, width },
        declarations: itemIntegers("row_of", attrs.rows, target),
        body: `let item = i / params.width;
let row = row_of(item);
let inside = select(params.height - 1u, min(row.x, params.height - 1u), row.y == 0u);
y[i] = source[inside * params.width + (i - item * params.width)];`,
      }),
    ];
  },
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
