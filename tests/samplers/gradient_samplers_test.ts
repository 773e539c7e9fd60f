/** What the samplers that differentiate the network do, against formulas: the Gaussian model makes x0 linear in x_t. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { elementCount, ReferenceRuntime, type Tensor } from "../../engine/mod.ts";
import { mul } from "../../kernels/mod.ts";
import {
  createDegradation,
  createOperator,
  type Degradation,
  isProjectable,
  NONLINEAR_OPERATORS,
  type Operator,
} from "../../operators/mod.ts";
import {
  type Progress,
  respace,
  type Sampler,
  type SamplerName,
  SAMPLERS,
  seededNoise,
  spaceTimesteps,
} from "../../samplers/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { restored } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = elementCount(SHAPE);
const MEAN = new Float32Array(COUNT).fill(0.1);
const MODEL = gaussianModel(MEAN, 0.2, SHAPE);
const OPERATOR = createOperator("inpaint", SHAPE, { missing: 0.5, seed: 3 });
const Y = randomValues(COUNT, 5);

/** What the third of five steps makes, none of which moves along its gradient. */
async function thirdStep(
  name: "dps" | "mcg" | "pigdm",
  options: object,
  sigmaY = 0,
): Promise<Record<"grad" | "x0", Float32Array>> {
  const runtime = new ReferenceRuntime();
  const chosen = SAMPLERS[name] as Sampler<object>;
  const y = runtime.upload(Y, [1, ...SHAPE]);
  const problem = { model: MODEL, operator: OPERATOR, y, sigmaY };
  const all: object = { ...chosen.defaults, steps: 5, scale: 0, ...options };
  const run = chosen.restore(runtime, problem, { ...all, noise: seededNoise([4]) });
  await run.next();
  await run.next();
  const { value } = await run.next() as { readonly value: Progress };
  const [grad, x0] = await Promise.all([value.parts!["grad"]!, value.x0].map((tensor) => tensor.read()));
  await run.return(undefined as never);
  return { grad: grad!, x0: x0! };
}

/** alphaBar of the third of five steps. */
const { alphaBar } = respace(MODEL.alphaBar, spaceTimesteps(1000, "5"))[2]!;

/** dx0/dx_t of the Gaussian model there. */
function slope(): number {
  return (1 - (1 - alphaBar) / (1 - alphaBar + 0.2 * alphaBar)) / Math.sqrt(alphaBar);
}

const known = (image: Float32Array): Float32Array => image.map((value, i) => MASK[i]! * value);
const MASK = await (async (): Promise<Float32Array> => {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("mask", ({ x }) => ({ y: OPERATOR.forward(x) }));
  return await (await stage({ x: runtime.upload(new Float32Array(COUNT).fill(1), [1, ...SHAPE]) }, {})).y.read();
})();

Deno.test("DPS follows the gradient of |y - A x0|, which stops where x0 is clamped", async () => {
  const { grad, x0 } = await thirdStep("dps", { clipDenoised: false });
  const residual = Y.map((value, i) => value - MASK[i]! * x0[i]!);
  const length = Math.hypot(...residual);
  assertClose(grad, known(residual).map((value) => -slope() * value / length), 1e-5, "gradient");
  const clamped = await thirdStep("dps", { clipDenoised: true });
  const isOut = clamped.x0.map((value) => Math.abs(value) === 1 ? 1 : 0);
  assert(clamped.grad.every((value, i) => isOut[i] === 0 || value === 0));
});

Deno.test("with Poisson noise the gradient of DPS is weighted by the mean of 1/|y|, at most 255", async () => {
  const gaussian = await thirdStep("dps", {});
  const poisson = await thirdStep("dps", { likelihood: "poisson" });
  const weight = Y.reduce((sum, value) => sum + 1 / Math.max(Math.abs(value), 1 / 255), 0) / COUNT;
  assertClose(poisson.grad, gaussian.grad.map((value) => weight * value), 1e-5, "gradient");
});

Deno.test("PiGDM follows A^T (r^2 A A^T + sigma^2)^-1 (y - A x0) through the network", async () => {
  for (const sigma of [0, 0.3]) {
    const { grad, x0 } = await thirdStep("pigdm", { clipDenoised: false, guidanceForm: "paper" }, sigma);
    const expected = x0.map((value, i) => slope() * MASK[i]! * (Y[i]! - value) / (1 - alphaBar + sigma ** 2));
    assertClose(grad, expected, 1e-5, `sigma ${sigma}`);
  }
});

Deno.test("MCG ends on the measurement where it is noised to the level that the step arrives at", async () => {
  const y = known(Y);
  const image = await restored({
    name: "mcg",
    options: { steps: 5, level: "next" },
    model: MODEL,
    operator: OPERATOR,
    y,
    seeds: [1],
  });
  assertClose(known(image), y, 1e-5, "known pixels");
});

Deno.test("the switch is DPS if no step is DMPS and DMPS if none is DPS", async () => {
  const common = { model: MODEL, operator: OPERATOR, y: Y, seeds: [3], sigmaY: 0.2 };
  const mixed = (options: object): Promise<Float32Array> =>
    restored({ ...common, name: "dps_dmps", options: { steps: 6, ...options } });
  const dps = await restored({ ...common, name: "dps", options: { steps: 6 } });
  const dmps = await restored({ ...common, name: "dmps", options: { steps: 6 } });
  assertEquals(await mixed({ share: 1 }), dps);
  assertEquals(await mixed({ share: 0 }), dmps);
  assertEquals(await mixed({ rule: "psnr", threshold: 1e6 }), dps);
  const half = await mixed({ share: 0.5 });
  assert(half.some((value, i) => value !== dps[i] && value !== dmps[i]));
  // The rule looks at a step and the one before, and decides about the next.
  assertEquals(await mixed({ rule: "psnr", threshold: -1e6, leastSteps: 3, latestShare: 1 }), half);
  assertEquals(await mixed({ rule: "psnr", threshold: -1e6, leastSteps: 0, latestShare: 0.6 }), half);
});

Deno.test("samples of a batch switch from DPS to DMPS each at its own step", async () => {
  const y = Float32Array.from([...Y, ...Y.map((value) => 0.2 * value)]);
  const common = { name: "dps_dmps" as const, model: MODEL, operator: OPERATOR, sigmaY: 0.2 };
  const single = (item: number, options: object): Promise<Float32Array> =>
    restored({ ...common, options, y: y.slice(item * COUNT, (item + 1) * COUNT), seeds: [3 + item] });
  const steps = 12;
  const switchOf = async (item: number, image: Float32Array): Promise<number> => {
    for (let k = 0; k <= steps; k++) {
      const other = await single(item, { steps, share: k / steps });
      if (other.every((value, i) => value === image[i])) return k;
    }
    throw new Error("the image is that of no switch");
  };
  // Consecutive predictions agree by 21.9 dB and 22.4 dB at the first step that counts.
  const options = { steps, rule: "psnr", threshold: 22, leastSteps: 10 };
  const singles = [await single(0, options), await single(1, options)];
  assertEquals(await switchOf(0, singles[0]!), 12);
  assertEquals(await switchOf(1, singles[1]!), 10);
  const both = await restored({ ...common, options, y, seeds: [3, 4] });
  assertEquals(both, Float32Array.from([...singles[0]!, ...singles[1]!]));
});

const NONLINEAR = Array.from(NONLINEAR_OPERATORS.keys(), (name): Operator => createDegradation(name, SHAPE));

async function measured(operator: Degradation, image: Float32Array): Promise<Float32Array> {
  const runtime = new ReferenceRuntime();
  const stage = runtime.stage<"x", never, "y">("measure", ({ x }) => ({ y: operator.forward(x) }));
  return await (await stage({ x: runtime.upload(image, [1, ...SHAPE]) }, {})).y.read();
}

/** Restores a measurement of a sampler that takes more than linear operators. */
async function fit(name: SamplerName, operator: Degradation, options: object): Promise<number> {
  const truth = randomValues(COUNT, 8).map((value) => 0.1 + 0.7 * value);
  const runtime = new ReferenceRuntime();
  const chosen = SAMPLERS[name] as Sampler<object>;
  const y = await measured(operator, truth);
  const problem = { model: MODEL, operator, y: runtime.upload(y, [1, ...operator.measurementShape]), sigmaY: 0.05 };
  const run = chosen.restore(runtime, problem, { ...chosen.defaults, ...options, noise: seededNoise([2]) });
  let next = await run.next();
  while (!next.done) next = await run.next();
  return relativeError(await measured(operator, await next.value.read()), y);
}

/** Methods for degradations that are not linear, with options that let them get near the measurement. */
const NONLINEAR_FITS = [
  ["diffpir", { steps: 50, dataStep: "first_order" }],
  ["sitcom", { steps: 10, innerSteps: 10, learningRate: 0.1 }],
  ["resample", { steps: 8, descents: 30, descentRate: 0.05 }],
  ["lgd", { steps: 100, samples: 1, scale: 1.7, stepRule: "ddim" }],
  ["daps", { steps: 8, flowSteps: 2, chainSteps: 50, chainRate: 1e-4, chainDecay: 1, tau: 0.03 }],
] as const;

Deno.test("methods that ask A(x) and its gradient alone bring it to y where A is not linear, also for a map of one's own", async () => {
  const own: Degradation = {
    name: "squares",
    imageShape: SHAPE,
    measurementShape: SHAPE,
    forward: (x: Tensor): Tensor => mul(x, x),
  };
  for (const operator of [...NONLINEAR, own]) {
    const free = await fit("dps", operator, { steps: 50, scale: 0 });
    const guided = await fit("dps", operator, { steps: 50, scale: 1 });
    assert(guided < 0.5 * free, `dps, ${operator.name}: ${guided}, without guidance ${free}`);
    for (const [name, options] of NONLINEAR_FITS) {
      const fitted = await fit(name, operator, options);
      assert(fitted < 0.5 * free, `${name}, ${operator.name}: ${fitted}, without guidance ${free}`);
    }
  }
});

Deno.test("methods that need A^T or A^+ refuse an operator that is not linear and name what works", () => {
  const operator = NONLINEAR.find((candidate) => !isProjectable(candidate));
  const refused = (Object.keys(SAMPLERS) as SamplerName[]).filter((name) => {
    const { nonlinear } = SAMPLERS[name] as Sampler<object>;
    return nonlinear === undefined || Object.keys(nonlinear).length > 0;
  });
  for (const name of refused) {
    const chosen = SAMPLERS[name] as Sampler<object>;
    const runtime = new ReferenceRuntime();
    const size = elementCount(operator!.measurementShape);
    const y = runtime.upload(new Float32Array(size), [1, ...operator!.measurementShape]);
    const problem = { model: MODEL, operator: operator!, y, sigmaY: 0 };
    assertThrows(
      () => chosen.restore(runtime, problem, { ...chosen.defaults, noise: seededNoise([1]) }),
      TypeError,
      `Cannot run ${name} on "${operator!.name}": the operator is not linear, ${name} needs A^T or A^+; the samplers ` +
        `that work are dps, diffpir (data step first_order), sitcom, resample, lgd, daps, the ` +
        `operators that work with ${name} are sr_average, `,
    );
  }
});
