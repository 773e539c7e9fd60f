/** One reference file from its path to its rows. */
import type { Runtime } from "../engine/mod.ts";
import type { Precision } from "../models/mod.ts";
import { verifyDiffusers } from "./diffusers.ts";
import { verifyOperators } from "./operators.ts";
import { verifyOps } from "./ops.ts";
import { type FileOpener, ReferenceFile } from "./reference_file.ts";
import { WEIGHTS } from "./network.ts";
import { type Finding, NotSupportedError, refusal, type Row, unusedInput } from "./row.ts";
import { verifySchedule } from "./schedule.ts";
import { verifyParametrisations } from "./parametrisations.ts";
import { verifyTrajectory } from "./trajectories/verify_trajectory.ts";
import { verifyNetwork } from "./unet.ts";

/** Compares what a file of one kind holds. */
type Verifier = (runtime: Runtime, file: ReferenceFile, precision: Precision) => AsyncGenerator<Finding, void>;

/** The kinds of reference files, as their metadata call them; all other kinds `unet-...` are networks. */
const KINDS: ReadonlyMap<string, Verifier> = new Map([
  ["parametrisations", verifyParametrisations],
  ["ops", verifyOps],
  ["operators", verifyOperators],
  ["schedule", verifySchedule],
  ["trajectory", verifyTrajectory],
  ["unet-diffusers", verifyDiffusers],
]);

/**
 * Compares everything that a file holds with the engine. Every tensor that was not read gets a row of its own, as an
 * input that is unused or as something that no rule knows; unused weights share one row. A file of an unknown kind is one
 * row that is not supported, a file of weights one that is unused, and one that cannot be read or holds nothing to compare
 * is one failed row.
 * @param runtime where the engine runs
 * @param path the file
 * @param precision how the weights of networks are kept
 * @param openFile opens the file, and the one that holds its weights
 */
export async function* verifyFile(
  runtime: Runtime,
  path: string,
  precision: Precision,
  openFile: FileOpener,
): AsyncGenerator<Row, void> {
  const reported = new Set<string>();
  try {
    using file = await ReferenceFile.open(path, openFile);
    if (isWeights(file)) {
      yield { file: path, quantity: "file", status: "unused", reason: "it holds weights and nothing to compare" };
      return;
    }
    for await (const finding of verifierOf(file)(runtime, file, precision)) {
      reported.add(finding.quantity);
      yield { file: path, ...finding };
    }
    const rest = file.unused().filter((name) => !reported.has(name));
    const unknown = rest.filter((name) => !file.isInput(name));
    for (const quantity of unknown) {
      yield { file: path, ...refusal(quantity, new NotSupportedError("there is no rule for a tensor of this name")) };
    }
    if (reported.size + unknown.length === 0) throw new TypeError("the file holds nothing to compare");
    for (const finding of unusedInputs(rest.filter((name) => file.isInput(name)))) yield { file: path, ...finding };
  } catch (error) {
    yield { file: path, ...refusal("file", error) };
  }
}

/** A finding for each input that was not read, and one for all such weights. */
function* unusedInputs(names: readonly string[]): Generator<Finding, void> {
  const weights = names.filter((name) => WEIGHTS.test(name));
  for (const name of names) if (!WEIGHTS.test(name)) yield unusedInput(name);
  if (weights.length > 0) yield unusedInput(weights.length === 1 ? weights[0]! : `${weights.length} of model.*`);
}

/** Whether a file is the weights of a network: it says of no kind what it holds, and holds layers. */
function isWeights(file: ReferenceFile): boolean {
  const names = file.names(/./);
  return !file.metadata.has("kind") && names.length > 0 &&
    file.names(/\.(weight|bias)$/).length > names.length / 2;
}

function verifierOf({ metadata }: ReferenceFile): Verifier {
  const kind = metadata.text("kind");
  const verifier = KINDS.get(kind);
  if (verifier) return verifier;
  if (kind.startsWith("unet-")) return verifyNetwork;
  throw new NotSupportedError(`unknown kind "${kind}": one of unet-*, ${[...KINDS.keys()].join(", ")} is known`);
}
