import type { SafetensorsDtype } from "./safetensors_dtype.ts";

/** One tensor of a checkpoint. */
export interface CheckpointTensor {
  /** Any text, also empty or with control characters. */
  readonly name: string;
  /** Element type, by the name it has in safetensors. */
  readonly dtype: SafetensorsDtype;
  /** Outermost first; [] is a single number. */
  readonly shape: readonly number[];
}

/** The container a checkpoint lies in: safetensors, PyTorch's zip archive, or the format PyTorch wrote before 1.6. */
export type CheckpointFormat = "safetensors" | "pytorch" | "pytorch-legacy";

/** Named tensors in a file, whatever its format; they are read when asked for. */
export interface Checkpoint {
  /** What messages call the file. */
  readonly name: string;
  /** How the file is written. */
  readonly format: CheckpointFormat;
  /** Where in the file the tensors are: "" for the whole of it, else such as `state_dict`, `model.ema` or `[0]`. */
  readonly stateDict: string;
  /** Text that describes the file; PyTorch's formats have none. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The tensors by name, in the order in which they are read fastest. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /**
   * What stands under names beside the tensors and cannot be read as one, by name: what it is, such as `the number 5` or
   * `a call of "torch._utils._rebuild_sparse_tensor"`. Nothing by default.
   */
  readonly leftOut?: ReadonlyMap<string, string>;
  /** What all names began with and is taken off them, `module.` or nothing. */
  readonly wrapper?: string;
  /**
   * The elements of a tensor of any type, contiguous, outermost dimension first, as little-endian bytes, piece by piece.
   * @param name tensor name
   * @returns pieces of at most 4 MiB that hold whole elements, to be read before the next is asked for, and not changed
   * @throws {CheckpointError} if there is no such tensor, or the file was cut in the meantime
   */
  readPieces(name: string): AsyncGenerator<Uint8Array, void>;
  /**
   * The same bytes in one array.
   * @param name tensor name
   * @param into where they go, at least as many; a new array by default
   * @returns the bytes, the beginning of `into` if it is given
   * @throws {CheckpointError} as readPieces
   * @throws {RangeError} if `into` is too short
   */
  readBytes(name: string, into?: Uint8Array): Promise<Uint8Array>;
  /**
   * A tensor of real numbers as f32: F32 bit for bit, F16, BF16 and the 8-bit floats F8_E4M3 and F8_E5M2 (with their FNUZ
   * forms) widened exactly, F64 rounded to nearest.
   * @param name tensor name
   * @param into where the elements go, at least as many; a new array by default
   * @returns as many elements as the shape has, the beginning of `into` if it is given
   * @throws {CheckpointError} as readPieces, and if the tensor holds another type
   * @throws {RangeError} if `into` is too short
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>;
}
