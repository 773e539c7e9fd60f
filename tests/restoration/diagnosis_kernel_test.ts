/** Kernels of blurs that nobody knows: their least squares, what the sampler does with them, and what is said. */
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { type HostTensor, hostTensor, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { openModel, readImage } from "../../io/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { colourRaster, crop, kernelOfImage, kernelOfSumOne, rgbToGray, toImage } from "../../raster/mod.ts";
import {
  asksForKernel,
  blindPicture,
  blindRunOptions,
  describeKernel,
  discKernel,
  findKernel,
  type FoundKernel,
  kernelRaster,
  kernelRunOptions,
} from "../../restoration/mod.ts";
import { fitKernel, ontoSimplex } from "../../restoration/estimates/kernel_fit.ts";
import { type Progress, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { blurFrame, withWindow } from "../../samplers/methods/blind/blur_spectrum.ts";
import { casePath } from "../io/cases.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SIDE = 5;
const TRUE = Float32Array.of(...[0, 0, 0.1, 0, 0], ...[0, 0.1, 0.2, 0.05, 0], 0, 0, 0.3, 0.1, 0, ...[
  0,
  0.1,
  0.05,
  0,
  0,
], ...[
  0,
  0,
  0,
  0,
  0,
]);

/** y = k * x where the kernel lies within, 0 elsewhere. */
function blurred(x: Float32Array, width: number, height: number): Float32Array {
  return x.map((_, i) => {
    const [column, row] = [i % width, Math.floor(i / width)];
    let sum = 0;
    for (let j = 0; j < SIDE * SIDE; j++) {
      const [a, b] = [row - Math.floor(j / SIDE) + 2, column - j % SIDE + 2];
      if (a >= 0 && b >= 0 && a < height && b < width) sum += TRUE[j]! * x[a * width + b]!;
    }
    return sum;
  });
}

const even = new Float32Array(SIDE * SIDE).fill(1 / (SIDE * SIDE));

Deno.test("of a picture that is known the kernel is found, >= 0 and of sum 1, whatever lies beyond the margin", () => {
  const [width, height] = [24, 20];
  const x = { width, height, data: randomValues(width * height, 1) };
  const inner = blurred(x.data, width, height);
  const y = {
    width,
    height,
    data: inner.map((value, i) => {
      const [column, row] = [i % width, Math.floor(i / width)];
      return column < 3 || row < 3 || column >= width - 3 || row >= height - 3 ? 7 : value;
    }),
  };
  // Differences of the last pixels within the margin reach one beyond.
  const found = fitKernel(x, y, even, { pull: 0, margin: 4 });
  assertClose(found, TRUE, 0.02, "kernel");
  assertAlmostEquals(found.reduce((sum, tap) => sum + tap, 0), 1, 1e-5);
  assert(found.every((tap) => tap >= 0));
  const held = fitKernel(x, y, even, { pull: 1e6, margin: 4 });
  assertClose(held, even, 1e-3, "pulled kernel");
  assertThrows(() => fitKernel(x, y, even, { pull: 0, margin: 10 }), RangeError, "Cannot fit a kernel to 24x20 pixels");
});

Deno.test("the nearest vector of the simplex cuts what is below 0 and sums to 1", () => {
  assertEquals([...ontoSimplex(Float64Array.of(0.2, 0.3, 0.5))], [0.2, 0.3, 0.5]);
  assertEquals([...ontoSimplex(Float64Array.of(5, 0, 0))], [1, 0, 0]);
  assertEquals([...ontoSimplex(Float64Array.of(0.75, 0.75, -1))], [0.5, 0.5, 0]);
});

Deno.test("a program's own step draws the kernel in place of Langevin's, from prediction and measurement", async () => {
  const shape = [8, 8, 1];
  const runtime = new ReferenceRuntime();
  const y = randomValues(64, 2);
  const problem = {
    model: gaussianModel(randomValues(64, 5), 0.1, shape),
    operator: createOperator("identity", shape),
    y: runtime.upload(y, [1, ...shape]),
    sigmaY: 0.01,
  };
  const own = Float32Array.of(0, 0, 0, 0, 0.75, 0.25, 0, 0, 0);
  const sigmas: number[] = [];
  const run = SAMPLERS.gibbs_ddrm.restore(runtime, problem, {
    ...{ steps: 3, taps: 3, kernelUpdates: 1, kernelStart: 1, noise: seededNoise([3]) },
    kernelStep(seen): Float32Array {
      assertEquals([seen.x0.length, seen.kernels.length], [64, 9]);
      assertClose(seen.y, y, 1e-7, "y");
      sigmas.push(seen.sigma);
      return own;
    },
  });
  let found: Float32Array | undefined;
  for await (const { parts } of run as AsyncIterable<Progress>) found = await parts!["kernel0"]?.read() ?? found;
  assertClose(found!, own, 1e-6, "kernel");
  assert(sigmas.length > 0 && sigmas.every((sigma, i) => i === 0 || sigma < sigmas[i - 1]!), sigmas.join());
});

Deno.test("of a window only the part that was measured replaces what is around it", async () => {
  const frame = blurFrame([4, 4, 1], 3);
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage("window", ({ x, y }: Record<"x" | "y", Tensor>) => ({
    whole: withWindow(frame, x, y, 1, { top: 1, left: 0, height: 2, width: 3 }),
  }));
  const [height, width] = frame.size;
  const ones = new Float32Array(height * width).fill(1);
  const inputs = {
    x: runtime.upload(ones, [1, height, width, 1]),
    y: runtime.upload(new Float32Array(16).fill(5), [1, 4, 4, 1]),
  };
  const whole = await (await stage(inputs, {})).whole.read();
  const replaced = Array.from(whole, (value, i) => [value, Math.floor(i / width), i % width]).filter(([value]) =>
    value !== 1
  );
  assertEquals(replaced, [[5, 2, 1], [5, 2, 2], [5, 2, 3], [5, 3, 1], [5, 3, 2], [5, 3, 3]]);
});

Deno.test("a kernel is looked for in a blurred picture alone, and where nothing else says the blur", () => {
  const asked = { task: "deblur", kernel: "estimate" };
  assertEquals([asksForKernel(asked, "p.png"), asksForKernel({ task: "deblur-kernel", kernel: "k.png" }, "p.png")], [
    true,
    false,
  ]);
  const refused = (options: Record<string, unknown>, path: string | undefined, part: string): void => {
    assertThrows(() => asksForKernel({ ...asked, ...options } as Record<string, string>, path), UsageError, part);
  };
  refused({ task: "deblur + jpeg" }, "p.png", "belongs to --task deblur alone");
  refused({ degrade: true }, "p.png", "leave out --degrade");
  refused({}, undefined, "name one");
  refused({}, "y.safetensors", "name one");
  refused({ blur: "estimate" }, "p.png", "--kernel estimate and --blur exclude each other");
  refused({ plan: true }, "p.png", "--plan computes nothing");
});

Deno.test("with its kernel a picture is undone as an estimated one is, noise by the method that reckons with it", () => {
  const exact = kernelRunOptions({ kernel: "estimate", task: "deblur", steps: 9 }, "k.png", 0);
  assertEquals(exact, {
    ...{ task: "deblur-kernel", kernel: "k.png", steps: 9 },
    ...{ "blur-boundary": "unknown", "blur-threshold": 0.2 },
  });
  const noisy = kernelRunOptions({}, "k.png", 0.3);
  assertEquals([noisy["method"], noisy["blur-threshold"], noisy["gamma"]], ["dds", 0.3, 0.25]);
  assertEquals(kernelRunOptions({ method: "ssd" }, "k.png", 0.3)["method"], "ssd");
});

Deno.test("the picture of a kernel is read as that kernel", () => {
  const kernel = discKernel(3);
  const { data } = kernelOfSumOne(kernelOfImage(toImage(kernelRaster(kernel), { bitDepth: 16 })));
  assertClose(Float32Array.from(data), kernel.data as Float32Array, 1e-4, "kernel");
});

Deno.test("it is said whether the kernel that was found does better than the estimate", () => {
  const kernel: HostTensor = hostTensor(TRUE, [SIDE, SIDE]);
  const of = (change: number, isFirst: boolean, isSure = false): string => {
    const found: FoundKernel = { kernel, first: kernel, blur: undefined, change, isFirst, isSure, evaluations: 26 };
    return describeKernel(found).join();
  };
  assertMatch(of(0.5, false), /26 network evaluations: 5x5 pixels, off by 50 % of the first guess, which .* gives$/);
  assertMatch(of(0.05, false), /it does no better than --blur estimate$/);
  assertMatch(of(0.5, true), /makes more waves .* the first guess stays: it does no better than that$/);
  assertMatch(of(0.5, true, true), /the first guess stays, and --blur estimate is done$/);
  const given = { task: "deblur", kernel: "estimate", steps: 9 };
  const place = { file: "k.png", sigma: 0 };
  assertEquals(blindRunOptions({ isFirst: true, isSure: true }, given, place), {
    ...{ task: "deblur", blur: "estimate", steps: 9 },
  });
  assertEquals(blindRunOptions({ isFirst: true, isSure: false }, given, place)["task"], "deblur-kernel");
});

Deno.test("a kernel is looked for in opaque colours, with the noise that is said or else that is plain", async () => {
  const noisy = await readImage(casePath("real-noise/noisy-sigma25.png"));
  const { colour, sigma } = blindPicture(noisy);
  assertEquals(colour, colourRaster(noisy));
  assertAlmostEquals(127.5 * sigma, 25, 3);
  assertEquals(blindPicture(noisy, 0.01).sigma, 0.01);
  assertEquals(blindPicture(await readImage(casePath("soft/soft-sigma1.2.png"))).sigma, 0);
  // Of a gray picture whose one white pixel is transparent.
  const samples = new Uint8Array(64).fill(128);
  samples[10] = 255;
  const alpha = new Uint8Array(64).fill(255);
  alpha[10] = 0;
  const hidden = blindPicture({ width: 8, height: 8, channels: 1, bitDepth: 8, samples, alpha }).colour;
  assert(hidden.data.every((value) => Math.abs(value) < 0.01));
});

gpuTest(
  "a kernel is found on a part, stopped where it is asked for, and refused where there is too little",
  async (runtime) => {
    const model = await openModel(runtime);
    const soft = colourRaster(await readImage(casePath("soft/soft-sigma1.2.png")));
    const small = crop(soft, { x: 0, y: 0, width: 32, height: 32 });
    const steps: number[] = [];
    const found = await findKernel(runtime, model, rgbToGray(small), {
      ...{ sigma: 0, seed: 1 },
      onStep: (step) => void steps.push(step),
    });
    const side = found.kernel.shape[0]!;
    assertEquals([found.kernel.shape, found.first.shape, side % 2], [[side, side], [side, side], 1]);
    assertAlmostEquals(Array.from(found.kernel.data).reduce((sum, tap) => sum + tap, 0), 1, 1e-5);
    assert(Array.from(found.kernel.data).every((tap) => tap >= 0));
    assertEquals([steps.at(-1), found.evaluations > 20], [20, true]);
    const stopping = { sigma: 0, seed: 1, onStep: () => Promise.reject(new Error("stopped")) };
    await assertRejects(() => findKernel(runtime, model, small, stopping), Error, "stopped");
    const tiny = crop(soft, { x: 0, y: 0, width: 16, height: 16 });
    await assertRejects(() => findKernel(runtime, model, tiny, { sigma: 0, seed: 1 }), RangeError, "in 16x16 pixels");
  },
);
