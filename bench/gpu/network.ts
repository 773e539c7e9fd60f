/**
 * A whole network: `network.ts NAME [deno|dry]`. One line of JSON in the form of a row of results, and one with the
 * milliseconds of its kernels by name. Exit codes: 0 done, 1 failed, 2 usage.
 */
import type { WebGpuRuntime } from "../../engine/mod.ts";
import { measureNetwork } from "../network.ts";
import { NETWORKS } from "../networks.ts";
import { originOf } from "../row.ts";
import { partsOf } from "./forms.ts";
import { openProvider, printRow } from "./provider.ts";

const SAMPLES = 5;

async function main([network = "", provider = "deno"]: readonly string[]): Promise<number> {
  const known = NETWORKS[network];
  if (!known || !["deno", "dry"].includes(provider)) {
    await printRow({ error: `Usage: network.ts ${Object.keys(NETWORKS).join("|")} [deno|dry]` });
    return 2;
  }
  const spawned = performance.timeOrigin + performance.now();
  const gpu = (await openProvider(provider as "deno" | "dry"))!;
  const run = { network, batch: 1, height: known.side, width: known.side, samples: provider === "dry" ? 1 : SAMPLES };
  let parts: Record<string, number> = {};
  const afterwards = async (runtime: WebGpuRuntime): Promise<void> => {
    parts = await partsOf(runtime, "nfe");
  };
  const { figures, start, ...adapter } = await measureNetwork(run, spawned, { provider: gpu, afterwards });
  const { batch, height, width } = run;
  const origin = await originOf(adapter);
  const size = { network, precision: "f32", batch, height, width };
  await printRow({ kind: "network", ...origin, provider, ...size, ...figures, coldStartMilliseconds: start });
  await printRow({ kind: "kernels of a network", provider, network, milliseconds: parts });
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
