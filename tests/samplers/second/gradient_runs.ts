/** Running the samplers on the second implementation's network, operators and noise, and comparing state by state. */
import { assertEquals } from "@std/assert";
import {
  constant,
  defineOp,
  type DeviceTensor,
  hostTensor,
  ReferenceRuntime,
  type Scalar,
  type Tensor,
} from "../../../engine/mod.ts";
import { add, gatherRows, mul, reshape, silu } from "../../../kernels/mod.ts";
import type { NoiseModel } from "../../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../../operators/mod.ts";
import { inpainting } from "../../../operators/pixels/inpainting.ts";
import {
  type Draw,
  givenNoise,
  type NoiseSource,
  type Progress,
  type Sampler,
  type SamplerName,
  SAMPLERS,
} from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { randomValues } from "../../support/random.ts";
import {
  ALPHA_BAR,
  BICUBIC,
  CENTRE,
  deviates,
  GRAY,
  MASK,
  MASKED,
  type Matrix,
  networkWeights,
  POOL,
  POOL4,
  SHAPE,
  SIZE,
  TIMESTEPS,
  type Vector,
} from "./gradient_arrays.ts";

/** Counts how often a value was computed, whatever the trace says. */
export interface Counter {
  calls: number;
}

const countedOp = defineOp<{ counter: Counter }>({
  name: "counted",
  infer: ([x]) => [x!],
  reference({ attrs: { counter } }, [x]): readonly Float32Array[] {
    counter.calls++;
    return [x!.slice()];
  },
  lower: () => [],
  vjp: (_, [dy]) => [dy],
  cost: () => ({ flops: 0, bytes: 0 }),
  examples: [],
});

/** The network of the second implementation as the engine sees it. */
export function model({ learned = false, counter = { calls: 0 } }: {
  readonly learned?: boolean;
  readonly counter?: Counter;
} = {}): NoiseModel {
  const all = Array.from({ length: TIMESTEPS }, (_, t) => networkWeights(t));
  const column = (key: keyof ReturnType<typeof networkWeights>): ReturnType<typeof hostTensor> =>
    hostTensor(Float32Array.from(all, (weights) => weights[key]), [TIMESTEPS, 1]);
  const [x, curve, vx] = [column("x"), column("silu"), column("vx")];
  const image = (value: (t: number, i: number) => number): ReturnType<typeof hostTensor> =>
    hostTensor(
      Float32Array.from({ length: TIMESTEPS * SIZE }, (_, k) => value(Math.floor(k / SIZE), k % SIZE)),
      [TIMESTEPS, SIZE],
    );
  const [centre, v] = [image((t, i) => all[t]!.centre * CENTRE[i]!), image((t) => all[t]!.v)];
  const at = (table: ReturnType<typeof hostTensor>, xt: Tensor, t: Scalar): Tensor =>
    gatherRows(constant(table), Array<Scalar>(xt.shape[0]!).fill(t));
  const scaled = (values: Tensor, table: ReturnType<typeof hostTensor>, t: Scalar): Tensor =>
    mul(values, gatherRows(constant(table), [t]));
  const eps = (xt: Tensor, t: Scalar): Tensor => {
    const linear = add(scaled(xt, x, t), reshape(at(centre, xt, t), xt.shape));
    return countedOp([add(linear, scaled(silu(xt), curve, t))], { counter })[0]!;
  };
  return {
    imageShape: SHAPE,
    alphaBar: Float64Array.from(ALPHA_BAR),
    predictEps: (xt, t) => eps(xt, t as Scalar),
    ...(learned
      ? {
        predictWithVariance: (xt: Tensor, t) => ({
          eps: eps(xt, t as Scalar),
          variance: add(scaled(xt, vx, t as Scalar), reshape(at(v, xt, t as Scalar), xt.shape)),
        }),
      } satisfies Partial<NoiseModel>
      : {}),
  };
}

/** An operator of the library with its matrix. */
export interface Pair {
  readonly operator: LinearOperator;
  readonly rows: Matrix;
}

/** The operator without its singular value decomposition, so that methods solve by conjugate gradients. */
export function withoutDecomposition({ operator: { spectral: _, ...operator }, rows }: Pair): Pair {
  return { operator, rows };
}

/** Operators by name. */
export const PAIRS = {
  pool: { operator: createOperator("sr_average", SHAPE, { scale: 2 }) as LinearOperator, rows: POOL },
  pool4: { operator: createOperator("sr_average", SHAPE, { scale: 4 }) as LinearOperator, rows: POOL4 },
  bicubic: { operator: createOperator("sr_bicubic", SHAPE, { scale: 2 }) as LinearOperator, rows: BICUBIC },
  mask: { operator: inpainting(SHAPE, hostTensor(Float32Array.from(MASK), SHAPE.slice(0, 2))), rows: MASKED },
  gray: { operator: createOperator("colorize", SHAPE, {}) as LinearOperator, rows: GRAY },
} satisfies Record<string, Pair>;

/** What one sample of the second implementation is given. */
export interface Sample {
  readonly y: Vector;
  readonly rows: Matrix;
  readonly sigma: number;
  /** Deviates of a draw, of an image. */
  z(name: string): Vector;
  /** Deviates of a draw, of a measurement. */
  zy(name: string): Vector;
}

/** A state that the second implementation makes. */
export interface Expected {
  readonly x0: Vector;
  readonly xt: Vector;
  readonly parts?: Readonly<Record<string, Vector>>;
}

/** One comparison. */
export interface Comparison {
  readonly name: SamplerName;
  readonly pair: Pair;
  readonly options: object;
  readonly sigma?: number;
  readonly learned?: boolean;
  /** Images of both samples that are given as options. */
  readonly images?: Readonly<Record<string, readonly Vector[]>>;
  /** Draws whose deviates are those of a measurement. */
  readonly inMeasurement?: (draw: string) => boolean;
  /** All states of one sample, in order. */
  second(sample: Sample, number: number): readonly Expected[];
}

/** Samples of a batch. */
const BATCH = 2;

/** Greatest relative error of a state. */
const LIMIT = 1e-5;

class RecordedNoise extends Map<string, DeviceTensor> {
  constructor(
    private readonly runtime: ReferenceRuntime,
    private readonly shapeOf: (draw: string) => readonly number[],
  ) {
    super();
  }

  override get(draw: string): DeviceTensor {
    const shape = this.shapeOf(draw);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: BATCH }, (_, sample) => deviates(draw, sample, size));
    return this.runtime.upload(Float32Array.from(values.flat()), [BATCH, ...shape]);
  }
}

/** Measurements of two samples: noisy pictures, some of which lie beyond [-1, 1]. */
export function measurements({ rows }: Pair): readonly Vector[] {
  return [31, 32].map((seed) =>
    Array.from(randomValues(rows.length, seed), (value) => Math.fround(0.9 * value + 0.15))
  );
}

/** A run with the options that it was given and the draws that it has asked for. */
interface Run {
  readonly states: AsyncGenerator<Progress, DeviceTensor>;
  readonly options: object;
  readonly draws: readonly Draw[];
}

/** Starts a sampler on the problem of a comparison. */
function started(
  { name, pair, options, images = {}, sigma = 0, learned = false, inMeasurement = () => false }: Comparison,
  counter: Counter,
): Run {
  const runtime = new ReferenceRuntime();
  const { operator } = pair;
  const sampler = SAMPLERS[name] as Sampler<object>;
  const upload = (values: readonly Vector[], shape: readonly number[]): DeviceTensor =>
    runtime.upload(Float32Array.from(values.flat()), [BATCH, ...shape]);
  const given = givenNoise(
    new RecordedNoise(runtime, (draw) => inMeasurement(draw) ? operator.measurementShape : SHAPE),
  );
  const draws: Draw[] = [];
  const supply = (draw: Draw): ReturnType<NoiseSource["supply"]> => {
    draws.push(draw);
    return given.supply(draw);
  };
  const uploaded = Object.entries(images).map(([key, values]) => [key, upload(values, SHAPE)]);
  const all = { ...sampler.defaults, ...options, ...Object.fromEntries(uploaded) };
  const y = upload(measurements(pair), operator.measurementShape);
  const problem = { model: model({ learned, counter }), operator, y, sigmaY: sigma };
  return { states: sampler.restore(runtime, problem, { ...all, noise: { ...given, supply } }), options: all, draws };
}

/** Fails unless every state of the sampler, with all its parts, is that of the second implementation. */
export async function compare(comparison: Comparison): Promise<void> {
  const { pair, name, options, sigma = 0, second } = comparison;
  const [counter, sampler] = [{ calls: 0 }, SAMPLERS[name] as Sampler<object>];
  const size = pair.rows.length;
  const samples = measurements(pair).map((y, sample) =>
    second({
      y,
      rows: pair.rows,
      sigma,
      z: (draw) => deviates(draw, sample, SIZE),
      zy: (draw) => deviates(draw, sample, size),
    }, sample)
  );
  const run = started(comparison, counter);
  const what = `${name} ${JSON.stringify(options)}`;
  let last: Vector = [];
  for (let k = 0;; k++) {
    const { done, value } = await run.states.next();
    if (done) {
      assertEquals(k, samples[0]!.length, `${what}: number of states`);
      assertEquals([...await value.read()], last, `${what}: the result is the last state`);
      break;
    }
    const both = (pick: (state: Expected) => Vector): Vector => samples.flatMap((states) => pick(states[k]!));
    last = [...await value.xt.read()];
    assertClose(await value.x0.read(), both((state) => state.x0), LIMIT, `${what}: x0 of step ${k}`);
    assertClose(last, both((state) => state.xt), LIMIT, `${what}: state after step ${k}`);
    for (const part of Object.keys(samples[0]![k]!.parts ?? {})) {
      const found = await value.parts![part]!.read();
      assertClose(found, both((state) => state.parts![part]!), LIMIT, `${what}: ${part} of step ${k}`);
    }
    assertEquals([value.step, value.steps, value.nfe], [k + 1, samples[0]!.length, counter.calls], `${what}: counts`);
  }
  assertEquals(sampler.evaluations(run.options, TIMESTEPS).actual, counter.calls, `${what}: evaluations`);
  for (const key of ["name", "ordinal"] as const) {
    const found = run.draws.map((draw) => draw[key]);
    assertEquals(new Set<unknown>(found).size, found.length, `${what}: every draw has a ${key} of its own`);
  }
}
