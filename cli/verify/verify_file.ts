/** One reference file from its path to its rows. */
import type { Runtime } from "../../engine/mod.ts";
import type { Precision } from "../../models/mod.ts";
import { verifyOperators } from "./operators.ts";
import { verifyOps } from "./ops.ts";
import { ReferenceFile } from "./reference_file.ts";
import { type Finding, NotSupportedError, refusal, type Row } from "./row.ts";
import { verifySchedule } from "./schedule.ts";
import { verifyTrajectory } from "./trajectory.ts";
import { verifyNetwork } from "./unet.ts";

/** Compares what a file of one kind holds. */
type Verifier = (runtime: Runtime, file: ReferenceFile, precision: Precision) => AsyncGenerator<Finding, void>;

/** The kinds of reference files, as their metadata call them; all kinds `unet-...` are networks. */
const KINDS: ReadonlyMap<string, Verifier> = new Map([
  ["ops", verifyOps],
  ["operators", verifyOperators],
  ["schedule", verifySchedule],
  ["trajectory", verifyTrajectory],
]);

/**
 * Compares everything that a file holds with the engine. A tensor that no rule knows gets a row of its own; a file that
 * cannot be read, is of an unknown kind or holds nothing to compare is one failed row.
 * @param runtime where the engine runs
 * @param path the file
 * @param precision how the weights of networks are kept
 */
export async function* verifyFile(
  runtime: Runtime,
  path: string,
  precision: Precision,
): AsyncGenerator<Row, void> {
  let rows = 0;
  try {
    using file = await ReferenceFile.open(path);
    for await (const finding of verifierOf(file)(runtime, file, precision)) {
      rows++;
      yield { file: path, ...finding };
    }
    for (const quantity of file.unclaimed()) {
      rows++;
      yield { file: path, ...refusal(quantity, new NotSupportedError("there is no rule for a tensor of this name")) };
    }
    if (rows === 0) throw new TypeError("the file holds nothing to compare");
  } catch (error) {
    yield { file: path, ...refusal("file", error) };
  }
}

function verifierOf({ metadata }: ReferenceFile): Verifier {
  const kind = metadata.text("kind");
  if (kind.startsWith("unet-")) return verifyNetwork;
  const verifier = KINDS.get(kind);
  if (verifier) return verifier;
  throw new RangeError(
    `Cannot verify a file of kind "${kind}": one of unet-*, ${[...KINDS.keys()].join(", ")} is needed`,
  );
}
