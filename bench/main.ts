/** The benchmarks: `main.ts [options]`. Exit codes: 0 done, 1 a bound exceeded or a measurement failed, 2 usage. */
import { chooseBackend } from "../engine/mod.ts";
import { BOUNDED_RUN, checkBounds } from "./bounds.ts";
import { measureGradients } from "./gradients.ts";
import { ALGORITHM_CASES, KERNEL_CASES, measureKernels } from "./kernels.ts";
import type { NetworkRun, StartTimes } from "./network.ts";
import { measureInFreshProcess } from "./network_process.ts";
import { BENCH_SPEC, type BenchOptions, benchOptions } from "./options.ts";
import { print, runProgram } from "./program.ts";
import { type NetworkRow, originOf, recordRow, type Row } from "./row.ts";
import { formatBounds, formatRows } from "./table.ts";

async function bench(options: BenchOptions): Promise<number> {
  await chooseBackend();
  const rows: Row[] = [];
  const take = async (row: Row): Promise<void> => {
    rows.push(row);
    if (options.json) await print(Deno.stdout, JSON.stringify(row));
    if (options.record) await recordRow(row);
  };
  for (const run of options.runs) await take(await measure(run, options));
  // The last: a process begins with the peak memory of the one that starts it, which must be small until here.
  if (options.kernels || options.algorithms) {
    await note(options.kernels ? "kernels" : "algorithms");
    await measureKernels(
      options.kernels ? KERNEL_CASES : ALGORITHM_CASES,
      options.samples,
      async (figures, runtime) => {
        const { description: adapter, features, preferences } = runtime;
        const tuned = Object.keys(preferences).length;
        await take({ kind: "kernel", ...await originOf({ adapter, features, tuned }), ...figures });
      },
      { ...options, tuned: options.tuned && !options.algorithms },
    );
  }
  if (options.gradients) {
    await note("gradients");
    await measureGradients(options.samples, async (figures, { description: adapter, features, preferences }) => {
      const tuned = Object.keys(preferences).length;
      await take({ kind: "gradient", ...await originOf({ adapter, features, tuned }), ...figures });
    }, options);
  }
  if (!options.json) await print(Deno.stdout, formatRows(rows));
  return options.check ? await check(rows, options.json) : 0;
}

async function measure(run: NetworkRun, { tuned }: BenchOptions): Promise<NetworkRow> {
  const { network, batch, height, width, precision = "f32" } = run;
  await note(`${network}, batch ${batch}, ${height}x${width}, ${precision}`);
  const { figures, start, ...adapter } = await measureInFreshProcess(run, { driverCache: false, tuned });
  const warmStart = async (): Promise<StartTimes> => {
    const startOnly = { ...run, samples: 0 };
    // The first start with the driver's cache fills it.
    await measureInFreshProcess(startOnly, { driverCache: true, tuned });
    return (await measureInFreshProcess(startOnly, { driverCache: true, tuned })).start;
  };
  return {
    kind: "network",
    ...await originOf(adapter),
    network,
    precision,
    batch,
    height,
    width,
    ...figures!,
    coldStartMilliseconds: start,
    ...(run.file === undefined ? { warmStartMilliseconds: await warmStart() } : {}),
  };
}

async function check(rows: readonly Row[], json: boolean): Promise<number> {
  const row = rows.find((row) => row.kind === "network" && row.network === BOUNDED_RUN.network) as NetworkRow;
  const bounds = checkBounds(row);
  const text = json
    ? bounds.map((bound) => JSON.stringify({ kind: "bound", ...bound })).join("\n")
    : formatBounds(bounds);
  await print(Deno.stdout, json ? text : `\n${text}`);
  return bounds.every(({ ok }) => ok) ? 0 : 1;
}

async function note(what: string): Promise<void> {
  await print(Deno.stderr, `Measuring ${what}`);
}

if (import.meta.main) Deno.exit(await runProgram(BENCH_SPEC, Deno.args, (values) => bench(benchOptions(values))));
