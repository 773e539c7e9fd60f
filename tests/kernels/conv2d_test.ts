import { assertEquals, assertThrows } from "@std/assert";
import {
  type Call,
  type DeviceTensor,
  elementCount,
  ReferenceRuntime,
  scope,
  type Shape,
  type Target,
  type Tensor,
  type Tensors,
  trace,
} from "../../engine/mod.ts";
import { PLAIN } from "../../kernels/product/conv2d_examples.ts";
import { conv2d, conv2dFeatures, conv2dOp, type Conv2dOptions } from "../../kernels/product/conv2d.ts";
import {
  add,
  averagePool,
  concatChannels,
  groupNorm,
  groupNormFactors,
  imageStatistics,
  sliceChannels,
  upsampleNearest,
} from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

type Attrs = Parameters<typeof conv2dOp>[1];

const SOFTWARE: Target = {
  ...SOFTWARE_PROFILE,
  subgroupSize: 8,
  scratch: () => {
    throw new Error("a convolution needs no scratch");
  },
  scalarIndex: () => 0,
  prepared: () => undefined,
};

function makeCall(shapes: readonly Shape[], attrs: Attrs): Call<Attrs> {
  const inputs = shapes.map((shape, id) => ({ id, shape, dtype: "f32" as const }));
  const outputs = conv2dOp.definition.infer(inputs, attrs).map((type) => ({ ...type, id: shapes.length }));
  return { op: conv2dOp.definition as Call<Attrs>["op"], inputs, outputs, attrs, scope: "" };
}

/** The defining sum, pixel by pixel and tap by tap. */
function convolve(call: Call<Attrs>, inputs: readonly Float32Array[]): Float32Array {
  const [batch, height, width, channels] = call.inputs[0]?.shape as [number, number, number, number];
  const [kernelHeight, kernelWidth] = call.inputs[1]?.shape as [number, number];
  const [, outHeight, outWidth, outChannels] = call.outputs[0]?.shape as [number, number, number, number];
  const { stride, padding, bias, residual } = call.attrs;
  const [x, weight] = inputs as [Float32Array, Float32Array];
  return Float32Array.from({ length: batch * outHeight * outWidth * outChannels }, (_, i) => {
    const o = i % outChannels;
    const ox = Math.floor(i / outChannels) % outWidth;
    const oy = Math.floor(i / (outChannels * outWidth)) % outHeight;
    const n = Math.floor(i / (outChannels * outWidth * outHeight));
    let sum = (bias ? inputs[2]?.[o] as number : 0) + (residual !== "absent" ? inputs[bias ? 3 : 2]?.[i] as number : 0);
    for (let ky = 0; ky < kernelHeight; ky++) {
      for (let kx = 0; kx < kernelWidth; kx++) {
        const [iy, ix] = [oy * stride + ky - padding.top, ox * stride + kx - padding.left];
        if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
        for (let c = 0; c < channels; c++) {
          const value = x[((n * height + iy) * width + ix) * channels + c] as number;
          sum += value * (weight[((ky * kernelWidth + kx) * channels + c) * outChannels + o] as number);
        }
      }
    }
    return sum;
  });
}

/** Whether nothing but bias and residual is fused into a convolution. */
function isBare({ parts, factors, silu, resample, shift, residual, statistics }: Attrs): boolean {
  const resampled = resample !== "none" || (residual !== "none" && residual !== "absent");
  return parts === 1 && !factors && !silu && !resampled && shift === "absent" && !statistics;
}

Deno.test("conv2d: the reference is the defining sum on every bare example", () => {
  for (const [index, { inputs, attrs }] of conv2dOp.definition.examples.entries()) {
    if (!isBare(attrs) || inputs.some((input) => "data" in input)) continue;
    const call = makeCall(inputs as readonly Shape[], attrs);
    const data = call.inputs.map(({ shape }, k) => randomValues(elementCount(shape), 17 * index + k));
    const [actual] = conv2dOp.definition.reference(call, data, {});
    assertClose(actual as Float32Array, convolve(call, data), 1e-6, `example ${index}`);
  }
});

gpuTest("conv2d: what lies beyond a border or the last channel never enters, be it infinite", async (runtime) => {
  // Row 1 ends in infinities: the neighbours in memory of row 2's left padding, of the channel tail and of the
  // padded rows. Only outputs whose window holds that pixel may see them.
  for (const [height, width, channels] of [[4, 19, 5], [4, 9, 8], [5, 3, 3]] as const) {
    const values = randomValues(height * width * channels, width);
    values.fill(Infinity, (2 * width - 1) * channels, 2 * width * channels);
    const shape = [1, height, width, channels];
    const stage = runtime.stage(
      `border ${width}`,
      ({ x, weight }: Tensors<"x" | "weight">) => ({ y: conv2d(x, weight, { padding: 1 }) }),
    );
    const { y } = await stage({
      x: runtime.upload(values, shape),
      weight: runtime.upload(randomValues(9 * channels * 4, 3).map(Math.abs), [3, 3, channels, 4]),
    }, {});
    const finite = (await y.read()).map((value) => Number.isFinite(value) ? 1 : 0);
    const expected = Float32Array.from({ length: height * width * 4 }, (_, i) => {
      const [oy, ox] = [Math.floor(i / (4 * width)), Math.floor(i / 4) % width];
      return Math.abs(oy - 1) <= 1 && ox >= width - 2 ? 0 : 1;
    });
    assertEquals(finite, expected);
  }
});

gpuTest("conv2d: a kernel row outside the picture never enters, be it infinite", async (runtime) => {
  // Behind the last channel of one kernel row lie the weights of the next.
  const [height, width, channels] = [4, 16, 5];
  const weight = randomValues(9 * channels * 4, 1).fill(Infinity, 6 * channels * 4);
  const stage = runtime.stage("rows", ({ x, weight }: Tensors<"x" | "weight">) => ({
    y: conv2d(x, weight, { padding: 1 }),
  }));
  const { y } = await stage({
    x: runtime.upload(randomValues(height * width * channels, 2), [1, height, width, channels]),
    weight: runtime.upload(weight, [3, 3, channels, 4]),
  }, {});
  const bottom = (await y.read()).slice((height - 1) * width * 4);
  assertEquals(bottom.every(Number.isFinite), true);
});

Deno.test("conv2d: layers of different size share one compiled kernel, those with residual another", () => {
  const attrs: Attrs = { ...PLAIN, bias: true };
  for (
    const target of [SOFTWARE, { ...SOFTWARE, subgroupSize: 0 }, {
      ...SOFTWARE,
      preferences: { conv2d: "direct" },
      software: false,
    }]
  ) {
    const text = (shapes: readonly Shape[], more: Partial<Attrs> = {}): string | undefined =>
      conv2dOp.definition.lower(makeCall(shapes, { ...attrs, ...more }), target)[0]?.wgsl;
    const large = text([[1, 64, 64, 64], [3, 3, 64, 64], [64]]);
    assertEquals(text([[2, 16, 32, 256], [3, 3, 256, 128], [128]]), large);
    const added = text([[1, 32, 32, 96], [3, 3, 96, 32], [32], [1, 32, 32, 32]], { residual: "none" });
    assertEquals(text([[2, 8, 32, 256], [3, 3, 256, 96], [96], [2, 8, 32, 96]], { residual: "none" }), added);
    assertEquals(added === large, false);
    assertEquals(text([[1, 64, 64, 64], [3, 3, 64, 64]], { bias: false }), large);
  }
});

Deno.test("conv2d: the grid of a large picture stays within the limit of the device", () => {
  const attrs: Attrs = PLAIN;
  const [dispatch] = conv2dOp.definition.lower(makeCall([[4, 512, 512, 64], [3, 3, 64, 64]], attrs), SOFTWARE);
  const [across = 0, down = 0] = dispatch?.workgroups ?? [];
  assertEquals([across <= 65535, across * down >= 4 * 512 * 32 * 8], [true, true]);
});

Deno.test("conv2d: what does not fit is refused with the place, what was found and what is needed", () => {
  const build = (shapes: readonly [Shape, Shape], options: Conv2dOptions = {}): void => {
    const types = { x: { shape: shapes[0], dtype: "f32" }, weight: { shape: shapes[1], dtype: "f32" } } as const;
    trace("net", types, ({ x, weight }) => {
      return { y: scope("middle", () => conv2d(x as typeof x & object, weight as typeof weight & object, options)) };
    });
  };
  const message = (shapes: readonly [Shape, Shape], options?: Conv2dOptions): string =>
    assertThrows(() => build(shapes, options), Error).message;
  assertEquals(
    message([[1, 8, 8, 256], [3, 3, 320, 512]]),
    'Cannot build conv2d at "middle": x has 256 channels, weight [3, 3, 320, 512] expects 320',
  );
  assertEquals(
    message([[8, 8, 3], [3, 3, 3, 4]]),
    'Cannot build conv2d at "middle": x has shape [8, 8, 3], [N, H, W, Cin] is needed',
  );
  assertEquals(
    message([[1, 2, 8, 3], [5, 5, 3, 4]], { padding: 1 }),
    'Cannot build conv2d at "middle": x is 2x8 before padding, weight [5, 5, 3, 4] needs at least 5x5 with padding',
  );
  assertThrows(() => build([[1, 8, 8, 3], [3, 3, 3, 4]], { stride: 1.5 }), RangeError, "stride is 1.5");
  assertThrows(() => build([[1, 8, 8, 3], [3, 3, 3, 4]], { padding: -1 }), RangeError, "top padding is -1");
  const wrong = { id: 0, shape: [5], dtype: "f32" } as const;
  const infer = (bias: boolean): void => {
    const x = { shape: [1, 8, 8, 3], dtype: "f32" } as const;
    const weight = { shape: [3, 3, 3, 4], dtype: "f32" } as const;
    const padding = { top: 1, left: 1, bottom: 1, right: 1 };
    conv2dOp.definition.infer([x, weight, wrong], { ...PLAIN, padding, bias, residual: bias ? "absent" : "none" });
  };
  assertThrows(() => infer(true), TypeError, "bias has shape [5], [4] is needed");
  assertThrows(() => infer(false), TypeError, "residual has shape [5], [1, 8, 8, 4] is needed");
});

Deno.test("conv2d with everything fused is the chain of single operations", async () => {
  const shapes = {
    a: [2, 6, 8, 20],
    b: [2, 6, 8, 12],
    weight: [3, 3, 32, 16],
    gamma: [32],
    beta: [32],
    modulation: [2, 70],
    bias: [16],
    shift: [2, 16],
  };
  type Name = keyof typeof shapes | "skip" | "spread";
  for (const [resample, scale] of [["none", 1], ["up", 2], ["down", 0.5]] as const) {
    const all: Record<Name, readonly number[]> = {
      ...shapes,
      skip: [2, 6, 8, 16],
      spread: [2, 6 * scale, 8 * scale, 16],
    };
    const runtime = new ReferenceRuntime();
    const resized = (x: Tensor): Tensor =>
      resample === "none" ? x : resample === "up" ? upsampleNearest(x, 2) : averagePool(x, 2);
    const stage = runtime.stage(`fused ${resample}`, (t: Tensors<Name>) => {
      const parts = [t.a, t.b].map((x) => ({ x, statistics: imageStatistics(x) }));
      const modulation = { tensor: t.modulation, at: 3 };
      const factors = groupNormFactors(parts, t.gamma, t.beta, { groups: 4, eps: 1e-5, modulation });
      const fused = conv2dFeatures({ parts: [t.a, t.b], factors, silu: true, resample }, t.weight, {
        padding: 1,
        bias: t.bias,
        shift: { tensor: t.shift, at: 0 },
        residual: { x: t.skip, resample },
      });
      const normalised = groupNorm(concatChannels(t.a, t.b), t.gamma, t.beta, {
        groups: 4,
        eps: 1e-5,
        silu: true,
        modulation: sliceChannels(t.modulation, 3, 67),
      });
      const sum = add(conv2d(resized(normalised), t.weight, { padding: 1, bias: t.bias }), t.spread);
      const y = add(sum, resized(t.skip));
      return { fused: fused.x, statistics: fused.statistics, chain: y, chainStatistics: imageStatistics(y) };
    });
    const values = Object.fromEntries(
      Object.entries(all).map(([name, shape], k) => [name, randomValues(elementCount(shape), k)]),
    ) as Record<Name, Float32Array>;
    const perImage = elementCount(all.spread) / 2;
    values.spread.forEach((_, i, spread) => spread[i] = values.shift[Math.floor(i / perImage) * 16 + i % 16]!);
    const tensors = Object.fromEntries(
      Object.entries(all).map(([name, shape]) => [name, runtime.upload(values[name as Name], shape)]),
    ) as Record<Name, DeviceTensor>;
    const { fused, statistics, chain, chainStatistics } = await stage(tensors, {});
    assertEquals(chain.shape, [2, 6 * scale, 8 * scale, 16]);
    assertClose(await fused.read(), await chain.read(), 1e-6, resample);
    assertClose(await statistics.read(), await chainStatistics.read(), 1e-5, `statistics, ${resample}`);
  }
});
