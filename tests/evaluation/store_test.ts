import { assertEquals, assertNotEquals } from "@std/assert";
import {
  canonical,
  hashOf,
  metricsOf,
  readUnit,
  readUnits,
  type UnitRecord,
  writeText,
} from "../../evaluation/store.ts";
import { MemoryStore } from "./memory_store.ts";

Deno.test("equal data have one hash, in whatever order their keys were written", async () => {
  const [one, other] = [{ a: 1, b: { c: [1, 2], d: "x" } }, { b: { d: "x", c: [1, 2] }, a: 1 }];
  assertEquals(canonical(one), canonical(other));
  assertEquals(await hashOf(one), await hashOf(other));
  assertNotEquals(await hashOf({ a: [1, 2] }), await hashOf({ a: [2, 1] }));
  assertNotEquals(await hashOf({ a: 1 }), await hashOf({ a: "1" }));
  // echo -n '{"a":1}' | sha256sum
  assertEquals(await hashOf({ a: 1 }), "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
});

Deno.test("infinite values of a record are numbers again", () => {
  assertEquals(metricsOf({ metrics: { psnr: "infinite", ssim: 1 } } as unknown as UnitRecord), {
    psnr: Infinity,
    ssim: 1,
  });
});

Deno.test("a unit counts where its record is of that name and its picture is there", async () => {
  const store = new MemoryStore();
  await writeText(store, "units/a.json", { id: "a" });
  assertEquals(await readUnit(store, "a"), undefined);
  await store.write("units/a.png", Uint8Array.of(1));
  assertEquals((await readUnit(store, "a"))?.id, "a");
  await writeText(store, "units/b.json", { id: "a" });
  await store.write("units/b.png", Uint8Array.of(1));
  assertEquals(await readUnit(store, "b"), undefined);
  assertEquals([...(await readUnits(store, ["a", "b", "c"])).keys()], ["a"]);
});
