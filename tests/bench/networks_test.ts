import { assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { NETWORKS } from "../../bench/networks.ts";

const PARAMETERS: Readonly<Record<string, number>> = { tiny: 828358, prior: 4474662, "unet-64": 7831174 };

Deno.test("every network has the parameters it is known for and takes its own size", async () => {
  for (const [name, { load, side }] of Object.entries(NETWORKS)) {
    const { parameterCount, noiseModel } = await load(new ReferenceRuntime());
    assertEquals([name, parameterCount], [name, PARAMETERS[name]]);
    assertEquals(noiseModel({ height: side, width: side }).imageShape, [side, side, 3]);
  }
});
