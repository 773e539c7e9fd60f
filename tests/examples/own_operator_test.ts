/** The example of an operator of one's own works as the text beside it says. */
import { assert } from "@std/assert";
import { ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { darkLens } from "../../examples/own_operator.ts";
import { gradient, sampleNorm, sub } from "../../kernels/mod.ts";
import { project } from "../../operators/mod.ts";
import type { SamplerName } from "../../samplers/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { apply, lawErrors, randomPair } from "../operators/laws.ts";
import { restored } from "../samplers/few_steps.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";

const operator = darkLens([16, 24, 3], { scale: 4 });

Deno.test("the operator of the example has a derived adjoint and pseudo-inverse that obey their laws", async () => {
  for (const [law, error] of Object.entries(await lawErrors(new ReferenceRuntime(), operator))) {
    assert(error <= 1e-5, `${law}: error ${error}`);
  }
});

gpuTest("the operator of the example gives the gradient of a measurement loss and projections", async (runtime) => {
  const { x, y } = randomPair(operator, 9);
  const body = (x: Tensor, y: Tensor): Record<"dx" | "fit" | "dpx", Tensor> => ({
    dx: gradient(sampleNorm(sub(operator.forward(x), y)), [x])[0]!,
    fit: operator.forward(project(operator, x, y)),
    // Methods that differentiate through A^+ take it too.
    dpx: gradient(sampleNorm(operator.pseudoInverse(sub(operator.forward(x), y))), [x])[0]!,
  });
  const [actual, expected] = await Promise.all(
    [runtime, new ReferenceRuntime()].map((each) => apply(each, operator, x, y, body)),
  );
  assert(relativeError(actual!.dx, expected!.dx) <= 1e-5);
  assert(relativeError(actual!.dpx, expected!.dpx) <= 1e-5);
  assert(actual!.dx.some((value) => value !== 0));
  assert(relativeError(actual!.fit, y) <= 1e-5);
});

gpuTest("DPS, MCG and PiGDM restore measurements of the operator of the example", async (gpu) => {
  const count = 16 * 24 * 3;
  const model = gaussianModel(new Float32Array(count).fill(0.1), 0.1, operator.imageShape);
  const truth = randomPair(operator, 5).x.slice(0, count).map((value) => 0.1 + 0.4 * value);
  const forward = async (x: Float32Array): Promise<Float32Array> =>
    (await apply(new ReferenceRuntime(), operator, x, new Float32Array(72), (x) => ({ y: operator.forward(x) }))).y;
  const y = await forward(truth);
  const common = { model, operator, y, seeds: [1] };
  const methods: readonly (readonly [SamplerName, object, number])[] = [
    ["dps", { steps: 60, scale: 4 }, 0.2],
    ["mcg", { steps: 20, level: "next" }, 1e-3],
    ["pigdm", { steps: 40 }, 0.1],
  ];
  for (const [name, options, limit] of methods) {
    const image = await restored({ ...common, name, options, runtime: gpu });
    const misfit = relativeError(await forward(image), y);
    assert(misfit <= limit, `${name}: A x is off by ${misfit}`);
    assert(relativeError(image, await restored({ ...common, name, options })) <= 1e-3, name);
  }
});
