/** What detectors of families share: reading names and shapes of a checkpoint's tensors. */
import { integer, type Parameter } from "../parameters/mod.ts";
import type { TensorShapes } from "./family.ts";

/** The answer to how many levels a network has, where its blocks can be counted in several ways. */
export const LEVELS: Parameter<number | undefined> = integer(
  undefined,
  { min: 1, max: 16 },
  "Levels of a classifier, where its blocks can be counted two ways",
);

/** The different numbers that a pattern finds in the names, ascending. */
export function blockNumbers(tensors: TensorShapes, pattern: RegExp): readonly number[] {
  const found = tensors.keys().map((name) => pattern.exec(name)?.[1]).filter((digits) => digits !== undefined);
  return [...new Set(found.map(Number))].sort((a, b) => a - b);
}

/** One extent of a tensor; NaN, which fits nothing, where there is no such tensor. */
export function extent(tensors: TensorShapes, name: string, axis: number): number {
  return tensors.get(name)?.[axis] ?? NaN;
}
