/** How fast a network is evaluated here, and how long a run takes at that pace. */
import type { Runtime, Scalars, Tensors } from "../../engine/mod.ts";
import { elementCount } from "../../engine/mod.ts";
import { isPlain, registeredSamplers } from "../../samplers/mod.ts";
import type { Method } from "../options/method.ts";
import type { Evaluation } from "./network_view.ts";

/** A measured pace. */
export interface Pace {
  /** Floating-point operations of what was measured. */
  readonly flops: number;
  /** How long it took. */
  readonly seconds: number;
}

/** What takes less is measured once more: it may have been disturbed. */
const SHORT_SECONDS = 0.5;

/**
 * Evaluates a network on zeros, once to compile it and once or twice to time it. No noise is drawn, and nothing of it
 * remains.
 */
export async function measurePace(runtime: Runtime, { shape, record, flops, times }: Evaluation): Promise<Pace> {
  const xt = runtime.upload(new Float32Array(elementCount(shape)), shape);
  const stage = runtime.stage("pace", (inputs: Tensors<"xt">, { timestep }: Scalars<"timestep">) => ({
    out: record(inputs.xt, timestep),
  }));
  const timed = async (): Promise<number> => {
    const start = performance.now();
    await stage({ xt }, { timestep: 1 });
    await runtime.settle();
    return (performance.now() - start) / 1000;
  };
  try {
    await timed();
    const seconds = await timed();
    return { flops: flops / times, seconds: seconds < SHORT_SECONDS ? Math.min(seconds, await timed()) : seconds };
  } finally {
    stage.release();
    xt.free();
  }
}

/** Whether a method takes gradients through the network. */
export function takesGradients({ name }: Method): boolean {
  const entry = registeredSamplers().find((each) => each.name === name);
  return entry !== undefined && !isPlain(entry) && entry.needs.includes("gradient");
}

/** How long a run of a method takes, in seconds; of those that take gradients at some steps it is an upper bound. */
export function secondsOf({ evaluations }: Method, { flops }: Evaluation, pace: Pace): number {
  return evaluations.actual * flops / pace.flops * pace.seconds;
}

/** `about 40 s`, `about 5 min`, `about 3 h`: a prediction as people read it. */
export function formatPrediction(seconds: number): string {
  if (seconds < 1) return "less than a second";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 90 * 60) return `about ${Math.round(seconds / 60)} min`;
  return seconds < 48 * 3600 ? `about ${Math.round(seconds / 3600)} h` : `about ${Math.round(seconds / 86400)} days`;
}
