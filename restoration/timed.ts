/** A restoration that is watched and timed, to pictures that a file can hold. */
import type { Runtime } from "../engine/mod.ts";
import type { RunCounts } from "./counts.ts";
import type { Restoration, RestorationStep } from "./restore.ts";

/** A finished restoration, and how long it took. */
export interface TimedRestoration {
  /** [N, H, W, C], nominally in [-1, 1], not clamped. */
  readonly image: Float32Array<ArrayBuffer>;
  /** Wall time of the first step, or of the first behind a state, with tracing and compilation. */
  readonly firstStepSeconds: number;
  /** Wall time of all steps, with those before it went on. */
  readonly seconds: number;
  /** What it asked of the network and the degradation, for each picture. */
  readonly counts: RunCounts;
}

/**
 * Carries a restoration out.
 * @param runtime that it runs on
 * @param onStep called after every step, and waited for; it may read the state, or throw to stop
 * @param before seconds that it took before it went on
 * @throws {RangeError | TypeError} as the sampler; RangeError if the result is not finite
 */
export async function timed(
  runtime: Runtime,
  restoration: Restoration,
  onStep: (step: RestorationStep) => Promise<void>,
  before = 0,
): Promise<TimedRestoration> {
  const start = performance.now();
  let firstStepSeconds = 0;
  let last: RestorationStep | undefined;
  for await (const step of restoration) {
    await onStep(step);
    if (firstStepSeconds === 0) {
      await runtime.settle();
      firstStepSeconds = (performance.now() - start) / 1000;
    }
    last = step;
  }
  const seconds = before + (performance.now() - start) / 1000;
  const { image, counts } = last!;
  const values = Float32Array.from(image!.data);
  requireFinite(values);
  return { image: values, firstStepSeconds, seconds, counts: counts() };
}

/** Refuses a picture with holes in it, which no file format can hold. */
function requireFinite(image: Float32Array): void {
  if (image.every(Number.isFinite)) return;
  throw new RangeError(
    "Cannot make a picture: the network gave values that are no finite numbers; check the model file, --check-finite " +
      "names the layer where they begin",
  );
}
