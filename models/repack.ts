/** The order of a parameter's elements: from the checkpoint's to the kernels'. */
import { elementCount, formatShape, type Shape, type TensorPart } from "../engine/mod.ts";

/**
 * How a parameter is stored in a checkpoint and what the kernels want: `convolution` [O, I, KH, KW] becomes
 * [KH, KW, I, O]; `matrix` [O, I], [O, I, 1] or [O, I, 1, 1] becomes [I, O]; `plain` (vectors, lookup tables) stays.
 */
export type ParameterLayout = "convolution" | "matrix" | "plain";

/** What a network needs a checkpoint to hold under one name. */
export interface Parameter {
  /** Shape in the checkpoint, in PyTorch's order. */
  readonly shape: Shape;
  /** What it is to the kernels, which decides how it is stored for them. */
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
  if (layout === "matrix" && shape.length >= 2 && shape.length <= 4 && height === 1 && width === 1) {
    return { outputs, inputs, taps: 1, shape: [inputs, outputs] };
  }
  throw new TypeError(
    `Cannot repack a parameter of shape ${formatShape(shape)} as ${layout}: ` +
      `${layout === "matrix" ? "[O, I], [O, I, 1] or [O, I, 1, 1]" : "[O, I, KH, KW]"} is needed`,
  );
}

/**
 * Words of a part at most, where one input's take no more. Loading 1.1 GB in half precision takes 1.0 s with it on the
 * software adapter, 1.2 s with a quarter (many small copies), 1.1 s with twice as many.
 */
const PART_WORDS = 2 ** 18;

/** Reorders the inputs `from` to `end` of [O, I, taps] into `packed` [taps, end - from, O]. */
type Reorder<T> = (values: T, packed: Packed, repacking: Repacking, from: number, end: number) => void;

type Packed = Float32Array | Uint32Array;

/**
 * The elements of a parameter as the kernels read them, part by part; see `ParameterLayout`.
 * @param values numbers, or the binary16 patterns of a convolution or matrix, in the checkpoint's order; of the latter two
 *   inputs lie in one word, as f16 tensors want it, and bits are moved but none is changed
 * @param parameter shape in the checkpoint, and layout
 * @returns the parts; the array of each is overwritten by the next
 * @throws {TypeError} if the shape does not fit the layout or the number of elements, or there are patterns for `plain`
 */
export function repackedParts(values: Float32Array | Uint16Array, parameter: Parameter): Iterable<TensorPart> {
  if (values.length !== elementCount(parameter.shape)) {
    throw new TypeError(
      `Cannot repack a parameter of shape ${formatShape(parameter.shape)}: ${values.length} elements were given, ` +
        `${elementCount(parameter.shape)} are needed`,
    );
  }
  if (values instanceof Uint16Array) {
    return parts(values, repackingOf(parameter), 2, (words) => new Uint32Array(words), pairedOutputsLast);
  }
  if (parameter.layout === "plain") return [{ at: 0, data: values }];
  return parts(values, repackingOf(parameter), 1, (words) => new Float32Array(words), outputsLast);
}

/** @param perWord inputs that share a word */
function* parts<T>(
  values: T,
  repacking: Repacking,
  perWord: 1 | 2,
  allocate: (words: number) => Packed,
  reorder: Reorder<T>,
): Generator<TensorPart> {
  const { inputs, outputs, taps } = repacking;
  const rows = Math.ceil(inputs / perWord);
  const rowsAtOnce = Math.min(rows, Math.max(1, Math.floor(PART_WORDS / (taps * outputs))));
  const packed = allocate(taps * rowsAtOnce * outputs);
  for (let from = 0; from < rows; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - from);
    reorder(values, packed, repacking, from * perWord, Math.min(inputs, (from + count) * perWord));
    for (let tap = 0; tap < taps; tap++) {
      const begin = tap * count * outputs;
      yield { at: (tap * rows + from) * outputs, data: packed.subarray(begin, begin + count * outputs) };
    }
  }
}

/**
 * Reorders the elements of a parameter as `repackedParts` does, in one array.
 * @param values numbers in the checkpoint's order
 * @param parameter shape in the checkpoint, and layout
 * @returns elements and shape as the kernels read them
 * @throws {TypeError} as `repackedParts`
 */
export function repackParameter(
  values: Float32Array,
  parameter: Parameter,
): { readonly data: Float32Array; readonly shape: Shape } {
  const data = new Float32Array(values.length);
  for (const part of repackedParts(values, parameter)) data.set(part.data, part.at);
  return { data, shape: repackedShape(parameter) };
}

/** Outputs that are moved together: one cache line of words. */
const LINE = 16;

function outputsLast(
  values: Float32Array,
  packed: Packed,
  { outputs, inputs, taps }: Repacking,
  from: number,
  end: number,
): void {
  const row = inputs * taps;
  const count = end - from;
  for (let first = 0; first < outputs; first += LINE) {
    const last = Math.min(first + LINE, outputs);
    for (let input = 0; input < count; input++) {
      for (let tap = 0; tap < taps; tap++) {
        let source = first * row + (from + input) * taps + tap;
        const target = (tap * count + input) * outputs;
        for (let output = first; output < last; output++, source += row) packed[target + output] = values[source]!;
      }
    }
  }
}

/** Two inputs a word; the partner of the last of an odd number of inputs is zero. */
function pairedOutputsLast(
  bits: Uint16Array,
  packed: Packed,
  { outputs, inputs, taps }: Repacking,
  from: number,
  end: number,
): void {
  const row = inputs * taps;
  const pairs = Math.ceil((end - from) / 2);
  for (let first = 0; first < outputs; first += LINE) {
    const last = Math.min(first + LINE, outputs);
    for (let pair = 0; pair < pairs; pair++) {
      const input = from + 2 * pair;
      const paired = input + 1 < end;
      for (let tap = 0; tap < taps; tap++) {
        let source = first * row + input * taps + tap;
        const target = (tap * pairs + pair) * outputs;
        if (!paired) {
          for (let output = first; output < last; output++, source += row) packed[target + output] = bits[source]!;
        } else {
          for (let output = first; output < last; output++, source += row) {
            packed[target + output] = bits[source]! | bits[source + taps]! << 16;
          }
        }
      }
    }
  }
}
