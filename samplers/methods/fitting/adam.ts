/**
 * Adam inside a stage: steps along a gradient, each element with a length of its own. Kingma, Ba, Adam: A Method for
 * Stochastic Optimization, ICLR 2015, algorithm 1.
 */
import {
  type DeviceTensor,
  elementCount,
  type Runtime,
  type Scalars,
  type Shape,
  type Tensor,
} from "../../../engine/mod.ts";
import { add, fill, mul, reciprocal, sqrt, weightedSum } from "../../../kernels/mod.ts";
import { number, type Parameter } from "../../../parameters/mod.ts";
import type { RunTensors } from "../../steps/step.ts";

/** Length of the steps. */
export function learningRate(initial: number): Parameter<number> {
  return number(initial, { min: 0 }, "learning rate of Adam");
}

/** Shares of the past in the running means of gradient and square. */
export interface AdamDecay {
  readonly first: number;
  readonly second: number;
}

/** What is added to the root of the mean square. */
const FLOOR = 1e-8;

/** The running means of gradient and square, each of the shape of what is moved. */
export type Moments<T> = Readonly<Record<"first" | "second", T>>;

/** Moments of 0, before the first step; the caller frees them. */
export function noMoments(runtime: Runtime, shape: Shape): RunTensors<"first" | "second"> {
  const [first, second] = [0, 1].map(() => runtime.upload(new Float32Array(elementCount(shape)), shape)) as [
    DeviceTensor,
    DeviceTensor,
  ];
  return { tensors: { first, second }, free: () => [first, second].forEach((tensor) => tensor.free()) };
}

/** Scalars of a step. */
export type AdamScalars = Record<"rate" | "unbias", number>;

/**
 * The scalars of a step, in which both means are rid of their start at 0.
 * @param k counts the steps from 0
 */
export function adamScalars(learningRate: number, decay: AdamDecay, k: number): AdamScalars {
  return { rate: learningRate / (1 - decay.first ** (k + 1)), unbias: 1 / (1 - decay.second ** (k + 1)) };
}

/** What a step makes: the new x as `moved`, and the new means. */
export type AdamStep = Moments<Tensor> & { readonly moved: Tensor };

/**
 * Records x - rate m/(sqrt(unbias v) + 1e-8) with the means m and v that the gradient has become part of.
 * @param x [N, ...]
 * @param gradient the same shape
 */
export function adamStep(
  { x, gradient, first: m, second: v }: Moments<Tensor> & { readonly x: Tensor; readonly gradient: Tensor },
  c: Scalars<keyof AdamScalars>,
  decay: AdamDecay,
): AdamStep {
  const first = weightedSum([[decay.first, m], [1 - decay.first, gradient]]);
  const second = weightedSum([[decay.second, v], [1 - decay.second, mul(gradient, gradient)]]);
  const size = add(sqrt(weightedSum([[c.unbias, second]])), fill(x.shape, FLOOR));
  const direction = mul(weightedSum([[c.rate, first]]), reciprocal(size));
  return { moved: weightedSum([[1, x], [-1, direction]]), first, second };
}
