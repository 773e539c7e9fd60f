import { assertEquals, assertRejects } from "@std/assert";
import { filesOf, planOutputs } from "../../cli/outputs.ts";
import { writeTogether } from "../../io/mod.ts";
import { withFolder } from "./run_command.ts";

Deno.test("the results of several samples are numbered from 1 and taken together, those of one are not", () => {
  const images = (samples?: number): readonly string[] =>
    planOutputs("y-restored.png", { samples }).outputs.map(({ image }) => image);
  assertEquals(images(), ["y-restored.png"]);
  assertEquals(images(3), ["y-restored-1.png", "y-restored-2.png", "y-restored-3.png"]);
  assertEquals(planOutputs("y.png", { samples: 1, sheet: true }).combined, undefined);
  const { combined } = planOutputs("y.jpg", { samples: 2, sheet: true, quality: 80 });
  assertEquals(filesOf(combined!), ["y-mean.jpg", "y-mean.json", "y-deviation.png"]);
  assertEquals(combined!.quality, 80);
});

Deno.test("where one of several files cannot be written the new ones are taken back, and older ones stay", async () => {
  await withFolder(async (folder) => {
    folder.write("old", Uint8Array.of(1));
    const write = async (path: string): Promise<void> => await Deno.writeFile(path, Uint8Array.of(2));
    const fail = (): Promise<void> => Promise.reject(new Error("the disk is full"));
    await assertRejects(
      () => writeTogether([[folder.path("old"), write], [undefined, fail], [folder.path("new"), write], ["x", fail]]),
      Error,
      "the disk is full",
    );
    assertEquals(folder.list(), ["old"]);
    assertEquals(await Deno.readFile(folder.path("old")), Uint8Array.of(2));
  });
});
