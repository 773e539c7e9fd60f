/** Shards of an evaluation as jobs of a cluster that has a scheduler and a disk for all of its machines. */
import { shellQuoted } from "../parameters/mod.ts";

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
  const folder = shellQuoted(out);
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
