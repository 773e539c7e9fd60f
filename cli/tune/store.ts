/** Keeping what was measured. */
import { forgetTuned, readTuned, type TunedChoice, type TunedSubject, writeTuned } from "../../io/mod.ts";
import type { TunedLayer, TuneOutcome } from "./tune_network.ts";

/**
 * Replaces what a file says of the layers that were timed, and keeps the rest of it.
 * @param file made if it is not there, removed if nothing is left in it
 * @returns what is to be said of a file that could not be used
 * @throws {FileError} if it cannot be written
 */
export async function storeOutcome(
  file: string,
  subject: TunedSubject,
  { layers }: Pick<TuneOutcome, "layers">,
): Promise<string | undefined> {
  const { choices, warning } = await readTuned(file, subject);
  const kept = new Map(choices);
  const date = new Date().toISOString();
  for (const { key, times: [standard], choice } of layers) {
    if (!standard) continue;
    kept.delete(key);
    if (choice) kept.set(key, choiceFor(standard, choice, date));
  }
  if (kept.size > 0) await writeTuned(file, subject, kept);
  else await forgetTuned(file);
  return warning;
}

function choiceFor(
  standard: TunedLayer["times"][number],
  { algorithm, milliseconds }: TunedLayer["times"][number],
  date: string,
): TunedChoice {
  return {
    algorithm,
    instead: standard.algorithm,
    milliseconds,
    insteadMilliseconds: standard.milliseconds,
    date,
  };
}
