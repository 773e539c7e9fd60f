/** One forward pass of a network from host data to host data. */
import type { DeviceTensor, Runtime, Tensor } from "../../engine/mod.ts";
import {
  type Checkpoint,
  guidedDiffusion,
  type GuidedUnetConfig,
  loadWeights,
  type NetworkPlan,
} from "../../models/mod.ts";

/** Elements and shape of a tensor on the host. */
export interface HostImage {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** What to run. */
export interface NetworkRun {
  readonly plan: NetworkPlan;
  readonly file: Checkpoint;
  readonly prefix?: string;
  readonly x: HostImage;
  readonly timesteps: ArrayLike<number>;
  readonly labels?: readonly number[];
  readonly lowRes?: HostImage;
  /** Modules whose results are wanted besides the output. */
  readonly modules?: readonly string[];
}

/** A run of a guided UNet. */
export interface UnetRun extends Omit<NetworkRun, "plan"> {
  readonly config: GuidedUnetConfig;
}

/** Results of a guided UNet; see `runNetwork`. */
export async function runUnet(runtime: Runtime, { config, ...run }: UnetRun): Promise<Map<string, HostImage>> {
  return await runNetwork(runtime, { plan: guidedDiffusion.planOf(config), ...run });
}

/** Results by module name; `output` is the network's. */
export async function runNetwork(runtime: Runtime, run: NetworkRun): Promise<Map<string, HostImage>> {
  const { plan, x, labels, lowRes, modules = [], prefix = "" } = run;
  const weights = await loadWeights(runtime, run.file, plan.parameters, { prefix });
  const network = plan.build(weights);
  const rows = network.timestepTable(run.timesteps);
  const inputs: Record<string, DeviceTensor> = {
    x: runtime.upload(x.data, x.shape),
    rows: runtime.upload(rows.data, rows.shape),
    ...(lowRes ? { lowRes: runtime.upload(lowRes.data, lowRes.shape) } : {}),
  };
  const stage = runtime.stage<string, never, string>("network", (tensors) => {
    const results: Record<string, Tensor> = {};
    const output = network.forward(tensors.x!, {
      timestepRows: tensors.rows!,
      ...(labels ? { labels } : {}),
      ...(tensors.lowRes ? { lowRes: tensors.lowRes } : {}),
      observe: (module, tensor) => {
        if (modules.includes(module)) results[module] = tensor;
      },
    });
    return { ...results, output };
  });
  const results = await stage(inputs, {});
  const read = new Map<string, HostImage>();
  for (const [name, tensor] of Object.entries(results)) {
    read.set(name, { data: await tensor.read(), shape: tensor.shape });
  }
  for (const input of Object.values(inputs)) input.free();
  weights.free();
  return read;
}
