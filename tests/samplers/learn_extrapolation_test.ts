/** Learned coefficients of linear extrapolation: they fit the pictures best, and help on others. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { type Extrapolation, learnExtrapolation, SAMPLERS, seededNoise } from "../../samplers/mod.ts";
import { gaussianModel } from "./gaussian_model.ts";

const SHAPE = [8, 8, 3];
const COUNT = 192;
const PRIOR = { mean: 0.1, variance: 0.04 };
/** A model that takes the pictures for more varied than they are, as few steps of a good one do. */
const MODEL = gaussianModel(new Float32Array(COUNT).fill(PRIOR.mean), 10 * PRIOR.variance, SHAPE);
const OPERATOR = createOperator("sr_average", SHAPE, { scale: 2 });
const STEPS = 3;

/** Pictures of the prior with their exact measurements, and what DDNM makes of these: the mean square of the error. */
async function problemOf(seed: number, count: number): Promise<{
  readonly runtime: ReferenceRuntime;
  readonly learn: () => Promise<Extrapolation>;
  readonly error: (extrapolation: Extrapolation) => Promise<number>;
}> {
  const runtime = new ReferenceRuntime();
  const values = Float32Array.from(
    sampleNormal(seed * 2 ** 21, count * COUNT),
    (z) => PRIOR.mean + Math.sqrt(PRIOR.variance) * z,
  );
  const pictures = runtime.upload(values, [count, ...SHAPE]);
  const stage = runtime.stage<"x", never, "y">("measure", ({ x }) => ({ y: OPERATOR.forward(x) }));
  const y = (await stage({ x: pictures }, {})).y.keep();
  const problem = { model: MODEL, operator: OPERATOR, y, sigmaY: 0 };
  const options = { steps: STEPS, eta: 0.85, noise: seededNoise(Array.from({ length: count }, (_, n) => seed + n)) };
  return {
    runtime,
    learn: () => learnExtrapolation(runtime, problem, pictures, options),
    async error(extrapolation): Promise<number> {
      const run = SAMPLERS.ddnm.restore(runtime, problem, { ...options, extrapolation });
      let next = await run.next();
      while (!next.done) next = await run.next();
      const image = await next.value.read();
      return image.reduce((sum, value, i) => sum + (value - values[i]!) ** 2, 0) / image.length;
    },
  };
}

const PLAIN: Extrapolation = { observed: [[1], [0, 1], [0, 0, 1]], free: [[1], [0, 1], [0, 0, 1]] };

Deno.test("learned coefficients bring DDNM nearer to the pictures, and to others of the same prior", async () => {
  const seen = await problemOf(3, 12);
  const learned = await seen.learn();
  assertEquals(learned.observed.map(({ length }) => length), [1, 2, 3]);
  const others = await problemOf(77, 12);
  for (const each of [seen, others]) {
    const [before, after] = [await each.error(PLAIN), await each.error(learned)];
    assert(after < 0.8 * before, `${after}, without ${before}`);
  }
});

Deno.test("no other coefficients of the last step fit the pictures better", async () => {
  const { learn, error } = await problemOf(3, 12);
  const learned = await learn();
  const least = await error(learned);
  for (const kind of ["observed", "free"] as const) {
    for (const j of [0, 1, 2]) {
      for (const step of [-0.05, 0.05]) {
        const last = learned[kind][2]!.map((value, i) => i === j ? value + step : value);
        const moved = { ...learned, [kind]: [...learned[kind].slice(0, 2), last] };
        assert(await error(moved) >= least * (1 - 1e-5), `${kind} ${j}: ${await error(moved)}, learned ${least}`);
      }
    }
  }
});
