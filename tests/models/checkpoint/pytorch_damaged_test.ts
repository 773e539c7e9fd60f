import { assert, assertRejects } from "@std/assert";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { handmadeFile } from "./handmade_file.ts";
import { pytorchSource } from "./handmade_pytorch.ts";
import { type FileSet, readMutated } from "./mutations.ts";

/** How many changed files of each kind are read; the variable asks for more. */
const ROUNDS = Number(Deno.env.get("SHORTCUT_MUTATIONS") ?? 150);

const CUT = ["all_kinds.pt", "all_kinds_legacy.pt", "training.ckpt", "list_legacy.ckpt", "python_legacy_4.pt"];

/** Genuine files of every container and protocol. */
const GENUINE = [
  ...["all_kinds.pt", "all_kinds_legacy.pt", "training.ckpt", "list_legacy.ckpt", "whole_model.pt"],
  ...["expected.safetensors", "python_2.pt", "python_4.pt", "python_5.pt", "python_legacy_1.pt", "python_legacy_4.pt"],
  ...["python_arrays_2.pt", "python_arrays_5.pt", "python_optimizer.pt"],
];

async function genuine(name: string): Promise<Uint8Array> {
  return await Deno.readFile(new URL(`pytorch/${name}`, import.meta.url));
}

for (const name of CUT) {
  Deno.test(`openCheckpoint() refuses ${name} cut anywhere`, async () => {
    const bytes = await genuine(name);
    const step = Math.ceil(bytes.length / 1000);
    for (let length = 0; length < bytes.length; length += step) {
      await assertRejects(() => openCheckpoint(pytorchSource(bytes.subarray(0, length))), CheckpointError, `"test.pt"`);
    }
  });
}

/** A checkpoint in two files. */
function shards(): FileSet {
  const shard = (name: string): Uint8Array =>
    handmadeFile(`{"${name}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4);
  const [first, second] = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
  const index = JSON.stringify({ metadata: {}, weight_map: { a: first, b: second } });
  return new Map([["m.safetensors.index.json", new TextEncoder().encode(index)], [first, shard("a")], [
    second,
    shard("b"),
  ]]);
}

async function damages(title: string, files: FileSet): Promise<void> {
  const size = Math.max(...Array.from(files.values(), ({ length }) => length));
  const { read, refused, tensorBytes, readBytes } = await readMutated(files, ROUNDS, size);
  assert(refused > ROUNDS / 20 && read + refused === ROUNDS, `${title}: ${refused} of ${ROUNDS} were refused`);
  assert(tensorBytes <= 8 * size + 2 ** 20 && readBytes <= size, `${title}: ${tensorBytes} and ${readBytes} bytes`);
}

for (const name of GENUINE) {
  Deno.test(`openCheckpoint() reads or refuses ${name} with any bytes changed`, async () => {
    await damages(name, new Map([[name, await genuine(name)]]));
  });
}

Deno.test("openCheckpoint() reads or refuses a checkpoint in two files with any bytes changed", async () => {
  await damages("shards", shards());
});
