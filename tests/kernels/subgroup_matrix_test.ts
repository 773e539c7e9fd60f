/** Products, convolutions and attention from subgroup matrices: who takes them, and what stands in their texts. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type DeviceProfile, type PlannedDispatch, type SubgroupMatrix, trace } from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { attention, conv2d, matmul, TUNABLE_ALGORITHMS } from "../../kernels/mod.ts";
import { chooseMatrixCut, MATRIX_DEPTH, MATRIX_TILES, matrixBytes } from "../../kernels/product/matrix/matrix_cut.ts";
import { layersOf } from "../../profiling/tuning/layers.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";

/** Of all extents and subgroup sizes that drivers offer; the first is that of AMD, the third of the software adapter. */
const MATRICES: readonly SubgroupMatrix[] = [
  { rows: 16, columns: 16, inner: 16, lanes: 32, asksForLanes: true },
  { rows: 8, columns: 8, inner: 8, lanes: 32, asksForLanes: false },
  { rows: 8, columns: 8, inner: 8, lanes: 8, asksForLanes: false },
  { rows: 8, columns: 16, inner: 16, lanes: 16, asksForLanes: true },
  { rows: 8, columns: 16, inner: 16, lanes: 8, asksForLanes: true },
];

const PREFERENCES = { conv2d: "matrix-f16", matmul: "matrix-f16", attention: "matrix-f16" };

const CARD: DeviceProfile = { ...SOFTWARE_PROFILE, software: false, f16: true, maxWorkgroupBytes: 32768 };

function cardOf(
  subgroupMatrix: SubgroupMatrix,
  preferences: DeviceProfile["preferences"] = PREFERENCES,
): DeviceProfile {
  return { ...CARD, subgroupMatrix, preferences: preferences ?? {} };
}

function f32(...shape: readonly number[]): { readonly shape: readonly number[]; readonly dtype: "f32" } {
  return { shape, dtype: "f32" };
}

const LAYERS = {
  product: trace("product", { x: f32(128, 64), w: f32(64, 96) }, ({ x, w }) => ({ y: matmul(x!, w!) })),
  pointwise: trace("pointwise", { x: f32(1, 8, 8, 64), w: f32(1, 1, 64, 32) }, ({ x, w }) => ({ y: conv2d(x!, w!) })),
  convolution: trace("convolution", { x: f32(1, 16, 8, 64), w: f32(3, 3, 64, 32), b: f32(32) }, ({ x, w, b }) => ({
    y: conv2d(x!, w!, { padding: 1, bias: b! }),
  })),
  attention: trace(
    "attention",
    { x: f32(1, 70, 3 * 64) },
    ({ x }) => ({ y: attention(x!, { heads: 1, order: "new" }) }),
  ),
};

function dispatches(layer: keyof typeof LAYERS, profile: DeviceProfile): readonly PlannedDispatch[] {
  return makePlan(LAYERS[layer], profile).dispatches;
}

function labels(profile: DeviceProfile): readonly string[] {
  return (Object.keys(LAYERS) as (keyof typeof LAYERS)[]).map((layer) => dispatches(layer, profile)[0]!.label);
}

Deno.test("subgroup matrices are taken where they are asked for and the device has them, never by themselves", () => {
  const taken = ["matmul.matrix-f16", "matmul.matrix-f16", "conv2d.matrix-f16", "attention.matrix-f16"];
  const others = labels(CARD);
  assert(others.every((label) => !label.includes("f16")), `${others}`);
  for (const matrix of MATRICES) {
    assertEquals(labels(cardOf(matrix)), taken);
    assertEquals(labels(cardOf(matrix, {})), others);
    assertEquals(labels(cardOf(matrix, { conv2d: "auto", matmul: "auto", attention: "auto" })), others);
  }
  const without = labels({ ...CARD, preferences: PREFERENCES });
  assert(without.every((label) => !label.includes("f16")), `${without}`);
  const poor = labels({ ...cardOf(MATRICES[0]!), maxWorkgroupBytes: 4096 });
  assert(poor.every((label) => !label.includes("f16")), `${poor}`);
  const few = trace("few", { x: f32(4, 64), w: f32(64, 96) }, ({ x, w }) => ({ y: matmul(x!, w!) }));
  assertEquals(makePlan(few, cardOf(MATRICES[0]!)).dispatches[0]!.label, "matmul.vector", "too few rows");
  const tuned = (profile: DeviceProfile, precision: "f32" | "f16"): readonly string[] =>
    (["product", "convolution"] as const).filter((layer) =>
      layersOf(makePlan(LAYERS[layer], profile), TUNABLE_ALGORITHMS[precision])
        .some(({ algorithms }) => algorithms.includes("matrix-f16"))
    );
  assertEquals(tuned(cardOf(MATRICES[0]!, {}), "f16"), ["product", "convolution"]);
  assertEquals([tuned(cardOf(MATRICES[0]!, {}), "f32"), tuned(CARD, "f16")], [[], []]);
});

Deno.test("attention refuses a preference that is no algorithm of it", () => {
  const message = 'Cannot build attention: the preference is "fast", one of auto, matrix-f16 is needed';
  assertThrows(() => dispatches("attention", { ...CARD, preferences: { attention: "fast" } }), RangeError, message);
});

Deno.test("the subgroups of a workgroup share its tile evenly, whatever their size", () => {
  for (const matrix of MATRICES) {
    const sizes = { batch: 1, rows: 64, inner: 64, columns: 64 };
    const target = {
      ...cardOf(matrix),
      maxWorkgroupBytes: 49152,
      scratch: () => ({ id: 0, ...f32() }),
      scalarIndex: () => 0,
    };
    const medium = chooseMatrixCut(sizes, { ...target, prepared: () => undefined })!;
    const large = chooseMatrixCut({ ...sizes, rows: 65536, columns: 128 }, { ...target, prepared: () => undefined })!;
    assertEquals([large.tile, medium.tile], [...MATRIX_TILES]);
    for (const cut of [large, medium]) {
      const { tile, across, subgroups, blockRows, blockColumns } = cut;
      assertEquals(subgroups * matrix.lanes, tile.invocations);
      assertEquals(subgroups / across * blockRows * matrix.rows, tile.rows);
      assertEquals(across * blockColumns * matrix.columns, tile.columns);
      assert(Number.isInteger(blockRows * blockColumns) && MATRIX_DEPTH % matrix.inner === 0);
    }
    assert(matrixBytes(medium) <= 20480 && matrixBytes(large) <= 40960);
  }
});

Deno.test("few tiles are cut into parts of k, as those of one image are", () => {
  const target = { ...cardOf(MATRICES[0]!), scratch: () => ({ id: 0, ...f32() }), scalarIndex: () => 0 };
  const parts = (rows: number, inner: number, columns: number): number =>
    chooseMatrixCut({ batch: 1, rows, inner, columns }, { ...target, prepared: () => undefined })!.parts;
  assertEquals([parts(64, 9216, 1024), parts(64, 1024, 1024), parts(64, 64, 64), parts(65536, 1024, 256)], [
    16,
    4,
    1,
    1,
  ]);
});

/** Elements of the workgroup arrays of a text. */
function arrays(wgsl: string): Readonly<Record<string, number>> {
  const found = wgsl.matchAll(/var<workgroup> (\w+): array<[^,]+, (\d+)>/g);
  return Object.fromEntries([...found].map(([, name, size]) => [name!, Number(size)]));
}

Deno.test("texts stage clamped halves with padded pitches, and multiply the whole tile of every subgroup", () => {
  for (const matrix of MATRICES) {
    const { rows, columns, inner, lanes, asksForLanes } = matrix;
    for (const layer of ["product", "convolution"] as const) {
      const { wgsl } = dispatches(layer, cardOf(matrix))[0]!;
      assertEquals(wgsl.includes(`@workgroup_size(128)${asksForLanes ? ` @subgroup_size(${lanes})` : ""}\n`), true);
      assertMatch(wgsl, new RegExp(`subgroup_matrix_left<f16, ${inner}, ${rows}>`));
      assertMatch(wgsl, new RegExp(`subgroup_matrix_right<f16, ${columns}, ${inner}>`));
      assertMatch(wgsl, new RegExp(`subgroup_matrix_result<f32, ${columns}, ${rows}>`));
      const { leftTile, rightTile, blocks } = arrays(wgsl);
      assertEquals([leftTile, rightTile], [64 * 10, 64 * 10], "rows and columns of 32 halves and 8 more");
      assertEquals(blocks, 128 / lanes * rows * columns / 4);
      const stores = [...wgsl.matchAll(/(left|right)Tile\[[^\]]+\] = (.*);/g)].map(([, , value]) => value!);
      assertEquals(stores.length, 8);
      assert(stores.every((value) => /^vec4h\(clamp\(.*, vec4f\(-65504\.0\), vec4f\(65504\.0\)\)\)$/.test(value)));
      const products = wgsl.split("subgroupMatrixMultiplyAccumulate").length - 1;
      assertEquals(products * (128 / lanes) * rows * columns * inner, 64 * 64 * 32);
      const loads = [...wgsl.matchAll(/subgroupMatrixLoad<(\w+), (\w+)>\(&(\w+), .*, (\d+)u\)/g)];
      const kinds = new Set(loads.map(([, ...kind]) => kind.join(" ")));
      assertEquals(kinds, new Set(["Left row_major leftTile 10", "Right col_major rightTile 10"]));
    }
    const { wgsl } = dispatches("attention", cardOf(matrix))[0]!;
    const { queries, keys, powers, logits } = arrays(wgsl);
    assertEquals([queries, keys, powers, logits], [64 * 18, 64 * 10, 64 * 10, 64 * 9]);
    assertEquals([...wgsl.matchAll(/= vec4h\(clamp\(/g)].length, 7, "queries, keys twice, four rows of values");
    const products = wgsl.split("subgroupMatrixMultiplyAccumulate").length - 1;
    assertEquals(products * (128 / lanes) * rows * columns * inner, 3 * 64 * 32 * 64, "logits twice, the result once");
  }
});

Deno.test("where kernels run on the CPU the steps are a loop", () => {
  const profile = { ...cardOf(MATRICES[2]!), software: true };
  for (const layer of ["product", "convolution", "attention"] as const) {
    const [long, short] = [cardOf(MATRICES[2]!), profile].map((own) => dispatches(layer, own)[0]!.wgsl);
    assertEquals([long!.includes("var s = 0u"), short!.includes("var s = 0u; s < 4u")], [false, true], layer);
    assert(short!.length < long!.length);
  }
});
