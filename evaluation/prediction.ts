/** How long an evaluation will take: by units that are there already, or by one evaluation of the network. */
import type { Runtime, Scalars, Tensors } from "../engine/mod.ts";
import type { NoiseModel } from "../models/mod.ts";
import type { UnitRecord } from "./store.ts";

/** What time is predicted from. */
export interface Speed {
  /** Of one network evaluation of one picture. */
  readonly secondsPerNfe: number;
  /** Where that number is from, in words. */
  readonly source: string;
}

/** The speed that finished units show; undefined if none of them asked the network. */
export function speedOfUnits(records: Iterable<UnitRecord>): Speed | undefined {
  const speeds = Array.from(records).filter(({ nfe }) => nfe > 1).map(({ time, nfe }) => time.steadySeconds / nfe);
  if (speeds.length === 0) return undefined;
  speeds.sort((a, b) => a - b);
  const units = speeds.length === 1 ? "1 finished unit" : `${speeds.length} finished units`;
  return { secondsPerNfe: speeds[Math.floor(speeds.length / 2)]!, source: units };
}

/** Evaluates the network once to compile it, and three times to take the middle time. */
export async function measureSpeed(runtime: Runtime, model: NoiseModel): Promise<Speed> {
  const shape = [1, ...model.imageShape];
  const xt = runtime.upload(new Float32Array(shape.reduce((product, extent) => product * extent, 1)), shape);
  const stage = runtime.stage("one evaluation", (inputs: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
    eps: model.predictEps(inputs.xt, timestep),
  }));
  const timed = async (): Promise<number> => {
    const start = performance.now();
    await stage({ xt }, { timestep: Math.floor(model.alphaBar.length / 2) });
    await runtime.settle();
    return (performance.now() - start) / 1000;
  };
  await timed();
  const times = [await timed(), await timed(), await timed()].sort((a, b) => a - b);
  stage.release();
  xt.free();
  return { secondsPerNfe: times[1]!, source: "one network evaluation" };
}
