/** The transforms of Winograd convolutions F(m x m, 3 x 3) as small integer matrices, and WGSL that applies them. */
import { range } from "../../text/wgsl.ts";

/** Side m of the output tiles that one transform computes. */
export type TileSize = 2 | 4;

/**
 * Y = A^T [(G g G^T) * (B^T d B)] A: a patch d of m + 2 pixels a side and a 3x3 kernel g give an m x m tile of outputs.
 * Winograd 1980; Lavin and Gray 2016, with the points 0, 1, -1 for m = 2 and 0, 1, -1, 2, -2 for m = 4.
 */
export interface WinogradTransform {
  /** Pixels of a patch along one side: m + 2. */
  readonly patch: number;
  /** B^T, [patch, patch]. */
  readonly input: readonly (readonly number[])[];
  /** G times `weightScale`, [patch, 3]: integers, so that only the last product rounds. */
  readonly weight: readonly (readonly number[])[];
  readonly weightScale: number;
  /** A^T, [m, patch]. */
  readonly output: readonly (readonly number[])[];
}

/** The transforms by tile size. */
export const WINOGRAD: Readonly<Record<TileSize, WinogradTransform>> = {
  2: {
    patch: 4,
    input: [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]],
    weight: [[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]],
    weightScale: 2,
    output: [[1, 1, 1, 0], [0, 1, -1, -1]],
  },
  4: {
    patch: 6,
    input: [
      [4, 0, -5, 0, 1, 0],
      [0, -4, -4, 1, 1, 0],
      [0, 4, -4, -1, 1, 0],
      [0, -2, -1, 2, 1, 0],
      [0, 2, -1, -2, 1, 0],
      [0, 4, 0, -5, 0, 1],
    ],
    weight: [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]],
    weightScale: 24,
    output: [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
  },
};

/**
 * Rows of patches and tiles that a pass of the loops over them takes where kernels run on the CPU: in longer texts the
 * loads and stores take most of a cold start, and the loops cost nothing. The few transforms of weights have no loops: a
 * compiler rounds otherwise where it joins products and sums of both stages.
 */
export const TRANSFORM_ROWS = { patch: 2, tile: 1 };

/** WGSL that finds the patch and the channel of an invocation, and the pixel of the image that the patch begins at. */
export function patchPlace(tile: TileSize, workgroup: number): string {
  return `let channel = group.x * ${workgroup}u + lane;
if (channel >= params.known) { return; }
let item = (params.first + group.z) / params.tilesDown;
let down = (params.first + group.z) % params.tilesDown;
let top = down * ${tile}u - params.top;
let left = group.y * ${tile}u - params.left;
let isChannel = channel < params.channels;`;
}

/** WGSL that finds the tile and the channel of an invocation, its first product, and the step to its next. */
export function productPlace(workgroup: number): string {
  return `let column = group.x * ${workgroup}u + lane;
if (column >= params.outChannels) { return; }
let item = (params.first + group.z) / params.tilesDown;
let down = (params.first + group.z) % params.tilesDown;
let base = (group.z * params.tilesAcross + group.y) * params.columns + column;
let step = params.rows * params.columns;`;
}

/** The names of a table of values, row by row. */
export function table(prefix: string, rows: number, columns: number): readonly string[] {
  return range(rows).flatMap((row) => range(columns).map((column) => `${prefix}${row}_${column}`));
}

/**
 * WGSL lines for Y = L X L^T.
 * @param left L, [rows, side]
 * @param input name of X[i][j], [side, side]
 * @param prefix of the intermediate names
 * @returns the lines that must come first, and Y[i][j] as expressions of row i of the intermediate values
 */
export function transformed(
  left: readonly (readonly number[])[],
  input: (row: number, column: number) => string,
  prefix: string,
): { readonly lines: readonly string[]; readonly output: (row: number, column: number) => string } {
  const side = range(left[0]?.length ?? 0);
  const name = (row: number, column: number): string => `${prefix}${row}_${column}`;
  return {
    lines: left.flatMap((factors, row) =>
      side.map((column) => `var ${name(row, column)} = ${combination(factors, (k) => input(k, column))};`)
    ),
    output: (row, column) => combination(left[column] ?? [], (k) => name(row, k)),
  };
}

/** The sum of factors[k] name(k) as WGSL; zero factors are left out. */
function combination(factors: readonly number[], name: (k: number) => string): string {
  const terms = factors.flatMap((factor, k) => {
    if (factor === 0) return [];
    const sign = factor < 0 ? "-" : "+";
    return [`${sign} ${Math.abs(factor) === 1 ? "" : `${Math.abs(factor)}.0 * `}${name(k)}`];
  });
  return terms.join(" ").replace(/^\+ /, "").replace(/^- /, "-");
}
