/**
 * Looks for the WebGPU adapter of this process and, run as a program, prints it as one line of JSON. A program of its
 * own since a process that found no adapter does not see a driver that is installed later.
 */
import { chooseBackend } from "../engine/mod.ts";
import { type AdapterKind, classifyAdapter } from "./plan.ts";

/** An adapter as `setup` speaks of it; the name is empty where there is none. */
export interface FoundAdapter {
  readonly kind: AdapterKind;
  readonly name: string;
}

/** @returns kind and name of the adapter that the engine would get */
export async function findAdapter(): Promise<FoundAdapter> {
  quietDisplayLibrary();
  const backend = await chooseBackend();
  const adapter = await navigator.gpu?.requestAdapter() ?? null;
  if (adapter === null) return { kind: "none", name: "" };
  const { description, vendor, device, isFallbackAdapter } = adapter.info;
  const kind = classifyAdapter({ description, isFallback: isFallbackAdapter, backend });
  return { kind, name: description || `${vendor} ${device}` };
}

/** Older Mesa drivers look for a display and print an error where this is unset, as in a container; the tasks set it too. */
function quietDisplayLibrary(): void {
  if (Deno.build.os === "linux" && !Deno.env.has("XDG_RUNTIME_DIR")) Deno.env.set("XDG_RUNTIME_DIR", "/tmp");
}

if (import.meta.main) {
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(await findAdapter()) + "\n"));
}
