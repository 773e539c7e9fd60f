/**
 * Attention injection: the first steps of a generation look where the last steps of the inversion before them looked, so
 * that the layout of the image survives. Part of the first version of Shortcut Sampling; its published runs do without.
 */
import type { Runtime } from "../../engine/mod.ts";
import type { NoiseSource } from "../noise_source.ts";
import { type AttentionMaps, type RestorationStep, restorationStep } from "./restoration_step.ts";
import type { Problem } from "../sampler.ts";

/** The steps of a run with injection. */
export interface InjectingSteps {
  /** For the inversion: remembers what the attentions looked at. */
  readonly up: RestorationStep;
  /** For the generation: puts it in again, the last first, and goes on without when all is used. */
  readonly down: RestorationStep;
  /** Gives the memory of both back, and what is remembered. */
  release(): void;
}

/**
 * Prepares the steps; without injection both are the same.
 * @param options.injectedSteps first steps down that look at what is remembered
 * @param options.transitions steps up; the last `injectedSteps` of them are remembered
 * @throws {TypeError} at the first step up that would be remembered, if the model has no attention
 */
export function injectingSteps(
  runtime: Runtime,
  problem: Problem,
  options: {
    readonly injectedSteps: number;
    readonly transitions: number;
    readonly clipDenoised: boolean;
    readonly noise: NoiseSource;
  },
): InjectingSteps {
  const { injectedSteps, transitions } = options;
  const plain = restorationStep(runtime, problem, options);
  if (injectedSteps === 0) return { up: plain, down: plain, release: plain.release };
  const showing = restorationStep(runtime, problem, { ...options, attention: "show" });
  const injecting = restorationStep(runtime, problem, { ...options, attention: "inject" });
  const remembered: AttentionMaps[] = [];
  const forget = (maps: AttentionMaps): void => Object.values(maps).forEach((map) => map.free());
  const up: RestorationStep = Object.assign(
    async (...[xt, at, draw]: Parameters<RestorationStep>) => {
      if (draw.ordinal < transitions - injectedSteps) return await plain(xt, at, draw);
      const { maps: seen = {}, ...state } = await showing(xt, at, draw);
      const maps = Object.entries(seen).map(([name, map]) => [name, map.keep()] as const);
      if (maps.length === 0) {
        throw new TypeError(
          `Cannot inject attention into ${injectedSteps} steps: the model has no attention; set injectedSteps to 0`,
        );
      }
      remembered.push(Object.fromEntries(maps));
      return state;
    },
    { release: showing.release },
  );
  const down: RestorationStep = Object.assign(
    async (...[xt, at, draw]: Parameters<RestorationStep>) => {
      const maps = remembered.pop();
      if (!maps) return await plain(xt, at, draw);
      const state = await injecting(xt, at, draw, maps);
      forget(maps);
      return state;
    },
    { release: injecting.release },
  );
  const release = (): void => {
    for (const step of [plain, showing, injecting]) step.release();
    remembered.forEach(forget);
  };
  return { up, down, release };
}
