/** Joining the folders of parts of an evaluation. */
import { FileError } from "../../io/mod.ts";
import type { Interrupt } from "../interrupt.ts";
import { EVALUATION_FILE, type EvaluationRecord, jsonText, type Store } from "./store.ts";

/**
 * Copies the units of several folders into one; a unit that is there already stays.
 * @returns what the folders say of themselves
 * @throws {FileError} if a folder is none of an evaluation, or they are of different ones
 */
export async function mergeFolders(
  parts: readonly Store[],
  whole: Store,
  interrupt: Interrupt,
): Promise<EvaluationRecord> {
  const records = await Promise.all(parts.map((part) => part.readEvaluation()));
  const text = jsonText(records[0]);
  const other = records.findIndex((record) => jsonText(record) !== text);
  if (other > 0) {
    throw new FileError(
      `Cannot merge "${parts[0]!.folder}" with "${parts[other]!.folder}": they are parts of different evaluations; ` +
        "run all parts with the same pictures, tasks, methods, seeds and model",
    );
  }
  await whole.open();
  for (const { hash, case: own } of records[0]!.units) {
    await interrupt.check();
    if (await whole.read(hash)) continue;
    for (const part of parts) {
      if (!await part.read(hash)) continue;
      await interrupt.hold(() => whole.copy(part, { hash, case: own }));
      break;
    }
  }
  await interrupt.hold(() => whole.writeText(EVALUATION_FILE, text));
  return records[0]!;
}
