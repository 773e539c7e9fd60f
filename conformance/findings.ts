/** Computing quantities of a reference file together and comparing each. */
import type { ReferenceFile } from "./reference_file.ts";
import { compare, type Finding, NotSupportedError, refusal, type Values } from "./row.ts";

/** A quantity that a file holds, and how far the engine's may be from it. */
export interface Expectation {
  readonly quantity: string;
  readonly limit: number;
}

/**
 * Computes some quantities of a file together and compares each. Whatever goes wrong in computing becomes the finding
 * of all of them; whatever goes wrong in reading one, the finding of that one.
 * @param file the reference
 * @param expectations the quantities
 * @param compute gives the engine's values by quantity, channels last; those left out count as not supported
 */
export async function* findings(
  file: ReferenceFile,
  expectations: readonly Expectation[],
  compute: () => Promise<ReadonlyMap<string, Values>>,
): AsyncGenerator<Finding, void> {
  if (expectations.length === 0) return;
  let results: ReadonlyMap<string, Values>;
  try {
    results = await compute();
  } catch (error) {
    for (const { quantity } of expectations) yield refusal(quantity, error);
    return;
  }
  for (const { quantity, limit } of expectations) {
    const actual = results.get(quantity);
    try {
      if (!actual) throw new NotSupportedError("the engine gives no such quantity");
      yield compare(quantity, actual, await file.expected(quantity), limit);
    } catch (error) {
      yield refusal(quantity, error);
    }
  }
}
