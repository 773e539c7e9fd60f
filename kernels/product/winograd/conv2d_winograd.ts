/**
 * Winograd convolutions F(2x2, 3x3) and F(4x4, 3x3) as three dispatches: patches of the input are transformed, one
 * matrix product is made for each of their elements, and the products are transformed to tiles of the output. The
 * weight is transformed beforehand where it is a constant. All sizes are parameters.
 */
import type { Dispatch, Target, Tensor } from "../../../engine/mod.ts";
import { STATISTICS_BLOCK } from "../../normalization/statistics_blocks.ts";
import { kernel, lines, range } from "../../text/wgsl.ts";
import { blockStep, bufferLoads, prefersBroadcast, rowInputs, texelLoads } from "../register_block.ts";
import { type ImageInput, type InputLoad, inputLoads, inputShape, type Resample } from "../conv2d_input.ts";
import { type ConvolutionLayer, plainInput, plainResidual, statisticsAfter } from "../conv2d_layer.ts";
import { epilogueFunctions, epilogueParams, epiloguePorts } from "../epilogue.ts";
import { matmulChosen } from "../matmul_choice.ts";
import { cardInputTransform, cardOutputTransform } from "./winograd_cards.ts";
import { type TileSize, transformed, WINOGRAD } from "./winograd_transform.ts";
import { type WinogradBand, type WinogradSizes, winogradSizes } from "./winograd_sizes.ts";
import { type WinogradWeightsAttrs, winogradWeightsOp } from "./winograd_weights.ts";

/**
 * Invocations of a workgroup in the transforms on the CPU. Four subgroups are up to 8 % faster than one (4.26 against
 * 4.34 ms for 64@64x64, 0.38 against 0.46 ms for 128@8x8).
 */
const TRANSFORM_WORKGROUP = 32;

/**
 * The dispatches that compute a 3x3 convolution of stride 1, whatever its padding. An infinite value or NaN reaches all
 * outputs of the tiles whose patches hold it.
 * @param bandBytes see `winogradSizes`
 */
export function conv2dWinograd(
  layer: ConvolutionLayer,
  tile: TileSize,
  target: Target,
  bandBytes?: number,
): readonly Dispatch[] {
  const before: Dispatch[] = [];
  // The means of blocks would be taken 2.25 times in overlapping patches: what is halved is computed before.
  const isHalved = layer.input.resample === "down";
  const seen = isHalved ? { parts: [plainInput(layer.input, target, before)] } : layer.input;
  // The 64 loads of a tile from a residual of twice the size would double the text of the kernel, and take 0.7 s to
  // compile on the CPU: that is computed before, too.
  const halved = layer.residual?.resample === "down" ? plainResidual(layer, target, before) : undefined;
  const residual = halved ? { x: halved, resample: "none" as const } : layer.residual;
  const weights = transformedWeight(layer, tile, target, bandBytes);
  const { sizes } = weights;
  const { inner, columns, rows } = sizes;
  const elements = WINOGRAD[tile].patch ** 2;
  const patches = target.scratch([elements, rows, inner]);
  const products = target.scratch([elements, rows, columns]);
  const productOf = (band: WinogradBand): readonly Dispatch[] =>
    prefersBroadcast(target)
      ? [broadcastProducts(patches, weights.tensor, products, sizes, band, target)]
      : matmulChosen(
        {
          a: patches,
          b: weights.tensor,
          out: products,
          batch: elements,
          rows: band.rows,
          inner,
          columns,
          images: band.images,
          sharesB: false,
          firstRow: 0,
          factors: undefined,
          bias: undefined,
          residual: undefined,
        },
        target,
        { mayBeHalf: false },
      );
  const counts = tile === STATISTICS_BLOCK;
  const transformedLayer = { ...layer, residual, statistics: counts ? layer.statistics : undefined };
  return [
    ...weights.before,
    ...before,
    ...sizes.bands.flatMap((band) => [
      ...inputLoads(seen).map((load) =>
        (target.software ? inputTransform : cardInputTransform)(layer, seen, load, patches, sizes, band)
      ),
      ...productOf(band),
      (target.software ? outputTransform : cardOutputTransform)(transformedLayer, products, sizes, band),
    ]),
    ...(counts ? [] : statisticsAfter(layer, target)),
  ];
}

/** The weight transformed once, if it is a constant. */
export function preparedWeight(weight: Tensor, sizes: WinogradSizes, target: Target): Tensor | undefined {
  return target.prepared(winogradWeightsOp.definition, [weight], weightAttrs(sizes));
}

function weightAttrs({ tile, inner, columns, texels }: WinogradSizes): WinogradWeightsAttrs {
  return { tile, inner, columns, texels };
}

/** The transformed weight, with dispatches that compute it in every run if it is no constant: then it is no texture. */
function transformedWeight(
  layer: ConvolutionLayer,
  tile: TileSize,
  target: Target,
  bandBytes: number | undefined,
): { readonly tensor: Tensor; readonly sizes: WinogradSizes; readonly before: readonly Dispatch[] } {
  const best = winogradSizes(layer, tile, target, "texels", bandBytes);
  const prepared = preparedWeight(layer.weight, best, target);
  if (prepared) return { tensor: prepared, sizes: best, before: [] };
  const sizes = winogradSizes(layer, tile, target, "buffer", bandBytes);
  const op = winogradWeightsOp.definition;
  const attrs = weightAttrs(sizes);
  const tensor = target.scratch([WINOGRAD[tile].patch ** 2, sizes.inner, sizes.columns]);
  const before = op.lower({ op, inputs: [layer.weight], outputs: [tensor], attrs, scope: "" }, target);
  return { tensor, sizes, before };
}

/** Workgroups with one invocation per channel and tile: channels along x, tiles along y and z. */
function tileGrid({ tilesAcross }: WinogradSizes, { count }: WinogradBand, channels: number): [number, number, number] {
  return [Math.ceil(channels / TRANSFORM_WORKGROUP), tilesAcross, count];
}

/** WGSL of a row or column of the tensor that holds one of the image that the convolution sees. */
function sourceOf(position: string, resample: Resample): string {
  return resample === "up" ? `(${position}) / 2u` : position;
}

/**
 * Patches B^T d B of one part of the input, element by element: [patch^2, tiles, inner]. Channels that were added are
 * zero.
 */
function inputTransform(
  { weight, top, left }: ConvolutionLayer,
  seen: ImageInput,
  load: InputLoad,
  patches: Tensor,
  sizes: WinogradSizes,
  band: WinogradBand,
): Dispatch {
  const { tile, tilesDown, tilesAcross, inner } = sizes;
  const { first, rows } = band;
  const { resample = "none" } = seen;
  const { patch, input } = WINOGRAD[tile];
  const [, height = 1, width = 1] = inputShape(seen);
  const [, inHeight = 1, inWidth = 1, channels = 1] = load.x.shape;
  const isLast = load.firstChannel + channels >= weight.shape[2]!;
  const known = isLast ? inner - load.firstChannel : channels;
  const side = range(patch);
  const elements = side.flatMap((row) => side.map((column) => ({ row, column })));
  const product = transformed(input, (row, column) => `d${row}_${column}`, "e");
  return kernel({
    label: `conv2d.winograd${tile}.input${load.suffix}${resample === "none" ? "" : `.${resample}`}`,
    read: load.read,
    write: { patches },
    params: {
      ...load.params,
      height,
      width,
      inHeight,
      inWidth,
      top,
      left,
      tilesDown,
      tilesAcross,
      first,
      rows,
      inner,
      known,
    },
    workgroupSize: TRANSFORM_WORKGROUP,
    workgroups: tileGrid(sizes, band, known),
    declarations: load.declarations,
    body: `let channel = group.x * ${TRANSFORM_WORKGROUP}u + lane;
if (channel >= params.known) { return; }
let item = (params.first + group.z) / params.tilesDown;
let down = (params.first + group.z) % params.tilesDown;
let top = down * ${tile}u - params.top;
let left = group.y * ${tile}u - params.left;
let isChannel = channel < params.channels;
${load.begin}
${
      lines(side, (k) =>
        `let inside${k} = isChannel && top + ${k}u < params.height;
let row${k} = select(0u, (item * params.inHeight + ${sourceOf(`top + ${k}u`, resample)}) * params.inWidth * ` +
        `params.channels, inside${k});
let valid${k} = left + ${k}u < params.width;
let at${k} = select(0u, (${sourceOf(`left + ${k}u`, resample)}) * params.channels + channel, valid${k} && isChannel);`)
    }
${
      lines(elements, ({ row, column }) =>
        `let d${row}_${column} = select(0.0, ${load.value(`x[row${row} + at${column}]`)}, ` +
        `inside${row} && valid${column});`)
    }
${product.lines.join("\n")}
let to = (group.z * params.tilesAcross + group.y) * params.inner + params.firstChannel + channel;
let step = params.rows * params.inner;
${
      lines(elements, ({ row, column }) =>
        `patches[to + ${row * patch + column}u * step] = ${product.output(row, column)};`)
    }`,
  });
}

/**
 * Products of patches [rows, inner] and weights [inner, columns] for every element of the patches. A workgroup is one
 * subgroup and computes a block of rows x column groups; S values of a row are loaded with one load, lane = k, and
 * handed out by shuffles. Sizes are whole blocks, so that nothing is masked.
 */
function broadcastProducts(
  patches: Tensor,
  weights: Tensor,
  products: Tensor,
  { tile, rowBlock, groups: groupCount, inner, columns, texels }: WinogradSizes,
  { rows, blocks }: WinogradBand,
  target: Target,
): Dispatch {
  const lanes = target.subgroupSize;
  const block = range(rowBlock);
  const groups = range(groupCount);
  const loads = texels
    ? texelLoads("weights", "t", "weight", lanes)
    : bufferLoads("weights", "w", (q) => `weight + ${q}u * params.columns`, lanes);
  return kernel({
    label: `conv2d.winograd${tile}.product`,
    read: { patches, weights: texels ? { tensor: weights, type: "texture" } : weights },
    write: { products },
    params: { rows, inner, columns },
    workgroupSize: lanes,
    workgroups: [columns / (groupCount * lanes), blocks, WINOGRAD[tile].patch ** 2],
    work: rows * inner * columns,
    body: `let column = group.x * ${groupCount * lanes}u + lane;
let row = group.z * params.rows + group.y * ${rowBlock}u;
${lines(block, (p) => `let a${p} = (row + ${p}u) * params.inner + lane;`)}
${lines(block, (p) => groups.map((v) => `var c${p}_${v} = 0.0;`))}
var weight = group.z * params.inner ${texels ? "/ 4u" : "* params.columns + column"};
let inner = params.inner;
for (var k = 0u; k < inner; k += ${lanes}u) {
${lines(block, (p) => `let x${p} = patches[a${p} + k];`)}
${blockStep(lanes, rowInputs(rowBlock), [loads], { groups: groupCount })}
weight += ${texels ? `${lanes / 4}u` : `${lanes}u * params.columns`};
}
let columns = params.columns;
${lines(block, (p) => groups.map((v) => `products[(row + ${p}u) * columns + column + ${v * lanes}u] = c${p}_${v};`))}`,
  });
}

/**
 * Tiles A^T m A of the output, with all that is added, and the statistics of each tile; what lies beyond the image is
 * not stored.
 */
function outputTransform(
  layer: ConvolutionLayer,
  products: Tensor,
  sizes: WinogradSizes,
  band: WinogradBand,
): Dispatch {
  const { out, bias, shift, residual, statistics } = layer;
  const { tile, tilesDown, tilesAcross, columns } = sizes;
  const { first, rows } = band;
  const { patch, output } = WINOGRAD[tile];
  const [batch = 1, outHeight = 1, outWidth = 1, outChannels = 1] = out.shape;
  const side = range(patch);
  const pixels = range(tile).flatMap((row) => range(tile).map((column) => ({ row, column })));
  const tileOf = transformed(output, (row, column) => `d${row}_${column}`, "e");
  const resample = residual?.resample ?? "none";
  const epilogue = { bias, shift, residual: resample === "none" ? residual?.x : undefined };
  const resampled = resample !== "none" && residual;
  const skip = resampled ? doubledPixels(tile) : undefined;
  return kernel({
    label: `conv2d.winograd${tile}.output${statistics ? ".statistics" : ""}${resampled ? `.${resample}` : ""}`,
    read: {
      products,
      ...epiloguePorts(epilogue, products, "f32"),
      ...(resampled ? { skip: residual.x } : {}),
    },
    write: { out, ...(statistics ? { statistics } : {}) },
    params: {
      outHeight,
      outWidth,
      outChannels,
      tilesDown,
      tilesAcross,
      first,
      rows,
      columns,
      ...(statistics ? { plane: batch * tilesDown * tilesAcross * outChannels } : {}),
      ...epilogueParams(epilogue, outChannels),
    },
    workgroupSize: TRANSFORM_WORKGROUP,
    workgroups: tileGrid(sizes, band, outChannels),
    declarations: epilogueFunctions("f32", epilogue),
    body: `let column = group.x * ${TRANSFORM_WORKGROUP}u + lane;
if (column >= params.outChannels) { return; }
let item = (params.first + group.z) / params.tilesDown;
let down = (params.first + group.z) % params.tilesDown;
let base = (group.z * params.tilesAcross + group.y) * params.columns + column;
let step = params.rows * params.columns;
${lines(side, (row) => side.map((k) => `let d${row}_${k} = products[base + ${row * patch + k}u * step];`))}
${tileOf.lines.join("\n")}
let added = start(column);
let oy = down * ${tile}u;
let ox = group.y * ${tile}u;
let channels = params.outChannels;
let pitch = params.outWidth * channels;
let to = (item * params.outHeight + oy) * pitch + ox * params.outChannels + column;
${lines(tile, (k) => `let down${k} = oy + ${k}u < params.outHeight;`)}
${lines(tile, (k) => `let across${k} = ox + ${k}u < params.outWidth;`)}
${skip?.lines.join("\n") ?? ""}
${statistics ? "var sum = 0.0;\nvar squares = 0.0;" : ""}
${
      lines(pixels, ({ row, column }) => {
        const name = `${row}_${column}`;
        const added = skip ? ` + ${skip.value(row, column)}` : "";
        return `let inside${name} = down${row} && across${column};
let to${name} = to + ${row}u * pitch + ${column}u * channels;
let v${name} = finish(${tileOf.output(row, column)} + added, select(to, to${name}, inside${name}))${added};
if (inside${name}) { out[to${name}] = v${name}; }
${
          statistics
            ? `let s${name} = select(0.0, v${name} - v0_0, inside${name});
sum += s${name};
squares = fma(s${name}, s${name}, squares);`
            : ""
        }`;
      })
    }
${
      statistics
        ? `let mean = sum / f32(min(${tile}u, params.outHeight - oy) * min(${tile}u, params.outWidth - ox));
let block = ((params.first + group.z) * params.tilesAcross + group.y) * params.outChannels + column;
statistics[block] = v0_0;
statistics[params.plane + block] = mean;
statistics[2u * params.plane + block] = max(fma(-sum, mean, squares), 0.0);`
        : ""
    }`,
  });
}

/** Pixels of a residual of half the size that belong to a tile: their loads, and the value of each pixel of the tile. */
function doubledPixels(
  tile: TileSize,
): { readonly lines: readonly string[]; readonly value: (row: number, column: number) => string } {
  const pixels = range(tile / 2).flatMap((row) => range(tile / 2).map((column) => ({ row, column })));
  return {
    lines: [
      "let skipPitch = params.outWidth / 2u * channels;",
      "let skipAt = (item * (params.outHeight / 2u) + oy / 2u) * skipPitch + ox / 2u * channels + column;",
      ...pixels.map(({ row, column }) =>
        `let k${row}_${column} = skip[skipAt + ${row}u * skipPitch + ${column}u * channels];`
      ),
    ],
    value: (row, column) => `k${row >> 1}_${column >> 1}`,
  };
}
