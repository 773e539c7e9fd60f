import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { canonical, hashOf, metricsOf, Store, type UnitRecord } from "../../cli/evaluate/store.ts";
import { FileError } from "../../io/mod.ts";
import { withFolder } from "./run_command.ts";

Deno.test("equal data have one hash, in whatever order their keys were written", () => {
  const [one, other] = [{ a: 1, b: { c: [1, 2], d: "x" } }, { b: { d: "x", c: [1, 2] }, a: 1 }];
  assertEquals(canonical(one), canonical(other));
  assertEquals(hashOf(one), hashOf(other));
  assertNotEquals(hashOf({ a: [1, 2] }), hashOf({ a: [2, 1] }));
  assertNotEquals(hashOf({ a: 1 }), hashOf({ a: "1" }));
});

Deno.test("infinite values of a record are numbers again", () => {
  assertEquals(metricsOf({ metrics: { psnr: "infinite", ssim: 1 } } as unknown as UnitRecord), {
    psnr: Infinity,
    ssim: 1,
  });
});

Deno.test("a unit counts where its record is of that name and its picture is there", async () => {
  await withFolder(async (folder) => {
    using store = await Store.writing(folder.path("out"));
    await store.writeJson("units/a.json", { id: "a" });
    assertEquals(await store.read("a"), undefined);
    folder.write("out/units/a.png", Uint8Array.of(1));
    assertEquals((await store.read("a"))?.id, "a");
    await store.writeJson("units/b.json", { id: "a" });
    folder.write("out/units/b.png", Uint8Array.of(1));
    assertEquals(await store.read("b"), undefined);
    assertEquals([...(await store.readAll(["a", "b", "c"])).keys()], ["a"]);
  });
});

Deno.test("a folder is written by one evaluation at a time, and swept of what a killed one left", async () => {
  await withFolder(async (folder) => {
    folder.folder("out");
    folder.folder("out/units");
    folder.write(`out/units/.${crypto.randomUUID()}.tmp`, Uint8Array.of(1));
    folder.write("out/units/kept.json", Uint8Array.of(1));
    {
      using _store = await Store.writing(folder.path("out"));
      await assertRejects(() => Store.writing(folder.path("out")), FileError, "another evaluation is at work there");
      assertEquals(folder.list("out/units"), ["kept.json"]);
    }
    using _again = await Store.writing(folder.path("out"));
  });
});
