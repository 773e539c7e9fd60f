/** Scripts for schedulers, run by bash with a scheduler that does at once what it is told. */
import { assert, assertEquals } from "@std/assert";
import { slurmScript } from "../../distribution/jobs.ts";

/** Stands for sbatch: keeps its options, runs its script for every index of the array, and prints a job number. */
const SBATCH = `#!/bin/bash
script=$(cat)
echo "$@" >> "$LOG"
for word in "$@"; do case $word in --array=1-*) count=\${word#--array=1-};; esac; done
if [ -n "\${count:-}" ]; then
  for index in $(seq "$count"); do SLURM_ARRAY_TASK_ID=$index bash -c "$script" >> "$LOG"; done
  echo "17;cluster"
else
  bash -c "$script" >> "$LOG"
fi
`;

Deno.test("slurmScript() queues every shard once, and a merge of all that waits for them", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = {
      sbatch: SBATCH,
      deno: '#!/bin/bash\nprintf "[%s]" "$@"; echo\n',
      "run.sh": slurmScript({ command: "deno task evaluate 'a b' --tasks=sr4", count: 3, out: `${folder}/it's` }),
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o755 });
    }
    const env = { PATH: `${folder}:/usr/bin:/bin`, LOG: `${folder}/log` };
    const args = [`${folder}/run.sh`, "--partition=gpu"];
    const { code, stderr } = await new Deno.Command("bash", { args, env, clearEnv: true }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    const out = `${folder}/it's`;
    const lines = (await Deno.readTextFile(`${folder}/log`)).trim().split("\n");
    const shard = (index: number): string =>
      `[task][evaluate][a b][--tasks=sr4][--shard][${index}/3][--out][${out}/part-${index}]`;
    assertEquals(lines, [
      `--parsable --job-name=evaluate --array=1-3 --output=${out}/shard-%a.log --partition=gpu`,
      ...[1, 2, 3].map(shard),
      `--job-name=evaluate-merge --dependency=afterany:17 --output=${out}/merge.log`,
      `[task][evaluate][merge][${out}/part-1][${out}/part-2][${out}/part-3][--out][${out}/all]`,
    ]);
    assert((await Deno.stat(out)).isDirectory);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
