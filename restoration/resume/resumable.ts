/** Runs of samplers whose state can be taken behind every step, and that go on from one. */
import type { DeviceTensor, Runtime } from "../../engine/mod.ts";
import type { Progress } from "../../samplers/mod.ts";
import { beginCounts, type RunCounts } from "../counts.ts";
import { onDevice, RunRuntime } from "./run_runtime.ts";
import type { RunState } from "./run_state.ts";

/** A step whose state can be taken. */
export interface ResumableStep extends Progress {
  /** What the run has asked of the network and the degradation, until now. */
  counts(): RunCounts;
  /**
   * What the run needs to go on behind this step. It must be taken before the next step is asked for.
   * @throws {RangeError} if the sampler has read more to the host than a state can hold
   */
  state(): Promise<RunState>;
}

/**
 * The steps of a run, or those behind a state of the same run. What the run makes then is the same, bit for bit.
 * @param run begins the run on a runtime, with equal arguments every time
 * @param pictures that it restores at once
 * @param from where it goes on
 * @throws {Error} if the run takes another course than the one of the state
 */
export async function* resumable(
  runtime: Runtime,
  run: (runtime: Runtime) => AsyncGenerator<Progress, DeviceTensor>,
  pictures: number,
  from?: RunState,
): AsyncGenerator<ResumableStep, DeviceTensor> {
  const own = new RunRuntime(runtime, from);
  const counts = beginCounts(runtime, pictures, from?.counts);
  const steps = run(own);
  let taken = 0;
  try {
    for (; from && taken < from.step; taken++) {
      if ((await steps.next()).done) {
        throw new Error(`Cannot go on behind step ${from.step}: the run has ${taken} steps`);
      }
    }
    if (from) own.goOn();
    for (;;) {
      const next = await steps.next();
      const step = ++taken;
      if (next.done) return onDevice(next.value);
      const { x0, xt, parts, ...rest } = next.value;
      yield {
        ...rest,
        counts,
        x0: onDevice(x0),
        xt: onDevice(xt),
        ...(parts && {
          parts: Object.fromEntries(Object.entries(parts).map(([name, tensor]) => [name, onDevice(tensor)])),
        }),
        state: async () => {
          if (step !== taken) throw new Error(`Cannot take the state of step ${step}: the run has gone on`);
          return { step, steps: rest.steps, counts: counts(), ...await own.holdings() };
        },
      };
    }
  } finally {
    await steps.return(undefined as never);
  }
}
