/**
 * How many units tables can be made of: `deno run -A tests/distribution/scale_tables.ts UNITS FOLDER`. Keeps made up units in
 * the folder, unless it has a plan, and makes the tables and the report of them, with the memory that this takes.
 */
import { FolderStore } from "../../io/mod.ts";
import {
  pairName,
  readKeptPlan,
  readResults,
  readUnit,
  UNIT_FILES,
  type UnitRecord,
  writePlan,
  writeResults,
} from "../../evaluation/mod.ts";
import { asleepPicture, asleepPlan, keepAsleep } from "./asleep.ts";

const [count = "10000", folder = await Deno.makeTempDir()] = Deno.args;

function say(text: string): void {
  // deno-lint-ignore no-console -- it is what the program is for
  console.log(text);
}

/** The most megabytes of memory that this process has had, and those of the objects of JavaScript now. */
async function memory(): Promise<string> {
  const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(await Deno.readTextFile("/proc/self/status"))?.[1]) / 1000;
  return `${Math.round(peak)} MB at most, ${Math.round(Deno.memoryUsage().heapUsed / 1e6)} MB of objects`;
}

let last = performance.now();

/** Says what has been done, how long it took, and what memory there was. */
async function told(what: string): Promise<void> {
  const seconds = (performance.now() - last) / 1000;
  say(`${what}: ${seconds.toFixed(1)} s, ${await memory()}`);
  last = performance.now();
}

using store = await FolderStore.writing(folder);
if (!(await store.has("plan.json"))) await keepUnits(Number(count));
const { plan } = (await readKeptPlan(store))!;
await told(`plan of ${plan.units.length} units read`);
const results = await readResults(plan, store);
await told("units read");
await writeResults(store, results, { command: "scale", configuration: null });
await told("tables and report written");
for (const name of ["plan.json", "results.json", "results.csv", "times.csv"]) {
  say(`${name}: ${Math.round((await Deno.stat(store.path(name))).size / 1e6)} MB`);
}

/** Keeps units without waiting for the disk, and with pictures of the first seed alone: what is measured comes then. */
async function keepUnits(count: number): Promise<void> {
  const work = await asleepPlan(count);
  /** Records of the first seed by pair and picture, of which those of the others are made. */
  const firsts = new Map<string, UnitRecord>();
  for await (const unit of work.plan.units) {
    const { id, seed } = unit;
    const name = `${pairName(unit)}/${unit.image}`;
    const first = firsts.get(name);
    if (!first) {
      await keepAsleep(work, unit, store);
      firsts.set(name, (await readUnit(store, id))!);
      continue;
    }
    const metrics = { psnr: 20 + Math.sin(seed), ssim: 0.5 + Math.cos(seed) / 4 };
    keepUnit({ ...first, id, key: { ...first.key, seed }, metrics });
  }
  await told("units kept");
  await writePlan(store, { plan: work.plan, command: "scale", configuration: null });
  await told("plan.json written");
}

function keepUnit(record: UnitRecord): void {
  Deno.writeFileSync(store.path(UNIT_FILES.picture(record.id)), asleepPicture());
  Deno.writeTextFileSync(store.path(UNIT_FILES.record(record.id)), `${JSON.stringify(record, null, 2)}\n`);
}
