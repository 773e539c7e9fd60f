/** The engine: tensors, traces, plans, and the runtimes that run them. It names no operation. */
export {
  byteLength,
  type Coefficient,
  type DeviceTensor,
  type DType,
  elementCount,
  formatShape,
  halfWordCount,
  type HostTensor,
  hostTensor,
  sameShape,
  type Scalar,
  type Shape,
  type Tensor,
  type TensorType,
  wordCount,
} from "./tensor.ts";
export { f16ToF32, f32ToF16, packHalf, unpackHalf } from "./half.ts";
export {
  type Application,
  type Binding,
  BINDING_ALIGNMENT,
  boundBytes,
  type Call,
  type Counted,
  type DeviceProfile,
  type Dispatch,
  type Example,
  type GpuVendor,
  isScalar,
  type LayerChoice,
  type OpDef,
  type Recomputation,
  SCALAR_CAPACITY,
  scalarsOf,
  type SubgroupMatrix,
  type Target,
  valueOf,
  type WeightForm,
} from "./op.ts";
export {
  checkpoint,
  constant,
  type ConstantSource,
  constantSource,
  counted,
  defineOp,
  type Graph,
  type Op,
  printGraph,
  replaceConstants,
  scope,
  trace,
} from "./graph.ts";
export { reverse, type ReverseTools } from "./reverse.ts";
export { type Plan, type PlannedDispatch, type PlannedLayer, printPlan } from "./plan.ts";
export type { Lifetime } from "./arena.ts";
export type { TensorPart } from "./tensor_parts.ts";
export type { Runtime, RuntimeStatistics, Scalars, Stage, StageBody, Tensors } from "./runtime.ts";
export { stageSignature, traceStage } from "./stage_cache.ts";
export { ShapeOnly } from "./shape_only.ts";
export { type PlanningDevice, PlanningRuntime } from "./planning_runtime.ts";
export { ReferenceRuntime } from "./reference_runtime.ts";
export { WebGpuRuntime, type WebGpuRuntimeOptions } from "./webgpu/runtime.ts";
export { type Backend, BACKENDS, chooseBackend, type DawnPackage, dawnProvider } from "./webgpu/backend.ts";
export { SUBGROUP_MATRIX_FEATURE } from "./webgpu/subgroup_matrix.ts";
export type { AdapterIdentity, Preferences } from "./webgpu/device.ts";
export type { ReplayTimer } from "./webgpu/timer.ts";
export type { KernelTime, ProfileOptions, StageProfile, TimingMethod } from "./webgpu/profiler.ts";
export { ENGINE_VERSION } from "./version.ts";
export { DeviceLimitError, DeviceLostError, NoAdapterError, NonFiniteError, StaleTensorError } from "./errors.ts";
export type { StageArguments } from "./stage_cache.ts";
export type { BackendHost } from "./webgpu/backend.ts";
export type { OpenOptions } from "./webgpu/device.ts";
