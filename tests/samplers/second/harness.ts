/**
 * Runs a sampler and its second implementation side by side: on one network in closed form, which depends on the state
 * and the timestep and is not linear, and on one set of recorded noise.
 */
import { assertEquals } from "@std/assert";
import {
  type Coefficient,
  constant,
  defineOp,
  type DeviceTensor,
  elementCount,
  hostTensor,
  ReferenceRuntime,
  type Shape,
  type Tensor,
  valueOf,
} from "../../../engine/mod.ts";
import { matmul, reshape, weightedSum } from "../../../kernels/mod.ts";
import type { NoiseModel } from "../../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../../operators/mod.ts";
import { type Draw, givenNoise, type NoiseSource, type Progress, SAMPLERS } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import {
  blockMeans,
  type DenseOperator,
  fromDecomposition,
  fromMatrix,
  grayValues,
  keptPixels,
  type Matrix,
  matrix,
  normals,
  orthogonal,
  sum,
  times,
  transposed,
  type Vector,
} from "./plain_arrays.ts";
import type { PlainProblem, PlainState } from "./problem.ts";

/** Image shape of all comparisons. */
export const SHAPE: Shape = [4, 4, 3];
const COUNT = elementCount(SHAPE);

/** Relative error that a state may have: some hundred roundings of f32. */
const LIMIT = 1e-5;

/** An array function of the state and the timestep. */
export type StateFunction = (x: Vector, t: number) => Vector;

/** The noise of a cloud of images, bent by a wave of the state, of its neighbour and of the timestep. */
export function analyticEps(abar: readonly number[]): StateFunction {
  return (x, t) => {
    const [a, s] = [Math.sqrt(abar[t]!), Math.sqrt(1 - abar[t]!)];
    return x.map((value, i) => {
      const mean = 0.7 * Math.sin(1 + 3 * i);
      const wave = Math.sin(2 * value + 0.7 * x[(i + 1) % x.length]! + 0.013 * t + i);
      return s * (value - a * mean) / (s ** 2 + 0.3 * a ** 2) + 0.3 * a * wave;
    });
  };
}

/** v of a learned variance, which leaves [-1, 1]. */
export function analyticVariance(x: Vector, t: number): Vector {
  return x.map((value, i) => 1.2 * Math.sin(value - 0.02 * t + 0.5 * i));
}

/** What `mapped` applies; calls that differ in nothing but functions count as equal, so `part` tells them apart. */
interface MappedAttrs {
  readonly part: string;
  readonly map: StateFunction;
  readonly t: Coefficient;
  readonly seen: number[];
}

/** What the two attentions of an attentive network look at. */
const LOOKS: Readonly<Record<"first" | "second", { readonly weight: number; readonly look: StateFunction }>> = {
  first: { weight: 0.3, look: (x, t) => x.map((value, i) => Math.sin(value + 0.03 * t + i)) },
  second: { weight: -0.2, look: (x, t) => x.map((value, i) => Math.cos(2 * value - 0.02 * t + 2 * i)) },
};
const MODULES = ["first", "second"] as const;

/** What the attentions look at, one after the other. */
export function analyticLooks(x: Vector, t: number): readonly Vector[] {
  return MODULES.map((module) => LOOKS[module].look(x, t));
}

/** eps with attentions that look at something of their own or at what is given. */
export function attentiveEps(
  abar: readonly number[],
): (x: Vector, t: number, looks?: readonly Vector[]) => Vector {
  const eps = analyticEps(abar);
  return (x, t, looks = analyticLooks(x, t)) =>
    sum([1, eps(x, t)], ...MODULES.map((module, i) => [LOOKS[module].weight, looks[i]!] as const));
}

const mapped = defineOp<MappedAttrs>({
  name: "mapped",
  infer: ([x]) => [x!],
  reference({ attrs: { map, t, seen } }, [x], scalars): readonly Float32Array[] {
    seen.push(valueOf(t, scalars));
    const count = x!.length / COUNT;
    const items = Array.from(
      { length: count },
      (_, n) => map(Array.from(x!.subarray(n * COUNT, (n + 1) * COUNT)), seen.at(-1)!),
    );
    return [Float32Array.from(items.flat())];
  },
  lower: () => {
    throw new Error("Cannot run a function of arrays on a GPU: use the reference runtime");
  },
  cost: () => ({ flops: 0, bytes: 0 }),
  examples: [],
});

/** A noise model that calls functions of arrays and keeps every timestep that it is asked for, over any list of levels. */
export function countingModel(
  abar: readonly number[],
  { learnsVariance = false, isAttentive = false }: {
    readonly learnsVariance?: boolean;
    readonly isAttentive?: boolean;
  } = {},
  seen: number[] = [],
): { readonly model: NoiseModel; readonly seen: number[] } {
  const map = analyticEps(abar);
  const predictEps = (xt: Tensor, t: Coefficient): Tensor => mapped([xt], { part: "eps", map, t, seen })[0]!;
  const withLevels = (levels: Float64Array): NoiseModel => countingModel(Array.from(levels), {}, seen).model;
  const model = { imageShape: SHAPE, alphaBar: Float64Array.from(abar), predictEps, withLevels };
  if (isAttentive) {
    const attentive: NoiseModel["predictEps"] = (xt, t, exchange) => {
      const looks = MODULES.map((module) => {
        const own = mapped([xt], { part: module, map: LOOKS[module].look, t, seen: [] })[0]!;
        if (!exchange) return [LOOKS[module].weight, own] as const;
        const tokens = exchange(module, reshape(own, [xt.shape[0]!, COUNT / SHAPE[2]!, SHAPE[2]!]));
        return [LOOKS[module].weight, reshape(tokens, xt.shape)] as const;
      });
      return weightedSum([[1, predictEps(xt, t)], ...looks]);
    };
    return { model: { ...model, predictEps: attentive }, seen };
  }
  if (!learnsVariance) return { model, seen };
  const predictWithVariance = (xt: Tensor, t: Coefficient): { readonly eps: Tensor; readonly variance: Tensor } => ({
    eps: predictEps(xt, t),
    variance: mapped([xt], { part: "variance", map: analyticVariance, t, seen: [] })[0]!,
  });
  return { model: { ...model, predictWithVariance }, seen };
}

/** The deviates of a draw: those of its name. */
export function drawn(name: string, count = COUNT): Vector {
  const seed = Array.from(name).reduce((hash, letter) => (31 * hash + letter.charCodeAt(0)) % 100003, 7);
  return normals(count, seed);
}

/** Noise that its names give, and the draws that were made. */
export function recordedNoise(
  runtime: ReferenceRuntime,
  shapeOf: (name: string) => Shape = () => SHAPE,
): { readonly noise: NoiseSource; readonly draws: Draw[] } {
  const draws: Draw[] = [];
  const { normal } = givenNoise(new Map());
  const supply = (draw: Draw): ReturnType<NoiseSource["supply"]> => {
    draws.push(draw);
    const shape = shapeOf(draw.name);
    const values = Float32Array.from(drawn(draw.name, elementCount(shape)));
    return { inputs: { noise: runtime.upload(values, [1, ...shape]) }, scalars: {} };
  };
  return { noise: { normal, supply }, draws };
}

/** An operator of the project beside its matrices. */
export interface OperatorPair {
  readonly operator: LinearOperator;
  readonly dense: DenseOperator;
}

/** A dense operator with all kinds of singular values: great, small, and 0. */
export function denseOperator(): OperatorPair {
  const values = [1.3, 0.9, 0.5, 0.2, 0.07, 0.02, 0, 0];
  const s = Array.from({ length: COUNT }, (_, i) => values[i % values.length]!);
  const u = orthogonal(COUNT, 3).map((row) => row.map((entry, i) => s[i]! > 0 ? entry : 0));
  const dense = fromDecomposition({ u, s, v: orthogonal(COUNT, 4) });
  const by = (m: Matrix, shape: Shape): (x: Tensor) => Tensor => {
    const data = hostMatrix(transposed(m));
    return (x) => reshape(matmul(reshape(x, [x.shape[0]!, COUNT]), constant(data)), [x.shape[0]!, ...shape]);
  };
  const operator: LinearOperator = {
    name: "dense",
    imageShape: SHAPE,
    measurementShape: [COUNT],
    forward: (x) => by(dense.a, [COUNT])(x),
    adjoint: (y) => by(transposed(dense.a), SHAPE)(y),
    pseudoInverse: (y) => by(dense.pseudoInverse, SHAPE)(y),
    spectral: () => ({
      singularValues: hostTensor(Float32Array.from(s), [COUNT]),
      toSpectrum: (x) => by(transposed(dense.v), [COUNT])(x),
      fromSpectrum: (c) => by(dense.v, SHAPE)(c),
      toMeasurement: (c) => by(u, [COUNT])(c),
      fromMeasurement: (y) => by(transposed(u), [COUNT])(y),
    }),
  };
  return { operator, dense };
}

function hostMatrix(m: Matrix): ReturnType<typeof hostTensor> {
  return hostTensor(Float32Array.from(m.flat()), [m.length, m[0]!.length]);
}

/** Means of blocks, from their definition. */
export function averagePair(): OperatorPair {
  return { operator: createOperator("sr_average", SHAPE, { scale: 2 }), dense: fromMatrix(blockMeans(SHAPE, 2)) };
}

/** Gray values, from their definition. */
export function grayPair(): OperatorPair {
  return { operator: createOperator("colorize", SHAPE), dense: fromMatrix(grayValues(SHAPE)) };
}

/** A mask, from its definition. */
export function maskPair(): OperatorPair {
  const mask = Float32Array.from({ length: SHAPE[0]! * SHAPE[1]! }, (_, i) => i % 3 === 1 ? 0 : 1);
  return {
    operator: createOperator("inpaint", SHAPE, { mask: hostTensor(mask, SHAPE.slice(0, 2)) }),
    dense: fromMatrix(keptPixels(mask, SHAPE[2]!)),
  };
}

/** All pairs. */
export const PAIRS: readonly OperatorPair[] = [denseOperator(), averagePair(), grayPair(), maskPair()];

/** An operator of the project with matrices made of its own decomposition, whose basis some published forms depend on. */
export async function spectralPair(operator: LinearOperator): Promise<OperatorPair> {
  const runtime = new ReferenceRuntime();
  const form = operator.spectral!();
  const { data, shape } = form.singularValues;
  const unit = matrix(COUNT, COUNT, (i, j) => i === j ? 1 : 0);
  const basis = runtime.upload(Float32Array.from(unit.flat()), [COUNT, ...shape]);
  const stage = runtime.stage<"c", never, "v" | "u">("basis", ({ c }) => ({
    v: form.fromSpectrum(c),
    u: form.toMeasurement(c),
  }));
  const images = await stage({ c: basis }, {});
  const columns = async (tensor: DeviceTensor): Promise<Matrix> => {
    const values = await tensor.read();
    const size = values.length / COUNT;
    return matrix(size, COUNT, (i, j) => values[j * size + i]!);
  };
  const s = Array.from(data);
  const u = (await columns(images.u)).map((row) => row.map((entry, i) => s[i]! > 0 ? entry : 0));
  return { operator, dense: fromDecomposition({ u, s, v: await columns(images.v) }) };
}

/** Operators of the project with the basis that they bring. */
export async function spectralPairs(): Promise<readonly OperatorPair[]> {
  const operators = [
    createOperator("sr_average", SHAPE, { scale: 2 }),
    createOperator("colorize", SHAPE),
    createOperator("deblur_gauss", SHAPE, { taps: 3, sigma: 1, threshold: 0.1 }),
  ];
  return await Promise.all(operators.map(spectralPair));
}

/** A comparison. */
export interface Comparison {
  readonly pair: OperatorPair;
  readonly abar: readonly number[];
  readonly sigmaY: number;
  readonly learnsVariance?: boolean;
  readonly isAttentive?: boolean;
  readonly shapeOf?: (name: string) => Shape;
}

/** A measurement of a picture, with noise of the deviation. */
export function measurement({ pair: { dense }, sigmaY }: Pick<Comparison, "pair" | "sigmaY">): Vector {
  const picture = Array.from({ length: COUNT }, (_, i) => 0.8 * Math.cos(0.9 * i));
  const clean = times(dense.a, picture);
  return clean.map((value, i) => Math.fround(value + sigmaY * normals(clean.length, 77)[i]!));
}

/** The states of a sampler, each copied. */
export async function states(
  run: AsyncGenerator<Progress, DeviceTensor>,
): Promise<{ readonly steps: readonly (PlainState & Numbers)[]; readonly image: Vector }> {
  const steps: (PlainState & Numbers)[] = [];
  for (;;) {
    const { done, value } = await run.next();
    if (done) return { steps, image: Array.from(await value.read()) };
    const { name, step, nfe } = value;
    steps.push({
      name,
      step,
      steps: value.steps,
      nfe,
      x0: Array.from(await value.x0.read()),
      xt: Array.from(await value.xt.read()),
    });
  }
}

/** What a step says of itself. */
interface Numbers {
  readonly name: string;
  readonly step: number;
  readonly steps: number;
  readonly nfe: number;
}

/** Fails unless the two runs agree: states, number of steps, timesteps given to the network, and draws. */
export async function assertSameRun(
  what: string,
  run: AsyncGenerator<Progress, DeviceTensor>,
  second: Iterable<PlainState>,
  logs: {
    readonly seen: readonly number[];
    readonly draws: readonly Draw[];
    readonly asked: readonly number[];
    readonly names: readonly string[];
  },
  firstOrdinal = 0,
): Promise<void> {
  const { steps, image } = await states(run);
  const expected: PlainState[] = [];
  const evaluations: number[] = [];
  for (const state of second) {
    expected.push(state);
    evaluations.push(logs.asked.length);
  }
  assertEquals(steps.length, expected.length, `${what}: number of steps`);
  for (const [k, { x0, xt }] of expected.entries()) {
    assertClose(steps[k]!.x0, x0, LIMIT, `${what}, x0 of step ${k}`);
    assertClose(steps[k]!.xt, xt, LIMIT, `${what}, state of step ${k}`);
    const { step, steps: count, nfe } = steps[k]!;
    assertEquals([step, count, nfe], [k + 1, expected.length, evaluations[k]], `${what}: numbers of step ${k}`);
  }
  assertClose(image, expected.at(-1)!.xt, LIMIT, `${what}, image`);
  assertEquals(logs.seen, logs.asked, `${what}: timesteps that the network is given`);
  assertEquals(logs.draws.map(({ name }) => name), logs.names, `${what}: draws`);
  assertEquals(
    logs.draws.map(({ ordinal }) => ordinal),
    logs.draws.map((_, i) => firstOrdinal + i),
    `${what}: ordinals`,
  );
  // A step has the name of its draw; the other draws are those of starts and of measurements.
  const named = logs.names.filter((name) => !/^(xT|start|known)/.test(name));
  if (named.length > 0) assertEquals(steps.map(({ name }) => name), named, `${what}: names of the steps`);
}

/** Compares a sampler of the register with its second implementation, and its `evaluations` with those made. */
export async function compare<O extends object>(
  name: keyof typeof SAMPLERS,
  options: O,
  comparison: Comparison,
  second: (problem: PlainProblem & { readonly v?: StateFunction }, options: O) => Iterable<PlainState>,
): Promise<void> {
  const { pair: { operator, dense }, abar, sigmaY, learnsVariance = false, isAttentive = false, shapeOf } = comparison;
  const what = `${name} on ${operator.name}, sigmaY ${sigmaY}, ${JSON.stringify(options)}`;
  const runtime = new ReferenceRuntime();
  const { model, seen } = countingModel(abar, { learnsVariance, isAttentive });
  const { noise, draws } = recordedNoise(runtime, shapeOf);
  const y = measurement(comparison);
  const problem = {
    model,
    operator,
    y: runtime.upload(Float32Array.from(y), [1, ...operator.measurementShape]),
    sigmaY,
  };
  const sampler = SAMPLERS[name];
  const run = sampler.restore(runtime, problem, { ...options, noise } as never);
  const [asked, names]: [number[], string[]] = [[], []];
  const eps = isAttentive ? attentiveEps(abar) : analyticEps(abar);
  const states = second({
    abar,
    operator: dense,
    y,
    sigmaY,
    eps: (x, t, looks) => (asked.push(t), eps(x, t, looks)),
    looks: analyticLooks,
    z: (name) => (names.push(name), drawn(name, elementCount(shapeOf?.(name) ?? SHAPE))),
    ...(learnsVariance ? { v: analyticVariance } : {}),
  }, options);
  await assertSameRun(what, run, states, { seen, draws, asked, names });
  const counted = (sampler.evaluations as (options: O, timesteps: number) => { readonly actual: number })(
    options,
    abar.length,
  );
  assertEquals(counted.actual, seen.length, `${what}: evaluations that are announced`);
}
