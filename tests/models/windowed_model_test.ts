import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Coefficient, constant, hostTensor, type Tensor, type Tensors } from "../../engine/mod.ts";
import { conv2d, gradient, mul, sampleDot, weightedSum } from "../../kernels/mod.ts";
import { type NoiseModel, WINDOW_FORMS, windowedModel, type WindowForm, type WindowOptions } from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest, sharedRuntime } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SIDE = 4;

/** A network that sees one pixel at a time: eps = x^2 + x/2. */
const POINTWISE: NoiseModel = {
  imageShape: [SIDE, SIDE, 3],
  alphaBar: Float64Array.of(0.9, 0.5),
  predictEps: (xt: Tensor): Tensor => weightedSum([[1, mul(xt, xt)], [0.5, xt]]),
};

/** The noise and its gradient d sum(eps w)/d x_t, for given weights w. */
async function predicted(
  model: NoiseModel,
  shape: readonly number[],
  timestep: number,
): Promise<{ readonly eps: Float32Array; readonly slope: Float32Array }> {
  const runtime = await sharedRuntime();
  const count = shape.reduce((product, extent) => product * extent, 1);
  const inputs = {
    xt: runtime.upload(randomValues(count, 3), shape),
    w: runtime.upload(randomValues(count, 4), shape),
  };
  const stage = runtime.stage("windows", (tensors: Tensors<"xt" | "w">, c: Readonly<Record<"t", Coefficient>>) => {
    const eps = model.predictEps(tensors.xt, c.t);
    return { eps, slope: gradient(sampleDot(eps, tensors.w), [tensors.xt])[0]! };
  });
  const out = await stage(inputs, { t: timestep });
  const result = { eps: await out.eps.read(), slope: await out.slope.read() };
  stage.release();
  Object.values(inputs).forEach((tensor) => tensor.free());
  return result;
}

const SIZES = [[4, 4], [4, 7], [8, 8], [9, 13], [12, 5]] as const;

for (const form of WINDOW_FORMS) {
  gpuTest(`${form} windows give a network of single pixels what the whole gives, and its gradient`, async () => {
    for (const [height, width] of SIZES) {
      const shape = [2, height, width, 3];
      const whole = await predicted({ ...POINTWISE, imageShape: shape.slice(1) }, shape, 0);
      for (const batch of [1, 3, 100]) {
        const model = windowedModel(POINTWISE, shape.slice(1), { form, batch });
        for (const timestep of [0, 17, 613]) {
          const windows = await predicted(model, shape, timestep);
          assertClose(windows.eps, whole.eps, 1e-6, `eps at ${height} x ${width}`);
          assertClose(windows.slope, whole.slope, 1e-6, `gradient at ${height} x ${width}`);
        }
      }
    }
  });
}

/** A network that sees nine pixels, and zeros beyond the border of what it is shown: the sum of the pixels around. */
const NEIGHBOURS: NoiseModel = {
  ...POINTWISE,
  predictEps(xt: Tensor): Tensor {
    const weight = Float32Array.from({ length: 81 }, (_, i) => i % 9 % 4 === 0 ? 1 : 0);
    return conv2d(xt, constant(hostTensor(weight, [3, 3, 3, 3])), { padding: 1 });
  },
};

/** The pixels of an image at which a windowed network says something else than the whole one. */
async function seams(form: WindowForm, timestep: number): Promise<readonly number[]> {
  const shape = [1, 9, 13, 3];
  const whole = await predicted({ ...NEIGHBOURS, imageShape: shape.slice(1) }, shape, 0);
  const model = windowedModel(NEIGHBOURS, shape.slice(1), { form, batch: 5 });
  const { eps } = await predicted(model, shape, timestep);
  return Array.from(eps.keys()).filter((i) => Math.abs(eps[i]! - whole.eps[i]!) > 1e-5);
}

gpuTest("borders of shifted windows lie elsewhere at another timestep, those of overlapping ones do not", async () => {
  const [first, same, other] = [await seams("shifted", 3), await seams("shifted", 3), await seams("shifted", 4)];
  assertEquals(first, same);
  assert(first.length > 0 && other.length > 0);
  assert(other.filter((pixel) => !first.includes(pixel)).length > 10);
  assertEquals(await seams("overlapping", 3), await seams("overlapping", 4));
});

gpuTest("attention cannot be exchanged between windows", async (runtime) => {
  const model = windowedModel(POINTWISE, [8, 8, 3], { form: "shifted", batch: 4 });
  const stage = runtime.stage("exchange", (tensors: Tensors<"xt">) => ({
    eps: model.predictEps(tensors.xt, 0, (_, own) => own),
  }));
  const xt = runtime.upload(new Float32Array(192), [1, 8, 8, 3]);
  await assertRejects(() => stage({ xt }, {}), TypeError, "Cannot exchange attention between windows");
  xt.free();
});

Deno.test("windows that do not fit are refused", () => {
  const refused = (imageShape: readonly number[], options: Partial<WindowOptions>, words: string): void => {
    const error = assertThrows(() => windowedModel(POINTWISE, imageShape, { form: "shifted", batch: 1, ...options }));
    assert((error as Error).message.includes(words), (error as Error).message);
  };
  refused([3, 8, 3], {}, "no larger than the images");
  refused([8, 8, 1], {}, "as many channels");
  refused([8, 8, 3], { batch: 0 }, "the batch is 0");
});
