/**
 * The kernels of group normalisation: statistics of blocks of pixels, and factors of channels. Every sum runs in a fixed order, so equal inputs give equal bits. Sums are taken relative to an element near by: where the
 * mean is far greater than the spread, a plain sum of squares would lose all digits of the variance.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { floatBits } from "../operands.ts";
import { treeReduction } from "../text/reduction.ts";
import { elementwise, flatGrid, kernel } from "../text/wgsl.ts";

/** How an image is cut into the blocks whose statistics are kept apart; those at the edges hold fewer pixels. */
export interface Blocks {
  /** Size of one image in pixels. */
  readonly height: number;
  readonly width: number;
  /** Size of a block in pixels. */
  readonly blockHeight: number;
  readonly blockWidth: number;
}

/** Number of blocks of one image. */
export function blockCount({ height, width, blockHeight, blockWidth }: Blocks): number {
  return Math.ceil(height / blockHeight) * Math.ceil(width / blockWidth);
}

/** Invocations that share the blocks of one group. */
const FINISH_SIZE = 64;
/**
 * Invocations of a workgroup where each takes a whole group: on the CPU a barrier costs more than the few sums. The 48
 * dispatches of the embedded prior at 64x64 took 6.3 ms with barriers.
 */
const SERIAL_SIZE = 8;

/**
 * First element k, mean of (x - k), and sum of squared deviations from the mean of each block and channel.
 * Mapping: an invocation takes one channel of one block; neighbouring invocations take neighbouring channels.
 * @param x [N, height, width, C], or any shape of as many elements
 * @param partial [3, N, blocks, C], written
 */
export function statisticsKernel(x: Tensor, partial: Tensor, blocks: Blocks, target: Target): Dispatch {
  const [, images = 1, count = 1, channels = 1] = partial.shape;
  return elementwise("groupNorm.statistics", target, {
    read: { x },
    write: { partial },
    count: images * count * channels,
    params: { channels, blocks: count, across: Math.ceil(blocks.width / blocks.blockWidth), ...blocks },
    body: `let block = i / params.channels;
let c = i - block * params.channels;
let image = block / params.blocks;
let inside = block - image * params.blocks;
let down = inside / params.across;
let top = down * params.blockHeight;
let left = (inside - down * params.across) * params.blockWidth;
let bottom = min(top + params.blockHeight, params.height);
let right = min(left + params.blockWidth, params.width);
let start = image * params.height;
let k = x[((start + top) * params.width + left) * params.channels + c];
var sum = 0.0;
var squares = 0.0;
for (var row = start + top; row < start + bottom; row += 1u) {
  for (var column = left; column < right; column += 1u) {
    let d = x[(row * params.width + column) * params.channels + c] - k;
    sum += d;
    squares = fma(d, d, squares);
  }
}
let mean = sum / f32((bottom - top) * (right - left));
partial[i] = k;
partial[params.count + i] = mean;
partial[2u * params.count + i] = max(fma(-sum, mean, squares), 0.0);`,
  });
}

/** Operands of the kernel that finishes the statistics. */
export interface FinishOperands {
  /** Statistics [3, N, blocks, C_k] of one image, or of two whose channels follow each other. */
  readonly partials: readonly Tensor[];
  readonly gamma: Tensor;
  readonly beta: Tensor;
  /** [N, pitch] with the scale of channel c at `offset` + c and its shift at `offset` + C + c. */
  readonly modulation?: { readonly tensor: Tensor; readonly offset: number };
}

/** What the statistics are merged to. */
export interface FinishSizes {
  readonly images: number;
  readonly channels: number;
  readonly groups: number;
  readonly eps: number;
}

/** Gives every invocation the sum of all their values as `name`, added up in a fixed tree. */
function sumWgsl(name: string, value: string, serial: boolean): string {
  if (serial) return `let ${name} = ${value};`;
  return `shared_values[lane] = ${value};
${treeReduction("shared_values", FINISH_SIZE)}
let ${name} = shared_values[0];
workgroupBarrier();`;
}

/** What the kernel writes that finishes the statistics. */
export interface FinishResults {
  /** [3, N, C] */
  readonly factors: Tensor;
  /** [N, groups]: how far the mean of each group lies above its origin. */
  readonly means: Tensor;
}

/**
 * Merges the blocks of a group and writes for each of its channels an origin o and factors a, b so that the result is
 * (x - o) a + b. Two passes over the blocks: the mean relative to k, then the squared deviations from it. The origin is k
 * itself, the first element of the group, from which x differs exactly where it is near; so nothing depends on the order
 * in which a compiler adds. A group may begin in the first image and end in the second.
 * Mapping: a workgroup of 64 takes one group of one image, 256 bytes of shared memory; where kernels run on a CPU an
 * invocation takes a group by itself.
 */
export function finishKernel(
  { partials, gamma, beta, modulation }: FinishOperands,
  { factors, means }: FinishResults,
  { images, channels, groups, eps }: FinishSizes,
  blocks: Blocks,
  target: Target,
): Dispatch {
  const [first, second] = [partials[0]!, partials[1]];
  const serial = target.software;
  const [begin, step] = serial ? ["0u", "1u"] : ["lane", `${FINISH_SIZE}u`];
  const firstWidth = first.shape[3]!;
  /** Loops over the entries of the group's channels in one image; where one invocation takes all, it divides nowhere. */
  const entries = (name: string, from: string, width: string, pitch: string, body: string): string => {
    const entry = `let plane = params.images * params.blocks * ${pitch};
      let offset = (${name}[at] - k) + ${name}[plane + at];
      ${body}`;
    if (serial) {
      return `{
  let own = ${width};
  let rows = (params.height + params.blockHeight - 1u) / params.blockHeight;
  var place = image * params.blocks * ${pitch} + ${from};
  for (var down = 0u; down < rows; down += 1u) {
    let high = min(params.blockHeight, params.height - down * params.blockHeight);
    for (var across = 0u; across < params.across; across += 1u) {
      let weight = f32(high * min(params.blockWidth, params.width - across * params.blockWidth));
      for (var at = place; at < place + own; at += 1u) {
      ${entry}
      }
      place += ${pitch};
    }
  }
}`;
    }
    return `{
  let own = ${width};
  for (var e = lane; e < params.blocks * own; e += ${FINISH_SIZE}u) {
    let block = e / own;
    let down = block / params.across;
    let at = (image * params.blocks + block) * ${pitch} + ${from} + e - block * own;
    let weight = f32(min(params.blockHeight, params.height - down * params.blockHeight) *
      min(params.blockWidth, params.width - (block - down * params.across) * params.blockWidth));
    ${entry}
  }
}`;
  };
  const both = (body: (name: string) => string): string =>
    [
      entries("first", "channel", "inFirst", "params.firstWidth", body("first")),
      ...(second ? [entries("second", "inSecond", "params.span - inFirst", "params.secondWidth", body("second"))] : []),
    ].join("\n");
  return kernel({
    label: `groupNorm.finish${second ? ".joined" : ""}${modulation ? ".modulated" : ""}`,
    read: {
      first,
      ...(second ? { second } : {}),
      gamma,
      beta,
      ...(modulation ? { modulation: modulation.tensor } : {}),
    },
    write: { factors, means },
    params: {
      images,
      channels,
      groups,
      span: channels / groups,
      firstWidth,
      secondWidth: channels - firstWidth,
      blocks: blockCount(blocks),
      across: Math.ceil(blocks.width / blocks.blockWidth),
      ...blocks,
      eps: floatBits(eps),
      ...(modulation ? { pitch: modulation.tensor.shape[1]!, offset: modulation.offset } : {}),
    },
    workgroupSize: serial ? SERIAL_SIZE : FINISH_SIZE,
    workgroups: flatGrid(serial ? Math.ceil(images * groups / SERIAL_SIZE) : images * groups, target),
    ...(serial ? {} : { declarations: `var<workgroup> shared_values: array<f32, ${FINISH_SIZE}>;` }),
    body: `let index = ${
      serial ? `(group.y * groups.x + group.x) * ${SERIAL_SIZE}u + lane` : "group.y * groups.x + group.x"
    };
if (index >= params.images * params.groups) { return; }
let image = index / params.groups;
let channel = (index - image * params.groups) * params.span;
let inFirst = min(channel + params.span, max(params.firstWidth, channel)) - channel;
${second ? "let inSecond = max(channel, params.firstWidth) - params.firstWidth;" : ""}
let total = f32(params.height * params.width) * f32(params.span);
${
      second
        ? `let leading = channel < params.firstWidth;
let origin_first = first[image * params.blocks * params.firstWidth + select(0u, channel, leading)];
let origin_second = second[image * params.blocks * params.secondWidth + inSecond];
let k = select(origin_second, origin_first, leading);`
        : "let k = first[image * params.blocks * params.firstWidth + channel];"
    }
var sum = 0.0;
${both(() => "sum = fma(weight, offset, sum);")}
${sumWgsl("whole", "sum", serial)}
let mean = whole / total;
var squares = 0.0;
${
      both((name) =>
        `let d = offset - mean;
    squares += fma(weight * d, d, ${name}[2u * plane + at]);`
      )
    }
${sumWgsl("deviation", "squares", serial)}
let inverse = 1.0 / sqrt(deviation / total + bitcast<f32>(params.eps));
let outputs = params.images * params.channels;
${serial ? "means[index] = mean;" : "if (lane == 0u) { means[index] = mean; }"}
for (var d = ${begin}; d < params.span; d += ${step}) {
  let c = channel + d;
  let at = image * params.channels + c;
  let a = inverse * gamma[c];
  let b = fma(-mean, a, beta[c]);
  ${
      modulation
        ? `let place = image * params.pitch + params.offset + c;
  let scale = 1.0 + modulation[place];
  let shift = modulation[place + params.channels];`
        : ""
    }
  factors[at] = k;
  factors[outputs + at] = ${modulation ? "a * scale" : "a"};
  factors[2u * outputs + at] = ${modulation ? "fma(b, scale, shift)" : "b"};
}`,
  });
}
