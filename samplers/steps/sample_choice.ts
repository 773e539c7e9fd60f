/** Taking every sample of a batch from one of two tensors. */
import type { DeviceTensor, Runtime, Tensors } from "../../engine/mod.ts";
import { add, scaleSamples } from "../../kernels/mod.ts";

/** A prepared choice. */
export interface SampleChoice {
  /**
   * Sample n of `first`, or of `second` where `takesSecond[n]` [N, ...]; valid until it runs again.
   * @param first [N, ...], finite
   * @param second the same shape, finite
   */
  (first: DeviceTensor, second: DeviceTensor, takesSecond: readonly boolean[]): Promise<DeviceTensor>;
  release(): void;
}

/** Prepares a choice. */
export function sampleChoice(runtime: Runtime): SampleChoice {
  const stage = runtime.stage(
    "choice",
    ({ first, second, keep, take }: Tensors<"first" | "second" | "keep" | "take">) => ({
      // 1 and 0 select exactly: one product is the tensor itself, the other adds zero.
      chosen: add(scaleSamples(first, keep), scaleSamples(second, take)),
    }),
  );
  const run: (...args: Parameters<SampleChoice>) => Promise<DeviceTensor> = async (first, second, takesSecond) => {
    const gate = (wanted: boolean): DeviceTensor =>
      runtime.upload(Float32Array.from(takesSecond, (is) => is === wanted ? 1 : 0), [takesSecond.length]);
    const [keep, take] = [gate(false), gate(true)];
    try {
      return (await stage({ first, second, keep, take }, {})).chosen;
    } finally {
      keep.free();
      take.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}
