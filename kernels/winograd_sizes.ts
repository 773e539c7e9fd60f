/** The sizes of Winograd convolutions: tiles, channels filled up to whole blocks of the products between transforms. */
import type { Target } from "../engine/mod.ts";
import { prefersBroadcast } from "./broadcast.ts";
import type { Convolution } from "./conv2d_direct.ts";
import { canSample } from "./weight_texels.ts";
import { type TileSize, WINOGRAD } from "./winograd_transform.ts";

/**
 * Blocks of the product in the `broadcast` form: column groups of S channels (S = subgroup size), and rows, least first:
 * few tiles take the smallest block that holds them. Measured for 256x64x64, 64x128x128 and 16x256x256: with weights in
 * a texture 8x4 is best of 16x1, 16x2, 8x2, 8x4 and 4x4 (44 GFLOP/s for the last), from a buffer 16x2 (28).
 */
const BLOCKS = {
  texels: { groups: 4, rows: [4, 8] },
  buffer: { groups: 2, rows: [4, 8, 16] },
} as const;

/** The same for the product without subgroups, which takes any number of rows. */
const VECTOR_ROWS = [1, 2, 4, 8];

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
  /** Column groups of one block of the product, with subgroups. */
  readonly groups: number;
  /** Input channels, filled up. */
  readonly inner: number;
  /** Output channels, filled up. */
  readonly columns: number;
  /** Whether the transformed weight is a texture. */
  readonly texels: boolean;
  /** Bytes of the largest buffer that it binds. */
  readonly largestBytes: number;
  /** Workgroups along the longest side of its grids. */
  readonly largestSide: number;
}

/** The sizes of a convolution as Winograd convolution of a tile size; with the weight as texture if it can be one. */
export function winogradSizes(
  { weight, out }: Pick<Convolution, "weight" | "out">,
  tile: TileSize,
  target: Target,
  wish: "texels" | "buffer" = "texels",
): WinogradSizes {
  const [, , channels = 1, outChannels = 1] = weight.shape;
  const [batch = 1, outHeight = 1, outWidth = 1] = out.shape;
  const broadcast = prefersBroadcast(target);
  const elements = WINOGRAD[tile].patch ** 2;
  const tilesDown = Math.ceil(outHeight / tile);
  const tilesAcross = Math.ceil(outWidth / tile);
  const tiles = batch * tilesDown * tilesAcross;
  const inner = roundUp(channels, broadcast ? target.subgroupSize : 4);
  const wide = roundUp(outChannels, BLOCKS.texels.groups * target.subgroupSize);
  const texels = wish === "texels" && canSample(elements * inner / 4, wide, target);
  const { groups, rows: heights } = BLOCKS[texels ? "texels" : "buffer"];
  const columns = texels ? wide : roundUp(outChannels, broadcast ? groups * target.subgroupSize : 4);
  const rowBlock = (broadcast ? heights : VECTOR_ROWS).find((size, index, sizes) =>
    size >= tiles || index === sizes.length - 1
  )!;
  const blocks = Math.ceil(tiles / rowBlock);
  const rows = broadcast ? blocks * rowBlock : tiles;
  const largestBytes = 4 * elements * Math.max(rows * inner, rows * columns, inner * columns);
  const largestSide = Math.max(batch * tilesDown, tilesAcross, blocks);
  return {
    tile,
    batch,
    tilesDown,
    tilesAcross,
    rows,
    rowBlock,
    blocks,
    groups,
    inner,
    columns,
    texels,
    largestBytes,
    largestSide,
  };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
