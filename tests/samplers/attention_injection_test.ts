/** Attention injection of Shortcut Sampling, seen through a model whose prediction is what it attends to. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { reshape, weightedSum } from "../../kernels/mod.ts";
import { type NoiseModel, noiseSchedule } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { predictionCoefficients, respace, SAMPLERS, seededNoise, ssdTimesteps } from "../../samplers/mod.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [4, 4, 3];
const COUNT = 48;

/** eps = 0.3 (queries and keys), which are x_t. */
const ATTENTIVE: NoiseModel = {
  imageShape: SHAPE,
  alphaBar: noiseSchedule("linear").alphaBar,
  predictEps(xt, _timestep, exchange): Tensor {
    const own = reshape(xt, [xt.shape[0]!, 16, 3]);
    return reshape(weightedSum([[0.3, exchange ? exchange("middle", own) : own]]), xt.shape);
  },
};

/** No projection, so that x0 shows what the network said. */
const OPTIONS = {
  ...SAMPLERS.ssd_plus.defaults,
  inversionSteps: 4,
  generationSteps: 5,
  tStop: SAMPLERS.ssd_plus.defaults.t0,
  clipDenoised: false,
};

/** States and predicted images of a run by step name. */
async function run(
  model: NoiseModel,
  injectedSteps: number,
): Promise<Record<string, Record<"xt" | "x0", Float32Array>>> {
  const runtime = new ReferenceRuntime();
  const operator = createOperator("identity", SHAPE);
  const y = runtime.upload(randomValues(2 * COUNT, 3), [2, ...SHAPE]);
  const steps = SAMPLERS.ssd_plus.restore(runtime, { model, operator, y, sigmaY: 0 }, {
    ...OPTIONS,
    injectedSteps,
    noise: seededNoise([1, 2]),
  });
  const states: Record<string, Record<"xt" | "x0", Float32Array>> = {};
  for await (const { name, xt, x0 } of steps) states[name] = { xt: await xt.read(), x0: await x0.read() };
  return states;
}

Deno.test("the first generation steps attend to what the last inversion steps attended to, the last of these first", async () => {
  const states = await run(ATTENTIVE, 2);
  const levels = respace(ATTENTIVE.alphaBar, ssdTimesteps(OPTIONS.t0, OPTIONS.generationSteps)).toReversed();
  // Each step of the inversion attends to the state before it.
  const attended = [states["inv.1"]!.xt, states["inv.0"]!.xt, states["gen.1"]!.xt];
  const before = [states["inv.2"]!.xt, states["gen.0"]!.xt, states["gen.1"]!.xt];
  for (const [i, looked] of attended.entries()) {
    const { x0FromXt, x0FromEps } = predictionCoefficients(levels[i]!);
    const expected = before[i]!.map((xt, k) => x0FromXt * xt + x0FromEps * 0.3 * looked[k]!);
    assertClose(states[`gen.${i}`]!.x0, expected, 1e-6, `gen.${i}`);
  }
});

Deno.test("injection leaves the inversion as it is", async () => {
  const [plain, injected] = [await run(ATTENTIVE, 0), await run(ATTENTIVE, 3)];
  for (const name of ["inv.0", "inv.1", "inv.2"]) assertEquals(injected[name], plain[name], name);
  assert(injected["gen.0"]!.x0.some((value, k) => value !== plain["gen.0"]!.x0[k]));
});

Deno.test("injection is refused for more steps than were inverted, and for models without attention", async () => {
  const blind = gaussianModel(new Float32Array(COUNT), 0.2, SHAPE);
  await assertRejects(
    () => run(blind, 1),
    TypeError,
    "Cannot inject attention into 1 steps: the model has no attention",
  );
  const runtime = new ReferenceRuntime();
  const y = runtime.upload(randomValues(COUNT, 3), [1, ...SHAPE]);
  const problem = { model: ATTENTIVE, operator: createOperator("identity", SHAPE), y, sigmaY: 0 };
  const options = { ...OPTIONS, injectedSteps: 4, noise: seededNoise([1]) };
  assertThrows(() => SAMPLERS.ssd_plus.restore(runtime, problem, options), RangeError, "injectedSteps is 4");
});
