/** What is kept of tuning: a choice for each layer that leaves its default. */
import type { TuneOutcome } from "./tune_network.ts";

/** A choice and what it was chosen for. */
export interface KeptChoice {
  /** What is taken. */
  readonly algorithm: string;
  /** The default, and the times of both. */
  readonly instead: string;
  /** Time of the layer by it. */
  readonly milliseconds: number;
  /** Time of the layer by the default. */
  readonly insteadMilliseconds: number;
  /** When it was measured, ISO 8601. */
  readonly date: string;
}

/** The choices after tuning: those of the layers that were timed are replaced, the others stay. */
export function keptChoices(
  before: ReadonlyMap<string, KeptChoice>,
  { layers }: Pick<TuneOutcome, "layers">,
  date: string,
): ReadonlyMap<string, KeptChoice> {
  const kept = new Map(before);
  for (const { key, times: [standard], choice } of layers) {
    if (!standard) continue;
    kept.delete(key);
    if (!choice) continue;
    const { algorithm, milliseconds } = choice;
    const instead = { instead: standard.algorithm, insteadMilliseconds: standard.milliseconds };
    kept.set(key, { algorithm, milliseconds, ...instead, date });
  }
  return kept;
}

/**
 * Whether the network as a whole loses more time by the choices than the noise, whatever its layers gain one by one: then
 * none is worth keeping. A network that was not timed counts as no slower.
 */
export function isSlower({ network }: Pick<TuneOutcome, "network">): boolean {
  return network !== undefined && network.saved < -network.noise;
}
