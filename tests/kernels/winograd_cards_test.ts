/** Winograd convolutions as graphics cards compute them: two channels at once, and bands that can be tuned. */
import { assert, assertEquals } from "@std/assert";
import {
  constant,
  defineOp,
  type DeviceTensor,
  elementCount,
  hostTensor,
  type Op,
  ReferenceRuntime,
  type Target,
  type Tensors,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { PLAIN } from "../../kernels/product/conv2d_examples.ts";
import { type ConvolutionAlgorithm, convolutionCandidates } from "../../kernels/product/conv2d_choice.ts";
import { conv2d, conv2dOp } from "../../kernels/product/conv2d.ts";
import { assertClose } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { asGraphicsCard, gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { runExample } from "../support/run_example.ts";

/** Everything that can be fused into even channels, and odd ones. */
const CASES: readonly { readonly algorithm: ConvolutionAlgorithm; readonly example: Example }[] = [
  {
    algorithm: "winograd2",
    example: {
      inputs: [[2, 7, 9, 12], [2, 7, 9, 6], [3, 3, 18, 34], [3, 2, 18], [34], [2, 40], [2, 7, 9, 34]],
      attrs: { ...PLAIN, parts: 2, factors: true, silu: true, bias: true, shift: 4, residual: "none" },
    },
  },
  {
    algorithm: "winograd4",
    example: {
      inputs: [[1, 3, 5, 8], [3, 3, 8, 6], [1, 3, 5, 6]],
      attrs: { ...PLAIN, resample: "up", residual: "up", statistics: true },
    },
  },
  {
    algorithm: "winograd2",
    example: { inputs: [[1, 6, 10, 5], [3, 3, 5, 7], [7]], attrs: { ...PLAIN, bias: true } },
  },
];

type Example = typeof conv2dOp.definition.examples[number];

for (const { algorithm, example } of CASES) {
  gpuTest(`${algorithm} on a graphics card matches the reference of ${example.inputs[0]}`, async () => {
    const runtime = await WebGpuRuntime.open({ gpu: asGraphicsCard, preferences: { conv2d: algorithm } });
    try {
      const op = defineOp({ ...conv2dOp.definition, examples: [example] }) as Op<unknown>;
      const expected = await runExample(new ReferenceRuntime(), op, 0);
      const actual = await runExample(runtime, op, 0);
      actual.forEach((values, k) => assertClose(values, expected[k]!, 1e-5, `output ${k}`));
    } finally {
      runtime.destroy();
    }
  });
}

gpuTest("channels that fill up a Winograd convolution are zero, whatever was in their memory before", async () => {
  const runtime = await WebGpuRuntime.open({ preferences: { conv2d: "winograd4" } });
  try {
    const upload = (shape: readonly number[], value: (random: number) => number): DeviceTensor =>
      runtime.upload(randomValues(elementCount(shape), 1).map(value), shape);
    const [full, odd] = [8, 5].map((channels) => upload([3, 3, channels, 8], (v) => v));
    const stage = runtime.stage("filled", ({ nan, x }: Tensors<"nan" | "x">) => ({
      nan: conv2d(nan, constant(full!), { padding: 1 }),
      y: conv2d(x, constant(odd!), { padding: 1 }),
    }));
    const inputs = { nan: upload([1, 8, 8, 8], () => NaN), x: upload([1, 8, 8, 5], (v) => v) };
    await stage(inputs, {});
    const { y } = await stage(inputs, {});
    assert((await y.read()).every(Number.isFinite));
  } finally {
    runtime.destroy();
  }
});

/** The variants that can be tried of a 3x3 convolution of square images, with the number of bands of each. */
function variants(side: number, channels: number, software: boolean): readonly string[] {
  const [x, weight] = [[1, side, side, channels], [3, 3, channels, channels]]
    .map((shape, id) => ({ id, shape, dtype: "f32" as const }));
  const target = { ...SOFTWARE_PROFILE, software, maxWorkgroupBytes: 32768 } as Target;
  return convolutionCandidates({ weight: weight!, out: x!, stride: 1 }, target).filter((name) =>
    /^winograd4-/.test(name)
  );
}

Deno.test("bands can be tuned on graphics cards, where another size cuts an image otherwise", () => {
  assertEquals(variants(256, 256, false), ["winograd4-8", "winograd4-16", "winograd4-64"]);
  assertEquals(variants(128, 128, false), ["winograd4-8", "winograd4-16"], "18 MiB are one band of 32 and of 64");
  assertEquals(variants(16, 128, false), []);
  assertEquals(variants(256, 256, true), []);
});

Deno.test("a preference for smaller bands makes more of them, of the same convolution", () => {
  const data = new Float32Array(9 * 64 * 64);
  const types = { x: { shape: [1, 128, 128, 64], dtype: "f32" as const } };
  const graph = trace("bands", types, ({ x }) => ({
    y: conv2d(x!, constant(hostTensor(data, [3, 3, 64, 64])), { padding: 1 }),
  }));
  const rows = (conv2d: string): readonly number[] => {
    const profile = { ...SOFTWARE_PROFILE, software: false, preferences: { conv2d } };
    const inputs = makePlan(graph, profile).dispatches.filter(({ label }) => label === "conv2d.winograd4.input");
    return inputs.map(({ workgroups }) => workgroups[2]);
  };
  // A row of 32 tiles takes 36 x 32 x 64 x 4 bytes, 0.28 MiB.
  assertEquals(rows("winograd4"), [32]);
  assertEquals(rows("winograd4-8"), [16, 16]);
});
