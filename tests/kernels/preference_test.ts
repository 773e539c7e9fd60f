/** Preferences for single layers: what they are called in plans, and when they are followed. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { constant, type DeviceProfile, hostTensor, type Tensor, trace } from "../../engine/mod.ts";
import { makePlan, type Plan } from "../../engine/plan.ts";
import { conv2d, linear, TUNABLE_ALGORITHMS } from "../../kernels/mod.ts";
import { layersOf } from "../../profiling/tuning/layers.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";

const KEY = "conv2d 3x3s1 8x16 12x10";
const OTHER = "conv2d 3x3s1 16x16 12x10";
const PRODUCT = "matmul 5x8x4";

/** Two convolutions and a product, weights constant. */
function plan(preferences: Readonly<Record<string, string>>, profile: Partial<DeviceProfile> = {}): Plan {
  const weight = (shape: readonly number[]): Tensor =>
    constant(hostTensor(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape));
  const inputs = { x: [2, 12, 10, 8], rows: [2, 5, 8] };
  const types = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, { shape, dtype: "f32" as const }]),
  );
  const graph = trace("s", types, ({ x, rows }) => ({
    y: conv2d(conv2d(x!, weight([3, 3, 8, 16]), { padding: 1 }), weight([3, 3, 16, 16]), { padding: 1 }),
    z: linear(rows!, weight([8, 4])),
  }));
  return makePlan(graph, { ...SOFTWARE_PROFILE, ...profile, preferences });
}

/** Labels of the dispatches, without the last word of those of one algorithm. */
function labels(plan: Plan): string[] {
  return [...new Set(plan.dispatches.map(({ label }) => label.replace(/^(conv2d\.winograd\d)\..*/, "$1")))];
}

Deno.test("a plan lists the layers that can be tuned, with their algorithms", () => {
  const { layers } = plan({});
  assertEquals(layers.map(({ key }) => key).sort(), [OTHER, KEY, PRODUCT]);
  for (const { key, operation, algorithms, call } of layers) {
    assertEquals([operation, call.op.name], [key.split(" ")[0], key.startsWith("conv2d") ? "conv2d" : "matmul"]);
    const tunable = TUNABLE_ALGORITHMS.f32[operation as "conv2d" | "matmul"];
    assert(algorithms.length > 1 && algorithms.every((name) => tunable.includes(name)), `${algorithms}`);
  }
});

Deno.test("the product inside a Winograd convolution can be tuned as a part of it, in single precision alone", () => {
  const card = { software: false, f16: true };
  const { layers } = plan({ conv2d: "winograd4" }, card);
  const parts = layers.filter(({ partOf }) => partOf !== undefined);
  assertEquals(parts.map(({ key, partOf }) => [key, partOf]), [
    ["matmul 9x8x16 of 36", KEY],
    ["matmul 9x16x16 of 36", OTHER],
  ]);
  assert(parts.every(({ algorithms }) => algorithms.join() === "tiled,shared"), `${parts.map((p) => p.algorithms)}`);
  assertEquals(
    layersOf(plan({ conv2d: "winograd4" }, card), TUNABLE_ALGORITHMS.f32).filter(({ partOf }) => partOf).length,
    2,
  );
  const [{ key }] = parts as [typeof parts[0]];
  const labelsWith = (preferences: Readonly<Record<string, string>>): readonly string[] =>
    labels(plan({ conv2d: "winograd4", ...preferences }, card)).filter((label) => label.startsWith("matmul"));
  assertEquals(labelsWith({}), ["matmul.vector"]);
  assertEquals(labelsWith({ [key]: "shared" }), ["matmul.shared", "matmul.vector"]);
  assertEquals(labelsWith({ [key]: "shared-f16" }), ["matmul.shared", "matmul.vector"]);
  const product = plan({ conv2d: "winograd4", matmul: "shared-f16" }, card).dispatches;
  const inWinograd = product.filter((_, i) => product[i - 1]?.label.startsWith("conv2d.winograd4.input"));
  assertEquals(inWinograd.map(({ label }) => label), ["matmul.shared", "matmul.shared"]);
});

Deno.test("layers are tuned to half-precision factors where weights are such, and never to half-precision sums", () => {
  assert(Object.values(TUNABLE_ALGORITHMS.f32).flat().every((name) => !name.includes("f16")));
  const halves = Object.values(TUNABLE_ALGORITHMS.f16).flat().filter((name) => name.includes("f16"));
  assertEquals(halves, ["matrix-f16", "matrix-f16"]);
});

Deno.test("a preference for a layer holds for it alone and wins over that for its operation", () => {
  const all = labels(plan({ conv2d: "winograd2" }));
  assert(all.includes("conv2d.winograd2") && !all.includes("conv2d.winograd4"), `${all}`);
  const one = labels(plan({ conv2d: "winograd2", [KEY]: "winograd4" }));
  assert(one.includes("conv2d.winograd2") && one.includes("conv2d.winograd4"), `${one}`);
  assert(!labels(plan({ [KEY]: "winograd4", [OTHER]: "direct" })).includes("conv2d.winograd2"));
  assertThrows(() => plan({ [KEY]: "fft" }), RangeError, `the preference for "${KEY}" is "fft"`);
});

Deno.test("without room for its transformed weight a layer does not follow its own preference, as it would be slow", () => {
  const without = { preparedBytes: 0 };
  const transforming = plan({ conv2d: "winograd4" }, without).dispatches.map(({ label }) => label);
  assert(transforming.includes("winogradWeights.4"), "the preference of the operation is followed");
  const own = plan({ [KEY]: "winograd4", [OTHER]: "winograd4" }, without).dispatches.map(({ label }) => label);
  assertEquals(own.filter((label) => /winograd/i.test(label)), []);
  assert(labels(plan({ [KEY]: "winograd4" })).includes("conv2d.winograd4"));
});
