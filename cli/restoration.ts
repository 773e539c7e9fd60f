/** One restoration: from a measurement on the device to pictures on the host, step by step. */
import type { DeviceTensor, Runtime, Tensors } from "../engine/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import { estimate, type Operator } from "../operators/mod.ts";
import type { Evaluations, NoiseSource, Progress } from "../samplers/mod.ts";
import type { Method } from "../restoration/mod.ts";

/** What is restored, and how. */
export interface RestorationProblem {
  readonly runtime: Runtime;
  readonly model: NoiseModel;
  readonly operator: Operator;
  /** [1, ...operator.measurementShape] in [-1, 1]. */
  readonly y: DeviceTensor;
  /** Standard deviation of the noise in y that the method reckons with; default 0. */
  readonly sigmaY?: number;
  readonly method: Method;
  readonly noise: NoiseSource;
}

/** A finished restoration. */
export interface Restoration {
  /** [H, W, C], nominally in [-1, 1], not clamped. */
  readonly image: Float32Array<ArrayBuffer>;
  readonly evaluations: Evaluations;
  /** Wall time of the first step, with tracing and compilation. */
  readonly firstStepSeconds: number;
  /** Wall time of all steps. */
  readonly seconds: number;
}

/**
 * Runs the sampler.
 * @param onStep called after every step, and waited for; it may read the state, or throw to stop
 * @throws {RangeError | TypeError} as the sampler; RangeError if the result is not finite
 */
export async function runRestoration(
  { runtime, model, operator, y, sigmaY = 0, method, noise }: RestorationProblem,
  onStep: (progress: Progress) => Promise<void>,
): Promise<Restoration> {
  const { evaluations } = method;
  const start = performance.now();
  let firstStep = 0;
  const steps = method.run(runtime, { model, operator, y, sigmaY }, noise);
  try {
    for (let next = await steps.next();; next = await steps.next()) {
      if (next.done) {
        const image = await next.value.read();
        next.value.free();
        const seconds = (performance.now() - start) / 1000;
        requireFinite(image);
        return { image, evaluations, firstStepSeconds: firstStep / 1000, seconds };
      }
      await onStep(next.value);
      if (next.value.step === 1) {
        await runtime.settle();
        firstStep = performance.now() - start;
      }
    }
  } finally {
    await steps[Symbol.asyncDispose]();
  }
}

/** Refuses a picture with holes in it, which no file format can hold. */
function requireFinite(image: Float32Array): void {
  if (image.every(Number.isFinite)) return;
  throw new RangeError(
    "Cannot make a picture: the network gave values that are no finite numbers; check the model file, --check-finite " +
      "names the layer where they begin",
  );
}

/**
 * Runs one method of an operator.
 * @param method A x, or A^+ y and what stands for it where the operator is not linear
 * @param argument [1, ...] for `forward` an image, for `estimate` a measurement
 * @returns [1, ...], to be freed by the caller
 */
export async function applyOperator(
  runtime: Runtime,
  operator: Operator,
  method: "forward" | "estimate",
  argument: DeviceTensor,
): Promise<DeviceTensor> {
  const stage = runtime.stage(`${operator.name} ${method}`, (inputs: Tensors<"x">) => ({
    y: method === "forward" ? operator.forward(inputs.x) : estimate(operator, inputs.x),
  }));
  const result = (await stage({ x: argument }, {})).y.keep();
  stage.release();
  return result;
}
