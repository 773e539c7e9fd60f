/** Convolutions and products from tiles in workgroup memory: every tile, every number of parts, both arithmetics. */
import { assert, assertEquals } from "@std/assert";
import {
  constant,
  defineOp,
  elementCount,
  type Op,
  packHalf,
  ReferenceRuntime,
  type Shape,
  type Tensor,
  type Tensors,
  trace,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { PLAIN } from "../../kernels/product/conv2d_examples.ts";
import { conv2dImplicit } from "../../kernels/product/conv2d_implicit.ts";
import { conv2d, conv2dOp } from "../../kernels/product/conv2d.ts";
import type { Conv2dAttrs } from "../../kernels/product/conv2d_attrs.ts";
import { matmul, matmulOp } from "../../kernels/mod.ts";
import { matmulShared } from "../../kernels/product/matmul_shared.ts";
import { TILE_NAMES, TILES } from "../../kernels/product/tile_cut.ts";
import type { Cut } from "../../kernels/product/tile_product.ts";
import type { Arithmetic, Tile } from "../../kernels/product/tile_text.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { runExample } from "../support/run_example.ts";
import { runOnce, type Values, values } from "./run_once.ts";

const opened = new Map<string, WebGpuRuntime>();

// Drivers do not expect their process to end under them.
globalThis.addEventListener("unload", () => opened.forEach((runtime) => runtime.destroy()));

/** A runtime that takes tiles in workgroup memory for all convolutions and products, one for each arithmetic. */
async function forced(arithmetic: Arithmetic): Promise<WebGpuRuntime> {
  const suffix = arithmetic === "f16" ? "-f16" : "";
  const preferences = { conv2d: `implicit${suffix}`, matmul: `shared${suffix}` };
  const runtime = opened.get(arithmetic) ?? await WebGpuRuntime.open({ preferences });
  opened.set(arithmetic, runtime);
  return runtime;
}

/** Kernels of the stage that ran last under this name. */
function labelsOf(runtime: WebGpuRuntime, name: string): readonly string[] {
  return runtime.statistics().plans.get(name)?.dispatches.map(({ label }) => label) ?? [];
}

for (const op of [conv2dOp, matmulOp] as readonly Op<unknown>[]) {
  const { name, examples } = op.definition;
  gpuTest(`${name}() from tiles matches its reference on every example`, async () => {
    const runtime = await forced("f32");
    for (const index of examples.keys()) {
      const expected = await runExample(new ReferenceRuntime(), op, index);
      for (const [k, actual] of (await runExample(runtime, op, index)).entries()) {
        assertClose(actual, expected[k]!, 1e-5, `${name} example ${index} output ${k}`);
      }
      const labels = labelsOf(runtime, name);
      assert(labels.some((label) => /^(conv2d\.implicit|matmul\.shared)/.test(label)), `${labels}`);
    }
  });
}

/** A convolution cut in a given way, whatever its size. */
function cutConvolution(cut: Cut): Op<Conv2dAttrs> {
  return defineOp({
    ...conv2dOp.definition,
    lower: ({ inputs, outputs, attrs }, target) => {
      const [x, weight, bias] = inputs as readonly [Tensor, Tensor, Tensor];
      const { stride, padding: { top, left } } = attrs;
      const convolution = { x, weight, out: outputs[0]!, bias, residual: undefined, stride, top, left };
      return conv2dImplicit(convolution, cut, "f32", target);
    },
  });
}

/** A product of two matrices, the first one normalised where there are factors, cut in a given way. */
function cutProduct(cut: Cut): typeof matmulOp {
  return defineOp({
    ...matmulOp.definition,
    lower: ({ inputs, outputs }, target) => {
      const [a, b, factors] = inputs as readonly [Tensor, Tensor, Tensor?];
      const [out] = outputs as readonly [Tensor];
      const [inner, columns] = b.shape as readonly [number, number];
      const sizes = { batch: 1, rows: elementCount(a.shape) / inner, inner, columns };
      const product = { a, b, out, ...sizes, sharesB: true, firstRow: 0 };
      return matmulShared({ ...product, factors, bias: undefined, residual: undefined }, cut, "f32", target);
    },
  });
}

interface Case {
  readonly name: string;
  readonly tile: Tile;
  /** Image and number of output channels: neither fills the tile, and one more tile is begun in both directions. */
  readonly x: Shape;
  readonly columns: number;
}

const CASES: readonly Case[] = [
  { name: "small", tile: TILES["32"], x: [2, 5, 7, 32], columns: 36 },
  { name: "narrow", tile: TILES["16"], x: [2, 5, 7, 32], columns: 18 },
  { name: "medium", tile: TILES["64"], x: [2, 5, 7, 16], columns: 68 },
];

for (const { name, tile, x, columns } of CASES) {
  gpuTest(`a convolution from ${name} tiles gives the reference for any number of parts`, async (runtime) => {
    const inputs = [values(x, 1), values([3, 3, x[3]!, columns], 2), values([columns], 3)];
    const attrs = { ...PLAIN, bias: true };
    const expected = await runOnce(new ReferenceRuntime(), inputs, (...tensors) => conv2dOp(tensors, attrs)[0]!);
    // 5 parts of 9 taps: the last one has a single depth. 40 parts: most are empty.
    for (const parts of [1, 2, 5, 40]) {
      const op = cutConvolution({ tile, parts });
      const actual = await runOnce(runtime, inputs, (...tensors) => op(tensors, attrs)[0]!);
      assertClose(actual, expected, 1e-5, `${parts} parts`);
    }
  });
}

gpuTest("a product from large tiles gives the reference where neither side fills them", async (runtime) => {
  const inputs = [values([133, 37], 1), values([37, 135], 2)];
  const expected = await runOnce(new ReferenceRuntime(), inputs, (a, b) => matmul(a!, b!));
  const attrs = { bias: false, residual: false, factors: false };
  let bits: Float32Array | undefined;
  for (const name of ["128", "128-8x4"] as const) {
    const op = cutProduct({ tile: { ...TILES[name], unrolled: false }, parts: 2 });
    const actual = await runOnce(runtime, inputs, (...tensors) => op(tensors, attrs)[0]!);
    assertClose(actual, expected, 1e-5, name);
    assertEquals(actual, bits ??= actual, "how invocations lie does not change the bits");
  }
});

gpuTest("a depth that is loaded late gives the bits of one that is loaded ahead", async (runtime) => {
  const product = { bias: false, residual: false };
  const layers = [
    ...[16, 5].map((channels) => ({
      inputs: [values([2, 5, 7, channels], 1), values([3, 3, channels, 36], 2)],
      build: (cut: Cut) => (tensors: readonly Tensor[]) => cutConvolution(cut)(tensors, PLAIN)[0]!,
    })),
    ...[48, 37].flatMap((inner) =>
      [false, true].map((factors) => ({
        inputs: [values([1, 70, inner], 1), values([inner, 36], 2), ...factors ? [values([3, 1, inner], 3)] : []],
        build: (cut: Cut) => (tensors: readonly Tensor[]) => cutProduct(cut)(tensors, { ...product, factors })[0]!,
      }))
    ),
  ];
  for (const { inputs, build } of layers) {
    for (const name of ["32", "64"] as const) {
      const cut: Cut = { tile: { ...TILES[name], unrolled: false }, parts: 2 };
      const run = (own: Cut): Promise<Float32Array> => runOnce(runtime, inputs, (...all) => build(own)(all));
      const late = await run({ ...cut, tile: { ...cut.tile, late: true } });
      assertEquals(late, await run(cut), `${inputs.map(({ shape }) => `[${shape}]`)}, tile ${name}`);
    }
  }
});

gpuTest(
  "taps of large kernels are found, be they more than a word has bits or than the image has pixels",
  async (runtime) => {
    // Four rows share a word up to 8 taps down and across, as in every example; 10 have their own, 33 are too many for one.
    for (const [height, width] of [[5, 5], [17, 16]] as const) {
      const padding = { top: height >> 1, bottom: height >> 1, left: width - 1, right: 1 };
      const attrs = { ...PLAIN, stride: 2, padding };
      const inputs = [values([2, 7, 4, 16], 1), values([height, width, 16, 4], 2)];
      const expected = await runOnce(new ReferenceRuntime(), inputs, (...tensors) => conv2dOp(tensors, attrs)[0]!);
      const op = cutConvolution({ tile: TILES["32"], parts: 1 });
      const actual = await runOnce(runtime, inputs, (...tensors) => op(tensors, attrs)[0]!);
      assertClose(actual, expected, 1e-5, `${height}x${width}`);
    }
  },
);

gpuTest("bands of rows give the bits of one dispatch, however many there are", async (runtime) => {
  const inputs = [values([2, 9, 11, 32], 1), values([3, 3, 32, 36], 2), values([36], 3)];
  const attrs = { ...PLAIN, bias: true };
  const run = (cut: Cut): Promise<Float32Array> => {
    const op = cutConvolution(cut);
    return runOnce(runtime, inputs, (...tensors) => op(tensors, attrs)[0]!);
  };
  for (const parts of [1, 3]) {
    const whole = await run({ tile: TILES["32"], parts });
    assertEquals(labelsOf(runtime as WebGpuRuntime, "once").length, parts === 1 ? 1 : 2);
    for (const bandRows of [32, 96]) {
      assertEquals(await run({ tile: TILES["32"], parts, bandRows }), whole, `${parts} parts, bands of ${bandRows}`);
      // 2 x 9 x 11 rows.
      assertEquals(
        labelsOf(runtime as WebGpuRuntime, "once").length,
        Math.ceil(198 / bandRows) + (parts === 1 ? 0 : 1),
      );
    }
  }
});

/** The long and the short text of a product on a graphics card; its sizes are whole depths, or not. */
function productTexts(inner: number, preferences: Readonly<Record<string, string>> = {}): readonly string[] {
  const types = {
    x: { shape: [2048, inner], dtype: "f32" as const },
    y: { shape: [inner, 1024], dtype: "f32" as const },
  };
  const graph = trace("product", types, ({ x, y }) => ({ z: matmul(x!, y!) }));
  const [dispatch] = makePlan(graph, { ...SOFTWARE_PROFILE, software: false, f16: true, preferences }).dispatches;
  return [dispatch!.wgsl, ...(dispatch!.shortWgsl === undefined ? [] : [dispatch!.shortWgsl])];
}

Deno.test("the short text of a tile loops over the steps that stand in the long one", () => {
  const [long, short] = productTexts(64) as [string, string];
  const loop = /for \(var pair = 0u; pair < 8u; pair \+= 2u\) \{\nlet next = pair \+ 1u;\n((?:\{\n[^}]*\}\n)+)\}/.exec(
    short,
  );
  assert(loop && !long.includes("var pair = "), short);
  const steps = [0, 2, 4, 6].map((pair) =>
    loop[1]!.replaceAll("[pair]", `[${pair}]`).replaceAll("[next]", `[${pair + 1}]`)
  );
  assertEquals(short.replace(loop[0], () => steps.join("").trimEnd()), long);
});

/** Indices of arrays in workgroup memory that are neither a number nor one variable. */
function computedIndices(text: string): readonly string[] {
  const names = [...text.matchAll(/var<workgroup> (\w+)/g)].map(([, name]) => name);
  return names.flatMap((name) => {
    const accesses = [...text.matchAll(new RegExp(`\\b${name}((?:\\[[^\\]]*\\])+)`, "g"))];
    assert(accesses.length > 0, `${name} is not used`);
    return accesses.flatMap(([, indices]) => [...indices!.matchAll(/\[([^\]]*)\]/g)].map(([, index]) => index!))
      .filter((index) => !/^\w+$/.test(index));
  });
}

Deno.test("no index of workgroup memory is computed where it is used: compilers check each sum anew", () => {
  assertEquals(computedIndices("var<workgroup> t: array<f32, 4>;\nlet a = t[k + 1u] + t[k];"), ["k + 1u"]);
  const names = ["shared", "shared-f16", ...TILE_NAMES.map((name) => `shared-${name}`)];
  const texts = [64, 36, 37].flatMap((inner) => names.flatMap((matmul) => productTexts(inner, { matmul })));
  const types = { x: { shape: [1, 64, 64, 64], dtype: "f32" as const } };
  const weight = { shape: [3, 3, 64, 96], dtype: "f32" as const, data: new Float32Array(9 * 64 * 96) };
  const graph = trace("layer", types, ({ x }) => ({ y: conv2d(x!, constant(weight), { padding: 1 }) }));
  const { dispatches } = makePlan(graph, { ...SOFTWARE_PROFILE, software: false, preferences: { conv2d: "implicit" } });
  const all = [...texts, dispatches[0]!.wgsl].filter((text) => text.includes("var<workgroup>"));
  assert(all.length > 20, `${all.length} texts`);
  assertEquals(all.flatMap(computedIndices), []);
});

gpuTest("a split convolution gives the same bits twice, and a batch those of its images one by one", async () => {
  const runtime = await forced("f32");
  const shape = [1, 8, 8, 64];
  const weight = values([3, 3, 64, 32], 3);
  const images = [values(shape, 1), values(shape, 2)];
  const both = { shape: [2, ...shape.slice(1)], data: Float32Array.from(images.flatMap(({ data }) => [...data])) };
  const run = (x: Values): Promise<Float32Array> =>
    runOnce(runtime, [x, weight], (x, weight) => conv2d(x!, weight!, { padding: 1 }));
  const batch = await run(both);
  assertEquals(labelsOf(runtime, "once"), ["conv2d.implicit", "conv2d.implicit.sum"]);
  assertEquals(await run(both), batch);
  const [first, second] = [await run(images[0]!), await run(images[1]!)];
  assertEquals([...first, ...second], [...batch]);
});

gpuTest("what lies beyond a border, a channel tail or the last tap never enters a tile, be it infinite", async () => {
  const runtime = await forced("f32");
  const [height, width] = [6, 9];
  for (const [channels, half] of [[5, false], [5, true], [16, false]] as const) {
    // Row 3 ends in infinities: the neighbours in memory of row 4's left padding, of channel tails, and what a tenth
    // tap would see from row 1.
    const data = randomValues(height * width * channels, width);
    data.fill(Infinity, (4 * width - 1) * channels, 4 * width * channels);
    const weight = values([3, 3, channels, 4], 3, Math.abs);
    const stage = runtime.stage("infinite", ({ x, weight }: Tensors<"x" | "weight">) => ({
      y: conv2d(x, weight, { padding: 1 }),
    }));
    const { y } = await stage({
      x: runtime.upload(data, [1, height, width, channels]),
      weight: half
        ? runtime.upload(packHalf(weight.data, weight.shape), weight.shape, "f16")
        : runtime.upload(weight.data, weight.shape),
    }, {});
    const finite = Array.from(await y.read(), (value) => Number.isFinite(value) ? 1 : 0);
    const expected = Array.from({ length: height * width * 4 }, (_, i) => {
      const [oy, ox] = [Math.floor(i / (4 * width)), Math.floor(i / 4) % width];
      return Math.abs(oy - 3) <= 1 && ox >= width - 2 ? 0 : 1;
    });
    assertEquals(finite, expected, `${channels} channels${half ? ", half-precision weight" : ""}`);
  }
});

gpuTest("what lies beyond the last k of a row or matrix never enters a product, be it infinite", async () => {
  const runtime = await forced("f32");
  for (const inner of [9, 12]) {
    const a = values([2, 20, inner], 1, Math.abs);
    const b = values([2, inner, 20], 2, Math.abs);
    // The second row of a and the second matrix follow the first in memory.
    a.data.fill(Infinity, inner, 2 * inner);
    b.data.fill(Infinity, inner * 20);
    const y = await runOnce(runtime, [a, b], (a, b) => matmul(a!, b!));
    const finite = Array.from(y, (value) => Number.isFinite(value) ? 1 : 0);
    assertEquals(finite, finite.map((_, i) => i < 20 || (i >= 40 && i < 400) ? 1 : 0), `inner ${inner}`);
  }
});

/**
 * Factors lose up to 2^-11 of themselves, and each of the 32 steps of a half-precision sum as much of that sum. Measured
 * on these: 1.1e-3.
 */
const HALF_LIMIT = 2e-3;

gpuTest("half-precision tiles stay within what their roundings can do, however long the sum", async (runtime) => {
  if (!(runtime as WebGpuRuntime).features.includes("shader-f16")) return;
  const half = await forced("f16");
  const cases = [
    { inputs: [values([1, 9, 7, 3], 1), values([3, 3, 3, 6], 2)], kernel: "conv2d.implicit-f16" },
    { inputs: [values([1, 8, 8, 96], 1), values([3, 3, 96, 20], 2)], kernel: "conv2d.implicit-f16" },
  ];
  for (const { inputs, kernel } of cases) {
    const build = (x?: Tensor, weight?: Tensor): Tensor => conv2d(x!, weight!, { padding: 1 });
    const expected = await runOnce(new ReferenceRuntime(), inputs, build);
    const error = relativeError(await runOnce(half, inputs, build), expected);
    assertEquals(labelsOf(half, "once")[0], kernel);
    assert(error > 1e-5 && error < HALF_LIMIT, `error ${error} of ${inputs[0]!.shape}`);
  }
  const inputs = [values([40, elementCount([7, 33])], 3), values([7 * 33, 36], 4)];
  const expected = await runOnce(new ReferenceRuntime(), inputs, (a, b) => matmul(a!, b!));
  const error = relativeError(await runOnce(half, inputs, (a, b) => matmul(a!, b!)), expected);
  assertEquals(labelsOf(half, "once"), ["matmul.shared-f16"]);
  assert(error > 1e-5 && error < HALF_LIMIT, `error ${error} of a product`);
});

gpuTest("what half precision cannot hold is staged as its largest number, not as infinity", async (runtime) => {
  if (!(runtime as WebGpuRuntime).features.includes("shader-f16")) return;
  const half = await forced("f16");
  // An odd number of k: the kernel of the test before.
  const a = values([40, 33], 1, () => 0);
  const b = values([33, 36], 2, () => 0.5);
  for (let row = 0; row < 40; row++) a.data[33 * row] = row % 2 === 0 ? 1e6 : -1e6;
  b.data[0] = 1e9;
  const y = await runOnce(half, [a, b], (a, b) => matmul(a!, b!));
  assertEquals(labelsOf(half, "once"), ["matmul.shared-f16"]);
  assertEquals([y[1], y[36 + 1]], [32752, -32752]);
});
