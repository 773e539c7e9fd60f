/** The script for Slurm on a cluster of one machine: shards and their merge, as jobs of a real scheduler. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { slurmScript } from "../../distribution/jobs.ts";
import { tablesOf } from "../cli/evaluate_runs.ts";
import { withFolder } from "../cli/run_command.ts";
import { missingSlurm, SlurmCluster } from "./slurm_cluster.ts";

const missing = await missingSlurm();
// deno-lint-ignore no-console -- a skipped test must say why
if (missing !== undefined) console.log(`Shards are not tried on a cluster: ${missing}`);

/**
 * Stands for deno: the evaluation of this checkout by the program of these tests. The second shard fails the first time, and
 * is the last one to be over the second time.
 */
function program(folder: string): string {
  return `#!/bin/bash
[ "$1 $2" = "task evaluate" ] || exit 9
shift
case "$*" in *--shard\\ 2/2*) [ -e ${folder}/again ] || { touch ${folder}/again; exit 1; }; sleep 4;; esac
exec ${Deno.execPath()} run -q --no-prompt --no-check -A ${new URL("../../cli/main.ts", import.meta.url).pathname} "$@"
`;
}

Deno.test({
  name: "shards and merge as jobs of Slurm: a shard that fails is counted, and the same script makes it up",
  ignore: missing !== undefined,
  fn: () =>
    withFolder(async (folder) => {
      const pictures = ["a", "b"].map((name) => folder.picture(`${name}.png`, { width: 64, height: 64 }));
      const words = `${pictures.join(" ")} --cpu --tasks=sr4 --methods=pseudo-inverse`;
      await Deno.mkdir(folder.path("cluster"));
      await using cluster = await SlurmCluster.start(folder.path("cluster"));
      await Deno.writeTextFile(`${cluster.folder}/deno`, program(cluster.folder), { mode: 0o755 });
      const [here, out] = [folder.path("here"), folder.path("it's there")];
      await cluster.run("deno", "task", "evaluate", ...words.split(" "), `--out=${here}`);
      const script = slurmScript({ command: `deno task evaluate ${words}`, count: 2, out });
      await Deno.writeTextFile(folder.path("run.sh"), script);
      const submit = async (): Promise<string> => {
        await cluster.run("bash", folder.path("run.sh"), "--ntasks=1");
        await cluster.idle();
        return await Deno.readTextFile(`${out}/merge.log`);
      };
      // Shard 2 has no folder then, and merge says so.
      const first = await submit();
      assert(await Deno.stat(`${cluster.folder}/again`).then(() => true, () => false), "shard 2 has failed");
      assertStringIncludes(first, "part-2");
      const second = await submit();
      assertStringIncludes(second, "Wrote ");
      assertEquals(tablesOf(`${out}/all`), tablesOf(here));
    }),
});
