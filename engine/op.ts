/** What an operation is: one object that holds its shape rule, CPU reference, WGSL and cost. */
import {
  byteLength,
  type Coefficient,
  type HostTensor,
  type Scalar,
  type Shape,
  type Tensor,
  type TensorType,
} from "./tensor.ts";

/** Scalars that one stage can have: entries of 16 bytes (f32 bits, low and high integer words, 0) in a uniform. */
export const SCALAR_CAPACITY = 64;

/** The second computation of a checkpointed segment, for its reverse pass. */
export interface Recomputation {
  /** Calls merge with equal ones of the same recomputation alone. */
  readonly id: number;
  /** The cotangents that reach the segment: it is not computed again before they are there. */
  readonly after: readonly Tensor[];
}

/** One use of an operation in a trace. */
export interface Call<A = unknown> {
  /** What is computed. */
  readonly op: OpDef<A>;
  /** What it is computed from. */
  readonly inputs: readonly Tensor[];
  /** Its results. */
  readonly outputs: readonly Tensor[];
  /** Plain data (numbers, strings, arrays, scalars), so that equal calls have equal JSON. */
  readonly attrs: A;
  /** Where the call stands in the network or sampler, such as `input_blocks.4.0.in_layers.2`. */
  readonly scope: string;
  /** Set if the call belongs to the reverse pass of a checkpointed segment. */
  readonly recomputation?: Recomputation;
  /** Set if the call is part of something that is counted, such as a network. */
  readonly application?: Application;
}

/** Something whose applications are counted, such as a network. */
export interface Counted {
  /** What an application counts as. */
  readonly name: string;
  /** What a reverse pass through an application counts as. */
  readonly reverse: string;
}

/** One application of something that is counted, recorded in a trace. */
export interface Application extends Counted {
  /** Tells the applications of a trace apart. */
  readonly id: number;
  /** Items of the batch that it is applied to. */
  readonly samples: number;
}

/**
 * A tensor as a kernel binds it; binding k of group 0 is entry k. What is sampled is a prepared constant
 * [height, width, 4], kept as a texture of height x width texels instead of a buffer.
 */
export interface Binding {
  /** What is bound. */
  readonly tensor: Tensor;
  /** How the kernel uses it. */
  readonly access: "read" | "write" | "sample";
  /** The bytes that are bound, where it is not all of them; `offset` is a multiple of `BINDING_ALIGNMENT`. */
  readonly range?: { readonly offset: number; readonly bytes: number };
}

/** Bytes of whose multiples every device lets a part of a buffer begin that is bound. */
export const BINDING_ALIGNMENT = 256;

/** Bytes that a dispatch binds of a tensor. */
export function boundBytes({ tensor, range }: Binding): number {
  return range?.bytes ?? byteLength(tensor);
}

/** One compute dispatch, still free of any GPU object. */
export interface Dispatch {
  /** Stable name of the kernel, such as `conv2d.direct`. */
  readonly label: string;
  /** The whole module, entry point `main`; also the key of the pipeline cache, so equal text is compiled once. */
  readonly wgsl: string;
  /**
   * A shorter text of the same kernel, which gives the same bits; absent where there is none. It is compiled in place of
   * `wgsl` on a device whose compiler has been slow at such texts.
   */
  readonly shortWgsl?: string;
  /** All that the kernel reads and writes. */
  readonly bindings: readonly Binding[];
  /**
   * Words of the uniform at group 0 after the last binding; absent if the kernel has none. Sizes that are passed
   * here instead of being written into the text let layers of different size share one compiled pipeline.
   */
  readonly params?: readonly number[];
  /**
   * Its share of the floating-point operations of the call, in any unit that its dispatches have in common: a plan counts
   * them there. Without any, they count at the first dispatch.
   */
  readonly work?: number;
  /** Whether the kernel reads the scalars of the run (group 1, binding 0). */
  readonly usesScalars: boolean;
  /** Workgroups along x, y and z. */
  readonly workgroups: readonly [number, number, number];
  /**
   * Dispatches that give the same bits and bind at most so many bytes at once: parts of the tensors that are larger.
   * Undefined, or absent, where the kernel does not work in parts.
   */
  readonly inParts?: (bytes: number) => readonly Dispatch[] | undefined;
}

/** Makers of GPUs whose kinds of processors kernels tell apart. */
export type GpuVendor = "amd" | "apple" | "intel" | "nvidia";

/** Where a kernel on a software adapter reads the weights of a product from. */
export type WeightForm = "texture" | "buffer";

/** What a kernel may rely on: the limits and features of the device that it is written for. */
export interface DeviceProfile {
  /** Invocations of one workgroup at most. */
  readonly maxWorkgroupInvocations: number;
  /** Bytes of workgroup memory at most. */
  readonly maxWorkgroupBytes: number;
  /** Workgroups along one dimension of a dispatch at most. */
  readonly maxWorkgroupsPerDimension: number;
  /** Storage buffers of one kernel at most. */
  readonly maxStorageBuffers: number;
  /** Bytes of one storage binding at most. */
  readonly maxBindingBytes: number;
  /** Bytes of one buffer at most. */
  readonly maxBufferBytes: number;
  /** Texels along one side of a texture at most. */
  readonly maxTextureSide: number;
  /** The products of small matrices that subgroups compute; absent where there are none. */
  readonly subgroupMatrix?: SubgroupMatrix;
  /** Invocations of a subgroup where subgroup builtins may be used and the size is fixed, otherwise 0. */
  readonly subgroupSize: number;
  /**
   * Invocations that every subgroup has at least where subgroup builtins may be used, whatever its size: as many of
   * consecutive indices, from a multiple of their number on, are in one subgroup. By default `subgroupSize`.
   */
  readonly leastSubgroupSize?: number;
  /** Whether kernels may compute in half precision. */
  readonly f16: boolean;
  /** Whether kernels run on the CPU: loads cost, workgroup memory buys nothing, compilation is slow. */
  readonly software: boolean;
  /** Who made the GPU, which tells how many registers an invocation has; absent where it is not known. */
  readonly vendor?: GpuVendor;
  /**
   * Bytes of prepared constants that one stage may have at most, see `Target.prepared`; no bound by default. What serves
   * the most operations per byte is prepared first.
   */
  readonly preparedBytes?: number;
  /** Where products that take either read their weights from faster, where that was measured; see `LayerChoice`. */
  readonly fasterWeights?: WeightForm;
  /** Which of several ways an operation shall take, by its name or that of a layer; kernels read their own. */
  readonly preferences?: Readonly<Record<string, string>>;
}

/**
 * A product of small matrices that the subgroups of a device compute in one step, their invocations holding its factors
 * and sums together: [rows, inner] times [inner, columns], factors in half and sums in single precision.
 */
export interface SubgroupMatrix {
  /** Rows of the left factor and of the sums. */
  readonly rows: number;
  /** Columns of the right factor and of the sums. */
  readonly columns: number;
  /** Columns of the left factor, rows of the right one. */
  readonly inner: number;
  /** Invocations of the subgroups that compute it. */
  readonly lanes: number;
  /** Whether a kernel must ask for subgroups of `lanes` invocations, as the device has others too. */
  readonly asksForLanes: boolean;
}

/** What a preference for a call is called, and what it may ask for. */
export interface LayerChoice {
  /** Name of the operation. */
  readonly operation: string;
  /** Name of the layer: that of the operation, a space, and all sizes that the choice may depend on. */
  readonly key: string;
  /** Names of the algorithms. */
  readonly algorithms: readonly string[];
  /** Whether it follows `DeviceProfile.fasterWeights` where no preference is given, so that these are to be measured. */
  readonly takesFasterWeights?: boolean;
}

/** The device profile together with what a kernel may ask for while it is lowered. */
export interface Target extends DeviceProfile {
  /** A tensor that exists only between the dispatches of this call. */
  scratch(shape: Shape): Tensor;
  /** Entry of a scalar in the uniform of the run. */
  scalarIndex(scalar: Scalar): number;
  /**
   * Tells that the call can be computed by several algorithms, so that a plan lists what can be tuned. What is noted after
   * the first choice is one about a part of what that came to.
   */
  noteLayer?(choice: LayerChoice): void;
  /**
   * The first result of an operation on constants, such as a transformed weight: computed once when the stage is built,
   * and shared by all stages that ask for the same. Undefined if an input is no constant, or the bytes that the profile
   * allows for such constants serve others better.
   */
  prepared<A>(op: OpDef<A>, inputs: readonly Tensor[], attrs: A): Tensor | undefined;
}

/** A small case for the law tests: input shapes (filled with seeded random numbers) or given data. */
export interface Example<A> {
  /** Shapes or data of the inputs. */
  readonly inputs: readonly (Shape | HostTensor)[];
  /** Attributes of the call. */
  readonly attrs: A;
  /** Values of the scalars that `attrs` names. */
  readonly scalars?: Readonly<Record<string, number>>;
}

/** An operation: everything that is true of it stands in its definition. */
export interface OpDef<A> {
  /** What profiles and messages call it. */
  readonly name: string;
  /** Output types. Throws TypeError (shape, element type) or RangeError (attribute value) with a full message. */
  infer(inputs: readonly TensorType[], attrs: A): readonly TensorType[];
  /**
   * The operation on the CPU, accumulated in f64 and rounded once: the oracle of the kernels. `u32` tensors arrive
   * as the same bits in a Float32Array, `f16` tensors as their values.
   */
  reference(
    call: Call<A>,
    inputs: readonly Float32Array[],
    scalars: Readonly<Record<string, number>>,
  ): readonly Float32Array[];
  /** The dispatches that compute it, in order. */
  lower(call: Call<A>, target: Target): readonly Dispatch[];
  /**
   * The vector-Jacobian product: records the calls that give the cotangents of the inputs. Absent if the operation
   * cannot be differentiated.
   * @param call the inputs and outputs may be read; every use keeps them alive until the reverse pass
   * @param cotangents one for each output; undefined is zero
   * @param wanted whether each input depends on what is differentiated; others (weights, constants) need no cotangent
   * @returns one for each input, of its shape; undefined is zero, and is ignored where not wanted
   */
  vjp?(
    call: Call<A>,
    cotangents: readonly (Tensor | undefined)[],
    wanted: readonly boolean[],
  ): readonly (Tensor | undefined)[];
  /** Floating-point operations (multiply-add = 2) and bytes that must move at least. */
  cost(call: Call<A>): { readonly flops: number; readonly bytes: number };
  /** Small odd shapes for the law tests. */
  readonly examples: readonly Example<A>[];
  /** Set if the output is the first input under another shape: no dispatch, shared memory. */
  readonly alias?: true;
}

/** The scalars named anywhere in the attributes of a call. */
export function scalarsOf(attrs: unknown): readonly Scalar[] {
  if (typeof attrs !== "object" || attrs === null) return [];
  if (isScalar(attrs)) return [attrs];
  return Object.values(attrs).flatMap(scalarsOf);
}

/** Whether a value is a scalar, that is `{ scalar: name }`. */
export function isScalar(value: unknown): value is Scalar {
  return typeof value === "object" && value !== null && "scalar" in value && typeof value.scalar === "string";
}

/**
 * Value of a coefficient at a run, for reference implementations.
 * @throws {RangeError} if the run supplies no such scalar
 */
export function valueOf(coefficient: Coefficient, scalars: Readonly<Record<string, number>>): number {
  if (typeof coefficient === "number") return coefficient;
  const value = scalars[coefficient.scalar];
  if (value === undefined) {
    throw new RangeError(`Cannot evaluate scalar "${coefficient.scalar}": the run supplies no value for it`);
  }
  return value;
}
