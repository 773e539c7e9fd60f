/** GibbsDDRM: its decomposition of blurs at a black border, and kernels that it finds. */
import { assert, assertAlmostEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { type Progress, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import {
  blurFrame,
  blurSpectrum,
  convolved,
  cut,
  fromCoefficients,
  toCoefficients,
} from "../../samplers/methods/blind/blur_spectrum.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [6, 9, 2] as const;
const TAPS = 3;
const FRAME = blurFrame(SHAPE, TAPS);

/** The blur of a picture beyond which all is black. */
function blurred(x: Float32Array, kernel: Float32Array, [height, width, channels]: readonly number[]): Float32Array {
  const middle = Math.floor(TAPS / 2);
  return x.map((_, i) => {
    const [row, column, channel] = [
      Math.floor(i / (width! * channels!)),
      Math.floor(i / channels!) % width!,
      i % channels!,
    ];
    let sum = 0;
    for (let a = 0; a < TAPS; a++) {
      for (let b = 0; b < TAPS; b++) {
        const [y, z] = [row + middle - a, column + middle - b];
        if (y < 0 || z < 0 || y >= height! || z >= width!) continue;
        sum += kernel[a * TAPS + b]! * x[(y * width! + z) * channels! + channel]!;
      }
    }
    return sum;
  });
}

Deno.test("the whole convolution has the blur in its middle, and coefficients give the picture back", async () => {
  const runtime = new ReferenceRuntime();
  const [first, second] = [randomValues(9, 1), randomValues(9, 2)];
  const kernels = Float32Array.from([...first, ...second]);
  const { transfer, phase } = blurSpectrum(FRAME, kernels);
  const x = randomValues(2 * 108, 3);
  const stage = runtime.stage("blur", (all: Record<"x" | "transfer" | "phase", Tensor>) => ({
    y: cut(FRAME, convolved(FRAME, all.x, all.transfer), 1),
    back: fromCoefficients(FRAME, toCoefficients(FRAME, all.x, all.phase), all.phase),
  }));
  const upload = ({ data, shape }: typeof phase): ReturnType<typeof runtime.upload> =>
    runtime.upload(data as Float32Array, shape);
  const inputs = { x: runtime.upload(x, [2, ...SHAPE]), transfer: upload(transfer), phase: upload(phase) };
  const { y, back } = await stage(inputs, {});
  const expected = [first, second].map((kernel, n) => blurred(x.slice(108 * n, 108 * (n + 1)), kernel, SHAPE));
  assertClose(await y.read(), Float32Array.from(expected.flatMap((each) => [...each])), 1e-5, "blur");
  assertClose(await back.read(), x, 1e-5, "V V^T");
});

Deno.test("frequencies of little gain count as lost", () => {
  const { singularValues } = blurSpectrum(FRAME, new Float32Array(9).fill(1 / 9));
  const gains = Array.from(singularValues.data as Float32Array);
  assert(gains.includes(0) && gains.every((gain) => gain === 0 || gain >= 0.05));
  assertAlmostEquals(gains[0]!, 1, 1e-6);
});

Deno.test("where the picture is known the kernel comes near the true one", async () => {
  const shape = [8, 8, 1];
  const x = randomValues(64, 5);
  const kernel = Float32Array.of(0, 0.1, 0.2, 0.05, 0.4, 0.1, 0.1, 0.05, 0);
  const runtime = new ReferenceRuntime();
  const problem = {
    model: gaussianModel(x, 1e-6, shape),
    operator: createOperator("identity", shape),
    y: runtime.upload(blurred(x, kernel, shape), [1, ...shape]),
    sigmaY: 0.01,
  };
  const options = { steps: 2, taps: TAPS, kernelUpdates: 1, kernelSteps: 80, kernelRate: 6e-5, sparsity: 0 };
  const run = SAMPLERS.gibbs_ddrm.restore(runtime, problem, { ...options, noise: seededNoise([3]) });
  let found: Float32Array | undefined;
  for await (const { parts } of run as AsyncIterable<Progress>) found = await parts!["kernel0"]?.read() ?? found;
  assertAlmostEquals(found!.reduce((sum, tap) => sum + tap, 0), 1, 1e-5);
  // The first one, which falls by a tenth from the middle, is 0.13 off at most places.
  for (const [i, tap] of kernel.entries()) assertAlmostEquals(found![i]!, tap, 0.06, `tap ${i}`);
});

Deno.test("measurements that are no pictures of the same size are refused", () => {
  const runtime = new ReferenceRuntime();
  const operator = createOperator("sr_average", [8, 8, 3], { scale: 2 });
  const y = runtime.upload(new Float32Array(48), [1, 4, 4, 3]);
  const model = gaussianModel(new Float32Array(192), 0.1, [8, 8, 3]);
  assertThrows(
    () => SAMPLERS.gibbs_ddrm.restore(runtime, { model, operator, y, sigmaY: 0 }, { noise: seededNoise([1]) }),
    TypeError,
    'Cannot run gibbs_ddrm on "sr_average": its measurements are [4, 4, 3], blurred pictures [8, 8, 3] are needed',
  );
});
