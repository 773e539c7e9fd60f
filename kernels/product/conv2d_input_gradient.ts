/**
 * The backward pass from the image that a convolution sees to the tensors that it reads: the adjoint of the resampling, the
 * slope of SiLU, the factors of the channels, and the cut into parts, in one pass over each part.
 */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Op,
  type Shape,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, movedBytes, requireF32, requireShape } from "../operands.ts";
import { factorSums } from "../normalization/apply_factors.ts";
import { SILU_SLOPE_WGSL, siluSlopeOf } from "../pointwise/activations.ts";
import { elementwise } from "../text/wgsl.ts";
import { type ImageInput, inputLoads, type Resample, resampledShape } from "./conv2d_input.ts";

/** How the image came about, as far as its gradient depends on it. */
export interface InputGradientAttrs {
  /** Channels of each part. */
  readonly widths: readonly number[];
  /** Whether it is scaled and shifted. */
  readonly factors: boolean;
  /** Whether SiLU follows that. */
  readonly silu: boolean;
  /** How it is resampled. */
  readonly resample: Resample;
  /** Rows of the parts. */
  readonly height: number;
  /** Columns of the parts. */
  readonly width: number;
}

/** Pixels of a row whose sums one invocation adds up at least, and the number of such pieces of an image to aim at. */
const LEAST_PIECE = 16;
const PIECES = 256;

/** Pieces that a workgroup takes at once when it adds up their sums. */
const FINISH_SHARES = 16;

/** Whether the parts themselves are needed: their values are where a slope depends on them. */
function readsParts({ factors, silu }: InputGradientAttrs): boolean {
  return factors || silu;
}

/** Shapes of the parts of a number of images. */
function partShapes(images: number, { widths, height, width }: InputGradientAttrs): readonly Shape[] {
  return widths.map((channels) => [images, height, width, channels]);
}

/** Length in pixels of the pieces that the rows of an image are cut into, and how many a row has. */
function piecesOf([, height = 1, width = 1]: Shape): { readonly piece: number; readonly across: number } {
  const piece = Math.min(width, Math.max(LEAST_PIECE, Math.ceil(height * width / PIECES)));
  return { piece, across: Math.ceil(width / piece) };
}

interface Operands<T> {
  readonly seen: T;
  readonly parts: readonly T[];
  readonly factors: T | undefined;
}

function operandsOf<T>(inputs: readonly T[], attrs: InputGradientAttrs): Operands<T> {
  const count = readsParts(attrs) ? attrs.widths.length : 0;
  return { seen: inputs[0]!, parts: inputs.slice(1, 1 + count), factors: inputs[1 + count] };
}

/** How the cotangents that one pixel of a part takes are read, `read` being given row and column. */
function gathered(
  { resample, height, width }: InputGradientAttrs,
  read: (row: string, column: string) => string,
): string {
  if (resample === "none") return read("row", "column");
  if (resample === "down" && height % 2 === 0 && width % 2 === 0) return `0.25 * ${read("row / 2u", "column / 2u")}`;
  if (resample === "down") {
    const nearest = read("min(row / 2u, params.seenHeight - 1u)", "min(column / 2u, params.seenWidth - 1u)");
    return `select(0.0, 0.25 * ${nearest}, row / 2u < params.seenHeight && column / 2u < params.seenWidth)`;
  }
  return `(${read("2u * row", "2u * column")} + ${read("2u * row", "2u * column + 1u")}) + ` +
    `(${read("2u * row + 1u", "2u * column")} + ${read("2u * row + 1u", "2u * column + 1u")})`;
}

/** The cotangent of a pixel before it was resampled, on the CPU. */
function gatheredValue(
  seen: Float32Array,
  [, height = 1, width = 1, pitch = 1]: Shape,
  resample: Resample,
  { item, row, column, c }: {
    readonly item: number;
    readonly row: number;
    readonly column: number;
    readonly c: number;
  },
): number {
  const read = (y: number, x: number): number => seen[((item * height + y) * width + x) * pitch + c]!;
  if (resample === "none") return read(row, column);
  if (resample === "down") return row >> 1 < height && column >> 1 < width ? read(row >> 1, column >> 1) / 4 : 0;
  return read(2 * row, 2 * column) + read(2 * row, 2 * column + 1) + read(2 * row + 1, 2 * column) +
    read(2 * row + 1, 2 * column + 1);
}

function reference(
  { inputs, outputs, attrs }: Call<InputGradientAttrs>,
  values: readonly Float32Array[],
): readonly Float32Array[] {
  const { seen, parts, factors } = operandsOf(values, attrs);
  const seenShape = inputs[0]!.shape;
  const allChannels = seenShape[3]!;
  const plane = seenShape[0]! * allChannels;
  const dFactors = new Float64Array(3 * plane);
  let firstChannel = 0;
  const cotangents = attrs.widths.map((channels, index) => {
    const [, height = 1, width = 1] = outputs[index]!.shape;
    const dx = new Float32Array(elementCount(outputs[index]!.shape));
    for (let at = 0; at < dx.length; at++) {
      const c = firstChannel + at % channels;
      const pixel = Math.floor(at / channels);
      const item = Math.floor(pixel / (height * width));
      const place = { item, row: Math.floor(pixel / width) % height, column: pixel % width, c };
      const given = gatheredValue(seen, seenShape, attrs.resample, place);
      const f = item * allChannels + c;
      const centred = (parts[index]?.[at] ?? 0) - (factors?.[f] ?? 0);
      const scale = factors?.[plane + f] ?? 1;
      const value = centred * scale + (factors?.[2 * plane + f] ?? 0);
      const slope = attrs.silu ? given * siluSlopeOf(value) : given;
      dx[at] = slope * scale;
      dFactors[f]! -= scale * slope;
      dFactors[plane + f]! += slope * centred;
      dFactors[2 * plane + f]! += slope;
    }
    firstChannel += channels;
    return dx;
  });
  return attrs.factors ? [...cotangents, Float32Array.from(dFactors)] : cotangents;
}

/**
 * Cotangents of one part, and for each piece of its rows the sums over dv and dv (x - o), where v = (x - o) a + b.
 * Mapping: an invocation takes one channel of the pixels of a piece.
 * @param sums [2, N, pieces, C], written at the channels of the part
 */
function partKernel(
  { inputs, attrs }: Call<InputGradientAttrs>,
  part: number,
  { dx, sums }: { readonly dx: Tensor; readonly sums: Tensor | undefined },
  target: Target,
): Dispatch {
  const { seen, parts, factors } = operandsOf(inputs, attrs);
  const { widths, silu, resample } = attrs;
  const [images = 1, height = 1, width = 1, channels = 1] = dx.shape;
  const [, seenHeight = 1, seenWidth = 1, pitch = 1] = seen.shape;
  const { piece, across } = piecesOf(dx.shape);
  const load = readsParts(attrs)
    ? inputLoads({ parts, factors, silu, resample })[part]!
    : { read: {}, params: { channels, firstChannel: widths.slice(0, part).reduce((a, b) => a + b, 0) }, begin: "" };
  const given = gathered(
    attrs,
    (row, column) =>
      `dy[((item * params.seenHeight + ${row}) * params.seenWidth + ${column}) * params.pitch + params.firstChannel + channel]`,
  );
  const names = [resample, ...(sums ? ["norm"] : []), ...(silu ? ["silu"] : [])].filter((name) => name !== "none");
  return elementwise(["conv2d.inputGradient", ...names].join("."), target, {
    read: { dy: seen, ...load.read },
    write: { dx, ...(sums ? { sums } : {}) },
    count: images * height * across * channels,
    params: { ...load.params, height, width, seenHeight, seenWidth, pitch, piece, across },
    ...(silu ? { declarations: SILU_SLOPE_WGSL } : {}),
    body: `let piece = i / params.channels;
let channel = i - piece * params.channels;
let line = piece / params.across;
let item = line / params.height;
let row = line - item * params.height;
let first = (piece - line * params.across) * params.piece;
let end = min(first + params.piece, params.width);
${load.begin}
${sums ? "var sum = 0.0;\nvar moment = 0.0;" : ""}
for (var column = first; column < end; column += 1u) {
  let at = (line * params.width + column) * params.channels + channel;
  let given = ${given};
${
      sums
        ? `  let centred = x[at] - origin;
  let slope = ${silu ? "given * siluSlope(fma(centred, factorA, factorB))" : "given"};
  sum += slope;
  moment = fma(slope, centred, moment);
  dx[at] = slope * factorA;`
        : `  dx[at] = ${silu ? "given * siluSlope(x[at])" : "given"};`
    }
}
${
      sums
        ? `let to = piece * params.factorPitch + params.firstChannel + channel;
sums[to] = sum;
sums[params.images * params.height * params.across * params.factorPitch + to] = moment;`
        : ""
    }`,
  });
}

/**
 * Adds up the sums of all pieces of an image: on the GPU a workgroup of 256 takes 16 channels and 16 pieces at a time;
 * where kernels run on a CPU an invocation takes a channel.
 */
function finishKernel(sums: Tensor, factors: Tensor, dFactors: Tensor, target: Target): Dispatch {
  const [, images = 1, rows = 1, channels = 1] = sums.shape;
  return factorSums("conv2d.inputGradient.finish", target, {
    read: { sums, factors },
    write: { dFactors },
    sizes: { images, rows, channels },
    together: target.software ? 1 : FINISH_SHARES,
    begin: "let moments = params.images * params.rows * params.channels;",
    term: "vec2f(sums[at], sums[moments + at])",
  });
}

/**
 * Cotangents of the parts of an image that a convolution sees, and of its factors; inputs are the cotangent of that image
 * and, where a slope depends on them, the parts and the factors.
 */
export const inputGradientOp: Op<InputGradientAttrs> = defineOp<InputGradientAttrs>({
  name: "inputGradient",
  infer(inputs, attrs): readonly TensorType[] {
    const { widths, resample, height, width } = attrs;
    const parts = readsParts(attrs) ? widths.map((_, index) => `part ${index}`) : [];
    requireF32("inputGradient", inputs, ["dy", ...parts, ...(attrs.factors ? ["factors"] : [])]);
    const { seen, parts: given, factors } = operandsOf(inputs, attrs);
    const channels = widths.reduce((sum, width) => sum + width, 0);
    const shapes = partShapes(seen.shape[0]!, attrs);
    const factorShape = [3, seen.shape[0]!, channels];
    requireShape("inputGradient", "dy", seen, resampledShape([seen.shape[0]!, height, width, channels], resample));
    given.forEach((part, index) => requireShape("inputGradient", `part ${index}`, part, shapes[index]!));
    requireShape("inputGradient", "factors", factors, factorShape);
    return [...shapes, ...(factors ? [factorShape] : [])].map(f32);
  },
  reference,
  lower(call, target): readonly Dispatch[] {
    const { inputs, outputs, attrs } = call;
    const { seen, factors } = operandsOf(inputs, attrs);
    const [images = 1, height = 1] = outputs[0]!.shape;
    const sums = factors && target.scratch([2, images, height * piecesOf(outputs[0]!.shape).across, seen.shape[3]!]);
    return [
      ...attrs.widths.map((_, part) => partKernel(call, part, { dx: outputs[part]!, sums }, target)),
      ...(sums ? [finishKernel(sums, factors, outputs[attrs.widths.length]!, target)] : []),
    ];
  },
  cost: (call) => ({
    flops: (call.attrs.silu ? 14 : 5) * call.outputs.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    bytes: movedBytes(call),
  }),
  examples: [
    {
      inputs: [[2, 5, 19, 12], [2, 5, 19, 12], [3, 2, 12]],
      attrs: { widths: [12], factors: true, silu: true, resample: "none", height: 5, width: 19 },
    },
    {
      inputs: [[2, 6, 10, 33], [2, 3, 5, 20], [2, 3, 5, 13], [3, 2, 33]],
      attrs: { widths: [20, 13], factors: true, silu: true, resample: "up", height: 3, width: 5 },
    },
    {
      inputs: [[1, 3, 5, 8], [1, 6, 10, 8], [3, 1, 8]],
      attrs: { widths: [8], factors: true, silu: false, resample: "down", height: 6, width: 10 },
    },
    {
      inputs: [[1, 17, 3, 9], [1, 17, 3, 4], [1, 17, 3, 5]],
      attrs: { widths: [4, 5], factors: false, silu: true, resample: "none", height: 17, width: 3 },
    },
    {
      inputs: [[2, 3, 2, 8], [2, 7, 5, 8], [3, 2, 8]],
      attrs: { widths: [8], factors: true, silu: true, resample: "down", height: 7, width: 5 },
    },
    {
      inputs: [[1, 3, 5, 4]],
      attrs: { widths: [4], factors: false, silu: false, resample: "down", height: 6, width: 11 },
    },
    {
      inputs: [[2, 3, 5, 7]],
      attrs: { widths: [3, 4], factors: false, silu: false, resample: "down", height: 6, width: 10 },
    },
    {
      inputs: [[2, 4, 6, 3]],
      attrs: { widths: [3], factors: false, silu: false, resample: "up", height: 2, width: 3 },
    },
  ],
});

/**
 * Cotangents of what makes an image.
 * @param input what the image was made of
 * @param dy cotangent of the image, [N, H', W', C]
 * @returns cotangents of the parts, and of the factors if there are any: do = -a sum dv, da = sum dv (x - o), db = sum dv,
 * summed over the pixels of each image, where v = (x - o) a + b
 * @throws {TypeError} if the shapes do not fit
 */
export function inputGradient(
  { parts, factors, silu = false, resample = "none" }: ImageInput,
  dy: Tensor,
): { readonly parts: readonly Tensor[]; readonly factors: Tensor | undefined } {
  const [, height = 1, width = 1] = parts[0]!.shape;
  const widths = parts.map(({ shape }) => shape[3]!);
  const attrs = { widths, factors: factors !== undefined, silu, resample, height, width };
  if (parts.length === 1 && !readsParts(attrs) && resample === "none") return { parts: [dy], factors: undefined };
  const cotangents = inputGradientOp(
    [dy, ...(readsParts(attrs) ? parts : []), ...(factors ? [factors] : [])],
    attrs,
  );
  return { parts: cotangents.slice(0, parts.length), factors: cotangents[parts.length] };
}
