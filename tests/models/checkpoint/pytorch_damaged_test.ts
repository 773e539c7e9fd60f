import { assert, assertRejects } from "@std/assert";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { randomIntegers } from "../../support/random.ts";
import { pytorchSource } from "./handmade_pytorch.ts";

/** Reads everything that can be read. */
async function readWhole(bytes: Uint8Array): Promise<void> {
  const file = await openCheckpoint(pytorchSource(bytes));
  for (const { name } of file.tensors.values()) await file.readBytes(name);
}

const GENUINE = ["all_kinds.pt", "all_kinds_legacy.pt", "training.ckpt", "list_legacy.ckpt"];

for (const name of GENUINE) {
  const path = new URL(`pytorch/${name}`, import.meta.url);

  Deno.test(`openCheckpoint() refuses ${name} cut at any byte`, async () => {
    const bytes = await Deno.readFile(path);
    await readWhole(bytes);
    for (let length = 0; length < bytes.length; length++) {
      await assertRejects(() => openCheckpoint(pytorchSource(bytes.subarray(0, length))), CheckpointError, `"test.pt"`);
    }
  });

  Deno.test(`openCheckpoint() reads or refuses ${name} with any bytes changed`, async () => {
    const genuine = await Deno.readFile(path);
    const random = randomIntegers(genuine.length);
    let refused = 0;
    for (let round = 0; round < 1000; round++) {
      const bytes = genuine.slice();
      for (let changes = 1 + random(4); changes > 0; changes--) {
        const at = random(bytes.length);
        if (random(4) === 0) bytes.copyWithin(at, random(bytes.length), random(bytes.length));
        else bytes[at] = random(3) === 0 ? [0, 0xff, 0x7f, 0x80][random(4)]! : random(256);
      }
      try {
        await readWhole(bytes);
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        refused++;
      }
    }
    assert(refused > 100, `only ${refused} of 1000 were refused`);
  });
}
