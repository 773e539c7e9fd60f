/**
 * A fresh process for one measurement of a network. Run as a program it takes a `NetworkRun` and the time at which it
 * was started as JSON, and prints the measurement as one line of JSON, or on stderr why there is none.
 */
import { CACHE_VARIABLES } from "../io/mod.ts";
import { measureNetwork, type NetworkMeasurement, type NetworkRun } from "./network.ts";

/** Settings under which drivers compile every kernel anew instead of taking it from their cache on disk. */
const WITHOUT_DRIVER_CACHE = { MESA_SHADER_CACHE_DISABLE: "true", __GL_SHADER_DISK_CACHE: "0" };

/**
 * Measures a network in a process of its own, so that start and memory are those of this network alone.
 * @param run what to measure
 * @param options whether kernels may come from the driver's cache on disk, and layers are computed as `tune` has stored
 * @throws {Error} with the words of the process if it fails
 */
export async function measureInFreshProcess(
  run: NetworkRun,
  { driverCache, tuned = false }: { readonly driverCache: boolean; readonly tuned?: boolean },
): Promise<NetworkMeasurement> {
  const spawned = performance.timeOrigin + performance.now();
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--allow-read", "--allow-sys", `--allow-env=${CACHE_VARIABLES.join()}`],
      ...[import.meta.url, JSON.stringify({ run, spawned, tuned })],
    ],
    env: driverCache ? {} : WITHOUT_DRIVER_CACHE,
  }).output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(text(stderr));
  return JSON.parse(text(stdout).split("\n").at(-1) ?? "");
}

if (import.meta.main) {
  const { run, spawned, tuned } = JSON.parse(Deno.args[0] ?? "") as {
    run: NetworkRun;
    spawned: number;
    tuned: boolean;
  };
  try {
    const line = JSON.stringify(await measureNetwork(run, spawned, { tuned }));
    await Deno.stdout.write(new TextEncoder().encode(`${line}\n`));
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(error instanceof Error ? error.message : String(error)));
    Deno.exit(1);
  }
}
