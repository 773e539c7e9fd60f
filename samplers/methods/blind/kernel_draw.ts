/** Steps of Langevin's that draw the kernels of blurs. */
import type { DeviceTensor, Runtime } from "../../../engine/mod.ts";
import { gradient, mul, reciprocalOrZero, sampleSquares, sqrt, sub, weightedSum } from "../../../kernels/mod.ts";
import type { Draw, NoiseSource } from "../../noise_source.ts";
import { noisyStage } from "../../steps/step.ts";
import { type BlurFrame, convolved, cut, transferOf } from "./blur_spectrum.ts";

/** Deviation of the measurement where the kernel is drawn, as the program has it. */
const KERNEL_NOISE = 0.04;

/** A prepared draw: its tensors, and what it makes. */
export interface Drawn<I extends string> {
  (draw: Draw, inputs: Readonly<Record<I, DeviceTensor>>): Promise<DeviceTensor>;
  release(): void;
}

/** Where the image begins in the whole convolution. */
export function offsetOf({ taps }: BlurFrame): number {
  return Math.floor(taps / 2);
}

/**
 * Prepares a step of Langevin's, k - lr/2 G + sqrt(lr) z, G the gradient of |y - k * x|^2/(2 0.04^2) + w sum |k|.
 */
export function kernelDraw(
  runtime: Runtime,
  frame: BlurFrame,
  { kernelRate, sparsity, noise }: {
    readonly kernelRate: number;
    readonly sparsity: number;
    readonly noise: NoiseSource;
  },
): Drawn<"kernel" | "x" | "y"> {
  const stage = noisyStage<"kernel" | "x" | "y", never, "kernel">(
    runtime,
    "kernel",
    noise,
    ({ kernel, x, y }, _c, normal) => {
      const blurred = cut(frame, convolved(frame, x, transferOf(frame, kernel)), offsetOf(frame));
      const misfit = gradient(sampleSquares(sub(y, blurred)), [kernel])[0]!;
      const signs = mul(kernel, reciprocalOrZero(sqrt(mul(kernel, kernel))));
      return {
        kernel: weightedSum([
          [1, kernel],
          [-kernelRate / 2 / (2 * KERNEL_NOISE ** 2), misfit],
          [-kernelRate / 2 * sparsity, signs],
          [Math.sqrt(kernelRate), normal(kernel.shape)],
        ]),
      };
    },
  );
  const run = async (...[draw, inputs]: Parameters<Drawn<"kernel" | "x" | "y">>): Promise<DeviceTensor> =>
    (await stage(draw, inputs, {})).kernel;
  return Object.assign(run, { release: stage.release });
}
