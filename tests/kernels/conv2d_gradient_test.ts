import { assert, assertEquals } from "@std/assert";
import {
  constant,
  type DeviceTensor,
  elementCount,
  hostTensor,
  packHalf,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
} from "../../engine/mod.ts";
import {
  add,
  concatChannels,
  conv2d,
  conv2dFeatures,
  conv2dOp,
  type Features,
  gradient,
  groupNorm,
  groupNormFactors,
  imageStatistics,
  reshape,
  sampleDot,
} from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { runOnce, type Values, values } from "./run_once.ts";

/** The sum of all outputs, each times numbers of its own. */
function loss(outputs: readonly Tensor[]): Tensor {
  const parts = outputs.map((y, k) => {
    const count = elementCount(y.shape);
    return sampleDot(reshape(y, [1, count]), constant(hostTensor(randomValues(count, 7 + k), [1, count])));
  });
  return parts.reduce((sum, part) => add(sum, part));
}

/** Gradients of an example of a convolution by all its inputs but weight and bias, which are constants. */
async function exampleGradients(runtime: Runtime, index: number): Promise<readonly Float32Array[]> {
  const { inputs: given, attrs } = conv2dOp.definition.examples[index]!;
  const weight = attrs.parts;
  const bias = weight + (attrs.factors ? 2 : 1);
  const inputs: Record<string, DeviceTensor> = {};
  given.forEach((input, k) => {
    inputs[`x${k}`] = "data" in input
      ? runtime.upload(input.data, input.shape, input.dtype)
      : runtime.upload(randomValues(elementCount(input), 31 * index + k), input);
  });
  const stage = runtime.stage(`gradient ${index}`, (tensors: Record<string, Tensor>) => {
    const isFixed = (k: number): boolean => k === weight || (attrs.bias && k === bias);
    const operands = Object.values(tensors).map((tensor, k) => isFixed(k) ? constant(inputs[`x${k}`]!) : tensor);
    const wrt = operands.filter((_, k) => !isFixed(k));
    return Object.fromEntries(gradient(loss(conv2dOp(operands, attrs)), wrt).map((dx, k) => [`dx${k}`, dx]));
  });
  const results = await stage(inputs, {});
  return await Promise.all(Object.values(results).map((tensor) => tensor.read()));
}

gpuTest("the gradient of every convolution of the examples matches that of the references", async (runtime) => {
  for (const index of conv2dOp.definition.examples.keys()) {
    const expected = await exampleGradients(new ReferenceRuntime(), index);
    const actual = await exampleGradients(runtime, index);
    actual.forEach((dx, k) => assertClose(dx, expected[k]!, 1e-5, `example ${index}, gradient ${k}`));
  }
});

gpuTest(
  "the gradient of a 3x3 convolution takes the algorithm of the convolution, in either precision",
  async (runtime) => {
    const shape = [3, 3, 64, 64] as const;
    const numbers = randomValues(elementCount(shape), 3);
    for (const dtype of ["f32", "f16"] as const) {
      const weight = dtype === "f16" ? hostTensor(packHalf(numbers, shape), shape, dtype) : hostTensor(numbers, shape);
      const stage = runtime.stage(`back ${dtype}`, ({ x }: Record<string, Tensor>) => {
        return { dx: gradient(loss([conv2d(x!, constant(weight), { padding: 1 })]), [x!])[0]! };
      });
      await stage({ x: runtime.upload(randomValues(32 * 32 * 64, 4), [1, 32, 32, 64]) }, {});
      const { dispatches } = runtime.statistics().plans.get(`back ${dtype}`)!;
      const labels = dispatches.filter(({ scope }) => /backward/.test(scope)).map(({ label }) => label);
      assert(labels.some((label) => label.startsWith("conv2d.winograd")), `${dtype}: ${labels}`);
      assert(!labels.some((label) => /rotateWeight|winogradWeights/.test(label)), "weights are prepared once");
    }
  },
);

/** conv(silu(norm(x))) of a convolution's result and a second image, whose groups straddle both. */
function block(x: Tensor, second: Tensor, weights: readonly Tensor[]): Tensor {
  const [first, next, gamma, beta] = weights as readonly [Tensor, Tensor, Tensor, Tensor];
  const hidden = conv2dFeatures(x, first, { padding: 1, residual: x });
  const parts: readonly Features[] = [hidden, { x: second, statistics: imageStatistics(second) }];
  const factors = groupNormFactors(parts, gamma, beta, { groups: 3, eps: 1e-5 });
  return conv2d({ parts: parts.map((part) => part.x), factors, silu: true }, next, { padding: 1 });
}

const WEIGHTS: readonly Values[] = [
  values([3, 3, 10, 10], 11, (v) => v / 5),
  values([3, 3, 18, 7], 12),
  values([18], 13, (v) => 1 + v / 2),
  values([18], 14),
];

function blockGradient(x: Tensor, second: Tensor): Tensor {
  const weights = WEIGHTS.map(({ data, shape }) => constant(hostTensor(data, shape)));
  const [dx, dSecond] = gradient(loss([block(x, second, weights)]), [x, second]);
  return concatChannels(dx!, dSecond!);
}

gpuTest("gradients through a norm whose groups straddle two images match those of the references", async (runtime) => {
  const inputs = [values([2, 9, 11, 10], 1), values([2, 9, 11, 8], 2, (v) => 0.3 + 2 * v)];
  const expected = await runOnce(new ReferenceRuntime(), inputs, blockGradient);
  assertClose(await runOnce(runtime, inputs, blockGradient), expected, 1e-5);
});

gpuTest("the gradient of a batch is that of its images one by one, bit by bit", async (runtime) => {
  const one = (seed: number): readonly Values[] => [values([1, 8, 12, 10], seed), values([1, 8, 12, 8], seed + 1)];
  const [a, b] = [one(1), one(5)];
  const inLoss = (x: Tensor, second: Tensor): Tensor => {
    const weights = WEIGHTS.map(({ data, shape }) => constant(hostTensor(data, shape)));
    const y = block(x, second, weights);
    return gradient(sampleDot(y, y), [x])[0]!;
  };
  const batch = a.map(({ data, shape }, k) => ({
    shape: [2, ...shape.slice(1)],
    data: Float32Array.of(...data, ...b[k]!.data),
  }));
  const together = await runOnce(runtime, batch, inLoss);
  const [first, second] = [await runOnce(runtime, a, inLoss), await runOnce(runtime, b, inLoss)];
  assertEquals(together, Float32Array.of(...first, ...second));
});

gpuTest("the gradient of a norm is exact where the mean is 30 and 3000 times the spread", async (runtime) => {
  for (const [mean, limit] of [[30, 1e-5], [3000, 1e-4]] as const) {
    const inputs = [values([2, 17, 9, 32], 1, (v) => mean + v), values([32], 2), values([32], 3)];
    const slope = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor => {
      return gradient(loss([groupNorm(x, gamma, beta, { groups: 8, eps: 1e-5, silu: true })]), [x])[0]!;
    };
    const expected = await runOnce(new ReferenceRuntime(), inputs, slope);
    assertClose(await runOnce(runtime, inputs, slope), expected, limit, `mean ${mean}`);
  }
});

gpuTest("the gradient of a constant image through its norm is finite, and 0 for a flat cotangent", async (runtime) => {
  const inputs = [values([1, 8, 8, 8], 1, () => 0.7), values([8], 2), values([8], 3)];
  const slope = (x: Tensor, gamma: Tensor, beta: Tensor): Tensor => {
    const y = groupNorm(x, gamma, beta, { groups: 8, eps: 1e-5 });
    const ones = constant(hostTensor(new Float32Array(512).fill(1), [1, 512]));
    return gradient(sampleDot(reshape(y, [1, 512]), ones), [x])[0]!;
  };
  const dx = await runOnce(runtime, inputs, slope);
  // gamma / sqrt(eps) is up to 316: what remains of the sum of a group is rounding.
  assert(dx.every((value) => Math.abs(value) < 1e-3), `${Math.max(...dx.map(Math.abs))}`);
});
