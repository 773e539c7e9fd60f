import { assertEquals, assertRejects } from "@std/assert";
import { checkpointPath, FileError, FileSource, sha256Of, sha256OfFile } from "../../io/mod.ts";
import { openCheckpoint } from "../../models/mod.ts";
import { handmadeFile } from "../models/checkpoint/handmade_file.ts";

const FIRST = "m-00001-of-00002.safetensors";
const SECOND = "m-00002-of-00002.safetensors";
const INDEX = "m.safetensors.index.json";

/** A folder with a checkpoint in two files, for as long as `use` runs. */
async function withShards(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const shard = (name: string): Uint8Array =>
    handmadeFile(`{"${name}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4);
  try {
    await Deno.writeFile(`${folder}/${FIRST}`, shard("a"));
    await Deno.writeFile(`${folder}/${SECOND}`, shard("b"));
    await Deno.writeTextFile(`${folder}/${INDEX}`, JSON.stringify({ weight_map: { a: FIRST, b: SECOND } }));
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a checkpoint in several files is opened by its folder, its index or one of them, with one hash", async () => {
  await withShards(async (folder) => {
    const hashes = new Set<string>();
    for (const name of ["", `/${INDEX}`, `/${FIRST}`, `/${SECOND}`]) {
      using source = await FileSource.open(await checkpointPath(folder + name));
      const file = await openCheckpoint(source);
      assertEquals([...file.tensors.keys()].sort(), ["a", "b"]);
      assertEquals(source.parts.length, 3);
      hashes.add(await sha256Of(source));
    }
    assertEquals(hashes.size, 1);
    using alone = await FileSource.open(`${folder}/${INDEX}`);
    assertEquals(await sha256Of(alone), await sha256OfFile(`${folder}/${INDEX}`));
  });
});

Deno.test("checkpointPath() leaves files as they are, and refuses folders with no or several checkpoints", async () => {
  await withShards(async (folder) => {
    assertEquals(await checkpointPath(`${folder}/${FIRST}`), `${folder}/${FIRST}`);
    assertEquals(await checkpointPath("there is none.pt"), "there is none.pt");
    await Deno.writeTextFile(`${folder}/other.safetensors`, "x");
    await assertRejects(() => checkpointPath(folder), FileError, `several files of weights, name one: ${INDEX}, other`);
    for (const name of [FIRST, SECOND, INDEX, "other.safetensors"]) await Deno.remove(`${folder}/${name}`);
    await assertRejects(() => checkpointPath(folder), FileError, "no file of weights is in it");
  });
});
