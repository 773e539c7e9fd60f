/** Where the programs of a visit get their adapters: Deno's own, Dawn, or for a dry run a software one in disguise. */
import { chooseBackend } from "../../engine/mod.ts";
import { openDawn } from "./dawn_provider.ts";

/** Names of the providers. */
export const PROVIDERS = ["deno", "dawn", "dry", "dry-dawn"] as const;

/** One of `PROVIDERS`. */
export type ProviderName = (typeof PROVIDERS)[number];

/** Exit code of a program whose provider is not installed. */
export const NOT_INSTALLED = 4;

/** Whether a provider is there to try programs out at tiny sizes. */
export function isDry(name: ProviderName): boolean {
  return name.startsWith("dry");
}

/** Opens a provider; undefined, and a line on stderr, if Dawn is asked for and does not load. */
export async function openProvider(name: ProviderName): Promise<GPU | undefined> {
  if (name === "dawn" || name === "dry-dawn") {
    try {
      const dawn = await openDawn();
      return name === "dawn" ? dawn : asCard(dawn);
    } catch (error) {
      await Deno.stderr.write(new TextEncoder().encode(`Cannot load Dawn: ${error}\n`));
      return undefined;
    }
  }
  await chooseBackend();
  return name === "dry" ? asCard(navigator.gpu) : navigator.gpu;
}

/** Adapters that pass for graphics cards without subgroups, so that kernels take the forms for those. */
function asCard(gpu: GPU): GPU {
  return {
    async requestAdapter(options?: GPURequestAdapterOptions): Promise<unknown> {
      const adapter = await gpu.requestAdapter(options);
      return (
        adapter && {
          info: { description: "dry run" },
          limits: adapter.limits,
          features: adapter.features,
          requestDevice: (descriptor: GPUDeviceDescriptor = {}): Promise<GPUDevice> =>
            (descriptor.requiredFeatures as readonly string[] | undefined)?.includes("subgroups")
              ? Promise.reject(new TypeError("A dry run has no subgroups"))
              : adapter.requestDevice(descriptor),
        }
      );
    },
  } as unknown as GPU;
}

/** Prints one JSON object. */
export async function printRow(row: object): Promise<void> {
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(row)}\n`));
}
