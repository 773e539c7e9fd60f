import { assertEquals } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { ENGINE_VERSION } from "../../engine/mod.ts";

Deno.test("the version of the engine is that of the package", () => {
  assertEquals(ENGINE_VERSION, settings.version);
});
