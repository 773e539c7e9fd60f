/**
 * Winograd convolutions F(2x2, 3x3) and F(4x4, 3x3) as three dispatches: patches of the input are transformed, one
 * matrix product is made for each of their elements, and the products are transformed to tiles of the output. The
 * weight is transformed beforehand where it is a constant. All sizes are parameters.
 */
import type { Dispatch, Target, Tensor } from "../../../engine/mod.ts";
import { STATISTICS_BLOCK } from "../../normalization/statistics_blocks.ts";
import { usedInPasses } from "../../text/passes.ts";
import { kernel, lines, range } from "../../text/wgsl.ts";
import { blockStep, bufferLoads, prefersBroadcast, rowInputs, texelLoads } from "../register_block.ts";
import { inputLoads } from "../conv2d_input.ts";
import { type ConvolutionLayer, plainInput, plainResidual, statisticsAfter } from "../conv2d_layer.ts";
import { matmulChosen } from "../matmul_choice.ts";
import { PASS_ROWS } from "../matmul_tiled.ts";
import { weightForm } from "../weight_texels.ts";
import { cardInputTransform, cardOutputTransform } from "./winograd_cards.ts";
import { softwareInputTransform, softwareOutputTransform } from "./winograd_software.ts";
import { type TileSize, WINOGRAD } from "./winograd_transform.ts";
import { type WinogradBand, type WinogradSizes, winogradSizes } from "./winograd_sizes.ts";
import { type WinogradWeightsAttrs, winogradWeightsOp } from "./winograd_weights.ts";

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
  // A tile of a residual of twice the size would take 64 loads: that is computed before, too.
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
        (target.software ? softwareInputTransform : cardInputTransform)(layer, seen, load, patches, sizes, band)
      ),
      ...productOf(band),
      (target.software ? softwareOutputTransform : cardOutputTransform)(transformedLayer, products, sizes, band),
    ]),
    ...(counts ? [] : statisticsAfter(layer, target)),
  ];
}

/**
 * The sizes of a layer whose weight is transformed once, in the form that it is to take.
 * @param bandBytes see `winogradSizes`
 */
export function preparedSizes(
  layer: Pick<ConvolutionLayer, "weight" | "out">,
  tile: TileSize,
  target: Target,
  bandBytes?: number,
): WinogradSizes {
  const sizes = winogradSizes(layer, tile, target, "texture", bandBytes);
  if (!sizes.texels) return sizes;
  const [, , channels, outChannels] = layer.weight.shape;
  const [, height, width] = layer.out.shape;
  const form = weightForm("winogradWeights", `${tile} ${channels}x${outChannels} ${height}x${width}`, target);
  return winogradSizes(layer, tile, target, form, bandBytes);
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
  const best = preparedSizes(layer, tile, target, bandBytes);
  const prepared = preparedWeight(layer.weight, best, target);
  if (prepared) return { tensor: prepared, sizes: best, before: [] };
  const sizes = winogradSizes(layer, tile, target, "buffer", bandBytes);
  const op = winogradWeightsOp.definition;
  const attrs = weightAttrs(sizes);
  const tensor = target.scratch([WINOGRAD[tile].patch ** 2, sizes.inner, sizes.columns]);
  const before = op.lower({ op, inputs: [layer.weight], outputs: [tensor], attrs, scope: "" }, target);
  return { tensor, sizes, before };
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
    params: { rows, inner, columns, passes: rowBlock / PASS_ROWS },
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
var to = row * columns + column;
${
      usedInPasses({
        names: block.flatMap((p) => groups.map((v) => `c${p}_${v}`)),
        each: PASS_ROWS * groupCount,
        count: "params.passes",
        body: () =>
          `${lines(PASS_ROWS, (p) => groups.map((v) => `products[to + ${p}u * columns + ${v * lanes}u] = c${p}_${v};`))}
to += ${PASS_ROWS}u * columns;`,
      })
    }`,
  });
}
