/**
 * WGSL of one tile of a matrix product: invocations stage pieces of both matrices in workgroup memory and multiply what
 * all have staged, each a block of its own. Positions in workgroup memory are indices into nested arrays, each a number
 * or one variable: compilers that check indices leave out the check of a number, and make that of a variable once.
 */
import type { Tensor } from "../../engine/mod.ts";
import { type KernelSource, lines, type Port, range } from "../text/wgsl.ts";

/** Extents of the block of a product that one workgroup computes, and of the share of one invocation. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Steps of k that are staged at a time, a multiple of 4. */
  readonly depth: number;
  /** Rows of an invocation, a multiple of 4. */
  readonly rowsEach: number;
  /** Columns of an invocation, a multiple of 4. */
  readonly columnsEach: number;
  /**
   * Whether all steps of a depth stand in the text, so that positions in workgroup memory are constants but for the
   * invocation's own; it takes a CPU four times as long to compile, and some GPU compilers tens of seconds: those get
   * the other text from the second on.
   */
  readonly unrolled: boolean;
  /**
   * How the blocks of consecutive invocations lie in the tile: along its rows, or 32 of them four down and eight across, as
   * many as NVIDIA runs together.
   */
  readonly lanes: "rows" | "blocks";
  /**
   * Whether a depth is loaded when the one before has been multiplied. By default it is while that is done, so that loads
   * have the time of a whole depth; later they wait, other workgroups being there to compute, and take no registers beside
   * those of a multiplication.
   */
  readonly late?: boolean;
}

/** In what the factors are staged and multiplied; sums of more than one depth are always f32. */
export type Arithmetic = "f32" | "f16";

/**
 * The left matrix of a product as WGSL. An invocation stages `units` pieces of four rows and two k; the lines see `item`
 * of the batch, `k`, the first step of a depth, `end`, the first that is not in the sum, and for each unit `pairU`, in
 * which two k of a depth it lies.
 */
export interface LeftMatrix {
  readonly read: KernelSource["read"];
  readonly params: Readonly<Record<string, number>>;
  readonly declarations: string;
  /** Lines that locate the rows of a unit, from the expression `row` on, at `k`. */
  readonly locate: (unit: number, row: string) => readonly string[];
  /** Lines that declare what belongs to `k` for all rows. */
  readonly begin: (units: number) => readonly string[];
  /** Lines that move all positions on after `k` has grown by a depth. */
  readonly advance: (units: number) => readonly string[];
  /** Expression of the two elements of a row of a unit, zero from `end` on. */
  readonly load: (unit: number, row: number) => string;
}

/** Blocks of four rows that neighbouring invocations stage, so that what they store lies in different banks. */
const NEIGHBOURS = 8;

/** Sizes that follow from a tile; all divide without remainder. */
interface Geometry {
  /** Invocations of a workgroup. */
  readonly count: number;
  /** Invocations along the columns, and along the rows. */
  readonly across: number;
  readonly down: number;
  /** Steps of k in twos. */
  readonly pairs: number;
  /** Columns in fours. */
  readonly columnQuads: number;
  /** Blocks of four rows and of four columns of an invocation. */
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  /** How often every invocation stages four rows of two k, and two rows of four columns. */
  readonly leftUnits: number;
  readonly rightUnits: number;
}

/** Invocations of a workgroup. */
export function invocations({ rows, columns, rowsEach, columnsEach }: Tile): number {
  return rows / rowsEach * columns / columnsEach;
}

/** Bytes of workgroup memory. */
export function tileBytes({ rows, columns, depth }: Tile, arithmetic: Arithmetic): number {
  return (arithmetic === "f32" ? 4 : 2) * depth * (rows + columns);
}

function geometry(tile: Tile): Geometry {
  const { rows, columns, depth, rowsEach, columnsEach } = tile;
  const count = invocations(tile);
  return {
    count,
    across: columns / columnsEach,
    down: rows / rowsEach,
    pairs: depth / 2,
    columnQuads: columns / 4,
    rowBlocks: rowsEach / 4,
    columnBlocks: columnsEach / 4,
    leftUnits: rows / 4 * depth / 2 / count,
    rightUnits: Math.ceil(depth / 2 * columns / 4 / count),
  };
}

function vector(arithmetic: Arithmetic): string {
  return arithmetic === "f32" ? "vec4f" : "vec4h";
}

/** Largest finite number in half precision. */
const LARGEST_HALF = 65504;

/** WGSL of four numbers as halves; what is beyond half precision becomes its largest number. */
export function halves(four: string): string {
  return `vec4h(clamp(${four}, vec4f(-${LARGEST_HALF}.0), vec4f(${LARGEST_HALF}.0)))`;
}

/** WGSL of four factors as they are staged. */
function staged(value: string, arithmetic: Arithmetic): string {
  return arithmetic === "f32" ? value : halves(value);
}

/** WGSL that finds the tile of a workgroup, its part of k and its item of the batch. */
export function workgroupPlace({ rows, columns }: Pick<Tile, "rows" | "columns">): string {
  return `var rest = group.y * groups.x + group.x;
let firstColumn = (rest % params.columnBlocks) * ${columns}u;
rest /= params.columnBlocks;
let firstRow = params.bandRow + (rest % params.rowBlocks) * ${rows}u;
rest /= params.rowBlocks;
let part = rest % params.parts;
let item = rest / params.parts;
if (item >= params.batch) { return; }`;
}

/**
 * The workgroup memory: `leftTile[k / 2][k % 2][block][down]` are four rows, `rightTile[k / 2][k % 2][block][across]` four
 * columns, of the block with this number of the invocations with this place.
 */
export function tileArrays(tile: Tile, arithmetic: Arithmetic): string {
  const { pairs, across, down, rowBlocks, columnBlocks } = geometry(tile);
  const type = vector(arithmetic);
  return `var<workgroup> leftTile: array<array<array<array<${type}, ${down}>, ${rowBlocks}>, 2>, ${pairs}>;
var<workgroup> rightTile: array<array<array<array<${type}, ${across}>, ${columnBlocks}>, 2>, ${pairs}>;`;
}

/** How a kernel reads the right matrix. */
export interface RightMatrix {
  readonly port: Port;
  /** Suffix of the kernel's name. */
  readonly suffix: string;
  /** WGSL function `weightPair`. */
  readonly declarations: string;
  /** Expressions of positions: of k, an even number, and from a pair of rows to the next. */
  readonly position: string;
  readonly pairPitch: string;
  /** Columns per element of the bound array. */
  readonly group: number;
}

/**
 * The right matrix, two rows at a time, as half-precision weights lie in pairs of rows.
 * @param isWhole whether no pair of rows is ever beyond the last one
 */
export function rightMatrix(right: Tensor, wide: boolean, isWhole: boolean): RightMatrix {
  const half = right.dtype === "f16";
  const group = wide ? 4 : 1;
  const four = (at: string): string =>
    wide ? `weight[${at}]` : `vec4${half ? "u" : "f"}(${range(4).map((j) => `weight[${at} + ${j}u]`).join(", ")})`;
  const masked = (name: string, k: string): string => isWhole ? name : `select(vec4f(), ${name}, ${k} < end)`;
  const unpacked = range(4).map((j) => `unpack2x16float(words.${"xyzw"[j]})`);
  return {
    port: { tensor: right, type: half ? (wide ? "vec4u" : "u32") : wide ? "vec4f" : "f32" },
    suffix: half ? ".f16" : "",
    declarations: `struct WeightPair { first: vec4f, second: vec4f }
fn weightPair(i: u32, k: u32, end: u32) -> WeightPair {
${
      half
        ? `  let words = ${four("i")};
  let rows = transpose(mat4x2f(${unpacked.join(", ")}));
  let first = rows[0];
  let second = rows[1];`
        : `  let first = ${four("i")};
  let second = ${four(`i + params.columns / ${group}u`)};`
    }
  return WeightPair(${masked("first", "k")}, ${masked("second", "k + 1u")});
}`,
    position: half ? `(base + k) / 2u * pairPitch` : `(base + k) * params.columns / ${group}u`,
    pairPitch: half ? `params.columns / ${group}u` : `params.columns * 2u / ${group}u`,
    group,
  };
}

/** Places of an invocation in the tile: along the columns and along the rows. */
function places(tile: Tile): string {
  const { across } = geometry(tile);
  if (tile.lanes === "rows") {
    return `let across = lane % ${across}u;
let down = lane / ${across}u;`;
  }
  const warps = across / 8;
  return `let across = lane % 8u + lane / 32u % ${warps}u * 8u;
let down = lane / 8u % 4u + lane / ${32 * warps}u * 4u;`;
}

/** Which four rows and which two k an invocation stages, and which two rows of the right matrix. */
function stagingPlaces(tile: Tile): string {
  const { count, down, pairs, columnQuads, across, leftUnits, rightUnits } = geometry(tile);
  const turn = NEIGHBOURS * pairs;
  return `${
    lines(range(leftUnits), (u) => {
      const at = u === 0 ? "lane" : `(lane + ${u * count}u)`;
      return [
        `let pair${u} = ${at} / ${NEIGHBOURS}u % ${pairs}u;`,
        `let block${u} = lane % ${NEIGHBOURS}u + ${at} / ${turn}u * ${NEIGHBOURS}u;`,
        `let blockGroup${u} = block${u} / ${down}u;`,
        `let blockPlace${u} = block${u} % ${down}u;`,
      ];
    })
  }
${
    lines(range(rightUnits), (u) =>
      `let rowPair${u} = ${u === 0 ? "" : `${u * count / columnQuads}u + `}lane / ${columnQuads}u % ${pairs}u;`)
  }
let columnGroup = lane % ${columnQuads}u / ${across}u;
let columnPlace = lane % ${across}u;`;
}

/** The lines that multiply two steps of k; `pair` is their number, or a variable that holds it. */
function multiplied(tile: Tile, arithmetic: Arithmetic, pair: string): readonly string[] {
  const { rowBlocks, columnBlocks } = geometry(tile);
  const sum = arithmetic === "f16" ? "h" : "c";
  return range(2).flatMap((e) => [
    "{",
    ...range(rowBlocks).map((g) => `let x${g} = leftTile[${pair}][${e}][${g}][down];`),
    ...range(columnBlocks).map((j) => `let w${j} = rightTile[${pair}][${e}][${j}][across];`),
    ...range(tile.rowsEach).flatMap((i) => {
      const factor = `${vector(arithmetic)}(x${i >> 2}.${"xyzw"[i & 3]})`;
      return range(columnBlocks).map((j) => `${sum}${i}_${j} = fma(${factor}, w${j}, ${sum}${i}_${j});`);
    }),
    "}",
  ]);
}

/** The lines that multiply a depth. In the short text a turn of the loop is four steps, so that it does not cost much. */
function multipliedDepth(tile: Tile, arithmetic: Arithmetic): string {
  const { pairs } = geometry(tile);
  if (tile.unrolled) return lines(pairs, (pair) => multiplied(tile, arithmetic, `${pair}`));
  const turn = ["pair", "next"].flatMap((pair) => multiplied(tile, arithmetic, pair));
  return `for (var pair = 0u; pair < ${pairs}u; pair += 2u) {\nlet next = pair + 1u;\n${turn.join("\n")}\n}`;
}

/**
 * An invocation transposes what it has loaded of the left matrix: four rows of one k are multiplied at a time, which takes
 * fewer registers than four k of one row. What lies beyond the last row or column is loaded as it comes, and not stored.
 */
export function tileBody(left: LeftMatrix, right: RightMatrix, tile: Tile, arithmetic: Arithmetic): string {
  const { count, across, down, pairs, columnQuads, columnBlocks, leftUnits, rightUnits } = geometry(tile);
  const allStage = pairs * columnQuads >= count;
  const four = range(4);
  const blockRows = range(tile.rowsEach);
  const blockColumns = range(columnBlocks);
  const cells = blockRows.flatMap((i) => blockColumns.map((j) => ({ i, j })));
  const half = arithmetic === "f16";
  const row = (i: number): string => `${(i >> 2) * 4 * down + (i & 3)}u`;
  const loads = (declare: "var " | "let " | ""): string =>
    [
      ...range(leftUnits).flatMap((u) => four.map((i) => `${declare}a${u}_${i} = ${left.load(u, i)};`)),
      ...range(rightUnits).map((u) =>
        `${declare}b${u} = weightPair(right + ${u * count / columnQuads}u * pairPitch, k + 2u * rowPair${u}, end);`
      ),
    ].join("\n");
  const stores = `workgroupBarrier();
${
    lines(range(leftUnits), (u) =>
      range(2).map((e) =>
        `leftTile[pair${u}][${e}][blockGroup${u}][blockPlace${u}] = ` +
        `${staged(`vec4f(${four.map((i) => `a${u}_${i}.${"xy"[e]}`).join(", ")})`, arithmetic)};`
      ))
  }
${allStage ? "" : `if (lane < ${pairs * columnQuads}u) {\n`}${
    lines(range(rightUnits), (u) =>
      ["first", "second"].map((name, e) =>
        `rightTile[rowPair${u}][${e}][columnGroup][columnPlace] = ${staged(`b${u}.${name}`, arithmetic)};`
      ))
  }${allStage ? "" : "\n}"}
workgroupBarrier();`;
  const advance = `k += ${tile.depth}u;
right += ${tile.depth / 2}u * pairPitch;
${left.advance(leftUnits).join("\n")}`;
  const sums = `${half ? lines(cells, ({ i, j }) => `var h${i}_${j} = vec4h();`) : ""}
${multipliedDepth(tile, arithmetic)}
${half ? lines(cells, ({ i, j }) => `c${i}_${j} += vec4f(h${i}_${j});`) : ""}`;
  return `${workgroupPlace(tile)}
${places(tile)}
${stagingPlaces(tile)}
let base = params.firstRow + item * params.rowPitch;
let end = min((part + 1u) * params.partLength, params.inner);
var k = part * params.partLength;
let pairPitch = ${right.pairPitch};
var right = ${right.position} + rowPair0 * pairPitch + firstColumn / ${right.group}u + lane % ${columnQuads}u${
    right.group === 4 ? "" : " * 4u"
  };
${lines(range(leftUnits), (u) => left.locate(u, `firstRow + block${u} * 4u`))}
${left.begin(leftUnits).join("\n")}
${tile.late ? "" : `${loads("var ")}\n`}${lines(cells, ({ i, j }) => `var c${i}_${j} = vec4f();`)}
while (k < end) {
${(tile.late ? [loads("let "), stores, sums, advance] : [stores, advance, loads(""), sums]).join("\n")}
}
let row = firstRow + down * 4u;
let to = (part * params.batch + item) * params.rows + row;
${
    lines(blockColumns, (j) => [
      `let column${j} = firstColumn + (across + ${j * across}u) * 4u;`,
      `if (column${j} < params.columns) {`,
      `let start${j} = startFour(column${j});`,
      ...blockRows.flatMap((i) => [
        `if (row + ${row(i)} < params.rows) {`,
        `storeFour(c${i}_${j} + start${j}, (to + ${row(i)}) * params.columns, column${j});`,
        "}",
      ]),
      "}",
    ])
  }`;
}
