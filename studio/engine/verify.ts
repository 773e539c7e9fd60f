/** Whether this adapter computes what other programs have recorded. */
import { type Finding, type OpenFile, verifyFile, verifyOperations } from "../../conformance/mod.ts";
import type { Runtime } from "../../engine/mod.ts";
import { blobByteSource } from "../../models/mod.ts";
import type { CheckedQuantity, OnChecked } from "../inspection.ts";
import { REFERENCES } from "../references.ts";

/** What a comparison is carried out with. */
export interface Verification {
  /** Where it is computed. */
  readonly runtime: Runtime;
  /** Gives a file of the list, by its name. */
  reference(name: string): Promise<Blob>;
  /** Told what came of each file. */
  readonly onChecked: OnChecked;
  /** Throws to stop; asked after every quantity. */
  check(): void;
}

/** What is compared in the end: all operations, of which the files do not hold some. */
const OPERATIONS = {
  file: "operations",
  about: "Every operation on small examples, against the same formula on the CPU",
} as const;

/**
 * Computes everything that the reference files hold and every operation, and compares.
 * @throws {Stopped} if it was stopped
 */
export async function verifyAdapter({ runtime, reference, onChecked, check }: Verification): Promise<void> {
  const openFile = async (path: string): Promise<OpenFile> => opened(await reference(path), path);
  const sources = [
    ...REFERENCES.map(({ name, about }) => ({
      file: name,
      about,
      find: () => verifyFile(runtime, name, "f32", openFile),
    })),
    { ...OPERATIONS, find: () => verifyOperations(runtime) },
  ];
  for (const [index, { file, about, find }] of sources.entries()) {
    const quantities: CheckedQuantity[] = [];
    for await (const finding of find()) {
      // What was submitted is done, and messages of the page have come in.
      await runtime.settle();
      check();
      quantities.push(quantityOf(finding));
    }
    await onChecked({ file, about, number: index + 1, files: sources.length, quantities });
  }
}

/** A blob as an open file: nothing is held that must be closed. */
function opened(blob: Blob, name: string): OpenFile {
  return { ...blobByteSource(blob, name), [Symbol.dispose]: () => {} };
}

function quantityOf({ quantity, status, error, limit, reason }: Finding): CheckedQuantity {
  return {
    name: quantity,
    outcome: status === "ok" ? "equal" : status === "FAILED" ? "different" : "not compared",
    error: error ?? null,
    bound: limit ?? null,
    reason: reason ?? null,
  };
}
