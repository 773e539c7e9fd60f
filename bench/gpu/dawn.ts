/** The engine on Dawn: kernels, then the networks that are named as arguments; one line of JSON each. */
import { KERNEL_CASES, measureKernels } from "../kernels.ts";
import { measureNetwork } from "../network.ts";
import { NETWORKS } from "../networks.ts";
import { openDawn } from "./dawn_provider.ts";

const SAMPLES = 5;

async function main(networks: readonly string[]): Promise<void> {
  const provider = await openDawn();
  await measureKernels(KERNEL_CASES, SAMPLES, async (figures) => {
    await print({ kind: "kernel", provider: "dawn", ...figures });
  }, { provider });
  for (const network of networks) {
    const { side } = NETWORKS[network]!;
    const spawned = performance.timeOrigin + performance.now();
    const run = { network, batch: 1, height: side, width: side, samples: SAMPLES };
    const { figures, ...rest } = await measureNetwork(run, spawned, { provider });
    await print({ kind: "network", provider: "dawn", network, ...rest, ...figures });
  }
}

async function print(row: Record<string, unknown>): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(row)}\n`));
}

if (import.meta.main) {
  await main(Deno.args);
  Deno.exit(0);
}
