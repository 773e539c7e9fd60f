/** What a restoration asks of its parts: the size of the network, the dimensions of measurements, the device's memory. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type DeviceTensor, hostTensor, ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { reshape } from "../../kernels/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import { degrade, restore } from "../../restoration/mod.ts";
import { SAMPLERS } from "../../samplers/mod.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";
import { randomValues } from "../support/random.ts";

const SHAPE = [4, 12, 3];
const { ddnm } = SAMPLERS;

/** A runtime that records what is uploaded to it. */
function recorded(): { readonly runtime: Runtime; readonly uploads: DeviceTensor[] } {
  const runtime = new ReferenceRuntime();
  const uploads: DeviceTensor[] = [];
  const upload = runtime.upload.bind(runtime);
  runtime.upload = (...given: Parameters<Runtime["upload"]>): DeviceTensor => {
    const tensor = upload(...given);
    uploads.push(tensor);
    return tensor;
  };
  return { runtime, uploads };
}

Deno.test("restore() asks for a network of whole blocks, and gives pictures of the operator's size", async () => {
  const asked: unknown[] = [];
  const model = {
    downsampling: 8,
    noiseModel: (setting: { readonly height: number; readonly width: number }) => {
      asked.push(setting);
      const shape = [setting.height, setting.width, 3];
      return gaussianModel(new Float32Array(setting.height * setting.width * 3).fill(0.1), 0.2, shape);
    },
  } as unknown as OpenedModel;
  const operator = createOperator("sr_average", SHAPE, { scale: 2 });
  const y = hostTensor(randomValues(36, 1), operator.measurementShape);
  const { shape } = await restore(new ReferenceRuntime(), ddnm, { model, operator, y, sigmaY: 0 }, {
    seed: 1,
    steps: 2,
  });
  assertEquals(shape, [1, ...SHAPE]);
  assertEquals(asked, [{ height: 8, width: 16 }]);
});

Deno.test("measurements may have as many dimensions as their operator likes", async () => {
  const whole = createOperator("identity", SHAPE);
  const flat: LinearOperator = {
    ...whole,
    measurementShape: [144],
    forward: (x) => reshape(whole.forward(x), [x.shape[0]!, 144]),
    pseudoInverse: (y) => whole.pseudoInverse(reshape(y, [y.shape[0]!, ...SHAPE])),
    adjoint: (y) => whole.adjoint(reshape(y, [y.shape[0]!, ...SHAPE])),
  };
  const runtime = new ReferenceRuntime();
  const model = gaussianModel(new Float32Array(144).fill(0.1), 0.2, SHAPE);
  const run = async (operator: LinearOperator): Promise<unknown> => {
    const y = hostTensor(randomValues(288, 1), [2, ...operator.measurementShape]);
    return (await restore(runtime, ddnm, { model, operator, y, sigmaY: 0 }, { seed: 1, steps: 2 })).data;
  };
  assertEquals(await run(flat), await run(whole));
});

Deno.test("what degrade() and restore() put on the device is freed, what they are given is not", async () => {
  const { runtime, uploads } = recorded();
  const operator = createOperator("sr_average", SHAPE, { scale: 2 });
  const x = hostTensor(randomValues(144, 1), SHAPE);
  const y = await degrade(runtime, operator, x, { sigma: 0.1, seed: 1 });
  const model = gaussianModel(new Float32Array(144).fill(0.1), 0.2, SHAPE);
  const measured = hostTensor(await y.read(), operator.measurementShape);
  await restore(runtime, ddnm, { model, operator, y: measured, sigmaY: 0 }, { seed: 1, steps: 2 });
  assert(uploads.length >= 2);
  const own = uploads.filter(({ shape }) => shape.length === 4);
  for (const tensor of own) await assertRejects(() => tensor.read(), Error);
  await restore(runtime, ddnm, { model, operator, y, sigmaY: 0 }, { seed: 1, steps: 2 });
  assertEquals((await y.read()).length, 36);
});

Deno.test("noise without end is refused", async () => {
  const operator = createOperator("identity", SHAPE);
  const x = hostTensor(randomValues(144, 1), SHAPE);
  for (const sigma of [Infinity, NaN]) {
    await assertRejects(() => degrade(new ReferenceRuntime(), operator, x, { sigma, seed: 0 }), RangeError, `${sigma}`);
  }
});
