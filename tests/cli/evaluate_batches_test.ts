import { assert, assertEquals } from "@std/assert";
import { filesBelow, smallEvaluation, tablesOf } from "./evaluate_runs.ts";
import { commandTest, runWell } from "./run_command.ts";

interface Time {
  readonly seconds: number;
  readonly batch: number;
}

/** The times of the units in a folder. */
function timesOf(out: string): readonly Time[] {
  return filesBelow(`${out}/units`).filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(Deno.readTextFileSync(`${out}/units/${name}`)).time);
}

/** Runs something under a clock that goes on by a second whenever somebody reads it, and returns the seconds. */
async function secondsOf(body: () => Promise<unknown>): Promise<number> {
  const real = performance.now;
  let now = 0;
  performance.now = () => 1000 * now++;
  try {
    await body();
    return now;
  } finally {
    performance.now = real;
  }
}

commandTest("batches hold pictures of one task and one method, and their time is shared among them", async (folder) => {
  const line = await smallEvaluation(folder);
  const methods = "ssd steps=16, ddnm steps=4";
  const [together, alone] = [folder.path("together"), folder.path("alone")];
  // Four pictures would be of two methods.
  const whole = await secondsOf(() => runWell(line({ methods, tasks: "sr4", batch: "4", out: together })));
  await runWell(line({ methods, tasks: "sr4", batch: "1", out: alone }));
  assertEquals(tablesOf(together), tablesOf(alone));
  const times = timesOf(together);
  assertEquals(times.map(({ batch }) => batch), Array(6).fill(3));
  assertEquals(timesOf(alone).map(({ batch }) => batch), Array(6).fill(1));
  const restoring = times.reduce((sum, { seconds }) => sum + seconds, 0);
  assert(restoring > 0 && restoring <= whole, `${restoring} of ${whole} s`);
});
