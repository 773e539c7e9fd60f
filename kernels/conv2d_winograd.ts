/**
 * Winograd convolutions F(2x2, 3x3) and F(4x4, 3x3) as three dispatches: patches of the input are transformed, one
 * matrix product is made for each of their elements, and the products are transformed to tiles of the output. The
 * weight is transformed beforehand where it is a constant. All sizes are parameters.
 */
import type { Dispatch, Target, Tensor } from "../engine/mod.ts";
import type { Convolution } from "./conv2d_direct.ts";
import { matmulChosen } from "./matmul_choice.ts";
import { epilogueFunctions, epilogueParams, prefersBroadcast, range } from "./matmul_tiled.ts";
import { kernel } from "./wgsl.ts";
import { type TileSize, transformed, WINOGRAD } from "./winograd_transform.ts";
import { type WinogradWeightsAttrs, winogradWeightsOp } from "./winograd_weights.ts";

/** Column groups of S channels (S = subgroup size) that one workgroup of the product computes. */
const COLUMN_GROUPS = 2;

/** Rows per workgroup of the product, least first: few tiles take the smallest block that holds them. */
const BROADCAST_ROWS = [4, 8, 16];

/** The same for the product without subgroups, which takes any number of rows. */
const VECTOR_ROWS = [1, 2, 4, 8];

/**
 * Invocations of a workgroup in the transforms. Four subgroups are up to 8 % faster than one on the CPU (4.26 against
 * 4.34 ms for 64@64x64, 0.38 against 0.46 ms for 128@8x8), and enough to fill a GPU's.
 */
const TRANSFORM_WORKGROUP = 32;

/** Sizes of a Winograd convolution. */
export interface WinogradSizes {
  readonly tile: TileSize;
  readonly batch: number;
  readonly tilesDown: number;
  readonly tilesAcross: number;
  /** Tiles of all images, with subgroups filled up to whole blocks of the product. */
  readonly rows: number;
  /** Rows of one block of the product, and how many blocks there are. */
  readonly rowBlock: number;
  readonly blocks: number;
  /** Input channels, filled up. */
  readonly inner: number;
  /** Output channels, filled up. */
  readonly columns: number;
  /** Bytes of the largest buffer that it binds. */
  readonly largestBytes: number;
  /** Workgroups along the longest side of its grids. */
  readonly largestSide: number;
}

/** The sizes of a convolution as Winograd convolution of a tile size. */
export function winogradSizes({ weight, out }: Convolution, tile: TileSize, target: Target): WinogradSizes {
  const [, , channels = 1, outChannels = 1] = weight.shape;
  const [batch = 1, outHeight = 1, outWidth = 1] = out.shape;
  const broadcast = prefersBroadcast(target);
  const tilesDown = Math.ceil(outHeight / tile);
  const tilesAcross = Math.ceil(outWidth / tile);
  const tiles = batch * tilesDown * tilesAcross;
  const rowBlock = (broadcast ? BROADCAST_ROWS : VECTOR_ROWS).find((size, index, sizes) =>
    size >= tiles || index === sizes.length - 1
  )!;
  const blocks = Math.ceil(tiles / rowBlock);
  const rows = broadcast ? blocks * rowBlock : tiles;
  const inner = roundUp(channels, broadcast ? target.subgroupSize : 4);
  const columns = roundUp(outChannels, broadcast ? COLUMN_GROUPS * target.subgroupSize : 4);
  const largestBytes = 4 * WINOGRAD[tile].patch ** 2 * Math.max(rows * inner, rows * columns, inner * columns);
  const largestSide = Math.max(batch * tilesDown, tilesAcross, blocks);
  return { tile, batch, tilesDown, tilesAcross, rows, rowBlock, blocks, inner, columns, largestBytes, largestSide };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/**
 * The dispatches that compute a 3x3 convolution of stride 1, whatever its padding. An infinite value or NaN reaches all
 * outputs of the tiles whose patches hold it.
 */
export function conv2dWinograd(convolution: Convolution, tile: TileSize, target: Target): readonly Dispatch[] {
  const sizes = winogradSizes(convolution, tile, target);
  const { inner, columns, rows } = sizes;
  const elements = WINOGRAD[tile].patch ** 2;
  const patches = target.scratch([elements, rows, inner]);
  const products = target.scratch([elements, rows, columns]);
  const weights = transformedWeight(convolution.weight, sizes, target);
  const product = prefersBroadcast(target)
    ? [broadcastProducts(patches, weights.tensor, products, sizes, target)]
    : matmulChosen({
      a: patches,
      b: weights.tensor,
      out: products,
      batch: elements,
      rows,
      inner,
      columns,
      images: sizes.batch,
      bias: undefined,
      residual: undefined,
    }, target);
  return [
    ...weights.dispatches,
    inputTransform(convolution, patches, sizes),
    ...product,
    outputTransform(convolution, products, sizes),
  ];
}

/** The weight transformed once, if it is a constant. */
export function preparedWeight(weight: Tensor, sizes: WinogradSizes, target: Target): Tensor | undefined {
  return target.prepared(winogradWeightsOp.definition, [weight], weightAttrs(sizes));
}

function weightAttrs({ tile, inner, columns }: WinogradSizes): WinogradWeightsAttrs {
  return { tile, inner, columns };
}

/** The transformed weight, with dispatches that compute it in every run if it is no constant. */
function transformedWeight(
  weight: Tensor,
  sizes: WinogradSizes,
  target: Target,
): { readonly tensor: Tensor; readonly dispatches: readonly Dispatch[] } {
  const prepared = preparedWeight(weight, sizes, target);
  if (prepared) return { tensor: prepared, dispatches: [] };
  const op = winogradWeightsOp.definition;
  const attrs = weightAttrs(sizes);
  const tensor = target.scratch([WINOGRAD[sizes.tile].patch ** 2, sizes.inner, sizes.columns]);
  const dispatches = op.lower({ op, inputs: [weight], outputs: [tensor], attrs, scope: "" }, target);
  return { tensor, dispatches };
}

/** Workgroups with one invocation per channel and tile: channels along x, tiles along y and z. */
function tileGrid({ batch, tilesDown, tilesAcross }: WinogradSizes, channels: number): [number, number, number] {
  return [Math.ceil(channels / TRANSFORM_WORKGROUP), tilesAcross, batch * tilesDown];
}

/** Patches B^T d B, element by element: [patch^2, tiles, inner]. Channels that were added are zero. */
function inputTransform(
  { x, top, left }: Convolution,
  patches: Tensor,
  sizes: WinogradSizes,
): Dispatch {
  const { tile, tilesDown, tilesAcross, rows, inner } = sizes;
  const { patch, input } = WINOGRAD[tile];
  const [, height = 1, width = 1, channels = 1] = x.shape;
  const side = range(patch);
  const elements = side.flatMap((row) => side.map((column) => ({ row, column })));
  const product = transformed(input, (row, column) => `d${row}_${column}`, "e");
  return kernel({
    label: `conv2d.winograd${tile}.input`,
    read: { x },
    write: { patches },
    params: { height, width, channels, top, left, tilesDown, tilesAcross, rows, inner },
    workgroupSize: TRANSFORM_WORKGROUP,
    workgroups: tileGrid(sizes, inner),
    body: `let channel = group.x * ${TRANSFORM_WORKGROUP}u + lane;
if (channel >= params.inner) { return; }
let item = group.z / params.tilesDown;
let down = group.z % params.tilesDown;
let top = down * ${tile}u - params.top;
let left = group.y * ${tile}u - params.left;
let known = channel < params.channels;
${
      side.map((k) =>
        `let inside${k} = known && top + ${k}u < params.height;
let row${k} = select(0u, ((item * params.height + top + ${k}u) * params.width) * params.channels, inside${k});
let valid${k} = left + ${k}u < params.width;
let at${k} = select(0u, (left + ${k}u) * params.channels + channel, valid${k} && known);`
      ).join("\n")
    }
${
      elements.map(({ row, column }) =>
        `let d${row}_${column} = select(0.0, x[row${row} + at${column}], inside${row} && valid${column});`
      ).join("\n")
    }
${product.lines.join("\n")}
let to = ((item * params.tilesDown + down) * params.tilesAcross + group.y) * params.inner + channel;
let step = params.rows * params.inner;
${
      elements.map(({ row, column }) =>
        `patches[to + ${row * patch + column}u * step] = ${product.output(row, column)};`
      ).join("\n")
    }`,
  });
}

/**
 * Products of patches [rows, inner] and weights [inner, columns] for every element of the patches. A workgroup is one
 * subgroup and computes up to 16 rows x 2 groups of S columns (S = subgroup size); S values of a row are loaded with
 * one load, lane = k, and handed out by shuffles. Sizes are whole blocks, so that nothing is masked.
 */
function broadcastProducts(
  patches: Tensor,
  weights: Tensor,
  products: Tensor,
  { tile, rows, rowBlock, inner, columns }: WinogradSizes,
  target: Target,
): Dispatch {
  const lanes = target.subgroupSize;
  const block = range(rowBlock);
  const groups = range(COLUMN_GROUPS);
  return kernel({
    label: `conv2d.winograd${tile}.product`,
    read: { patches, weights },
    write: { products },
    params: { rows, inner, columns },
    workgroupSize: lanes,
    workgroups: [columns / (COLUMN_GROUPS * lanes), rows / rowBlock, WINOGRAD[tile].patch ** 2],
    body: `let column = group.x * ${COLUMN_GROUPS * lanes}u + lane;
let row = group.z * params.rows + group.y * ${rowBlock}u;
${block.map((p) => `let a${p} = (row + ${p}u) * params.inner + lane;`).join("\n")}
${block.flatMap((p) => groups.map((v) => `var c${p}_${v} = 0.0;`)).join("\n")}
var weight = group.z * params.inner * params.columns + column;
for (var k = 0u; k < params.inner; k += ${lanes}u) {
${block.map((p) => `let x${p} = patches[a${p} + k];`).join("\n")}
${
      range(lanes).flatMap((q) => [
        ...groups.map((v) => `let w${q}_${v} = weights[weight + ${v * lanes}u];`),
        ...block.flatMap((p) => [
          `let s${q}_${p} = subgroupShuffle(x${p}, ${q}u);`,
          ...groups.map((v) => `c${p}_${v} = fma(s${q}_${p}, w${q}_${v}, c${p}_${v});`),
        ]),
        "weight += params.columns;",
      ]).join("\n")
    }
}
${
      block.flatMap((p) =>
        groups.map((v) => `products[(row + ${p}u) * params.columns + column + ${v * lanes}u] = c${p}_${v};`)
      ).join("\n")
    }`,
  });
}

/** Tiles A^T m A of the output, with bias and residual; what lies beyond the image is not stored. */
function outputTransform(
  convolution: Convolution,
  products: Tensor,
  sizes: WinogradSizes,
): Dispatch {
  const { out, bias, residual } = convolution;
  const { tile, tilesDown, tilesAcross, rows, columns } = sizes;
  const { patch, output } = WINOGRAD[tile];
  const [, outHeight = 1, outWidth = 1, outChannels = 1] = out.shape;
  const side = range(patch);
  const pixels = range(tile).flatMap((row) => range(tile).map((column) => ({ row, column })));
  const tileOf = transformed(output, (row, column) => `d${row}_${column}`, "e");
  return kernel({
    label: `conv2d.winograd${tile}.output`,
    read: { products, bias: bias ?? products, residual: residual ?? products },
    write: { out },
    params: {
      outHeight,
      outWidth,
      outChannels,
      tilesDown,
      tilesAcross,
      rows,
      columns,
      ...epilogueParams(convolution),
    },
    workgroupSize: TRANSFORM_WORKGROUP,
    workgroups: tileGrid(sizes, outChannels),
    declarations: epilogueFunctions("f32"),
    body: `let column = group.x * ${TRANSFORM_WORKGROUP}u + lane;
if (column >= params.outChannels) { return; }
let item = group.z / params.tilesDown;
let down = group.z % params.tilesDown;
let base = ((item * params.tilesDown + down) * params.tilesAcross + group.y) * params.columns + column;
let step = params.rows * params.columns;
${side.flatMap((row) => side.map((k) => `let d${row}_${k} = products[base + ${row * patch + k}u * step];`)).join("\n")}
${tileOf.lines.join("\n")}
let added = start(column);
let oy = down * ${tile}u;
let ox = group.y * ${tile}u;
let pitch = params.outWidth * params.outChannels;
let to = (item * params.outHeight + oy) * pitch + ox * params.outChannels + column;
${
      pixels.map(({ row, column }) =>
        `if (oy + ${row}u < params.outHeight && ox + ${column}u < params.outWidth) {
let e = to + ${row}u * pitch + ${column}u * params.outChannels;
out[e] = finish(${tileOf.output(row, column)} + added, e);
}`
      ).join("\n")
    }`,
  });
}
