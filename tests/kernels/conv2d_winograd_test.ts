/** Every algorithm of a convolution, forced on shapes that do not fill its tiles, and the choice between them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Call,
  constant,
  elementCount,
  type Op,
  ReferenceRuntime,
  type Runtime,
  type Shape,
  type Target,
  type Tensors,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { PLAIN } from "../../kernels/product/conv2d_examples.ts";
import { conv2d, conv2dOp } from "../../kernels/product/conv2d.ts";
import { transformed, WINOGRAD } from "../../kernels/product/winograd/winograd_transform.ts";
import { winogradWeightsOp } from "../../kernels/product/winograd/winograd_weights.ts";
import { assertClose } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest, withoutSubgroups } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { runExample } from "../support/run_example.ts";

type Attrs = Parameters<typeof conv2dOp>[1];

const SAME = { top: 1, left: 1, bottom: 1, right: 1 };

interface Layer {
  readonly x: readonly [number, number, number, number];
  readonly outChannels: number;
  readonly padding: typeof SAME;
  readonly bias: boolean;
  readonly residual: boolean;
}

function layer(
  x: Layer["x"],
  outChannels: number,
  { padding = SAME, bias = true, residual = false }: Partial<Layer> = {},
): Layer {
  return { x, outChannels, padding, bias, residual };
}

const LAYERS: readonly Layer[] = [
  layer([1, 1, 1, 33], 6, { residual: true }),
  layer([1, 5, 7, 3], 33),
  layer([2, 5, 7, 33], 7, { residual: true, bias: false }),
  layer([1, 6, 9, 12], 20, { padding: { top: 0, left: 2, bottom: 3, right: 1 }, residual: true }),
  layer([1, 3, 3, 8], 16, { padding: { top: 0, left: 0, bottom: 0, right: 0 }, bias: false }),
  layer([2, 17, 33, 40], 48, { residual: true }),
];

/** Output of a layer with constant weights. */
async function run(
  runtime: Runtime,
  name: string,
  { x, outChannels, padding, ...summands }: Layer,
): Promise<Float32Array> {
  const [batch, height, width, channels] = x;
  const outHeight = height + padding.top + padding.bottom - 2;
  const outWidth = width + padding.left + padding.right - 2;
  const upload = (shape: Shape, seed: number): ReturnType<Runtime["upload"]> =>
    runtime.upload(randomValues(elementCount(shape), seed), shape);
  const weight = upload([3, 3, channels, outChannels], 1);
  const bias = upload([outChannels], 2);
  const stage = runtime.stage(name, ({ x, residual }: Tensors<"x" | "residual">) => ({
    y: conv2d(x, constant(weight), {
      padding,
      ...(summands.bias ? { bias: constant(bias) } : {}),
      ...(summands.residual ? { residual } : {}),
    }),
  }));
  const { y } = await stage({ x: upload(x, 3), residual: upload([batch, outHeight, outWidth, outChannels], 4) }, {});
  return await y.read();
}

const opened = new Map<string, WebGpuRuntime>();

// Drivers do not expect their process to end under them.
globalThis.addEventListener("unload", () => opened.forEach((runtime) => runtime.destroy()));

/** A runtime with a forced algorithm, one for all tests of it. */
async function forced(algorithm: string, gpu?: GPU): Promise<WebGpuRuntime> {
  const key = `${algorithm} ${gpu === undefined}`;
  const runtime = opened.get(key) ??
    await WebGpuRuntime.open({ preferences: { conv2d: algorithm }, ...(gpu ? { gpu } : {}) });
  opened.set(key, runtime);
  return runtime;
}

for (const algorithm of ["direct", "winograd2", "winograd4"] as const) {
  for (const [place, gpu] of [["", undefined], [" without subgroups", withoutSubgroups]] as const) {
    gpuTest(`${algorithm} forced${place} agrees with the reference on odd layers of constant weight`, async () => {
      const runtime = await forced(algorithm, gpu);
      for (const [index, layer] of LAYERS.entries()) {
        const expected = await run(new ReferenceRuntime(), "reference", layer);
        assertClose(await run(runtime, `layer ${index}`, layer), expected, 1e-5, `layer ${index}`);
        const labels = runtime.statistics().plans.get(`layer ${index}`)?.dispatches.map(({ label }) => label) ?? [];
        const wanted = algorithm === "direct" ? /^conv2d\.(broadcast|vector)$/ : /^(conv2d\.winograd|matmul\.vector)/;
        assert(
          labels.length === (algorithm === "direct" ? 1 : 3) && labels.every((label) => wanted.test(label)),
          `${labels}`,
        );
      }
    });
  }

  gpuTest(`${algorithm} forced agrees with the reference on every example, weights not constant`, async () => {
    const runtime = await forced(algorithm);
    for (const index of conv2dOp.definition.examples.keys()) {
      const op = conv2dOp as Op<unknown>;
      const expected = await runExample(new ReferenceRuntime(), op, index);
      const actual = await runExample(runtime, op, index);
      actual.forEach((values, k) => assertClose(values, expected[k]!, 1e-5, `example ${index} output ${k}`));
    }
  });
}

for (const [place, gpu] of [["", undefined], [" without subgroups", withoutSubgroups]] as const) {
  gpuTest(`large images are computed in bands, and a batch as its images one by one${place}`, async () => {
    const runtime = await forced("winograd4", gpu);
    // Two bands for each image; and two images in the first band, one in the second.
    for (const [index, [count, height, width]] of ([[2, 246, 243], [3, 167, 168]] as const).entries()) {
      const large = layer([count, height, width, 3], 64, { residual: true });
      const name = `bands ${index}`;
      const actual = await run(runtime, name, large);
      assertClose(actual, await run(new ReferenceRuntime(), "reference", large), 1e-5, name);
      const bands = (runtime.statistics().plans.get(name)?.dispatches.length ?? 0) / 3;
      assertEquals(bands, index === 0 ? 4 : 2, name);
      const single = await run(runtime, `${name}, one image`, { ...large, x: [1, height, width, 3] });
      assertEquals(actual.subarray(0, single.length), single, name);
    }
  });
}

for (const [tile, algorithm] of [[2, "winograd2"], [4, "winograd4"]] as const) {
  gpuTest(`${algorithm} keeps an infinite value within the tiles whose patches hold it`, async () => {
    const runtime = await forced(algorithm);
    // In memory the pixels of this column follow the last channel of their left neighbours.
    const infinite = 2 * tile + 1;
    const shape = [1, 6, 4 * tile, 5];
    const values = randomValues(elementCount(shape), 1).map((value, i) =>
      Math.floor(i / 5) % shape[2]! === infinite ? Infinity : value
    );
    const stage = runtime.stage("infinite", ({ x, weight }: Tensors<"x" | "weight">) => ({
      y: conv2d(x, weight, { padding: 1 }),
    }));
    const weight = runtime.upload(randomValues(9 * 5 * 3, 2).map(Math.abs), [3, 3, 5, 3]);
    const { y } = await stage({ x: runtime.upload(values, shape), weight }, {});
    for (const [i, value] of (await y.read()).entries()) {
      const column = Math.floor(i / 3) % shape[2]!;
      const first = Math.floor(column / tile) * tile - 1;
      if (infinite < first || infinite > first + tile + 1) assert(Number.isFinite(value), `column ${column}`);
      else if (Math.abs(column - infinite) <= 1) assert(!Number.isFinite(value), `column ${column}`);
    }
  });
}

Deno.test("the transforms give the convolution of a patch: A^T [(G g G^T) * (B^T d B)] A", () => {
  const sandwich = (left: readonly (readonly number[])[], x: (i: number, j: number) => number): number[][] =>
    left.map((a) =>
      left.map((b) => a.reduce((sum, f, i) => sum + b.reduce((inner, g, j) => inner + f * g * x(i, j), 0), 0))
    );
  for (const tile of [2, 4] as const) {
    const { patch, input, weight, weightScale, output } = WINOGRAD[tile];
    const d = randomValues(patch * patch, tile);
    const g = randomValues(9, tile + 1);
    const v = sandwich(input, (i, j) => d[i * patch + j]!);
    const u = sandwich(weight, (i, j) => g[3 * i + j]! / weightScale ** 2);
    const y = sandwich(output, (i, j) => v[i]![j]! * u[i]![j]!);
    const expected = y.flatMap((_, row) =>
      y.map((_, column) =>
        g.reduce((sum, factor, tap) => sum + factor * d[(row + Math.floor(tap / 3)) * patch + column + tap % 3]!, 0)
      )
    );
    assertClose(y.flat(), expected, 1e-14, `tile ${tile}`);
  }
});

Deno.test("transformed() writes sums of products without zero terms", () => {
  const { lines, output } = transformed([[1, 0, -5], [0, -1, 2]], (i, j) => `x${i}${j}`, "e");
  assertEquals(lines[0], "var e0_0 = x00 - 5.0 * x20;");
  assertEquals(lines[4], "var e1_1 = -x11 + 2.0 * x21;");
  assertEquals(output(1, 0), "e1_0 - 5.0 * e1_2");
});

const PROFILE = { ...SOFTWARE_PROFILE, subgroupSize: 8 };

const ATTRS: Attrs = { ...PLAIN, padding: SAME };

/** The kernels that a convolution of square images becomes. */
function labels(
  [side, channels, outChannels = channels, batch = 1]: readonly number[],
  options: Partial<Target> & { readonly attrs?: Partial<Attrs>; readonly kernel?: number } = {},
): readonly string[] {
  const { attrs = {}, kernel = 3, ...profile } = options;
  const inputs = [[batch, side!, side!, channels!], [kernel, kernel, channels!, outChannels!]]
    .map((shape, id) => ({ id, shape, dtype: "f32" as const }));
  const all = { ...ATTRS, ...attrs };
  const outputs = conv2dOp.definition.infer(inputs, all).map((type) => ({ ...type, id: 2 }));
  const call: Call<Attrs> = { op: conv2dOp.definition, inputs, outputs, attrs: all, scope: "" };
  const scratch = (shape: Shape): Call["inputs"][number] => ({ id: 3, shape, dtype: "f32" });
  const target: Target = {
    ...PROFILE,
    scratch,
    scalarIndex: () => 0,
    prepared: (op, inputs, attrs) => ({ ...op.infer(inputs, attrs)[0]!, id: 4 }),
    ...profile,
  };
  return conv2dOp.definition.lower(call, target).map(({ label }) => label);
}

const winograd = (tile: number): string[] =>
  ["input", "product", "output"].map((part) => `conv2d.winograd${tile}.${part}`);

Deno.test("conv2d takes tiles of 4 where their weight pays, and is direct for small images", () => {
  for (const size of [[32, 128], [64, 64], [16, 256], [64, 192, 64], [32, 128, 128, 4]]) {
    assertEquals(labels(size), winograd(4), `${size}`);
  }
  assertEquals(labels([32, 1024]), winograd(2), "tiles of 4 take more than the device binds");
  for (const size of [[1, 128], [2, 16], [8, 8], [8, 32], [8, 128], [8, 128, 128, 16]]) {
    assertEquals(labels(size), ["conv2d.broadcast"], `${size}`);
  }
  const vector = labels([32, 128], { subgroupSize: 0 });
  assertEquals(vector, ["conv2d.winograd4.input", "matmul.vector", "conv2d.winograd4.output"]);
});

Deno.test("conv2d stays direct where Winograd cannot be used or is not worth its memory", () => {
  assertEquals(labels([32, 128], { attrs: { stride: 2 } }), ["conv2d.broadcast"]);
  assertEquals(labels([32, 128], { kernel: 5 }), ["conv2d.broadcast"]);
  assertEquals(labels([32, 128], { prepared: () => undefined }), ["conv2d.broadcast"]);
  assertEquals(labels([32, 128], { maxBindingBytes: 2 ** 20 }), ["conv2d.broadcast"]);
  const preferences = { conv2d: "winograd4" };
  assertEquals(labels([32, 128], { maxBindingBytes: 2 ** 20, preferences }), ["conv2d.broadcast"]);
});

Deno.test("conv2d does what the preference says and refuses an unknown one", () => {
  assertEquals(labels([32, 128], { preferences: { conv2d: "direct" } }), ["conv2d.broadcast"]);
  assertEquals(labels([32, 128], { preferences: { conv2d: "winograd2" } }), winograd(2));
  assertEquals(labels([1, 8], { preferences: { conv2d: "winograd4" } }), winograd(4));
  assertThrows(
    () => labels([32, 128], { preferences: { conv2d: "fft" } }),
    RangeError,
    'Cannot build conv2d: the preference is "fft", one of auto, direct, implicit, implicit-f16, matrix-f16, ',
  );
});

Deno.test("patches and products of successive convolutions share slots, and the weight is prepared once", () => {
  const data = randomValues(9 * 64 * 64, 1);
  const weight = { shape: [3, 3, 64, 64], dtype: "f32" as const, data };
  const slots = [2, 6].map((count) => {
    const graph = trace("chain", { x: { shape: [1, 32, 32, 64], dtype: "f32" } }, ({ x }) => {
      let y = x!;
      for (let k = 0; k < count; k++) y = conv2d(y, constant(weight), { padding: 1 });
      return { y };
    });
    const plan = makePlan(graph, PROFILE);
    assertEquals([plan.dispatches.length, plan.prepared.length], [3 * count, 1]);
    return plan.slotBytes.reduce((sum, bytes) => sum + bytes, 0);
  });
  assertEquals(slots[1], slots[0]);
});

Deno.test("winogradWeights refuses what it cannot transform", () => {
  const infer = (shape: Shape, attrs: Parameters<typeof winogradWeightsOp>[1]): unknown =>
    winogradWeightsOp.definition.infer([{ shape, dtype: "f32" }], attrs);
  assertThrows(
    () => infer([5, 5, 2, 2], { tile: 2, inner: 2, columns: 2, texels: false }),
    TypeError,
    "Cannot build winogradWeights: weight has shape [5, 5, 2, 2], [3, 3, Cin, Cout] is needed",
  );
  assertThrows(
    () => infer([3, 3, 9, 2], { tile: 4, inner: 8, columns: 2, texels: false }),
    RangeError,
    "Cannot build winogradWeights: inner is 8, an integer of at least 9 is needed",
  );
  assertThrows(
    () => infer([3, 3, 2, 2], { tile: 3 as 4, inner: 2, columns: 2, texels: false }),
    RangeError,
    "tile is 3, 2 or 4",
  );
});
