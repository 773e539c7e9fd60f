/** Law of the register: the gradient of every operation, on every example, against central differences. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  constant,
  elementCount,
  type Example,
  type HostTensor,
  hostTensor,
  type Op,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
  trace,
  unpackHalf,
} from "../../engine/mod.ts";
import * as register from "../../kernels/mod.ts";
import { add, gradient, reshape, sampleDot } from "../../kernels/mod.ts";
import { randomValues } from "../support/random.ts";

const SECOND = "it is part of a gradient, and no method takes a second one";

/** Operations that cannot be differentiated, and why none needs to be. */
const WITHOUT: Readonly<Record<string, string>> = {
  randomNormal: "noise depends on no tensor",
  winogradWeights: "weights are constants",
  weightTexels: "weights are constants",
  rotateWeight: "weights are constants",
  dilate: SECOND,
  inputGradient: SECOND,
  statisticsGradient: SECOND,
  factorsGradient: SECOND,
  siluGradient: SECOND,
  applyFactorsGradient: SECOND,
  attentionGradient: SECOND,
  softmaxGradient: SECOND,
  unitChannelsGradient: SECOND,
  shrinkGradient: SECOND,
  windowPoolGradient: SECOND,
  ratioSlopes: SECOND,
};

/** Inputs that count as fixed: a gradient with respect to them is refused. */
const FIXED: Readonly<Record<string, readonly number[]>> = {
  alongHeight: [0],
  alongWidth: [0],
  radon: [1],
  backProject: [1],
  groupNorm: [1, 2],
};

/** The same where it depends on the attributes: the inputs that follow the parts of an image. */
const FIXED_AFTER_PARTS: Readonly<Record<string, number>> = { conv2d: 1, groupNormFactors: 2 };

function isFixed(name: string, { attrs }: Example<unknown>, input: number): boolean {
  const count = FIXED_AFTER_PARTS[name];
  if (count === undefined) return FIXED[name]?.includes(input) ?? false;
  const { parts } = attrs as { readonly parts: number };
  return input >= parts && input < parts + count;
}

/** Largest error: of the directional derivative, over the lengths of gradient and direction. */
const LIMIT = 1e-4;

/** Inputs of these lie apart from each other and from where their slope jumps, further than a step of the differences. */
const WITH_KINKS: Readonly<Record<string, true>> = {
  clamp: true,
  relu: true,
  clampGradient: true,
  reluGradient: true,
  windowPool: true,
  shrink: true,
};

const operations = (Object.values(register) as readonly unknown[]).filter((entry): entry is Op<unknown> =>
  typeof entry === "function" && "definition" in entry
);

Deno.test("every operation has a gradient, but those that are listed with a reason", () => {
  const found = operations.filter(({ definition }) => !definition.vjp).map(({ definition }) => definition.name);
  assertEquals(found.toSorted(), Object.keys(WITHOUT).toSorted());
});

for (const op of operations) {
  const { name, examples, vjp } = op.definition;
  if (!vjp || examples.every(({ inputs }) => inputs.length === 0)) continue;
  Deno.test(`${name}() has the gradient that central differences show`, async () => {
    for (const [index, example] of examples.entries()) {
      for (const input of example.inputs.keys()) {
        if (!isDifferentiated(example, input)) continue;
        if (isFixed(name, example, input)) {
          await assertRejects(() => directionalError(op, index, input), TypeError, `Cannot differentiate ${name}`);
          continue;
        }
        const error = await directionalError(op, index, input);
        assert(error <= LIMIT, `${name} example ${index}: the gradient of input ${input} errs by ${error}`);
      }
    }
  });
}

/** Whether an input is a tensor of f32 that is not given, or given as f32 numbers. */
function isDifferentiated({ inputs }: Example<unknown>, input: number): boolean {
  const given = inputs[input]!;
  return !("data" in given) || given.dtype === "f32";
}

/** Distinct numbers in an order without pattern, no two nearer than 2 / count, none of them a round number. */
function apart(count: number, seed: number): Float32Array {
  const order = Array.from(randomValues(count, seed).entries()).sort(([, a], [, b]) => a - b);
  const values = new Float32Array(count);
  order.forEach(([at], rank) => values[at] = (2 * rank + 0.37) / count - 1.013);
  return values;
}

/** An input of an example that is differentiated by. */
interface Direction {
  readonly op: Op<unknown>;
  readonly example: Example<unknown>;
  readonly operands: readonly HostTensor[];
  readonly input: number;
}

/**
 * How far <gradient, direction> is from the central difference of the loss <y, weights> along the direction, over
 * |gradient| |direction|; differences with steps h and 2 h are extrapolated. The differences come from the reference,
 * which keeps f64 numbers where it maps its inputs one by one.
 */
async function directionalError(op: Op<unknown>, index: number, input: number): Promise<number> {
  const { name, examples } = op.definition;
  const example = examples[index]!;
  const kinks = WITH_KINKS[name] === true;
  const operands = example.inputs.map((given, k): HostTensor => {
    if ("data" in given) return given;
    const [count, seed] = [elementCount(given), 31 * index + k];
    return { data: kinks ? apart(count, seed) : randomValues(count, seed), shape: given, dtype: "f32" };
  });
  const data = operands[input]!.data;
  // Numbers that an example gives may matter as such: they move in proportion, so that zeros and thresholds stay.
  const given = "data" in example.inputs[input]!;
  const direction = Float64Array.from(
    randomValues(data.length, 977 + input),
    (value, i) => given ? value * data[i]! : value,
  );
  const use = { op, example, operands, input };
  const slope = await slopeOf(use);
  const step = kinks ? Math.min(1 / 64, 0.2 / data.length) : 1 / 64;
  const expected = kinks
    ? difference(use, direction, step)
    : (4 * difference(use, direction, step) - difference(use, direction, 2 * step)) / 3;
  return Math.abs(inner(slope, direction) - expected) / (norm(slope) * norm(direction) || 1);
}

/** The gradient of <y, weights>, as the engine records it. */
async function slopeOf({ op, example, operands, input }: Direction): Promise<Float32Array> {
  const runtime: Runtime = new ReferenceRuntime();
  const stage = runtime.stage("gradient", (tensors: Record<string, Tensor>) => {
    // Tables of places are constants wherever an operation is used.
    const inputs = operands.map((operand, k) => operand.dtype === "u32" ? constant(operand) : tensors[`x${k}`]!);
    const outputs = op(inputs, example.attrs);
    const parts = outputs.map(({ shape }, k) => {
      const count = elementCount(shape);
      const weights = constant(hostTensor(weightsOf(k, count), [1, count]));
      return sampleDot(reshape(outputs[k]!, [1, count]), weights);
    });
    return { dx: gradient(parts.reduce((sum, part) => add(sum, part)), [tensors[`x${input}`]!])[0]! };
  });
  const inputs = operands.map(({ data, shape, dtype }, k) => [`x${k}`, runtime.upload(data, shape, dtype)] as const);
  const { dx } = await stage(Object.fromEntries(inputs), example.scalars ?? {});
  return await dx.read();
}

/** (loss(x + h d) - loss(x - h d)) / 2 h. */
function difference({ op, example, operands, input }: Direction, direction: Float64Array, step: number): number {
  const types = Object.fromEntries(operands.map(({ shape, dtype }, k) => [`x${k}`, { shape, dtype }]));
  const graph = trace("forward", types, (tensors) => {
    return { y: op(operands.map((_, k) => tensors[`x${k}`]!), example.attrs)[0]! };
  });
  const call = graph.calls.at(-1)!;
  const [up, down] = [step, -step].map((change) => {
    const given = operands.map(({ data, shape, dtype }, k): Float32Array => {
      if (dtype === "f16") return unpackHalf(data as Uint32Array, shape);
      if (dtype === "u32") return new Float32Array(data.buffer);
      return Float64Array.from(data, (value, i) => k === input ? value + change * direction[i]! : value) as never;
    });
    const outputs = op.definition.reference(call as never, given, example.scalars ?? {});
    return outputs.reduce((sum, y, k) => sum + inner(y, weightsOf(k, y.length)), 0);
  });
  return (up! - down!) / (2 * step);
}

function weightsOf(output: number, count: number): Float32Array {
  return randomValues(count, 501 + output);
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function norm(a: ArrayLike<number>): number {
  return Math.sqrt(inner(a, a));
}
