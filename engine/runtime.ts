/** The interface that samplers and networks see: upload, trace once, replay. Two runtimes implement it. */
import type { Plan } from "./plan.ts";
import type { DeviceTensor, DType, Scalar, Shape, Tensor, TensorType } from "./tensor.ts";
import type { TensorPart } from "./tensor_parts.ts";

/** Symbolic inputs of a stage body, by name. */
export type Tensors<I extends string> = Readonly<Record<I, Tensor>>;

/** Symbolic scalars of a stage body, by name. */
export type Scalars<C extends string> = Readonly<Record<C, Scalar>>;

/**
 * A traced computation. It is traced at the first call and replayed at later calls with inputs of the same shapes.
 * The promise resolves when the work is submitted, not when it is done; results stay valid until the stage runs again.
 */
export interface Stage<I extends string, C extends string, O extends string> {
  (
    inputs: Readonly<Record<I, DeviceTensor>>,
    scalars: Readonly<Record<C, number>>,
  ): Promise<Record<O, DeviceTensor>>;
  /** Gives the memory of the stage back: its results become stale, and it would be traced anew. */
  release(): void;
}

/** The body of a stage: builds the outputs from the inputs, once. */
export type StageBody<I extends string, C extends string, O extends string> = (
  inputs: Tensors<I>,
  scalars: Scalars<C>,
) => Readonly<Record<O, Tensor>>;

/** What a runtime has used so far. */
export interface RuntimeStatistics {
  /** Bytes of all live device buffers. */
  readonly deviceBytes: number;
  /** Most bytes that were live at once, since `resetPeak` or ever. */
  readonly peakDeviceBytes: number;
  /** Distinct pipelines compiled. */
  readonly pipelines: number;
  /** Milliseconds spent in creating pipelines. */
  readonly compileMilliseconds: number;
  /** Plans built so far by stage name, the newest of each; empty on the CPU. */
  readonly plans: ReadonlyMap<string, Plan>;
  /** What its stages have applied of what is `counted`, by name, in items of batches. */
  readonly applications: ReadonlyMap<string, number>;
}

/** Where tensors live and stages run. */
export interface Runtime {
  /** The adapter in words, for reports. */
  readonly description: string;
  /**
   * Bytes of one tensor at most. Beyond `maxBindingBytes` the operations of restorations take a tensor in parts; those of
   * networks do not.
   */
  readonly maxTensorBytes: number;
  /** Bytes of one tensor at most that every kernel can read. */
  readonly maxBindingBytes: number;
  /**
   * Copies elements to the device.
   * @param data the elements, outermost dimension first; for `f16` the words that hold them, as `packHalf` gives them
   * @param shape extents
   * @param dtype element type, by default the array's own
   * @throws {TypeError} if the number of words does not fit the shape, or the array the element type
   * @throws {DeviceLimitError} if one buffer cannot hold them
   */
  upload(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): DeviceTensor;
  /**
   * Copies a tensor that comes in parts, each before the next is asked for: one array can serve all parts, and making
   * a part overlaps with the device's work on those before.
   * @param type shape and element type
   * @param parts all words of the tensor (for `f16` as `packHalf` orders them), none twice
   * @throws {TypeError} if the parts hold more or fewer words than the tensor, or reach beyond it; whatever making them
   *   throws
   * @throws {DeviceLimitError} if one buffer cannot hold the tensor
   */
  uploadParts(type: TensorType, parts: Iterable<TensorPart>): DeviceTensor;
  /** Names a computation; see `Stage`. Input shapes other than those seen before are traced anew. */
  stage<I extends string, C extends string, O extends string>(
    name: string,
    body: StageBody<I, C, O>,
  ): Stage<I, C, O>;
  /** Resolves when all submitted work is done. */
  settle(): Promise<void>;
  /** What the runtime has done and holds so far. */
  statistics(): RuntimeStatistics;
  /**
   * Begins `peakDeviceBytes` anew, from what is live then: constants that were prepared for stages are let go where these
   * are released, and prepared again when they are needed.
   */
  resetPeak(): void;
  /** Frees everything; tensors and stages of this runtime can no longer be used. */
  destroy(): void;
}
