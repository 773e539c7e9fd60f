/**
 * WGSL of the direct convolution, register-blocked in two forms: `broadcast` spreads input pixels over the lanes of a
 * subgroup by shuffles, `vector` gives every invocation four output channels. All sizes are parameters; the text
 * depends on the form, the block, the stride, whether the kernel is three columns wide and whether the input channels
 * fill all lanes.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { usedInPasses } from "../text/passes.ts";
import { flatGrid, kernel, lines, range } from "../text/wgsl.ts";
import { type Epilogue, epilogueFunctions, epilogueParams, epiloguePorts } from "./epilogue.ts";
import {
  type BlockInput,
  blockStep,
  bufferLoads,
  halfLoads,
  prefersBroadcast,
  texelLoads,
  VECTOR_WORKGROUP,
  vectorEpilogue,
  vectorLoads,
  vectorWeights,
  type WeightLoads,
} from "./register_block.ts";
import { texelRows, texelsOf } from "./weight_texels.ts";

/** A convolution by its sizes and tensors. */
export interface Convolution extends Epilogue {
  /** [batch, height, width, channels] */
  readonly x: Tensor;
  /** [kernelHeight, kernelWidth, channels, outChannels] */
  readonly weight: Tensor;
  /** [batch, outHeight, outWidth, outChannels] */
  readonly out: Tensor;
  /** Rows and columns from one output to the next. */
  readonly stride: number;
  /** Rows of zeros above the image. */
  readonly top: number;
  /** Columns of zeros before the image. */
  readonly left: number;
}

/** Output pixels per invocation: `across` columns of `down` rows, and the rate that the block reaches. */
interface Block {
  readonly across: number;
  readonly down: number;
  /** GFLOP/s of the `broadcast` form on 2 cores, 128 to 128 channels; only the ratio matters. */
  readonly rate: number;
}

/** Blocks of 16 pixels are no faster (25.9 against 28.9) and take twice as long to compile. */
const BLOCKS: readonly Block[] = [
  { across: 8, down: 1, rate: 28 },
  { across: 4, down: 2, rate: 23 },
];

/** Pixels that a pass of the loop over the results of a block stores, a divisor of theirs: see `usedInPasses`. */
const PASS_PIXELS = 2;

/** The dispatch that computes a convolution of any kernel size, stride and padding. */
export function conv2dDirect(convolution: Convolution, target: Target): Dispatch {
  const broadcast = prefersBroadcast(target);
  const [kernelHeight = 1, kernelWidth = 1] = convolution.weight.shape;
  const [batch = 1, height = 1, width = 1, channels = 1] = convolution.x.shape;
  const [, outHeight = 1, outWidth = 1, outChannels = 1] = convolution.out.shape;
  // Three taps side by side share their input columns; wider kernels run tap by tap.
  const taps = kernelWidth === 3 ? 3 : 1;
  const block = cheapestBlock(outHeight, outWidth);
  const name = `conv2d ${kernelHeight}x${kernelWidth}s${convolution.stride} ${channels}x${outChannels} ` +
    `${outHeight}x${outWidth}`;
  const texels = broadcast ? texelsOf(convolution.weight, name, target) : undefined;
  const groups = texels && outChannels > target.subgroupSize ? 2 : 1;
  const columnBlocks = Math.ceil(outChannels / (broadcast ? groups * target.subgroupSize : 4));
  const blocksAcross = Math.ceil(outWidth / block.across);
  const blocksDown = Math.ceil(outHeight / block.down);
  const sizes: Sizes = {
    params: {
      batch,
      height,
      width,
      channels,
      outHeight,
      outWidth,
      columns: outChannels,
      kernelHeight,
      kernelWidth,
      top: convolution.top,
      left: convolution.left,
      blocksAcross,
      blocksDown,
      columnBlocks,
      ...epilogueParams(convolution, outChannels),
    },
    blocks: batch * blocksAcross * blocksDown * columnBlocks,
    block,
    taps,
    groups,
  };
  return broadcast
    ? broadcastConvolution(convolution, sizes, texels, target)
    : vectorConvolution(convolution, sizes, channels % 4 === 0, outChannels % 4 === 0, target);
}

interface Sizes {
  readonly params: Readonly<Record<string, number>>;
  readonly blocks: number;
  readonly block: Block;
  /** Kernel columns that the unrolled code covers: 3 or 1. */
  readonly taps: number;
  /** Column groups of an invocation in the `broadcast` form. */
  readonly groups: number;
}

/** The block with the least work: pixels computed, those beyond the image included, divided by the rate. */
function cheapestBlock(outHeight: number, outWidth: number): Block {
  const work = ({ across, down, rate }: Block): number =>
    Math.ceil(outWidth / across) * Math.ceil(outHeight / down) * across * down / rate;
  return BLOCKS.reduce((best, block) => work(block) < work(best) ? block : best);
}

/** Pixels that the direct kernel computes, those of unfilled blocks beyond the image included. */
export function computedPixels({ shape: [batch = 1, height = 1, width = 1] }: Tensor): number {
  const { across, down } = cheapestBlock(height, width);
  return batch * Math.ceil(width / across) * across * Math.ceil(height / down) * down;
}

/** Input columns, counted from the first, that `across` output pixels and `taps` kernel columns touch. */
function inputColumns(across: number, stride: number, taps: number): readonly number[] {
  const columns = new Set(range(across).flatMap((p) => range(taps).map((tap) => p * stride + tap)));
  return [...columns].sort((a, b) => a - b);
}

/**
 * A workgroup is one subgroup and computes 8 pixels x one or two groups of S output channels (S = subgroup size): lane =
 * channel, one accumulator per pixel and group. S channels of an input pixel are loaded with one load, lane = channel,
 * and handed out by shuffles; each serves up to three taps of every group.
 */
function broadcastConvolution(
  convolution: Convolution,
  sizes: Sizes,
  texels: Tensor | undefined,
  target: Target,
): Dispatch {
  const { x, weight, out } = convolution;
  const { taps } = sizes;
  const groups = range(sizes.groups);
  const pixels = sizes.block.across * sizes.block.down;
  const lanes = target.subgroupSize;
  const half = weight.dtype === "f16";
  const rows = half ? 2 : 1;
  const [, , channels = 1, columns = 1] = weight.shape;
  const weights = range(taps).map((tap): WeightLoads =>
    texels
      ? texelLoads("weight", `t${tap}_`, `tap${tap}`, lanes)
      : half
      ? halfLoads("weight", `h${tap}_`, (q) => `tap${tap} + n${q}`, lanes)
      : bufferLoads("weight", `w${tap}_`, (q) => `tap${tap} + n${q}`, lanes)
  );
  const multiply = blockStep(lanes, blockInputs(sizes, convolution.stride), weights, {
    groups: sizes.groups,
    lead: (q) => texels || q % rows > 0 ? [] : [weightRow(q, convolution, lanes, rows)],
  });
  return kernel({
    label: `conv2d.broadcast${half ? ".f16" : ""}`,
    read: {
      x,
      weight: texels ? { tensor: texels, type: "texture" } : weight,
      ...epiloguePorts(convolution, x, "f32"),
    },
    write: { out },
    params: {
      ...sizes.params,
      pitch: texels ? texelRows(channels, lanes) : Math.ceil(channels / rows) * columns,
      passes: pixels / PASS_PIXELS,
    },
    workgroupSize: lanes,
    workgroups: flatGrid(sizes.blocks, target),
    work: 1,
    declarations: epilogueFunctions("f32", convolution),
    body: `var rest = group.y * groups.x + group.x;
let ox = (rest % params.blocksAcross) * ${sizes.block.across}u;
rest /= params.blocksAcross;
let oy = (rest % params.blocksDown) * ${sizes.block.down}u;
rest /= params.blocksDown;
let column = (rest % params.columnBlocks) * ${sizes.groups * lanes}u + lane;
let item = rest / params.columnBlocks;
if (item >= params.batch) { return; }
${
      lines(groups, (v) => [
        `let column${v} = column + ${v * lanes}u;`,
        `let added${v} = start(min(column${v}, params.columns - 1u));`,
        ...eachPixel(sizes, (pixel) => [`var c${pixel}_${v} = added${v};`]),
      ])
    }
${
      tapLoops(sizes, convolution.stride, {
        step: lanes,
        weightStep: texels ? `${lanes / 4}u` : `${lanes / rows}u * params.columns`,
        firstColumn: texels ? "" : " + column",
        lane: " + lane",
        load: (name) => `select(0.0, x[i${name} + k], k + lane < limit${name})`,
        multiply,
      })
    }
let outHeight = params.outHeight;
let outWidth = params.outWidth;
let columns = params.columns;
${
      usedInPasses({
        names: range(pixels).flatMap((pixel) => groups.map((v) => `c${pixel}_${v}`)),
        each: PASS_PIXELS * sizes.groups,
        count: "params.passes",
        body: (turn) =>
          lines(PASS_PIXELS, (pixel) => [
            `let p${pixel} = ${turn} * ${PASS_PIXELS}u + ${pixel}u;`,
            `let oy${pixel} = oy + p${pixel} / ${sizes.block.across}u;`,
            `let ox${pixel} = ox + p${pixel} % ${sizes.block.across}u;`,
            `if (oy${pixel} < outHeight && ox${pixel} < outWidth) {`,
            `let e${pixel} = ((item * outHeight + oy${pixel}) * outWidth + ox${pixel}) * columns;`,
            ...groups.map((v) =>
              `if (column${v} < columns) { out[e${pixel} + column${v}] = finish(c${pixel}_${v}, e${pixel} + column${v}); }`
            ),
            "}",
          ]),
      })
    }`,
  });
}

/**
 * An invocation computes 8 pixels x 4 output channels, channels fastest, in steps of four input channels; no
 * workgroup memory. Arrays whose channels are not divisible by 4 are read word by word.
 */
function vectorConvolution(
  convolution: Convolution,
  sizes: Sizes,
  wideInput: boolean,
  wide: boolean,
  target: Target,
): Dispatch {
  const { x, weight, out } = convolution;
  const type = wide ? "vec4f" : "f32";
  const weights = vectorWeights("weight", weight, wide);
  const taps = range(sizes.taps).map((tap) => weights.loads(`w${tap}_`, (row) => `tap${tap} + n${row * weights.rows}`));
  const multiply = blockStep(undefined, blockInputs(sizes, convolution.stride), taps, {
    lead: (q) => q % weights.rows > 0 ? [] : [weightRow(q, convolution, 4, weights.rows)],
  });
  return kernel({
    label: `conv2d.vector${weights.suffix}`,
    read: {
      x: { tensor: x, type: wideInput ? "vec4f" : "f32" },
      weight: weights.port,
      ...epiloguePorts(convolution, weight, type),
    },
    write: { out: { tensor: out, type } },
    params: { ...sizes.params, pitch: Math.ceil(x.shape[3]! / weights.rows) * out.shape[3]! },
    workgroupSize: VECTOR_WORKGROUP,
    workgroups: flatGrid(Math.ceil(sizes.blocks / VECTOR_WORKGROUP), target),
    work: 1,
    declarations: `${vectorEpilogue(wide, convolution)}
${vectorLoads("x", wideInput)}
${weights.declarations}`,
    body: `var rest = (group.y * groups.x + group.x) * ${VECTOR_WORKGROUP}u + lane;
let column = (rest % params.columnBlocks) * 4u;
rest /= params.columnBlocks;
let ox = (rest % params.blocksAcross) * ${sizes.block.across}u;
rest /= params.blocksAcross;
let oy = (rest % params.blocksDown) * ${sizes.block.down}u;
let item = rest / params.blocksDown;
if (item >= params.batch) { return; }
${eachPixel(sizes, (pixel) => [`var c${pixel} = startFour(column);`]).join("\n")}
${
      tapLoops(sizes, convolution.stride, {
        step: 4,
        weightStep: `${4 / weights.rows}u * params.columns`,
        firstColumn: " + column",
        lane: "",
        load: (name) => `inputFour(i${name}, k, limit${name})`,
        multiply,
      })
    }
${
      eachPixel(sizes, (pixel, dy, dx) => [
        `if (oy + ${dy}u < params.outHeight && ox + ${dx}u < params.outWidth) {`,
        `let e = ((item * params.outHeight + oy + ${dy}u) * params.outWidth + ox + ${dx}u) * params.columns;`,
        `storeFour(c${pixel}, e, column);`,
        `}`,
      ]).join("\n")
    }`,
  });
}

/** What the loops over kernel rows, kernel columns and input channels do in either form. */
interface Inner {
  /** Input channels per step. */
  readonly step: number;
  /** By how much the position in the weight moves on in a step. */
  readonly weightStep: string;
  /** What the position in the weight begins with besides the tap. */
  readonly firstColumn: string;
  /** What an invocation adds to the position of the channel it loads. */
  readonly lane: string;
  /** Expression of the input of this name at channel k, 0 from its `limit` on. */
  readonly load: (name: string) => string;
  readonly multiply: string;
}

/**
 * Loops over the kernel and the input channels. Divisions and borders stay outside the channel loop: an input pixel
 * has its position `i` and the channel `limit` from which it counts as 0, which is 0 outside the image, so that one
 * comparison masks borders and the channel tail. Three taps are one pass of the loop over kernel columns, which is
 * then left out: measured 10 % faster.
 */
function tapLoops(sizes: Sizes, stride: number, inner: Inner): string {
  const { block, taps } = sizes;
  const rows = range(block.down);
  const columns = inputColumns(block.across, stride, taps);
  const names = rows.flatMap((row) => columns.map((_, index) => `${row}_${index}`));
  const positions = rows.flatMap((row) => [
    `let y${row} = oy * ${stride}u + ${row * stride}u + ky - params.top;`,
    `let inside${row} = y${row} < params.height;`,
    ...columns.flatMap((column, index) => [
      `let at${row}_${index} = left + ${column}u;`,
      `let valid${row}_${index} = inside${row} && at${row}_${index} < params.width;`,
      `let limit${row}_${index} = select(0u, params.channels, valid${row}_${index});`,
      `let i${row}_${index} = select(0u, ((item * params.height + y${row}) * params.width + at${row}_${index}) * ` +
      `params.channels, valid${row}_${index})${inner.lane};`,
    ]),
  ]);
  // What the loops need of the parameters is loaded once: a load costs as much on the CPU as many multiply-adds.
  return `let pitch = params.pitch;
let channels = params.channels;
let weightStep = ${inner.weightStep};
for (var ky = 0u; ky < params.kernelHeight; ky += 1u) {
${taps === 1 ? "for (var kx = 0u; kx < params.kernelWidth; kx += 1u) {" : "{ let kx = 0u;"}
let left = ox * ${stride}u + kx - params.left;
${positions.join("\n")}
if (${rows.map((row) => `!inside${row}`).join(" && ")}) { continue; }
var tap0 = (ky * params.kernelWidth + kx) * pitch${inner.firstColumn};
for (var k = 0u; k < channels; k += ${inner.step}u) {
${range(taps).slice(1).map((tap) => `let tap${tap} = tap${tap - 1} + pitch;`).join("\n")}
${lines(names, (name) => `let x${name} = ${inner.load(name)};`)}
${inner.multiply}
tap0 += weightStep;
}
}
}`;
}

/**
 * Distance of the words of channel k + q from those of channel k, `rows` channels a word. Where the channels are not a
 * multiple of the step, it stops at the last channel, so that no weight beyond the array meets a zero; elsewhere that
 * would cost 10 %.
 */
function weightRow(q: number, { x }: Convolution, step: number, rows: number): string {
  const tail = (x.shape[3] ?? 1) % step !== 0;
  const last = "params.channels - 1u - k";
  if (rows === 1) return `let n${q} = ${tail ? `min(${q}u, ${last})` : `${q}u`} * params.columns;`;
  return `let n${q} = ${tail ? `min(${q / rows}u, (${last}) / ${rows}u)` : `${q / rows}u`} * params.columns;`;
}

/** Lines for every pixel of a block, numbered row by row. */
function eachPixel(
  { block }: Sizes,
  lines: (pixel: number, down: number, across: number) => readonly string[],
): readonly string[] {
  return range(block.down).flatMap((down) =>
    range(block.across).flatMap((across) => lines(down * block.across + across, down, across))
  );
}

/** Every input pixel of one kernel row, with the taps and output pixels that use it. */
function blockInputs({ block, taps }: Sizes, stride: number): readonly BlockInput[] {
  return range(block.down).flatMap((row) =>
    inputColumns(block.across, stride, taps).map((column, index) => ({
      name: `${row}_${index}`,
      uses: range(taps).map((tap) => ({ tap, across: (column - tap) / stride }))
        .filter(({ across }) => Number.isInteger(across) && across >= 0 && across < block.across)
        .map(({ tap, across }) => ({ tap, sum: row * block.across + across })),
    }))
  );
}
