/** Which algorithm, tile and number of parts layers take on graphics cards, by default and by preference. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { constant, type DeviceProfile, type Shape, trace } from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { conv2d, type Conv2dOptions } from "../../kernels/product/conv2d.ts";
import { matmul, matmulCandidates, matmulKey } from "../../kernels/mod.ts";
import { chooseCut, type CutVariant, TILES } from "../../kernels/product/tile_cut.ts";
import { invocations, type Tile, tileBytes } from "../../kernels/product/tile_text.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";

const CARD: DeviceProfile = { ...SOFTWARE_PROFILE, software: false, f16: true, vendor: "nvidia" };

function planned(
  shapes: readonly Shape[],
  build: Parameters<typeof trace>[2],
  profile: DeviceProfile,
): readonly string[] {
  const inputs = Object.fromEntries(shapes.map((shape, k) => [`x${k}`, { shape, dtype: "f32" as const }]));
  return makePlan(trace("layer", inputs, build), profile).dispatches.map(({ label }) => label);
}

/** Kernels of a 3x3 convolution of square images with constant weights. */
function convolution(side: number, channels: number, profile: DeviceProfile, options: Conv2dOptions = {}): string[] {
  const shape = [3, 3, channels, channels];
  const weight = { shape, dtype: "f32" as const, data: new Float32Array(9 * channels * channels) };
  const x = [1, side, side, channels];
  return [...planned([x], ({ x0 }) => ({ y: conv2d(x0!, constant(weight), { padding: 1, ...options }) }), profile)];
}

function product(rows: number, inner: number, columns: number, profile: DeviceProfile): readonly string[] {
  return planned([[rows, inner], [inner, columns]], ({ x0, x1 }) => ({ y: matmul(x0!, x1!) }), profile);
}

Deno.test("graphics cards take tiles, Winograd only for large images of many channels", () => {
  assertEquals(convolution(32, 128, CARD), ["conv2d.implicit", "conv2d.implicit.sum"]);
  assertEquals(convolution(64, 64, CARD)[0], "conv2d.implicit");
  assertEquals(convolution(64, 128, CARD, { stride: 2 })[0], "conv2d.implicit");
  assertEquals(convolution(64, 128, CARD), [
    "conv2d.winograd4.input",
    "matmul.shared",
    "conv2d.winograd4.output",
  ]);
  assertEquals(convolution(32, 256, CARD)[0], "conv2d.winograd4.input");
  assertEquals(convolution(32, 256, { ...CARD, preparedBytes: 0 })[0], "conv2d.implicit");
  assertEquals(convolution(16, 512, CARD)[0], "conv2d.implicit");
  assertEquals(product(64, 64, 64, CARD), ["matmul.shared"]);
  assertEquals(product(1, 64, 64, CARD), ["matmul.vector"]);
});

Deno.test("no dispatch of a large convolution or product is more than 16 GFLOP, and together they are all of it", () => {
  const types = { x: { shape: [1, 256, 256, 512], dtype: "f32" as const } };
  const weight = { shape: [3, 3, 512, 256], dtype: "f32" as const, data: new Float32Array(9 * 512 * 256) };
  const matrix = { shape: [512, 4096], dtype: "f32" as const, data: new Float32Array(512 * 4096) };
  const graph = trace("large", types, ({ x }) => ({
    y: conv2d({ parts: [x!], silu: true }, constant(weight), { padding: 1 }),
    z: matmul(x!, constant(matrix)),
  }));
  const profile = { ...CARD, maxBufferBytes: 2 ** 31, maxBindingBytes: 2 ** 31, preferences: { conv2d: "implicit" } };
  const { dispatches } = makePlan(graph, profile);
  const sumOf = (label: string): number =>
    dispatches.filter((dispatch) => dispatch.label === label).reduce((sum, { flops }) => sum + flops, 0);
  assert(dispatches.every(({ flops }) => flops <= 16e9), `${dispatches.map(({ flops }) => flops)}`);
  assertEquals(dispatches.filter(({ label }) => label === "conv2d.implicit").length, 10);
  assertAlmostEquals(sumOf("conv2d.implicit"), 2 * 256 ** 2 * 9 * 512 * 256, 1);
  assertAlmostEquals(sumOf("matmul.shared"), 2 * 256 ** 2 * 512 * 4096, 1);
  assertEquals(sumOf("conv2d.input.silu"), 0, "the work counts at the product, not at what comes before");
});

Deno.test("without workgroup memory for any tile, layers take what needs none", () => {
  const poor = { ...CARD, maxWorkgroupBytes: 2048, preferences: { conv2d: "implicit", matmul: "shared" } };
  assertEquals(convolution(32, 128, poor), ["conv2d.vector"]);
  assertEquals(product(64, 64, 64, poor), ["matmul.vector"]);
});

Deno.test("half-precision arithmetic is taken where it is asked for and the device has it, never by itself", () => {
  const preferences = { conv2d: "implicit-f16", matmul: "shared-f16" };
  assertEquals(convolution(64, 64, { ...CARD, preferences }), ["conv2d.implicit-f16", "conv2d.implicit-f16.sum"]);
  assertEquals(product(64, 64, 64, { ...CARD, preferences }), ["matmul.shared-f16"]);
  assertEquals(convolution(64, 64, { ...CARD, f16: false, preferences }), ["conv2d.vector"]);
  assertEquals(product(64, 64, 64, { ...CARD, f16: false, preferences }), ["matmul.vector"]);
});

Deno.test("a preference for one layer goes before that for all of its kind", () => {
  const preferences = { "conv2d": "direct", "conv2d 3x3s1 128x128 32x32": "winograd2", "matmul 64x32x16": "tiled" };
  const profile = { ...CARD, preferences };
  assertEquals(convolution(32, 128, profile)[0], "conv2d.winograd2.input");
  assertEquals(convolution(32, 128, profile, { stride: 2 }), ["conv2d.vector"]);
  assertEquals(convolution(16, 128, profile), ["conv2d.vector"]);
  assertEquals(product(64, 32, 16, profile), ["matmul.vector"]);
  assertEquals(product(64, 32, 24, profile), ["matmul.shared"]);
  assertThrows(
    () => product(64, 32, 16, { ...CARD, preferences: { "matmul 64x32x16": "direct" } }),
    RangeError,
    'Cannot build matmul: the preference for "matmul 64x32x16" is "direct", one of auto, tiled, shared, shared-f16, ',
  );
});

Deno.test("a product is named by the rows of one image, and by the number of its matrices", () => {
  const tensor = { id: 0, shape: [], dtype: "f32" as const };
  const one = { a: tensor, b: tensor, out: tensor, batch: 1, rows: 128, inner: 32, columns: 16, sharesB: true };
  const rest = { firstRow: 0, factors: undefined, bias: undefined, residual: undefined };
  assertEquals(matmulKey({ ...one, ...rest, images: 2 }), "matmul 64x32x16");
  assertEquals(matmulKey({ ...one, ...rest, batch: 2 }), "matmul 128x32x16");
  assertEquals(matmulKey({ ...one, ...rest, batch: 36, sharesB: false }), "matmul 128x32x16 of 36");
  const target = { ...CARD, scratch: () => tensor, scalarIndex: () => 0, prepared: () => undefined };
  assertEquals(matmulCandidates({ ...one, ...rest }, target), ["tiled", "shared", "shared-f16", "shared-16"]);
  assertEquals(matmulCandidates({ ...one, ...rest }, { ...target, f16: false, software: true }), ["tiled", "shared"]);
});

/** Name of the tile, and number of parts of the cut of a 3x3 convolution of a square image; undefined if there is none. */
function cutOf(
  side: number,
  [channels, columns]: readonly [number, number],
  { profile = CARD, variant }: { readonly profile?: DeviceProfile; readonly variant?: CutVariant } = {},
): readonly [string, number] | undefined {
  const scratch = { id: 0, shape: [], dtype: "f32" as const };
  const target = { ...profile, scratch: () => scratch, scalarIndex: () => 0, prepared: () => undefined };
  const cut = chooseCut({ batch: 1, rows: side * side, inner: 9 * channels, columns }, "f32", target, variant);
  const same = (tile: Tile): boolean => JSON.stringify(tile) === JSON.stringify({ ...cut?.tile, late: undefined });
  return cut && [Object.entries(TILES).find(([, tile]) => same(tile))![0], cut.parts];
}

Deno.test("large products take large tiles; small ones are split into parts until the card is full", () => {
  assertEquals(cutOf(256, [256, 256]), ["128", 1]);
  assertEquals(cutOf(32, [512, 512]), ["64", 4]);
  assertEquals(cutOf(16, [1024, 1024]), ["64", 8]);
  assertEquals(cutOf(8, [1024, 1024]), ["64", 32]);
  assertEquals(cutOf(256, [256, 3]), ["16", 1]);
  assertEquals(cutOf(4, [64, 64]), ["32", 4]);
});

Deno.test("of large products that tile is taken which computes the least beyond them", () => {
  const tiles = [64, 96, 128, 192, 256, 320].map((columns) => cutOf(256, [64, columns])![0]);
  assertEquals(tiles, ["64", "128", "128", "64", "128", "64"]);
});

Deno.test("blocks of 8x8 are for GPUs that are known to have the registers, half-precision sums for none", () => {
  const makers = (["amd", "apple", "intel", "nvidia"] as const).map((vendor) =>
    cutOf(256, [256, 256], { profile: { ...CARD, vendor } })![0]
  );
  assertEquals(makers, ["128", "64", "64", "128"]);
  assertEquals(cutOf(256, [256, 256], { profile: { ...SOFTWARE_PROFILE, software: false } }), ["64", 1]);
  const scratch = { id: 0, shape: [], dtype: "f32" as const };
  const target = { ...CARD, scratch: () => scratch, scalarIndex: () => 0, prepared: () => undefined };
  const sizes = { batch: 1, rows: 65536, inner: 2304, columns: 256 };
  assertEquals(chooseCut(sizes, "f16", target), { tile: { ...TILES["64"], depth: 32 }, parts: 1 });
});

Deno.test("depths are loaded ahead unless the sums leave no registers for them, as those of tile 64 on Intel", () => {
  const scratch = { id: 0, shape: [], dtype: "f32" as const };
  const isLate = (vendor: "apple" | "intel", columns: number): boolean => {
    const target = { ...CARD, vendor, scratch: () => scratch, scalarIndex: () => 0, prepared: () => undefined };
    return chooseCut({ batch: 1, rows: 65536, inner: 2304, columns }, "f32", target)!.tile.late === true;
  };
  assertEquals([isLate("apple", 256), isLate("intel", 256), isLate("intel", 3)], [false, true, false]);
});

Deno.test("a batch is split as its images are, so that it gives the same bits", () => {
  const split = ["conv2d.implicit", "conv2d.implicit.sum"];
  const weight = { shape: [3, 3, 128, 128], dtype: "f32" as const, data: new Float32Array(9 * 128 * 128) };
  for (const batch of [1, 256]) {
    const labels = planned([[batch, 8, 8, 128]], ({ x0 }) => {
      return { y: conv2d(x0!, constant(weight), { padding: 1 }) };
    }, CARD);
    assertEquals(labels, split, `${batch} images`);
    const product = planned([[batch, 64, 512], [512, 512]], ({ x0, x1 }) => ({ y: matmul(x0!, x1!) }), CARD);
    assertEquals(product, ["matmul.shared", "matmul.shared.sum"], `${batch} images`);
  }
});

Deno.test("variants cut otherwise than the default, and are left out where they come to the same", () => {
  const variant = (side: number, channels: number, variant: CutVariant): unknown =>
    cutOf(side, [channels, channels], { variant });
  assertEquals(variant(16, 1024, "128"), ["128", 16]);
  assertEquals(variant(16, 1024, "128-8x4"), ["128-8x4", 16]);
  assertEquals(variant(16, 1024, "64"), undefined);
  assertEquals(variant(8, 1024, "128"), undefined, "half of its rows would be empty");
  assertEquals(variant(16, 1024, "32"), ["32", 4]);
  assertEquals(variant(16, 1024, "16"), undefined, "it would load too often");
  assertEquals(variant(16, 1024, "whole"), ["64", 1]);
  assertEquals(variant(16, 1024, "split"), ["64", 16]);
  assertEquals(variant(256, 256, "whole"), undefined);
  assertEquals(variant(2, 2, "split"), undefined);
  assertEquals(cutOf(16, [1024, 1024], { profile: SOFTWARE_PROFILE, variant: "64" }), undefined);
  const preferences = { conv2d: "implicit-whole", matmul: "shared-split" };
  assertEquals(convolution(16, 128, { ...CARD, preferences }), ["conv2d.implicit"]);
  assertEquals(product(64, 256, 64, { ...CARD, preferences }), ["matmul.shared", "matmul.shared.sum"]);
});

Deno.test("every tile fits what every WebGPU device has, in either arithmetic", () => {
  for (const tile of Object.values(TILES)) {
    assertEquals([invocations(tile) <= 256, tileBytes(tile, "f32") <= 16384], [true, true], JSON.stringify(tile));
    assertEquals(tileBytes({ ...tile, depth: 32 }, "f16") <= 16384, true, JSON.stringify(tile));
  }
});
