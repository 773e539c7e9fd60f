import { assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { countParameters, guidedUnetParameters } from "../../models/mod.ts";
import { IMAGENET_256, NETWORKS } from "../../bench/networks.ts";
import { benchOptions } from "../../bench/options.ts";
import type { OptionValues } from "../../parameters/mod.ts";

const PARAMETERS: Readonly<Record<string, number>> = { tiny: 828358, prior: 4474662, "unet-64": 7831174 };

Deno.test("every network has the parameters it is known for and takes its own size", async () => {
  for (const [name, { load, side }] of Object.entries(NETWORKS).filter(([, { onRequest }]) => !onRequest)) {
    const { parameterCount, noiseModel } = await load(new ReferenceRuntime());
    assertEquals([name, parameterCount], [name, PARAMETERS[name]]);
    assertEquals(noiseModel({ height: side, width: side }).imageShape, [side, side, 3]);
  }
});

Deno.test("the networks on request have as many parameters as the published ones", () => {
  const count = (config: typeof IMAGENET_256): number => countParameters(guidedUnetParameters(config));
  assertEquals([count(NETWORKS["ffhq"]!.config!), count(IMAGENET_256)], [93563910, 552814086]);
});

Deno.test("the networks on request are measured only where they are named", () => {
  const measured = (values: OptionValues): string[] => benchOptions(values).runs.map(({ network }) => network);
  assertEquals([...new Set(measured({}))], ["tiny", "prior", "unet-64"]);
  assertEquals(measured({ network: "ffhq,imagenet-256" }), ["ffhq", "imagenet-256"]);
});
