/** What an adapter says of itself, as one line of JSON; a program for Deno's own provider or for Dawn (`dawn`). */
import { chooseBackend } from "../../engine/mod.ts";
import { openDawn } from "./dawn_provider.ts";

/**
 * Describes the adapter that the engine would choose.
 * @param provider where adapters come from
 * @throws {Error} if there is none
 */
export async function describeAdapter(provider: GPU): Promise<Record<string, unknown>> {
  const adapter = await provider.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("Cannot describe the adapter: there is none");
  return {
    info: properties(adapter.info),
    features: [...adapter.features],
    limits: properties(adapter.limits),
  };
}

/** The plain values of a host object: they are getters of its prototype, which `JSON.stringify` does not see. */
function properties(object: object): Record<string, unknown> {
  const names = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(object)));
  const plain = ["string", "number", "boolean"];
  const entries = [...new Set([...names, ...Object.keys(object)])].map((name) =>
    [name, (object as Record<string, unknown>)[name]] as const
  );
  const lists = entries.filter(([, value]) => Array.isArray(value));
  return Object.fromEntries([...entries.filter(([, value]) => plain.includes(typeof value)), ...lists]);
}

if (import.meta.main) {
  await chooseBackend();
  const provider = Deno.args[0] === "dawn" ? await openDawn() : navigator.gpu;
  await Deno.stdout.write(new TextEncoder().encode(`${JSON.stringify(await describeAdapter(provider))}\n`));
  Deno.exit(0);
}
