/** The sizes of Winograd convolutions: tiles, channels filled up to whole blocks of the products between transforms. */
import type { Target, WeightForm } from "../../../engine/mod.ts";
import { prefersBroadcast } from "../register_block.ts";
import type { Convolution } from "../conv2d_direct.ts";
import { canSample } from "../weight_texels.ts";
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

/**
 * Bytes of patches or products that are made at a time. Large images are computed band by band, whose intermediate
 * results take turns in one place: 256@256x256 would take 144 MiB for each, more than many devices bind.
 */
const BAND_BYTES = 2 ** 25;

/**
 * Other sizes of bands in MiB, for tuning: patches, products and weight of smaller ones stay in the cache of a GPU,
 * larger ones are fewer dispatches.
 */
export const BAND_MEBIBYTES = [8, 16, 64] as const;

/** Rows of tiles that are computed at a time: a part of one image, or all of one or several images. */
export interface WinogradBand {
  /** First row of tiles, counted through all images. */
  readonly first: number;
  /** Number of rows of tiles. */
  readonly count: number;
  /** Number of images; 1 if it is a part of one. */
  readonly images: number;
  /** Tiles, with subgroups filled up to whole blocks of the product. */
  readonly rows: number;
  /** Blocks of the product, from top to bottom. */
  readonly blocks: number;
}

/** Sizes of a Winograd convolution. */
export interface WinogradSizes {
  readonly tile: TileSize;
  readonly batch: number;
  readonly tilesDown: number;
  readonly tilesAcross: number;
  readonly bands: readonly WinogradBand[];
  /** Most rows of a band. */
  readonly rows: number;
  /** Rows of one block of the product. */
  readonly rowBlock: number;
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

/**
 * The sizes of a convolution as Winograd convolution of a tile size.
 * @param wish the weight as a texture, if it can be one, or as a buffer
 * @param bandBytes bytes of patches or products of one band
 */
export function winogradSizes(
  { weight, out }: Pick<Convolution, "weight" | "out">,
  tile: TileSize,
  target: Target,
  wish: WeightForm = "texture",
  bandBytes: number = BAND_BYTES,
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
  const texels = wish === "texture" && canSample(elements * inner / 4, wide, target);
  const { groups, rows: heights } = BLOCKS[texels ? "texels" : "buffer"];
  // As many in either form, so that their weights take the same memory.
  const columns = broadcast ? wide : roundUp(outChannels, 4);
  const rowBlock = (broadcast ? heights : VECTOR_ROWS).find((size, index, sizes) =>
    size >= tiles || index === sizes.length - 1
  )!;
  const bytesPerTile = 4 * elements * Math.max(inner, columns);
  const bands = bandsOf({ batch, tilesDown, bytesPerRow: bytesPerTile * tilesAcross, bandBytes }).map(
    (band): WinogradBand => {
      const blocks = Math.ceil(band.count * tilesAcross / rowBlock);
      return { ...band, blocks, rows: broadcast ? blocks * rowBlock : band.count * tilesAcross };
    },
  );
  const rows = Math.max(...bands.map(({ rows }) => rows));
  const largestBytes = Math.max(bytesPerTile * rows, 4 * elements * inner * columns);
  const largestSide = Math.max(tilesAcross, ...bands.flatMap(({ count, blocks }) => [count, blocks]));
  return {
    tile,
    batch,
    tilesDown,
    tilesAcross,
    bands,
    rows,
    rowBlock,
    groups,
    inner,
    columns,
    texels,
    largestBytes,
    largestSide,
  };
}

/** Workgroups of a transform of a band, whose invocations take a unit of channels of a tile: units along x, tiles along y and z. */
export function transformGrid(
  { tilesAcross }: WinogradSizes,
  { count }: WinogradBand,
  { units, workgroup }: { readonly units: number; readonly workgroup: number },
): readonly [number, number, number] {
  return [Math.ceil(units / workgroup), tilesAcross, count];
}

/** Cuts rows of tiles into bands; an image is cut as it would be alone, so that a batch gives the bits of its images. */
function bandsOf(
  { batch, tilesDown, bytesPerRow, bandBytes }: {
    readonly batch: number;
    readonly tilesDown: number;
    readonly bytesPerRow: number;
    readonly bandBytes: number;
  },
): readonly Pick<WinogradBand, "first" | "count" | "images">[] {
  const images = Math.min(batch, Math.floor(bandBytes / (bytesPerRow * tilesDown)));
  const parts = Math.ceil(bytesPerRow * tilesDown / bandBytes);
  const most = images > 0 ? images * tilesDown : Math.ceil(tilesDown / parts);
  const stretch = images > 0 ? batch * tilesDown : tilesDown;
  const bands: Pick<WinogradBand, "first" | "count" | "images">[] = [];
  for (let first = 0; first < batch * tilesDown;) {
    const count = Math.min(most, stretch - first % stretch);
    bands.push({ first, count, images: Math.max(1, count / tilesDown) });
    first += count;
  }
  return bands;
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
