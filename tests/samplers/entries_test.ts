/** The list of samplers: one line each, whose order is that of the register. */
import { assertEquals } from "@std/assert";
import { PLAIN_SAMPLERS, registeredSamplers, SAMPLERS } from "../../samplers/mod.ts";

Deno.test("samplers stand in the register in the order of the lines of their list", async () => {
  const lines = await Deno.readTextFile(new URL("../../samplers/entries.ts", import.meta.url));
  const names = [...lines.matchAll(/^export \{ (.*) \} from/gm)].flatMap(([, list]) =>
    list!.split(", ").map((item) => item.split(" as ").at(-1)!)
  );
  assertEquals(Object.keys(SAMPLERS), names);
  assertEquals(registeredSamplers().map(({ name }) => name), [...names, ...Object.keys(PLAIN_SAMPLERS)]);
});
