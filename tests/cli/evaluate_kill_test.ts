import { assert, assertEquals } from "@std/assert";
import { filesBelow, smallEvaluation, tablesOf, temporaryFiles } from "./evaluate_runs.ts";
import { childCommand, commandTest, runWell } from "./run_command.ts";

/** Signals cannot be sent on Windows. */
const IS_WINDOWS = Deno.build.os === "windows";

/** Finished units of a folder. */
function finished(out: string): readonly string[] {
  return filesBelow(`${out}/units`).filter((name) => name.endsWith(".json"));
}

/** Starts an evaluation in a process of its own and ends it some milliseconds after so many steps of the sampler. */
async function stopped(
  words: readonly string[],
  { signal, after, delay }: { readonly signal: Deno.Signal; readonly after: number; readonly delay: number },
): Promise<number> {
  const child = childCommand([...words, "--json"]).spawn();
  const errors = new Response(child.stderr).text();
  let steps = 0;
  let sent = false;
  // Read to the end: a process whose output nobody reads would end for that reason.
  for await (const bytes of child.stdout) {
    steps += new TextDecoder().decode(bytes).split('"event":"step"').length - 1;
    if (sent || steps < after) continue;
    sent = true;
    await new Promise((resolve) => setTimeout(resolve, delay));
    try {
      child.kill(signal);
    } catch {
      // It was faster.
    }
  }
  await errors;
  return (await child.status).code;
}

commandTest(
  "an evaluation that is killed at random moments ends with the tables of one that is not",
  async (folder) => {
    if (IS_WINDOWS) return;
    const line = await smallEvaluation(folder);
    const expected = folder.path("whole");
    await runWell(line({ out: expected, batch: "2" }));
    const words = line({ batch: "2" });
    const out = folder.path("out");
    let kept: readonly string[] = [];
    for (let round = 0; round < 3; round++) {
      const moment = { after: 2 + Math.floor(14 * Math.random()), delay: Math.floor(60 * Math.random()) };
      await stopped(words, { signal: "SIGKILL", ...moment });
      const now = finished(out);
      for (const name of kept) assert(now.includes(name), `${name} is gone`);
      for (const name of now) {
        const { id } = JSON.parse(await Deno.readTextFile(`${out}/units/${name}`));
        assertEquals(`${id}.json`, name);
        assert((await Deno.stat(`${out}/units/${id}.png`)).isFile);
      }
      kept = now;
    }
    await runWell(words);
    assertEquals(tablesOf(out), tablesOf(expected));
    assertEquals(filesBelow(out), filesBelow(expected));
    assertEquals(temporaryFiles(out), []);
  },
);

commandTest("Ctrl-C stops an evaluation with exit code 130, and it goes on from there", async (folder) => {
  if (IS_WINDOWS) return;
  const words = (await smallEvaluation(folder))({ batch: "1" });
  const out = folder.path("out");
  const code = await stopped(words, { signal: "SIGINT", after: 16, delay: 0 });
  assertEquals(code, 130);
  assertEquals(temporaryFiles(out), []);
  const there = finished(out).length;
  assert(there > 0 && there < 18, `${there} units`);
  const { stderr } = await runWell(words);
  assert(stderr.includes(`${18 - there} units to do`), stderr);
});
