/**
 * Shortcut as a library: restores damaged pictures with diffusion models, on a WebGPU tensor engine of its own.
 *
 * ```ts
 * const runtime = await WebGpuRuntime.open();
 * const model = await openModel(runtime); // the embedded prior; or a path, an address, a Blob
 * const x = await readPicture("photo.png", { side: 64 });
 * const operator = createOperator("sr_average", x.shape, { scale: 4 });
 * const y = await degrade(runtime, operator, x, { sigma: 0, seed: 1 });
 * const image = await restore(runtime, SAMPLERS.ddnm, { model, operator, y, sigmaY: 0 }, { steps: 50, seed: 0 });
 * await writePicture("restored.png", image);
 * ```
 *
 * Whoever writes kernels, operators, samplers or networks finds the rest in the entries of the rooms, such as
 * `@shortcut/shortcut/kernels`.
 *
 * @module
 */
export {
  type Backend,
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Shape,
  WebGpuRuntime,
} from "./engine/mod.ts";
export { openModel, type OpenModelOptions, readPicture, type ReadPictureOptions, writePicture } from "./io/mod.ts";
export { imageQuality, psnr, ssim } from "./metrics/mod.ts";
export type { NoiseModel, OpenedModel } from "./models/mod.ts";
export {
  createDegradation,
  createOperator,
  type Degradation,
  type LinearOperator,
  OPERATORS,
  ownOperator,
} from "./operators/mod.ts";
export {
  degrade,
  type DegradeOptions,
  type Restoration,
  type RestorationProblem,
  type RestorationStep,
  restore,
  type RestoreOptions,
} from "./restoration/mod.ts";
export { type Progress, type Sampler, SAMPLERS, seededNoise } from "./samplers/mod.ts";
