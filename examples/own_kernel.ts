// deno-lint-ignore-file no-console -- examples print
/**
 * A kernel of one's own, soft thresholding y = sign(x) max(|x| - t, 0), with the law that every kernel here must hold:
 * the device agrees with the reference in f64, on odd shapes.
 */
import { hostTensor, ReferenceRuntime, type Runtime, WebGpuRuntime } from "@shortcut/shortcut";
import { defineOp, elementCount, type Op, type Tensor, type Tensors, type TensorType } from "@shortcut/shortcut/engine";
import { elementwise, floatBits, movedBytes, requireF32 } from "@shortcut/shortcut/kernels";
import { relativeError } from "@shortcut/shortcut/metrics";

/** Definition of `softThreshold`: shape rule, reference, WGSL, cost, examples. */
export const softThresholdOp: Op<{ readonly threshold: number }> = defineOp<{ readonly threshold: number }>({
  name: "softThreshold",
  infer(inputs, { threshold }): readonly TensorType[] {
    requireF32("softThreshold", inputs, ["x"]);
    if (!(threshold >= 0)) {
      throw new RangeError(`Cannot build softThreshold: threshold is ${threshold}, a number of at least 0 is needed`);
    }
    return [{ shape: inputs[0]!.shape, dtype: "f32" }];
  },
  reference: ({ attrs: { threshold } }, [x]) => [x!.map((v) => Math.sign(v) * Math.max(Math.abs(v) - threshold, 0))],
  lower: ({ inputs, outputs, attrs: { threshold } }, target) => [
    elementwise("softThreshold", target, {
      read: { x: inputs[0]! },
      write: { y: outputs[0]! },
      params: { threshold: floatBits(threshold) },
      body: "y[i] = sign(x[i]) * max(abs(x[i]) - bitcast<f32>(params.threshold), 0.0);",
    }),
  ],
  cost: (call) => ({ flops: 3 * elementCount(call.outputs[0]!.shape), bytes: movedBytes(call) }),
  examples: [
    { inputs: [[1, 5, 7, 3]], attrs: { threshold: 0.5 } },
    { inputs: [[2, 33]], attrs: { threshold: 0 } },
  ],
});

/**
 * y = sign(x) max(|x| - threshold, 0).
 * @param x any shape, f32
 * @returns the same shape
 * @throws {RangeError} if the threshold is negative
 */
export function softThreshold(x: Tensor, threshold: number): Tensor {
  return softThresholdOp([x], { threshold })[0]!;
}

/** What a runtime makes of the values. */
export async function thresholded(runtime: Runtime, values: Float32Array, threshold: number): Promise<Float32Array> {
  const stage = runtime.stage("soft threshold", ({ x }: Tensors<"x">) => ({ y: softThreshold(x, threshold) }));
  const { data, shape } = hostTensor(values, [values.length]);
  return await (await stage({ x: runtime.upload(data, shape) }, {})).y.read();
}

if (import.meta.main) {
  const runtime = await WebGpuRuntime.open();
  const values = Float32Array.from({ length: 1001 }, (_, i) => Math.sin(i) * 2);
  const [device, reference] = await Promise.all(
    [runtime, new ReferenceRuntime()].map((each) => thresholded(each, values, 0.5)),
  );
  console.log(`${softThresholdOp.definition.name}: relative error ${relativeError(device!, reference!)}`);
  runtime.destroy();
}
