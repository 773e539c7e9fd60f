/** From the tensors of a checkpoint to the constants of a network: checked by name and shape, repacked, uploaded. */
import {
  constant,
  type DeviceTensor,
  elementCount,
  formatShape,
  type Runtime,
  sameShape,
  type Shape,
  type Tensor,
} from "../engine/mod.ts";
import type { Checkpoint, CheckpointTensor } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";

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

/** The parameters of a network by checkpoint name. */
export type ParameterSet = ReadonlyMap<string, Parameter>;

/** The parameters of a network on a device. */
export interface Weights {
  /** Name of the file they came from. */
  readonly name: string;
  /** Number of numbers. */
  readonly parameterCount: number;
  /**
   * A parameter as a constant of the trace being recorded, repacked as its layout says.
   * @param name checkpoint name, such as `out.2.weight`
   * @throws {RangeError} if the network did not declare it
   */
  constant(name: string): Tensor;
  /** Gives the device memory back; traces that use the weights cannot run any more. */
  free(): void;
}

/** Options of `loadWeights`. */
export interface LoadOptions {
  /** Only tensors whose names begin so are parameters, and the rest of the name is the parameter's; default: all. */
  readonly prefix?: string;
  /** Called after each parameter with the bytes uploaded so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bytes uploaded before the queue is waited for, which bounds what staging takes beside the weights. */
const BYTES_IN_FLIGHT = 64 * 1024 * 1024;

/**
 * Loads the parameters of a network: every tensor of the file (with the prefix, if one is given) must be a parameter of
 * the same shape, and every parameter must be there. Tensors are read, repacked and uploaded one at a time, each into
 * its own buffer, so that host memory holds one parameter and no buffer exceeds the largest of them.
 * @param runtime where the parameters go
 * @param file the checkpoint; F32, F16, BF16 and F64 tensors are widened or rounded to f32
 * @param parameters what the network needs
 * @throws {CheckpointError} if names, shapes or element types differ, naming the first few of each kind; if reading fails
 * @throws {DeviceLimitError} if one parameter does not fit a buffer
 */
export async function loadWeights(
  runtime: Runtime,
  file: Checkpoint,
  parameters: ParameterSet,
  { prefix = "", onProgress }: LoadOptions = {},
): Promise<Weights> {
  requireMatch(file, parameters, prefix);
  const inFileOrder = [...file.tensors.keys()].filter((stored) => stored.startsWith(prefix))
    .map((stored) => stored.slice(prefix.length));
  return await uploadWeights(runtime, {
    name: file.name,
    parameters: new Map(inFileOrder.map((name) => [name, parameters.get(name) as Parameter])),
    read: (name, into) => file.readFloat32(prefix + name, into),
  }, onProgress);
}

/** Where the values of parameters come from. */
export interface ParameterSource {
  /** What messages call it. */
  readonly name: string;
  /** In the order in which they are read. */
  readonly parameters: ParameterSet;
  /**
   * Writes a parameter's values, in the checkpoint's order, to the beginning of `into`.
   * @returns that beginning
   */
  read(name: string, into: Float32Array): Float32Array | Promise<Float32Array>;
}

/**
 * Reads, repacks and uploads parameters one at a time, each into its own buffer.
 * @param runtime where they go
 * @param source the parameters and their values
 * @param onProgress called after each with the bytes uploaded so far and in all
 * @throws {DeviceLimitError} if one parameter does not fit a buffer; whatever `read` throws
 */
export async function uploadWeights(
  runtime: Runtime,
  { name: sourceName, parameters, read }: ParameterSource,
  onProgress?: LoadOptions["onProgress"],
): Promise<Weights> {
  const sizes = [...parameters.values()].map(({ shape }) => elementCount(shape));
  const parameterCount = sizes.reduce((sum, size) => sum + size, 0);
  const loaded = new Map<string, DeviceTensor>();
  const free = (): void => loaded.forEach((tensor) => tensor.free());
  // Two arrays serve all parameters: as many as there are parameters would wait for the garbage collector together.
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  const [values, packed] = [new Float32Array(largest), new Float32Array(largest)];
  let done = 0;
  let inFlight = 0;
  try {
    for (const [name, parameter] of parameters) {
      const { data, shape } = repackParameter(await read(name, values), parameter, packed);
      loaded.set(name, runtime.upload(data, shape));
      done += data.byteLength;
      inFlight += data.byteLength;
      if (inFlight >= BYTES_IN_FLIGHT) {
        await runtime.settle();
        inFlight = 0;
      }
      onProgress?.(done, 4 * parameterCount);
    }
  } catch (error) {
    free();
    throw error;
  }
  return {
    name: sourceName,
    parameterCount,
    constant(name: string): Tensor {
      const tensor = loaded.get(name);
      if (tensor) return constant(tensor);
      throw new RangeError(
        `Cannot use parameter ${quoteName(name)} of ${quoteName(sourceName)}: the network declares no such parameter`,
      );
    },
    free,
  };
}

/** Types that `readFloat32` reads. */
const FLOAT_TYPES: readonly string[] = ["F32", "F16", "BF16", "F64"];

function requireMatch(file: Checkpoint, parameters: ParameterSet, prefix: string): void {
  const missing: string[] = [];
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const [name, { shape }] of parameters) {
    const entry = file.tensors.get(prefix + name);
    if (!entry) missing.push(`${quoteName(prefix + name)} ${formatShape(shape)}`);
    else if (!sameShape(entry.shape, shape)) {
      misshapen.push(`${named(entry)}, ${formatShape(shape)} is needed`);
    } else if (!FLOAT_TYPES.includes(entry.dtype)) mistyped.push(`${named(entry)} of ${entry.dtype}`);
  }
  const unexpected = [...file.tensors.values()]
    .filter(({ name }) => name.startsWith(prefix) && !parameters.has(name.slice(prefix.length)))
    .map(named);
  if (missing.length + unexpected.length + misshapen.length + mistyped.length === 0) return;
  const clauses = [
    counted(missing, "parameter is missing", "parameters are missing"),
    counted(unexpected, "is unexpected", "are unexpected"),
    counted(misshapen, "has another shape", "have another shape"),
    ...(mistyped.length > 0 ? [counted(mistyped, "is no float tensor", "are no float tensors")] : []),
  ];
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)}: ${clauses.join(", ")}; choose the file that belongs to this network`,
  );
}

function named({ name, shape }: CheckpointTensor): string {
  return `${quoteName(name)} ${formatShape(shape)}`;
}

/** Entries of a list that a message shows. */
const SHOWN = 3;

function counted(items: readonly string[], one: string, many: string): string {
  const head = `${items.length} ${items.length === 1 ? one : many}`;
  if (items.length === 0) return head;
  const more = items.length > SHOWN ? "; ..." : "";
  return `${head} (first ${items.slice(0, SHOWN).join("; ")}${more})`;
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
  { shape, layout }: Parameter,
  into: Float32Array = new Float32Array(data.length),
): { readonly data: Float32Array; readonly shape: Shape } {
  if (data.length !== elementCount(shape)) {
    throw new TypeError(
      `Cannot repack a parameter of shape ${formatShape(shape)}: ${data.length} elements were given, ` +
        `${elementCount(shape)} are needed`,
    );
  }
  const [outputs, inputs, height, width] = shape;
  if (layout === "plain") return { data, shape };
  const packed = into.subarray(0, data.length);
  if (layout === "convolution" && shape.length === 4) {
    const target: Shape = [height!, width!, inputs!, outputs!];
    return { data: outputsLast(data, packed, [outputs!, inputs!, height! * width!]), shape: target };
  }
  if (layout === "matrix" && (shape.length === 2 || (shape.length === 3 && height === 1))) {
    return { data: outputsLast(data, packed, [outputs!, inputs!, 1]), shape: [inputs!, outputs!] };
  }
  throw new TypeError(
    `Cannot repack a parameter of shape ${formatShape(shape)} as ${layout}: ` +
      `${layout === "matrix" ? "[O, I] or [O, I, 1]" : "[O, I, KH, KW]"} is needed`,
  );
}

/** Outputs that are moved together: one cache line of f32. */
const LINE = 16;

/** [O, I, taps] -> [taps, I, O]. */
function outputsLast(
  data: Float32Array,
  packed: Float32Array,
  [outputs, inputs, taps]: readonly [number, number, number],
): Float32Array {
  const rows = inputs * taps;
  for (let first = 0; first < outputs; first += LINE) {
    const end = Math.min(first + LINE, outputs);
    for (let row = 0; row < rows; row++) {
      const target = ((row % taps) * inputs + Math.floor(row / taps)) * outputs;
      for (let output = first; output < end; output++) packed[target + output] = data[output * rows + row]!;
    }
  }
  return packed;
}
