/** Images without a network against their definitions, and the published parameters. */
import { assertEquals } from "@std/assert";
import { hostTensor, ReferenceRuntime } from "../../../engine/mod.ts";
import { createOperator, type LinearOperator } from "../../../operators/mod.ts";
import { PLAIN_SAMPLERS, type Sampler, SAMPLERS, SSD_PRESETS, ssdPreset } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { measurement, PAIRS, recordedNoise, states } from "./harness.ts";
import { type Matrix, matrix, normals, pixelOf, times, type Vector } from "./plain_arrays.ts";

/** The one state of a baseline. */
async function baseline(
  name: "pseudo_inverse" | "bicubic",
  operator: LinearOperator,
  y: Vector,
): Promise<readonly Vector[]> {
  const runtime = new ReferenceRuntime();
  const { imageShape, measurementShape } = operator;
  const { noise, draws } = recordedNoise(runtime);
  let evaluations = 0;
  const model = {
    imageShape,
    alphaBar: new Float64Array(10),
    predictEps: () => assertEquals(++evaluations, 0) as never,
  };
  const problem = { model, operator, y: runtime.upload(Float32Array.from(y), [1, ...measurementShape]), sigmaY: 0.1 };
  const sampler: Sampler<object> = SAMPLERS[name];
  const { steps, image } = await states(sampler.restore(runtime, problem, { noise }));
  assertEquals(steps.map(({ step, steps, nfe }) => [step, steps, nfe]), [[1, 1, 0]]);
  assertEquals([draws.length, sampler.evaluations({})], [0, { nominal: 0, actual: 0 }]);
  return [steps[0]!.x0, steps[0]!.xt, image];
}

Deno.test("pseudo_inverse is A^+ y, without network and noise", async () => {
  for (const pair of PAIRS) {
    const y = measurement({ pair, sigmaY: 0.1 });
    for (const image of await baseline("pseudo_inverse", pair.operator, y)) {
      assertClose(image, times(pair.dense.pseudoInverse, y), 1e-5, pair.operator.name);
    }
  }
});

/** Keys' cubic with a = -1/2. */
function keys(distance: number): number {
  const u = Math.abs(distance);
  if (u >= 2) return 0;
  return u <= 1 ? 1.5 * u ** 3 - 2.5 * u ** 2 + 1 : -0.5 * u ** 3 + 2.5 * u ** 2 - 4 * u + 2;
}

/** Weights of the measured pixels in a pixel of a line; measured pixel j lies at offset + scale j. */
function line(measured: number, scale: number, offset: number): Matrix {
  const raw = matrix(measured * scale, measured, (i, j) => keys((i - offset) / scale - j));
  return raw.map((row) => row.map((weight) => weight / row.reduce((a, b) => a + b, 0)));
}

Deno.test("bicubic is the cubic interpolation of the measured pixels at their places", async () => {
  const shape = [16, 8, 3];
  const psf = hostTensor(Float32Array.from([0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.05, 0.1, 0.05]), [3, 3]);
  for (const scale of [2, 4]) {
    for (
      const [name, offset, options] of [
        ["sr_average", (scale - 1) / 2, { scale }],
        ["sr_bicubic", (scale - 1) / 2, { scale }],
        ["sr_kernel", 0, { scale, psf }],
      ] as const
    ) {
      const operator = createOperator(name, shape, options);
      const measured = operator.measurementShape;
      const y = normals(measured[0]! * measured[1]! * 3, 8);
      const [rows, columns] = [line(measured[0]!, scale, offset), line(measured[1]!, scale, offset)];
      const expected = Array.from({ length: 16 * 8 * 3 }, (_, index) => {
        const [i, j, c] = pixelOf(index, shape);
        return y.reduce((total, value, at) => {
          const [k, l, d] = pixelOf(at, measured);
          return total + (c === d ? rows[i]![k]! * columns[j]![l]! * value : 0);
        }, 0);
      });
      for (const image of await baseline("bicubic", operator, y)) {
        assertClose(image, expected, 1e-5, `${name} x${scale}`);
      }
    }
  }
});

const TASKS = ["super_resolution", "deblurring", "inpainting", "colorization", "phase_retrieval"] as const;

Deno.test("the parameters of every sampler are the published ones, for every task", () => {
  const { ssd, ssd_plus: plus, ddnm, ddnm_plus: ddnmPlus, ddrm, ccdf, sdedit } = SAMPLERS;
  for (const task of TASKS) {
    const shortcut = task === "colorization" ? { t0: 750, eta: 0.8 } : { t0: 550, eta: 0.4 };
    const common = { ...shortcut, inversion: "da", useDdim: true, ddimEta: 0.8, clipDenoised: true, injectedSteps: 0 };
    const thirty = { ...common, inversionSteps: 5, generationSteps: 25 };
    assertEquals(ssd.defaultsFor(task) as object, thirty, task);
    assertEquals(plus.defaultsFor(task) as object, { ...thirty, tStop: 200 }, task);
    assertEquals(ssdPreset("ssd-30", task) as object, thirty, task);
    assertEquals(ssdPreset("ssd-100", task) as object, { ...common, inversionSteps: 15, generationSteps: 85 }, task);
    const walk = { steps: 100, eta: 0.85, travelLength: 1, travelRepeat: 1 };
    assertEquals(ddnm.defaultsFor(task), { ...walk, update: "eta_mix" });
    assertEquals(ddnmPlus.defaultsFor(task), { ...walk, form: "simplified", spacing: "even" });
    assertEquals(ddrm.defaultsFor(task), { steps: 20, eta: 0.85, etaA: 0.85, etaB: 1 });
    const { level: _, noiseIn: __, ...start } = ccdf.defaultsFor(task);
    assertEquals(start, { t0: 200, steps: 200, clipDenoised: true, fixedVariance: "small" });
    const edit = { t0: 500, steps: 500, repeats: 3, clipDenoised: false, fixedVariance: "small" } as const;
    assertEquals(sdedit.defaultsFor(task), edit);
  }
  for (const sampler of [ssd, plus, ddnm, ddnmPlus, ddrm, ccdf, sdedit]) {
    assertEquals(sampler.defaults as object, sampler.defaultsFor("super_resolution") as object, sampler.name);
  }
  assertEquals(SSD_PRESETS, ["ssd-30", "ssd-100"]);
  assertEquals(PLAIN_SAMPLERS.ddpm.defaults, { steps: 250, clipDenoised: true, fixedVariance: "small" });
  assertEquals(PLAIN_SAMPLERS.ddim.defaults, { steps: 250, clipDenoised: true, eta: 0 });
});

Deno.test("the published parameters make the published numbers of evaluations", () => {
  const { ssd, ssd_plus: plus, ddnm, ddnm_plus: ddnmPlus, ddrm, ccdf, sdedit } = SAMPLERS;
  assertEquals(ssd.evaluations(ssdPreset("ssd-30", "inpainting")), { nominal: 30, actual: 29 });
  assertEquals(plus.evaluations({ ...ssdPreset("ssd-100", "colorization"), tStop: 200 }), { nominal: 100, actual: 99 });
  assertEquals(ddnm.evaluations(ddnm.defaults).actual, 100);
  assertEquals(ddnmPlus.evaluations({ ...ddnmPlus.defaults, travelLength: 2, travelRepeat: 2 }).actual, 198);
  assertEquals(ddnmPlus.evaluations({ ...ddnmPlus.defaults, travelLength: 10, travelRepeat: 3 }).actual, 280);
  assertEquals(ddrm.evaluations(ddrm.defaults).actual, 20);
  assertEquals(ddrm.evaluations({ ...ddrm.defaults, steps: 30 }), { nominal: 30, actual: 31 });
  assertEquals([ccdf.evaluations(ccdf.defaults).actual, sdedit.evaluations(sdedit.defaults).actual], [200, 1500]);
});
