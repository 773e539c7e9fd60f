/** The list of network families: one line each, whose order is that of the register. */
import { assertEquals } from "@std/assert";
import { FAMILIES } from "../../models/mod.ts";

Deno.test("families stand in the register in the order of the lines of their list", async () => {
  const lines = await Deno.readTextFile(new URL("../../models/entries.ts", import.meta.url));
  const names = [...lines.matchAll(/^export \{ (\w+) \} from/gm)].map(([, name]) => name);
  assertEquals(names, ["guidedDiffusion", "ddpm", "guidedClassifier", "diffusers"]);
  assertEquals([...FAMILIES.keys()], ["guided-diffusion", "ddpm", "guided-diffusion-classifier", "diffusers"]);
});
