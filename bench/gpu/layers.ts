/**
 * Layers alone, in every form: `layers.ts GROUP SECONDS [deno|dawn|dry|dry-dawn]`. One line of JSON for each form as
 * soon as it was measured; the defaults of all layers come first. Nothing is begun after the seconds.
 * Exit codes: 0 done, 1 some form failed, 2 usage, 4 no Dawn.
 */
import { WebGpuRuntime } from "../../engine/mod.ts";
import { originOf } from "../row.ts";
import { type Form, formsOf, LayerBench } from "./forms.ts";
import { DRY_CASES, LAYER_CASES, LAYER_GROUPS, type LayerCase } from "./layer_cases.ts";
import { isDry, NOT_INSTALLED, openProvider, printRow, PROVIDERS } from "./provider.ts";

const SAMPLES = 7;

async function main([group = "", seconds = "", provider = "deno"]: readonly string[]): Promise<number> {
  const limit = Number(seconds);
  if (!isOneOf(LAYER_GROUPS, group) || !isOneOf(PROVIDERS, provider) || !(limit > 0)) {
    await printRow({ error: `Usage: layers.ts ${LAYER_GROUPS.join("|")} SECONDS [${PROVIDERS.join("|")}]` });
    return 2;
  }
  const gpu = await openProvider(provider);
  if (!gpu) return NOT_INSTALLED;
  const deadline = performance.now() + 1000 * limit;
  const runtime = await WebGpuRuntime.open({ gpu });
  const cases = (isDry(provider) ? DRY_CASES : LAYER_CASES)[group];
  const { description: adapter, features } = runtime;
  const origin = { kind: "form", ...(await originOf({ adapter, features })), provider, group };
  let failures = 0;
  const measure = async (layer: LayerCase, forms: readonly Form[], isDefault: boolean): Promise<void> => {
    if (forms.length === 0 || performance.now() > deadline) return;
    const bench = new LayerBench(runtime, layer);
    try {
      for (const form of forms) {
        if (performance.now() > deadline) return;
        try {
          const figures = await bench.measure(form, isDry(provider) ? 1 : SAMPLES, isDefault && group === "layers");
          await printRow({ ...origin, ...figures });
        } catch (error) {
          failures++;
          await printRow({ ...origin, kernel: layer.name, form: form.name, error: String(error) });
        }
      }
    } finally {
      bench.free();
    }
  };
  const forms = cases.map((layer) => formsOf(runtime, layer));
  for (const [k, layer] of cases.entries()) {
    await measure(layer, forms[k]!.slice(0, 1), true);
  }
  for (const [k, layer] of cases.entries()) {
    // Dawn has compilers of its own, which are slow to try out.
    if (provider !== "dry-dawn") await measure(layer, forms[k]!.slice(1), false);
  }
  runtime.destroy();
  return failures === 0 ? 0 : 1;
}

function isOneOf<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
