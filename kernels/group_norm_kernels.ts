/**
 * The three kernels of group normalisation: statistics of strips, factors of channels, and their application. Every
 * sum runs in a fixed order, so equal inputs give equal bits. Sums are taken relative to an element near by: where the
 * mean is far greater than the spread, a plain sum of squares would lose all digits of the variance.
 */
import type { Dispatch, Target, Tensor } from "../engine/mod.ts";
import { floatBits } from "./operands.ts";
import { elementwise, flatGrid, kernel } from "./wgsl.ts";

/** Sizes of a normalised tensor [N, rows, C]. */
export interface NormSizes {
  readonly images: number;
  /** Pixels of one image. */
  readonly rows: number;
  readonly channels: number;
  readonly groups: number;
}

/** Rows whose statistics one invocation gathers. */
const STATISTICS_STRIP = 32;
/** Rows that one invocation normalises: its factors are loaded once for all of them. */
const APPLY_STRIP = 16;
/** Invocations that share the strips of one group. */
const FINISH_SIZE = 64;
/**
 * Invocations of a workgroup where each takes a whole group: on the CPU a barrier costs more than the few sums. The 48
 * dispatches of the embedded prior at 64x64 took 6.3 ms with barriers.
 */
const SERIAL_SIZE = 8;

/** Finds channel `c`, image `image` and rows `first` to `end` (counted over all images) of invocation `i`. */
function placeWgsl(strip: number): string {
  return `let strip = i / params.channels;
let c = i - strip * params.channels;
let image = strip / params.strips;
let first = (strip - image * params.strips) * ${strip}u + image * params.rows;
let end = min(first + ${strip}u, (image + 1u) * params.rows);`;
}

/**
 * First element k, mean of (x - k), and sum of squared deviations from the mean of 32 consecutive rows of a channel.
 * Mapping: an invocation takes one channel of one strip; neighbouring invocations take neighbouring channels.
 * @returns the dispatch and its result [3, N, strips, C]
 */
export function statisticsKernel(
  x: Tensor,
  { images, rows, channels }: NormSizes,
  target: Target,
): { readonly dispatch: Dispatch; readonly partial: Tensor } {
  const strips = Math.ceil(rows / STATISTICS_STRIP);
  const partial = target.scratch([3, images, strips, channels]);
  const count = images * strips * channels;
  const dispatch = elementwise("groupNorm.statistics", target, {
    read: { x },
    write: { partial },
    count,
    params: { rows, channels, strips },
    body: `${placeWgsl(STATISTICS_STRIP)}
let k = x[first * params.channels + c];
var sum = 0.0;
var squares = 0.0;
for (var row = first + 1u; row < end; row += 1u) {
  let d = x[row * params.channels + c] - k;
  sum += d;
  squares = fma(d, d, squares);
}
let mean = sum / f32(end - first);
partial[i] = k;
partial[params.count + i] = mean;
partial[2u * params.count + i] = max(fma(-sum, mean, squares), 0.0);`,
  });
  return { dispatch, partial };
}

/** Operands of the kernel that finishes the statistics. */
export interface FinishOperands {
  readonly partial: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly modulation?: Tensor;
}

/** Gives every invocation the sum of all their values as `name`, added up in a fixed tree. */
function sumWgsl(name: string, value: string, serial: boolean): string {
  if (serial) return `let ${name} = ${value};`;
  return `shared_values[lane] = ${value};
workgroupBarrier();
for (var half = ${FINISH_SIZE / 2}u; half > 0u; half = half >> 1u) {
  if (lane < half) { shared_values[lane] += shared_values[lane + half]; }
  workgroupBarrier();
}
let ${name} = shared_values[0];
workgroupBarrier();`;
}

/**
 * Merges the strips of a group and writes for each of its channels an origin o and factors a, b so that the result is
 * (x - o) a + b. Two passes over the strips: the mean relative to k, then the squared deviations from it.
 * Mapping: a workgroup of 64 takes one group of one image, 256 bytes of shared memory; where kernels run on a CPU an
 * invocation takes a group by itself.
 * @param factors [3, N, C], written
 */
export function finishKernel(
  operands: FinishOperands,
  factors: Tensor,
  { images, rows, channels, groups }: NormSizes,
  eps: number,
  target: Target,
): Dispatch {
  const width = channels / groups;
  const strips = Math.ceil(rows / STATISTICS_STRIP);
  const modulated = operands.modulation !== undefined;
  const serial = target.software;
  const [first, step] = serial ? ["0u", "1u"] : ["lane", `${FINISH_SIZE}u`];
  const entry = `let strip = e / params.width;
let at = (image * params.strips + strip) * params.channels + channel + e - strip * params.width;
let weight = f32(min(params.rows - strip * ${STATISTICS_STRIP}u, ${STATISTICS_STRIP}u));
let offset = (partial[at] - k) + partial[plane + at];`;
  return kernel({
    label: modulated ? "groupNorm.finish.modulated" : "groupNorm.finish",
    read: { ...operands },
    write: { factors },
    params: { images, rows, channels, groups, width, strips, eps: floatBits(eps) },
    workgroupSize: serial ? SERIAL_SIZE : FINISH_SIZE,
    workgroups: flatGrid(serial ? Math.ceil(images * groups / SERIAL_SIZE) : images * groups, target),
    ...(serial ? {} : { declarations: `var<workgroup> shared_values: array<f32, ${FINISH_SIZE}>;` }),
    body: `let index = ${
      serial ? `(group.y * groups.x + group.x) * ${SERIAL_SIZE}u + lane` : "group.y * groups.x + group.x"
    };
if (index >= params.images * params.groups) { return; }
let image = index / params.groups;
let channel = (index - image * params.groups) * params.width;
let plane = params.images * params.strips * params.channels;
let entries = params.strips * params.width;
let total = f32(params.rows) * f32(params.width);
let k = partial[image * params.strips * params.channels + channel];
var sum = 0.0;
for (var e = ${first}; e < entries; e += ${step}) {
${entry}
  sum = fma(weight, offset, sum);
}
${sumWgsl("whole", "sum", serial)}
let mean = whole / total;
var squares = 0.0;
for (var e = ${first}; e < entries; e += ${step}) {
${entry}
  let d = offset - mean;
  squares += fma(weight * d, d, partial[2u * plane + at]);
}
${sumWgsl("deviation", "squares", serial)}
let inverse = 1.0 / sqrt(deviation / total + bitcast<f32>(params.eps));
let outputs = params.images * params.channels;
// The rounded mean, and what rounding took from it: differences from an element near the mean are exact.
let origin = k + mean;
let lost = (k - origin) + mean;
for (var d = ${first}; d < params.width; d += ${step}) {
  let c = channel + d;
  let at = image * params.channels + c;
  let a = inverse * gamma[c];
  let b = fma(-lost, a, beta[c]);
  ${
      modulated
        ? `let scale = 1.0 + modulation[2u * image * params.channels + c];
  let shift = modulation[(2u * image + 1u) * params.channels + c];`
        : ""
    }
  factors[at] = origin;
  factors[outputs + at] = ${modulated ? "a * scale" : "a"};
  factors[2u * outputs + at] = ${modulated ? "fma(b, scale, shift)" : "b"};
}`,
  });
}

/**
 * (x - o) a + b with the factors of each channel, followed by SiLU where its WGSL is given.
 * Mapping: an invocation takes one channel of 16 consecutive rows; neighbouring invocations take neighbouring channels.
 */
export function applyKernel(
  x: Tensor,
  factors: Tensor,
  y: Tensor,
  { images, rows, channels }: NormSizes,
  silu: string | undefined,
  target: Target,
): Dispatch {
  const strips = Math.ceil(rows / APPLY_STRIP);
  return elementwise(silu ? "groupNorm.apply.silu" : "groupNorm.apply", target, {
    read: { x, factors },
    write: { y },
    count: images * strips * channels,
    params: { rows, channels, strips, outputs: images * channels },
    ...(silu ? { declarations: silu } : {}),
    body: `${placeWgsl(APPLY_STRIP)}
let factor = image * params.channels + c;
let origin = factors[factor];
let a = factors[params.outputs + factor];
let b = factors[2u * params.outputs + factor];
for (var row = first; row < end; row += 1u) {
  let at = row * params.channels + c;
  let v = fma(x[at] - origin, a, b);
  y[at] = ${silu ? "silu(v)" : "v"};
}`,
  });
}
