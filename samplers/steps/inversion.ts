/** From an image up to a noisy state: the first half of Shortcut Sampling, of use on its own as DDIM inversion. */
import type { DeviceTensor } from "../../engine/mod.ts";
import { inversionCoefficients, type InversionVariant, type Level } from "../coefficients.ts";
import type { RestorationStep } from "./restoration_step.ts";
import type { State } from "./run.ts";

/** How noise is put on. */
export interface InversionOptions {
  /** By which rule. */
  readonly inversion: InversionVariant;
  /** Share of fresh noise in Distortion Adaptive inversion, 0..1. */
  readonly eta: number;
}

/**
 * Carries an image from the first level to the last, one network evaluation for each transition. The image is taken
 * as the state at the first level. States and draws are named inv.0, inv.1, ...; their ordinals count from 0.
 * @param step from `restorationStep`
 * @param image [N, H, W, C] in [-1, 1]
 * @param levels ascending, at least two
 * @returns the state at the last level
 */
export async function* invert(
  step: RestorationStep,
  image: DeviceTensor,
  { levels, inversion, eta }: InversionOptions & { readonly levels: readonly Level[] },
): AsyncGenerator<State, DeviceTensor> {
  let xt = image;
  for (const [i, level] of levels.slice(0, -1).entries()) {
    const next = levels[i + 1] as Level;
    // Eq. 11, or Eq. 10 for "ddpm".
    const at = { ...level, projected: false, ...inversionCoefficients(next, inversion, eta) };
    const state = await step(xt, at, { name: `inv.${i}`, ordinal: i });
    xt = state.xt;
    yield state;
  }
  return xt;
}
