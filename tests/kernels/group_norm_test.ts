import { assert, assertEquals, assertThrows } from "@std/assert";
import { constant, hostTensor, ReferenceRuntime, trace } from "../../engine/mod.ts";
import { makePlan } from "../../engine/plan.ts";
import { gradient, groupNorm, reshape, sampleDot } from "../../kernels/mod.ts";
import { assertClose } from "../support/close.ts";
import { SOFTWARE_PROFILE } from "../support/device_profile.ts";
import { gpuTest } from "../support/gpu.ts";
import { build, runOnce, type Values, values } from "./run_once.ts";

const EPS = 1e-5;

gpuTest("groupNorm() is exact where the mean is 30 and 3000 times the spread", async (runtime) => {
  for (const [mean, spread, groups] of [[30, 1, 4], [-30, 1, 32], [3000, 1, 8], [3, 0.1, 1]] as const) {
    const inputs = [values([2, 17, 9, 32], 1, (v) => mean + spread * v), values([32], 2), values([32], 3)];
    const norm = (x: Parameters<typeof groupNorm>[0], gamma: typeof x, beta: typeof x): typeof x =>
      groupNorm(x, gamma, beta, { groups, eps: EPS });
    const expected = await runOnce(new ReferenceRuntime(), inputs, norm);
    assertClose(await runOnce(runtime, inputs, norm), expected, 1e-6, `mean ${mean}, ${groups} groups`);
  }
});

gpuTest("groupNorm() is exact where the variance is far below eps, and gives beta where it is 0", async (runtime) => {
  const affine: Values[] = [values([6], 2, () => 1), values([6], 3)];
  const norm = (x: Parameters<typeof groupNorm>[0], gamma: typeof x, beta: typeof x): typeof x =>
    groupNorm(x, gamma, beta, { groups: 3, eps: EPS });
  const faint = [values([1, 50, 6], 1, (v) => 1e-6 * v), ...affine];
  assertClose(await runOnce(runtime, faint, norm), await runOnce(new ReferenceRuntime(), faint, norm), 1e-6);
  const flat = [values([1, 50, 6], 1, () => 0.3), ...affine];
  assertEquals((await runOnce(runtime, flat, norm)).subarray(0, 6), affine[1]!.data);
});

gpuTest("groupNorm() loses at most 32 units of rounding where one outlier comes first", async (runtime) => {
  const x = values([1, 100, 4], 1);
  x.data[0] = 1e4;
  const inputs = [x, values([4], 2), values([4], 3)];
  const norm = (t: Parameters<typeof groupNorm>[0], gamma: typeof t, beta: typeof t): typeof t =>
    groupNorm(t, gamma, beta, { groups: 1, eps: EPS });
  // Sums are taken relative to the first of 32 rows, which loses at most 32 units of rounding (2^-24 each).
  assertClose(await runOnce(runtime, inputs, norm), await runOnce(new ReferenceRuntime(), inputs, norm), 32 * 2 ** -24);
});

gpuTest("groupNorm() with SiLU gives NaN in the group that holds one, and only there", async (runtime) => {
  const x = values([1, 70, 4], 1);
  x.data[4 * 50] = NaN;
  const y = await runOnce(
    runtime,
    [x, values([4], 2), values([4], 3)],
    (t, gamma, beta) => groupNorm(t, gamma, beta, { groups: 2, eps: EPS, silu: true }),
  );
  assert(y.every((value, i) => Number.isNaN(value) === (i % 4 < 2)));
});

Deno.test("no kernel of groupNorm() takes back what rounding took: a compiler that reorders sums would drop it", () => {
  const inputs = {
    x: { shape: [1, 6, 6, 8], dtype: "f32" as const },
    v: { shape: [1, 36 * 8], dtype: "f32" as const },
  };
  for (const software of [true, false]) {
    const graph = trace("norm", inputs, ({ x, v }) => {
      const affine = constant(hostTensor(new Float32Array(8).fill(1), [8]));
      const y = groupNorm(x!, affine, affine, { groups: 4, eps: EPS });
      return { y, dx: gradient(sampleDot(reshape(y, [1, 36 * 8]), v!), [x!])[0]! };
    });
    const kernels = makePlan(graph, { ...SOFTWARE_PROFILE, software }).dispatches;
    const texts = kernels.filter(({ label }) => /norm|factors/i.test(label)).map(({ wgsl }) =>
      // Places in arrays are sums of their own.
      wgsl.replaceAll(/\[[^\[\]]*\]/g, "")
    );
    assert(texts.length >= 4, `${kernels.map(({ label }) => label)}`);
    for (const text of texts) {
      for (const [difference, , subtrahend] of text.matchAll(/\((\S+) - (\w+)\) [+-] \(?\w+/g)) {
        // (x - s) + y with s = x + y is 0 by the rules of real numbers, and what s lost by those of floats.
        assert(!new RegExp(`(let|var) ${subtrahend} = [^;]* \\+ `).test(text), `${difference} in ${text}`);
      }
    }
    const [finish] = kernels.filter(({ label }) => label === "groupNorm.finish");
    assert(/let k = first\[[^;]*\];/.test(finish!.wgsl) && finish!.wgsl.includes("factors[at] = k;"), finish!.wgsl);
  }
});

Deno.test("groupNorm() gives each group mean 0 and variance 1 before the affine part", async () => {
  const inputs = [values([2, 40, 6], 1, (v) => 5 + 2 * v), values([6], 2, () => 1), values([6], 3, () => 0)];
  const y = await runOnce(
    new ReferenceRuntime(),
    inputs,
    (x, gamma, beta) => groupNorm(x, gamma, beta, { groups: 2, eps: 1e-12 }),
  );
  for (const image of [0, 1]) {
    for (const group of [0, 1]) {
      const own = Array.from(y).filter((_, i) => Math.floor(i / 240) === image && Math.floor((i % 6) / 3) === group);
      const mean = own.reduce((a, b) => a + b, 0) / own.length;
      const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length;
      assert(Math.abs(mean) < 1e-6 && Math.abs(variance - 1) < 1e-5, `mean ${mean}, variance ${variance}`);
    }
  }
});

Deno.test("groupNorm() modulates before SiLU: (1 + scale) y + shift", async () => {
  const modulation = { shape: [1, 4], data: Float32Array.of(1, -1, 0.5, 2) };
  const inputs = [values([1, 2, 2], 1, () => 7), values([2], 2, () => 3), values([2], 3, () => 0.25), modulation];
  const y = await runOnce(
    new ReferenceRuntime(),
    inputs,
    (x, gamma, beta, m) => groupNorm(x, gamma, beta, { groups: 1, eps: EPS, silu: true, modulation: m }),
  );
  const silu = (v: number): number => v / (1 + Math.exp(-v));
  assertClose(y.subarray(0, 2), [silu(0.25 * 2 + 0.5), silu(0 + 2)], 1e-7);
});

Deno.test("groupNorm() refuses groups that do not divide the channels, other shapes, and eps 0", () => {
  const shapes = [[1, 4, 4, 6], [6], [6]];
  const norm = (groups: number, eps: number) => (): unknown =>
    build(shapes, (x, gamma, beta) => groupNorm(x, gamma, beta, { groups, eps }));
  assertThrows(
    norm(4, EPS),
    RangeError,
    "Cannot build groupNorm: the number of groups is 4, a divisor of the 6 channels is needed",
  );
  assertThrows(norm(3, 0), RangeError, "eps is 0");
  assertThrows(
    () => build([[1, 4, 6], [6], [5]], (x, gamma, beta) => groupNorm(x, gamma, beta, { groups: 3, eps: EPS })),
    TypeError,
    "beta has shape [5], [6] is needed",
  );
  assertThrows(
    () =>
      build(
        [[2, 4, 6], [6], [6], [2, 6]],
        (x, gamma, beta, modulation) => groupNorm(x, gamma, beta, { groups: 3, eps: EPS, modulation }),
      ),
    TypeError,
    "modulation has shape [2, 6], [2, 12] is needed",
  );
});
