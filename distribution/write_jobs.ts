/** Writing what schedulers of clusters start, by the options of a command line. */
import { commandText } from "../evaluation/mod.ts";
import { writeAtomically } from "../io/mod.ts";
import { numberOf, type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import { slurmScript } from "./jobs.ts";
import { kubernetesManifest, type Pods, readLimits } from "./kubernetes.ts";
import { ONE_RUN } from "./options.ts";

/** What was written for a scheduler. */
export interface WrittenJobs {
  /** Path of the script or manifest. */
  readonly file: string;
  /** Number of shards. */
  readonly shards: number;
  /** What the user does next. */
  readonly next: string;
}

/**
 * Writes the script that `--slurm` asks for, or the manifest of `--kubernetes`.
 * @param words of the command line
 * @param out folder of all results
 * @throws {UsageError} if options do not fit; {FileError} if it cannot be written
 */
export async function writeJobs(
  values: OptionValues,
  words: readonly string[],
  out: string,
): Promise<WrittenJobs> {
  const [slurm, kubernetes, count] = [
    textOf(values, "slurm"),
    textOf(values, "kubernetes"),
    numberOf(values, "shards"),
  ];
  const file = slurm ?? kubernetes;
  if (file === undefined || count === undefined) {
    throw new UsageError(
      "--shards needs --slurm or --kubernetes, and these need it: --slurm FILE --shards N, or --kubernetes FILE --shards N",
    );
  }
  const scheduler = slurm === undefined ? "kubernetes" : "slurm";
  const others = slurm === undefined ? [] : ["kubernetes", ...POD_OPTIONS];
  const foreign = ["serve", "shard", ...others].find((name) => values[name] !== undefined);
  if (foreign !== undefined) throw new UsageError(`--${scheduler} shares all units out; leave --${foreign} out`);
  const leftOut = { ...ONE_RUN, out: { kind: "text", help: "Folder" } } as const;
  const command = `deno task evaluate ${commandText(words, leftOut)}`;
  const jobs = { command, count, out };
  const text = slurm === undefined
    ? `${JSON.stringify(kubernetesManifest(jobs, podsOf(values)), null, 2)}\n`
    : slurmScript(jobs);
  await writeAtomically(file, new TextEncoder().encode(text));
  const next = slurm === undefined ? `kubectl apply -f ${file}` : `bash ${file}`;
  return { file, shards: count, next: `${next} queues ${count} shards and their merge` };
}

/** Options of `--kubernetes`. */
const POD_OPTIONS = ["container", "claim", "limits"];

function podsOf(values: OptionValues): Pods {
  const [container, claim] = [textOf(values, "container"), textOf(values, "claim")];
  if (container === undefined || claim === undefined) {
    throw new UsageError("--kubernetes needs --container IMAGE and --claim NAME, the volume for results");
  }
  return { container, claim, limits: readLimits(textOf(values, "limits")) };
}
