/**
 * The transforms of Winograd convolutions on a GPU: an invocation takes one tile of two channels, where they are even.
 */
import type { Dispatch, Tensor } from "../../../engine/mod.ts";
import { kernel, lines, range } from "../../text/wgsl.ts";
import { type ImageInput, type InputLoad, inputShape, type Resample } from "../conv2d_input.ts";
import type { ConvolutionLayer } from "../conv2d_layer.ts";
import { epilogueFunctions, epilogueParams, epiloguePorts } from "../epilogue.ts";
import { transformGrid, type WinogradBand, type WinogradSizes } from "./winograd_sizes.ts";
import { patchPlace, productPlace, transformed, WINOGRAD } from "./winograd_transform.ts";

/** Invocations of a workgroup: as many as the widest subgroup of any GPU has. */
const WORKGROUP = 64;

/** What an invocation loads and stores at once: two channels, or one where a number of channels is odd. */
type Unit = "f32" | "vec2f";

function unitOf(...channels: readonly number[]): Unit {
  return channels.every((count) => count % 2 === 0) ? "vec2f" : "f32";
}

/** Sizes in channels as sizes in units. */
function inUnits<K extends string>(unit: Unit, sizes: Readonly<Record<K, number>>): Record<K, number> {
  const width = unit === "f32" ? 1 : 2;
  return Object.fromEntries(Object.entries<number>(sizes).map(([name, size]) => [name, size / width])) as Record<
    K,
    number
  >;
}

/** WGSL of a row or column of the tensor that holds one of the image that the convolution sees. */
function sourceOf(position: string, resample: Resample): string {
  return resample === "up" ? `(${position}) / 2u` : position;
}

/** How the factors of two neighbouring channels are loaded, and what an element of both becomes; see `InputLoad`. */
function pairedLoad({ factors, silu }: ImageInput): Pick<InputLoad, "begin" | "value"> {
  const both = (plane: number): string =>
    `vec2f(factors[${plane}u * params.images * params.factorPitch + factorAt], ` +
    `factors[${plane}u * params.images * params.factorPitch + factorAt + 1u])`;
  return {
    begin: factors
      ? `let factorAt = item * params.factorPitch + min(2u * (params.firstChannel + channel), params.factorPitch - 2u);
let origin = ${both(0)};
let factorA = ${both(1)};
let factorB = ${both(2)};`
      : "",
    value: (element) => {
      const normalised = factors ? `fma(${element} - origin, factorA, factorB)` : element;
      return silu ? `silu_pair(${normalised})` : normalised;
    },
  };
}

/**
 * Patches B^T d B of one part of the input, element by element: [patch^2, tiles, inner]. Channels that were added are
 * zero.
 */
export function cardInputTransform(
  { weight, top, left }: ConvolutionLayer,
  seen: ImageInput,
  load: InputLoad,
  patches: Tensor,
  sizes: WinogradSizes,
  band: WinogradBand,
): Dispatch {
  const { tile, tilesDown, tilesAcross, inner } = sizes;
  const { resample = "none" } = seen;
  const { patch, input } = WINOGRAD[tile];
  const [, height = 1, width = 1] = inputShape(seen);
  const [, inHeight = 1, inWidth = 1, channels = 1] = load.x.shape;
  const { firstChannel } = load;
  const allChannels = weight.shape[2]!;
  const known = firstChannel + channels >= allChannels ? inner - firstChannel : channels;
  const unit = unitOf(firstChannel, channels, allChannels, inner);
  const units = inUnits(unit, { firstChannel, channels, inner, known });
  const { begin, value } = unit === "vec2f" ? pairedLoad(seen) : load;
  const side = range(patch);
  const elements = side.flatMap((row) => side.map((column) => ({ row, column })));
  const product = transformed(input, (row, column) => `d${row}_${column}`, "e");
  const { x: _, ...others } = load.read;
  return kernel({
    label: `conv2d.winograd${tile}.input${load.suffix}${resample === "none" ? "" : `.${resample}`}`,
    read: { x: { tensor: load.x, type: unit }, ...others },
    write: { patches: { tensor: patches, type: unit } },
    params: {
      ...load.params,
      ...units,
      height,
      width,
      inHeight,
      inWidth,
      top,
      left,
      tilesDown,
      tilesAcross,
      first: band.first,
      rows: band.rows,
    },
    workgroupSize: WORKGROUP,
    workgroups: transformGrid(sizes, band, { units: units.known, workgroup: WORKGROUP }),
    declarations: `${load.declarations}
${seen.silu && unit === "vec2f" ? "fn silu_pair(v: vec2f) -> vec2f { return vec2f(silu(v.x), silu(v.y)); }" : ""}`,
    body: `${patchPlace(tile, WORKGROUP)}
${begin}
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
        `let d${row}_${column} = select(${unit}(), ${value(`x[row${row} + at${column}]`)}, ` +
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
 * Tiles A^T m A of the output, with all that is added, and the statistics of each tile; what lies beyond the image is
 * not stored.
 */
export function cardOutputTransform(
  layer: ConvolutionLayer,
  products: Tensor,
  sizes: WinogradSizes,
  band: WinogradBand,
): Dispatch {
  const { out, bias, shift, residual, statistics } = layer;
  const { tile, tilesDown, tilesAcross, columns } = sizes;
  const { patch, output } = WINOGRAD[tile];
  const [batch = 1, outHeight = 1, outWidth = 1, outChannels = 1] = out.shape;
  const unit = unitOf(outChannels, columns);
  const units = inUnits(unit, { outChannels, columns, plane: batch * tilesDown * tilesAcross * outChannels });
  const side = range(patch);
  const pixels = range(tile).flatMap((row) => range(tile).map((column) => ({ row, column })));
  const tileOf = transformed(output, (row, column) => `d${row}_${column}`, "e");
  const isDoubled = residual?.resample === "up";
  const epilogue = { bias, shift, residual: isDoubled ? undefined : residual?.x };
  const skipped = (row: number, column: number): string => isDoubled ? ` + k${row >> 1}_${column >> 1}` : "";
  const halves = range(tile / 2);
  return kernel({
    label: `conv2d.winograd${tile}.output${statistics ? ".statistics" : ""}${isDoubled ? ".up" : ""}`,
    read: {
      products: { tensor: products, type: unit },
      ...epiloguePorts(epilogue, products, unit),
      ...(isDoubled ? { skip: { tensor: residual.x, type: unit } } : {}),
    },
    write: {
      out: { tensor: out, type: unit },
      ...(statistics ? { statistics: { tensor: statistics, type: unit } } : {}),
    },
    params: {
      ...units,
      outHeight,
      outWidth,
      tilesDown,
      tilesAcross,
      first: band.first,
      rows: band.rows,
      ...epilogueParams(epilogue, outChannels),
    },
    workgroupSize: WORKGROUP,
    workgroups: transformGrid(sizes, band, { units: units.outChannels, workgroup: WORKGROUP }),
    declarations: epilogueFunctions(unit, epilogue),
    body: `${productPlace(WORKGROUP)}
${lines(side, (row) => side.map((k) => `let d${row}_${k} = products[base + ${row * patch + k}u * step];`))}
${tileOf.lines.join("\n")}
let added = start(column);
let oy = down * ${tile}u;
let ox = group.y * ${tile}u;
let channels = params.outChannels;
let pitch = params.outWidth * channels;
let to = (item * params.outHeight + oy) * pitch + ox * channels + column;
${lines(tile, (k) => `let down${k} = oy + ${k}u < params.outHeight;\nlet across${k} = ox + ${k}u < params.outWidth;`)}
${
      isDoubled
        ? `let skipPitch = params.outWidth / 2u * channels;
let skipAt = (item * (params.outHeight / 2u) + oy / 2u) * skipPitch + ox / 2u * channels + column;
${
          lines(halves, (row) =>
            halves.map((k) => `let k${row}_${k} = skip[skipAt + ${row}u * skipPitch + ${k}u * channels];`))
        }`
        : ""
    }
${statistics ? `var sum = ${unit}();\nvar squares = ${unit}();` : ""}
${
      lines(pixels, ({ row, column }) => {
        const name = `${row}_${column}`;
        return `let inside${name} = down${row} && across${column};
let to${name} = to + ${row}u * pitch + ${column}u * channels;
let v${name} = finish(${tileOf.output(row, column)} + added, select(to, to${name}, inside${name}))` +
          `${skipped(row, column)};
if (inside${name}) { out[to${name}] = v${name}; }
${
            statistics
              ? `let s${name} = select(${unit}(), v${name} - v0_0, inside${name});
sum += s${name};
squares = fma(s${name}, s${name}, squares);`
              : ""
          }`;
      })
    }
${
      statistics
        ? `let mean = sum / f32(min(${tile}u, params.outHeight - oy) * min(${tile}u, params.outWidth - ox));
let block = ((params.first + group.z) * params.tilesAcross + group.y) * channels + column;
statistics[block] = v0_0;
statistics[params.plane + block] = mean;
statistics[2u * params.plane + block] = max(fma(-sum, mean, squares), ${unit}());`
        : ""
    }`,
  });
}
