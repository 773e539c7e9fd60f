/** How long an evaluation will take: by units that are there already, or by one evaluation of the network. */
import type { Runtime, Scalars, Tensors } from "../engine/mod.ts";
import type { OpenedModel } from "../models/mod.ts";
import { networkFor } from "../restoration/mod.ts";
import type { Work } from "./make_plan.ts";
import type { UnitRecord } from "./store.ts";

/** What time is predicted from. */
export interface Speed {
  /** Of one network evaluation of one picture. */
  readonly secondsPerNfe: number;
  /** Where that number is from, in words. */
  readonly source: string;
}

/** How long an evaluation took in a finished unit, in seconds. */
export function secondsPerNfe({ time, nfe }: UnitRecord): number {
  return time.steadySeconds / nfe;
}

/** The speed that finished units show, by their times of one evaluation; undefined if none of them asked the network. */
export function middleSpeed(times: readonly number[]): Speed | undefined {
  if (times.length === 0) return undefined;
  const units = times.length === 1 ? "1 finished unit" : `${times.length} finished units`;
  return { secondsPerNfe: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!, source: units };
}

/** Evaluates the network once to compile it, and three times to take the middle time; it must fit the plan. */
export async function measureSpeed(
  runtime: Runtime,
  model: OpenedModel,
  { plan, label, window }: Work,
): Promise<Speed> {
  const network = networkFor(model, [plan.size, plan.size, 3], label === undefined ? {} : { label }, window);
  const xt = runtime.upload(new Float32Array(plan.size ** 2 * 3), [1, ...network.imageShape]);
  const stage = runtime.stage("one evaluation", (inputs: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
    eps: network.predictEps(inputs.xt, timestep),
  }));
  const times: number[] = [];
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    await stage({ xt }, { timestep: Math.floor(network.alphaBar.length / 2) });
    await runtime.settle();
    times.push((performance.now() - start) / 1000);
  }
  stage.release();
  xt.free();
  return { secondsPerNfe: times.slice(1).sort((a, b) => a - b)[1]!, source: "one network evaluation" };
}
