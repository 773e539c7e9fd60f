/** From the tensors of a checkpoint to the constants of a network: checked by name and shape, repacked, uploaded. */
import {
  byteLength,
  constant,
  DeviceLimitError,
  type DeviceTensor,
  elementCount,
  formatShape,
  type Runtime,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../engine/mod.ts";
import { f32ToF16 } from "./checkpoint/half.ts";
import { FLOAT_DTYPES } from "./checkpoint/checkpoint_file.ts";
import type { Checkpoint, CheckpointTensor } from "./checkpoint/checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint/checkpoint_error.ts";
import { type Parameter, repackedParts, repackedShape } from "./repack.ts";

export type { Parameter, ParameterLayout } from "./repack.ts";

/** Precisions in which convolutions and matrices can be kept; vectors and lookup tables are f32 in all of them. */
export const PRECISIONS = ["f32", "f16"] as const;

/** One of `PRECISIONS`. */
export type Precision = typeof PRECISIONS[number];

/** The parameters of a network by checkpoint name. */
export type ParameterSet = ReadonlyMap<string, Parameter>;

/** The parameters of a network on a device. */
export interface Weights {
  /** Name of the file they came from. */
  readonly name: string;
  /** Number of scalars. */
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

/** Options of `uploadWeights`. */
export interface UploadOptions {
  /**
   * How convolutions and matrices are kept: f32 by default; f16 takes half the memory, is read with half the traffic,
   * and rounds what is not half precision already. Kernels compute in f32 either way.
   */
  readonly precision?: Precision;
  /** Called after each parameter with the bytes uploaded so far and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Options of `loadWeights`. */
export interface LoadOptions extends UploadOptions {
  /** Only tensors whose names begin so are parameters, and the rest of the name is the parameter's; default: all. */
  readonly prefix?: string;
}

/**
 * Loads the parameters of a network: every tensor of the file (with the prefix, if one is given) must be a parameter of
 * the same shape, and every parameter must be there. Tensors are repacked and uploaded one at a time, each into its own
 * buffer, while the next is read, so that host memory holds two parameters and no buffer exceeds the largest of them.
 * @param runtime where the parameters go
 * @param file the checkpoint; F32, F16, BF16 and F64 tensors are widened or rounded to f32, and where f16 is asked for
 *   rounded to nearest with ties to even, while F16 tensors keep their bits
 * @param parameters what the network needs
 * @throws {CheckpointError} if names, shapes or element types differ, naming the first few of each kind; if reading
 *   fails; if a parameter holds a number that half precision cannot
 * @throws {DeviceLimitError} if one parameter does not fit a buffer, before anything is read
 */
export async function loadWeights(
  runtime: Runtime,
  file: Checkpoint,
  parameters: ParameterSet,
  { prefix = "", ...options }: LoadOptions = {},
): Promise<Weights> {
  requireParameters(
    file,
    parameters,
    (name) => name.startsWith(prefix) ? name.slice(prefix.length) : undefined,
    prefix,
  );
  const inFileOrder = [...file.tensors.keys()].filter((stored) => stored.startsWith(prefix))
    .map((stored) => stored.slice(prefix.length));
  return await uploadWeights(runtime, {
    name: file.name,
    parameters: new Map(inFileOrder.map((name) => [name, parameters.get(name) as Parameter])),
    isHalf: (name) => file.tensors.get(prefix + name)?.dtype === "F16",
    read: (name, into) => file.readFloat32(prefix + name, into),
    readHalf: async (name, into) => {
      const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
      return into.subarray(0, (await file.readBytes(prefix + name, bytes)).length / 2);
    },
  }, options);
}

/** Where the values of parameters come from. */
export interface ParameterSource {
  /** What messages call it. */
  readonly name: string;
  /** In the order in which they are read. */
  readonly parameters: ParameterSet;
  /** Whether the values of a parameter are stored in half precision; by default none are. */
  isHalf?(name: string): boolean;
  /**
   * Writes a parameter's values, in the checkpoint's order, to the beginning of `into`.
   * @returns that beginning
   */
  read(name: string, into: Float32Array): Float32Array | Promise<Float32Array>;
  /** The same for the binary16 patterns of a parameter of which `isHalf` is true. */
  readHalf?(name: string, into: Uint16Array): Promise<Uint16Array>;
}

/**
 * Reads, repacks and uploads parameters one at a time, each into its own buffer, reading one ahead.
 * @param runtime where they go
 * @param source the parameters and their values
 * @param options precision, and what to be told
 * @throws {CheckpointError} if a parameter holds a number that half precision cannot; whatever `read` throws
 * @throws {DeviceLimitError} if one parameter does not fit a buffer, before anything is read
 */
export async function uploadWeights(
  runtime: Runtime,
  source: ParameterSource,
  { precision = "f32", onProgress }: UploadOptions = {},
): Promise<Weights> {
  const { name: sourceName, parameters } = source;
  const types = new Map([...parameters].map(([name, parameter]) => [name, typeOf(parameter, precision)]));
  requireFit(runtime, source, types);
  const sizes = [...parameters.values()].map(({ shape }) => elementCount(shape));
  const total = [...types.values()].reduce((sum, type) => sum + byteLength(type), 0);
  const loaded = new Map<string, DeviceTensor>();
  const free = (): void => loaded.forEach((tensor) => tensor.free());
  // Two arrays serve all parameters: as many as there are parameters would wait for the garbage collector together.
  const largest = 4 * sizes.reduce((most, size) => Math.max(most, size), 0);
  const [even, odd] = [largest, largest].map((bytes) => new ArrayBuffer(bytes));
  const names = [...parameters.keys()];
  const start = (index: number): Promise<Values> => {
    const values = readValues(source, names[index]!, (index % 2 === 0 ? even : odd)!, types.get(names[index]!)!);
    values.catch(() => {}); // reported where it is awaited, if nothing else fails before
    return values;
  };
  let next = start(0);
  let done = 0;
  try {
    for (const [index, name] of names.entries()) {
      const values = await next;
      if (index + 1 < names.length) next = start(index + 1);
      const type = types.get(name)!;
      loaded.set(name, runtime.uploadParts(type, repackedParts(values, parameters.get(name)!)));
      done += byteLength(type);
      onProgress?.(done, total);
    }
  } catch (error) {
    await next.catch(() => {});
    free();
    throw error;
  }
  return {
    name: sourceName,
    parameterCount: sizes.reduce((sum, size) => sum + size, 0),
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

/** A parameter as it was read: numbers, or binary16 patterns. */
type Values = Float32Array | Uint16Array;

/** The least number that rounds to infinity in half precision. */
const HALF_OVERFLOW = 65520;

function typeOf(parameter: Parameter, precision: Precision): TensorType {
  return { shape: repackedShape(parameter), dtype: parameter.layout === "plain" ? "f32" : precision };
}

/** Numbers for an f32 tensor; patterns for an f16 tensor, rounded in place where the source has numbers. */
async function readValues(
  source: ParameterSource,
  name: string,
  into: ArrayBuffer,
  { dtype }: TensorType,
): Promise<Values> {
  if (dtype === "f16" && source.readHalf && source.isHalf?.(name)) {
    return await source.readHalf(name, new Uint16Array(into));
  }
  const values = await source.read(name, new Float32Array(into));
  if (dtype === "f32") return values;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    if (magnitude < HALF_OVERFLOW || magnitude === Infinity || Number.isNaN(magnitude)) continue;
    throw new CheckpointError(
      `Cannot load ${quoteName(source.name)} in half precision: parameter ${quoteName(name)} holds ${values[i]}, ` +
        "half precision ends at 65504; load it in single precision (--precision f32)",
    );
  }
  // A number is read before the pattern that lies in its first half is written.
  return f32ToF16(values, new Uint16Array(values.buffer, values.byteOffset, values.length));
}

/** Fails before anything is read if a parameter is too large for a kernel to read. */
function requireFit(runtime: Runtime, source: ParameterSource, types: ReadonlyMap<string, TensorType>): void {
  const limit = Math.min(runtime.maxTensorBytes, runtime.maxBindingBytes);
  for (const [name, type] of types) {
    const bytes = byteLength(type);
    if (bytes <= limit) continue;
    const half = byteLength(typeOf(source.parameters.get(name)!, "f16"));
    throw new DeviceLimitError(
      `Cannot load ${quoteName(source.name)}: parameter ${quoteName(name)} ${formatShape(type.shape)} takes ${bytes} ` +
        `bytes in ${type.dtype}, the device binds at most ${limit} (maxStorageBufferBindingSize); ` +
        (half <= limit ? `use half precision (--precision f16), which takes ${half}` : "use another device"),
    );
  }
}

/**
 * Whether a stored tensor can be a parameter: it has the parameter's shape, or is the same matrix with more or fewer
 * extents of one behind it, as programs keep it in layers of other dimensions.
 * @param parameter what is needed
 * @param shape of the stored tensor
 */
export function fitsParameter({ shape: needed, layout }: Parameter, shape: Shape): boolean {
  if (layout !== "matrix") return sameShape(shape, needed);
  return shape.length >= 2 && sameShape(shape.slice(0, 2), needed.slice(0, 2)) &&
    shape.slice(2).every((extent) => extent === 1);
}

/**
 * Makes sure that a file holds the parameters of a network and nothing else.
 * @param file the checkpoint
 * @param parameters what the network needs
 * @param parameterOf name of the parameter that a stored tensor is, undefined for one that does not concern the network
 * @param prefix what stands before a parameter's name in the file
 * @throws {CheckpointError} if names, shapes or element types differ, naming the first few of each kind
 */
export function requireParameters(
  file: Checkpoint,
  parameters: ParameterSet,
  parameterOf: (stored: string) => string | undefined,
  prefix = "",
): void {
  const missing: string[] = [];
  const misshapen: string[] = [];
  const mistyped: string[] = [];
  for (const [name, parameter] of parameters) {
    const { shape } = parameter;
    const entry = file.tensors.get(prefix + name);
    if (!entry) missing.push(`${quoteName(prefix + name)} ${formatShape(shape)}${insteadOf(file, prefix + name)}`);
    else if (!fitsParameter(parameter, entry.shape)) {
      misshapen.push(`${named(entry)}, ${formatShape(shape)} is needed`);
    } else if (!FLOAT_DTYPES.includes(entry.dtype)) mistyped.push(`${named(entry)} of ${entry.dtype}`);
  }
  const unexpected = [...file.tensors.values()].filter(({ name }) => {
    const parameter = parameterOf(name);
    return parameter !== undefined && !parameters.has(parameter);
  }).map(named);
  if (missing.length + unexpected.length + misshapen.length + mistyped.length === 0) return;
  const clauses = [
    counted(missing, "parameter is missing", "parameters are missing"),
    counted(unexpected, "is unexpected", "are unexpected"),
    counted(misshapen, "has another shape", "have another shape"),
    ...(mistyped.length > 0 ? [counted(mistyped, "is no float tensor", "are no float tensors")] : []),
    ...(mistyped.some((text) => /I8$|U8$/.test(text)) ? ["its weights are quantised to integers of 8 bits"] : []),
  ];
  throw new CheckpointError(
    `Cannot load ${quoteName(file.name)}: ${clauses.join(", ")}; choose the file that belongs to this network`,
  );
}

/** What a file has under the name of a parameter, if it is no tensor. */
function insteadOf({ leftOut }: Checkpoint, name: string): string {
  const found = leftOut?.get(name);
  return found === undefined ? "" : ` (the file has ${found} in its place, which is not run)`;
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
