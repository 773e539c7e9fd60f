/** What could be wrong with a picture: a diagnosis with the doubts that it leaves, as runs of `restore`. */
import type { DecodedPicture } from "../picture_source.ts";
import { isTaken, orders, type Treatment, treatmentOf } from "./advice.ts";
import type { Diagnosis } from "./diagnose.ts";
import { type Finding, SURE } from "./finding.ts";

/** One way to read a picture. */
export interface Reading extends Pick<Treatment, "task" | "options" | "known"> {
  /** The damages that it takes for real. */
  readonly damages: readonly string[];
  /**
   * How likely it is by the diagnosis alone, 0 to 1: the product of c for each damage that it takes for real and of 1 - c
   * for each other one that a run could undo, c being how sure that finding is.
   */
  readonly likelihood: number;
}

/** So many readings are worth trying. */
export const MOST_READINGS = 3;

/** No finding is surer than this, so that what is left out of a reading stays possible. */
const SUREST = 0.95;

/**
 * The readings of a picture with which something is surely wrong: first what the diagnosis advises, then what leaves out a
 * finding of it or believes a doubt, the likelier first.
 * @param name what messages call the picture
 * @returns at most `MOST_READINGS`, each of which `restore` takes; none where nothing is advised, or nothing that is one
 *   run on this picture
 */
export function readingsOf(picture: DecodedPicture, name: string, { findings, advice }: Diagnosis): readonly Reading[] {
  if (!advice || advice.first !== undefined) return [];
  const open = findings.filter(({ remedy }) => remedy && remedy.first === undefined);
  const possible = [...orders(open.filter(({ confidence }) => confidence >= SURE)), ...orders(open), ...alone(open)];
  const all = possible.map((taken): Reading => {
    const { task, options, known } = treatmentOf(taken);
    return {
      task,
      options,
      ...(known ? { known } : {}),
      damages: taken.map(({ damage }) => damage),
      likelihood: likelihoodOf(taken, open),
    };
  });
  const keyOf = ({ task, options }: Pick<Reading, "task" | "options">): string => JSON.stringify([task, options]);
  const distinct = new Map(all.map((reading) => [keyOf(reading), reading]));
  const advised = distinct.get(keyOf(advice))!;
  const others = [...distinct.values()].filter((reading) => reading !== advised)
    .toSorted((a, b) => b.likelihood - a.likelihood);
  const readings = [advised];
  for (const reading of others) {
    if (readings.length === MOST_READINGS) break;
    if (isTaken(picture, { name, isSeen: false }, reading)) readings.push(reading);
  }
  return readings;
}

/** Each finding by itself, also those that are never the first thing to undo. */
function alone(findings: readonly Finding[]): readonly (readonly Finding[])[] {
  return findings.map((finding) => [finding]);
}

function likelihoodOf(taken: readonly Finding[], all: readonly Finding[]): number {
  return all.reduce((product, finding) => {
    const sure = Math.min(SUREST, finding.confidence);
    return product * (taken.includes(finding) ? sure : 1 - sure);
  }, 1);
}
