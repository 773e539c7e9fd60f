/**
 * The transforms of Winograd convolutions on the CPU: patches of the input, and tiles of the output from the products.
 * `winograd_cards.ts` holds those of GPUs.
 */
import type { Dispatch, Tensor } from "../../../engine/mod.ts";
import { filledInPasses, usedInPasses } from "../../text/passes.ts";
import { kernel, lines, range } from "../../text/wgsl.ts";
import { type ImageInput, type InputLoad, inputShape } from "../conv2d_input.ts";
import type { ConvolutionLayer } from "../conv2d_layer.ts";
import { epilogueFunctions, epilogueParams, epiloguePorts } from "../epilogue.ts";
import { transformGrid, type WinogradBand, type WinogradSizes } from "./winograd_sizes.ts";
import { patchPlace, productPlace, table, TRANSFORM_ROWS, transformed, WINOGRAD } from "./winograd_transform.ts";

/**
 * Invocations of a workgroup in the transforms. Four subgroups are up to 8 % faster than one (4.26 against 4.34 ms for
 * 64@64x64, 0.38 against 0.46 ms for 128@8x8).
 */
const WORKGROUP = 32;

/**
 * Patches B^T d B of one part of the input, element by element: [patch^2, tiles, inner]. Channels that were added are
 * zero.
 */
export function softwareInputTransform(
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
  const taken = TRANSFORM_ROWS.patch;
  const product = transformed(input, (row, column) => `d${row}_${column}`, "e");
  /** Loads of the last rows but `taken - k`, which lies at `position` in the patch. */
  const rowLoads = (k: number, position: string): readonly string[] => [
    `let inside${k} = isChannel && top + ${position} < params.height;`,
    `let row${k} = select(0u, (item * params.inHeight + ((top + ${position}) >> params.halving)) * params.inWidth * ` +
    `params.channels, inside${k});`,
    ...side.map((column) =>
      `d${patch - taken + k}_${column} = select(0.0, ${load.value(`x[row${k} + at${column}]`)}, ` +
      `inside${k} && valid${column});`
    ),
  ];
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
      // A pixel of the image that the convolution sees is one of the tensor, or of a block of 2 x 2 there.
      halving: resample === "up" ? 1 : 0,
      passes: patch / taken,
    },
    workgroupSize: WORKGROUP,
    workgroups: transformGrid(sizes, band, { units: known, workgroup: WORKGROUP }),
    declarations: load.declarations,
    body: `${patchPlace(tile, WORKGROUP)}
${load.begin}
${
      lines(side, (k) =>
        `let valid${k} = left + ${k}u < params.width;
let at${k} = select(0u, ((left + ${k}u) >> params.halving) * params.channels + channel, valid${k} && isChannel);`)
    }
${
      filledInPasses({
        names: table("d", patch, patch),
        each: taken * patch,
        count: "params.passes",
        body: (turn) => lines(taken, (k) => rowLoads(k, `(${turn} * ${taken}u + ${k}u)`)),
      })
    }
${product.lines.join("\n")}
var to = (group.z * params.tilesAcross + group.y) * params.inner + params.firstChannel + channel;
let step = params.rows * params.inner;
${
      usedInPasses({
        names: table("e", patch, patch),
        each: taken * patch,
        count: "params.passes",
        body: () =>
          `${
            lines(taken, (row) =>
              side.map((column) => `patches[to + ${row * patch + column}u * step] = ${product.output(row, column)};`))
          }
to += ${taken * patch}u * step;`,
      })
    }`,
  });
}

/**
 * Tiles A^T m A of the output, with all that is added, and the statistics of each tile; what lies beyond the image is
 * not stored.
 */
export function softwareOutputTransform(
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
  const taken = TRANSFORM_ROWS.patch;
  const given = TRANSFORM_ROWS.tile;
  const tileOf = transformed(output, (row, column) => `d${row}_${column}`, "e");
  const resampled = residual?.resample === "up" ? ".up" : "";
  const epilogue = { bias, shift, residual: undefined };
  const [, skipHeight = 1, skipWidth = 1] = residual?.x.shape ?? [];
  /** What becomes of row `k` of those that are given at once, which lies at `position` in the tile. */
  const rowStores = (k: number, position: string): readonly string[] => [
    `let down${k} = oy + ${position} < params.outHeight;`,
    ...range(tile).flatMap((column) => {
      const name = `${k}_${column}`;
      return [
        `let inside${name} = down${k} && across${column};`,
        `let to${name} = to + select(0u, ${position} * pitch + ${column}u * channels, inside${name});`,
        `var v${name} = finish(${tileOf.output(k, column)} + added, to${name});`,
        ...residual
          ? [
            `let skip${name} = (item * params.skipHeight + ((oy + ${position}) >> params.halving)) * ` +
            `params.skipWidth + ((ox + ${column}u) >> params.halving);`,
            `v${name} += skip[select(0u, skip${name} * channels + column, inside${name})];`,
          ]
          : [],
        `if (inside${name}) { out[to${name}] = v${name}; }`,
        ...statistics
          ? [
            ...name === "0_0" ? [`origin = select(origin, v0_0, ${position} == 0u);`] : [],
            `let s${name} = select(0.0, v${name} - origin, inside${name});`,
            `sum += s${name};`,
            `squares = fma(s${name}, s${name}, squares);`,
          ]
          : [],
      ];
    }),
  ];
  return kernel({
    label: `conv2d.winograd${tile}.output${statistics ? ".statistics" : ""}${resampled}`,
    read: {
      products,
      ...epiloguePorts(epilogue, products, "f32"),
      ...(residual ? { skip: residual.x } : {}),
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
      ...(residual ? { skipHeight, skipWidth, halving: resampled ? 1 : 0 } : {}),
      passes: patch / taken,
      tilePasses: tile / given,
      ...epilogueParams(epilogue, outChannels),
    },
    workgroupSize: WORKGROUP,
    workgroups: transformGrid(sizes, band, { units: outChannels, workgroup: WORKGROUP }),
    declarations: epilogueFunctions("f32", epilogue),
    body: `${productPlace(WORKGROUP)}
${
      filledInPasses({
        names: table("d", patch, patch),
        each: taken * patch,
        count: "params.passes",
        body: (turn) =>
          lines(taken, (k) =>
            side.map((column) =>
              `d${patch - taken + k}_${column} = ` +
              `products[base + (${turn} * ${taken * patch}u + ${k * patch + column}u) * step];`
            )),
      })
    }
${tileOf.lines.join("\n")}
let added = start(column);
let oy = down * ${tile}u;
let ox = group.y * ${tile}u;
let channels = params.outChannels;
let pitch = params.outWidth * channels;
let to = (item * params.outHeight + oy) * pitch + ox * params.outChannels + column;
${lines(tile, (k) => `let across${k} = ox + ${k}u < params.outWidth;`)}
${statistics ? "var origin = 0.0;\nvar sum = 0.0;\nvar squares = 0.0;" : ""}
${
      usedInPasses({
        names: table("e", tile, patch),
        each: given * patch,
        count: "params.tilePasses",
        body: (turn) => lines(given, (k) => rowStores(k, `(${turn} * ${given}u + ${k}u)`)),
      })
    }
${
      statistics
        ? `let mean = sum / f32(min(${tile}u, params.outHeight - oy) * min(${tile}u, params.outWidth - ox));
let block = ((params.first + group.z) * params.tilesAcross + group.y) * params.outChannels + column;
statistics[block] = origin;
statistics[params.plane + block] = mean;
statistics[2u * params.plane + block] = max(fma(-sum, mean, squares), 0.0);`
        : ""
    }`,
  });
}
