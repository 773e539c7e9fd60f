/** The order of a parameter's elements: from the checkpoint's to the kernels'. */
import { elementCount, formatShape, type Shape } from "../engine/mod.ts";

/**
 * How a parameter is stored in a checkpoint and what the kernels want: `convolution` [O, I, KH, KW] becomes
 * [KH, KW, I, O]; `matrix` [O, I] or [O, I, 1] becomes [I, O]; `plain` (vectors, lookup tables) stays.
 */
export type ParameterLayout = "convolution" | "matrix" | "plain";

/** What a network needs a checkpoint to hold under one name. */
export interface Parameter {
  /** Shape in the checkpoint, in PyTorch's order. */
  readonly shape: Shape;
  readonly layout: ParameterLayout;
}

/** A parameter as outputs, inputs and taps of each pair, with its shape for the kernels. */
interface Repacking {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
  /** [KH, KW, I, O] or [I, O]. */
  readonly shape: Shape;
}

/**
 * Shape of a parameter as the kernels read it: [KH, KW, I, O] for a convolution, [I, O] for a matrix.
 * @throws {TypeError} if the shape does not fit the layout
 */
export function repackedShape({ shape, layout }: Parameter): Shape {
  return layout === "plain" ? shape : repackingOf({ shape, layout }).shape;
}

function repackingOf({ shape, layout }: Parameter): Repacking {
  const [outputs = 0, inputs = 0, height = 1, width = 1] = shape;
  if (layout === "convolution" && shape.length === 4) {
    return { outputs, inputs, taps: height * width, shape: [height, width, inputs, outputs] };
  }
  if (layout === "matrix" && (shape.length === 2 || (shape.length === 3 && height === 1))) {
    return { outputs, inputs, taps: 1, shape: [inputs, outputs] };
  }
  throw new TypeError(
    `Cannot repack a parameter of shape ${formatShape(shape)} as ${layout}: ` +
      `${layout === "matrix" ? "[O, I] or [O, I, 1]" : "[O, I, KH, KW]"} is needed`,
  );
}

function requireCount({ shape }: Parameter, count: number): void {
  if (count === elementCount(shape)) return;
  throw new TypeError(
    `Cannot repack a parameter of shape ${formatShape(shape)}: ${count} elements were given, ` +
      `${elementCount(shape)} are needed`,
  );
}

/**
 * Reorders the elements of a parameter from the checkpoint's order to the kernels'; see `ParameterLayout`.
 * @param data elements in the checkpoint's order
 * @param parameter shape in the checkpoint, and layout
 * @param into where reordered elements go, at least as many; a new array by default
 * @returns elements and shape as the kernels read them; `data` itself where nothing moves
 * @throws {TypeError} if the shape does not fit the layout or the number of elements
 */
export function repackParameter(
  data: Float32Array,
  parameter: Parameter,
  into: Float32Array = new Float32Array(data.length),
): { readonly data: Float32Array; readonly shape: Shape } {
  requireCount(parameter, data.length);
  if (parameter.layout === "plain") return { data, shape: parameter.shape };
  const repacking = repackingOf(parameter);
  const packed = into.subarray(0, data.length);
  outputsLast(data, packed, repacking);
  return { data: packed, shape: repacking.shape };
}

/** Outputs that are moved together: one cache line of words. */
const LINE = 16;

/** [O, I, taps] -> [taps, I, O]. */
function outputsLast(data: Float32Array, packed: Float32Array, { outputs, inputs, taps }: Repacking): void {
  const rows = inputs * taps;
  for (let first = 0; first < outputs; first += LINE) {
    const end = Math.min(first + LINE, outputs);
    for (let input = 0; input < inputs; input++) {
      for (let tap = 0; tap < taps; tap++) {
        let from = first * rows + input * taps + tap;
        const target = (tap * inputs + input) * outputs;
        for (let output = first; output < end; output++, from += rows) packed[target + output] = data[from]!;
      }
    }
  }
}

/**
 * Reorders a convolution or matrix of half precision as `repackParameter` does, two inputs in one word as f16 tensors
 * want it. Bits are moved, none is changed.
 * @param bits binary16 patterns in the checkpoint's order
 * @param parameter shape in the checkpoint, and layout
 * @param into where the words go, at least as many; a new array by default
 * @returns words and shape as the kernels read them
 * @throws {TypeError} if the layout is `plain`, or the shape does not fit the layout or the number of elements
 */
export function repackHalf(
  bits: Uint16Array,
  parameter: Parameter,
  into?: Uint32Array,
): { readonly data: Uint32Array; readonly shape: Shape } {
  requireCount(parameter, bits.length);
  const repacking = repackingOf(parameter);
  const { outputs, inputs, taps, shape } = repacking;
  const count = taps * Math.ceil(inputs / 2) * outputs;
  const words = into ? into.subarray(0, count) : new Uint32Array(count);
  pairedOutputsLast(bits, words, repacking);
  return { data: words, shape };
}

/** [O, I, taps] -> [taps, ceil(I / 2), O] of pairs; the partner of the last of an odd number of inputs is zero. */
function pairedOutputsLast(bits: Uint16Array, words: Uint32Array, { outputs, inputs, taps }: Repacking): void {
  const rows = inputs * taps;
  const pairs = Math.ceil(inputs / 2);
  for (let first = 0; first < outputs; first += LINE) {
    const end = Math.min(first + LINE, outputs);
    for (let input = 0; input < inputs; input += 2) {
      const partner = input + 1 < inputs ? taps : 0;
      for (let tap = 0; tap < taps; tap++) {
        let from = first * rows + input * taps + tap;
        const target = (tap * pairs + input / 2) * outputs;
        if (partner === 0) {
          for (let output = first; output < end; output++, from += rows) words[target + output] = bits[from]!;
        } else {
          for (let output = first; output < end; output++, from += rows) {
            words[target + output] = bits[from]! | bits[from + partner]! << 16;
          }
        }
      }
    }
  }
}
