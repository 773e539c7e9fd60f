/** Shards of an evaluation as jobs of a cluster that has a scheduler and a disk for all of its machines. */
import { commandText } from "../evaluation/mod.ts";
import { writeAtomically } from "../io/mod.ts";
import { numberOf, type OptionValues, textOf, UsageError } from "../parameters/mod.ts";
import { kubernetesManifest, type Pods, quoted, readLimits } from "./kubernetes.ts";
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

/** What the jobs are of. */
export interface Jobs {
  /** The command line of the evaluation, as text for a shell, without what belongs to one shard, and without `--out`. */
  readonly command: string;
  /** Number of shards. */
  readonly count: number;
  /** Folder of all results. */
  readonly out: string;
}

/**
 * A script for `bash` that hands an array of shards to Slurm, and a merge that begins when all of them are over. Shards
 * that were stopped go on where they were when the script is run again.
 */
export function slurmScript({ command, count, out }: Jobs): string {
  const folder = quoted(out);
  return `#!/bin/bash
# Run this on a machine that has sbatch, in the folder of the program: it queues ${count} shards and their merge.
# Options of sbatch, such as --partition or --gpus-per-task, are handed to the shards.
set -euo pipefail
mkdir -p ${folder}
shards=$(sbatch --parsable --job-name=evaluate --array=1-${count} --output=${folder}/shard-%a.log "$@" <<'SHARD'
#!/bin/bash
exec ${command} --shard "$SLURM_ARRAY_TASK_ID/${count}" --out ${folder}/part-"$SLURM_ARRAY_TASK_ID"
SHARD
)
# The job number comes with the name of the cluster where there are several.
sbatch --job-name=evaluate-merge --dependency="afterany:\${shards%%;*}" --output=${folder}/merge.log <<'MERGE'
#!/bin/bash
exec deno task evaluate merge ${folder}/part-{1..${count}} --out ${folder}/all
MERGE
`;
}
