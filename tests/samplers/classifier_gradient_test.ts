/** The gradient of the published classifiers with respect to their image, against differences, for every pool. */
import { assert } from "@std/assert";
import { constant, ReferenceRuntime, type Runtime, type Tensor } from "../../engine/mod.ts";
import { gatherRows } from "../../kernels/mod.ts";
import { loadWeights, type Network } from "../../models/mod.ts";
import { classGradient } from "../../samplers/steps/class_guidance.ts";
import { readChannelsLast } from "../models/golden_file.ts";
import { drawnParameters, openRecorded, planOf } from "../models/recording.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const LABEL = 3;
const POOLS = ["adaptive", "attention", "spatial", "spatial-v2"];

interface Classified {
  readonly gradient: Float32Array;
  readonly logits: Float32Array;
}

/** A classifier of a recording on a runtime. */
async function classifier(
  runtime: Runtime,
  pool: string,
): Promise<{ readonly x: Float32Array; run(x: Float32Array): Promise<Classified> }> {
  const recording = await openRecorded(`classifier-${pool}`);
  const plan = planOf(recording);
  const weights = await loadWeights(runtime, await drawnParameters(recording), plan.parameters);
  const network: Network = plan.build(weights);
  const table = network.timestepTable([250]);
  const image = await readChannelsLast(recording, "input.x");
  const logits = (xt: Tensor): Tensor =>
    network.forward(xt, { timestepRows: gatherRows(constant(table), Array<number>(xt.shape[0]!).fill(0)) });
  const stage = runtime.stage(`classifier ${pool}`, ({ x }: { readonly x: Tensor }) => ({
    logits: logits(x),
    gradient: classGradient({ logits, label: LABEL, scale: 1 }, x, 0),
  }));
  return {
    x: Float32Array.from(image.data),
    async run(x): Promise<Classified> {
      const out = await stage({ x: runtime.upload(x, image.shape) }, {});
      return { gradient: await out.gradient.read(), logits: await out.logits.read() };
    },
  };
}

/** The sum of log p(LABEL) over the items of a batch. */
function logLikelihood(logits: Float32Array, items: number): number {
  const classes = logits.length / items;
  let sum = 0;
  for (let n = 0; n < items; n++) {
    const scores = Array.from(logits.subarray(n * classes, (n + 1) * classes));
    const top = Math.max(...scores);
    sum += scores[LABEL]! - top - Math.log(scores.reduce((total, score) => total + Math.exp(score - top), 0));
  }
  return sum;
}

for (const pool of POOLS) {
  Deno.test(`the gradient of a class through the pool ${pool} is the one that differences show`, async () => {
    const { x, run } = await classifier(new ReferenceRuntime(), pool);
    const { gradient } = await run(x);
    const direction = randomValues(x.length, 5);
    // Small, as rectifiers have kinks.
    const step = 2e-3;
    const at = async (by: number): Promise<number> => {
      const { logits } = await run(x.map((value, i) => value + by * direction[i]!));
      return logLikelihood(logits, (await openRecorded(`classifier-${pool}`)).tensors.get("input.x")!.shape[0]!);
    };
    const difference = (await at(step) - await at(-step)) / (2 * step);
    const slope = gradient.reduce((sum, value, i) => sum + value * direction[i]!, 0);
    const scale = Math.hypot(...gradient) * Math.hypot(...direction);
    assert(Math.abs(slope - difference) < 2e-3 * scale, `${slope}, differences ${difference}, scale ${scale}`);
    assert(gradient.every(Number.isFinite) && gradient.some((value) => value !== 0));
  });
}

gpuTest("the gradients of all classifiers are the same on the GPU", async (gpu) => {
  for (const pool of POOLS) {
    const results: Float32Array[] = [];
    for (const runtime of [gpu, new ReferenceRuntime()]) {
      const { x, run } = await classifier(runtime, pool);
      results.push((await run(x)).gradient);
    }
    const error = relativeError(results[0]!, results[1]!);
    assert(error < 1e-4, `${pool}: error ${error}`);
  }
});
