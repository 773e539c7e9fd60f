import { assertEquals, assertRejects } from "@std/assert";
import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { dict, pickle, storage, tensor, text } from "./handmade_pickle.ts";
import { floats, pytorchLegacy, pytorchZip } from "./handmade_pytorch.ts";
import { handmadeFile } from "./handmade_file.ts";

const OBJECT = dict({ w: tensor(storage("FloatStorage", "0", 4), { shape: [2, 2], stride: [2, 1] }) });
const FOUR = { "0": floats(1, 2, 3, 4) };
const HEADER = `{"w":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}`;

Deno.test("openCheckpoint() goes by the first bytes, whatever the name", async () => {
  const files: [string, Uint8Array][] = [
    ["pytorch", pytorchZip(OBJECT, FOUR)],
    ["pytorch-legacy", pytorchLegacy(OBJECT, FOUR)],
    ["safetensors", handmadeFile(HEADER, FOUR["0"])],
  ];
  for (const [format, bytes] of files) {
    for (const name of ["a.pt", "a.safetensors", "a.ckpt", "a"]) {
      const file = await openCheckpoint(bytesByteSource(bytes, name));
      assertEquals([file.format, file.stateDict, file.name], [format, "", name]);
      assertEquals([...await file.readFloat32("w")], [1, 2, 3, 4]);
      assertEquals(await file.readBytes("w"), FOUR["0"]);
    }
  }
});

/** A safetensors file whose header has exactly this many bytes, made while it is read. */
function paddedSource(headerLength: number): ByteSource {
  const size = 8 + headerLength + 16;
  const start = handmadeFile(HEADER, 0, BigInt(headerLength));
  return {
    name: "padded.safetensors",
    size,
    read(offset: number, length: number): Promise<Uint8Array> {
      const bytes = new Uint8Array(length).fill(0x20);
      for (let i = offset; i < Math.min(start.length, offset + length); i++) bytes[i - offset] = start[i]!;
      for (let i = Math.max(offset, size - 16); i < offset + length; i++) bytes[i - offset] = FOUR["0"][i - size + 16]!;
      return Promise.resolve(bytes);
    },
  };
}

Deno.test("openCheckpoint() is not misled by safetensors files that begin like a zip archive or a pickle", async () => {
  for (const [start, length] of [["a zip archive", 0x04034b50], ["a pickle", 0x0280]] as const) {
    const file = await openCheckpoint(paddedSource(length));
    assertEquals([file.format, [...await file.readFloat32("w")]], ["safetensors", [1, 2, 3, 4]], start);
  }
});

Deno.test("openCheckpoint() says what is wrong with files of none of the formats", async () => {
  const refuses = async (bytes: Uint8Array, message: string): Promise<void> => {
    await assertRejects(() => openCheckpoint(bytesByteSource(bytes, "x")), CheckpointError, message);
  };
  await refuses(new Uint8Array(0), `Cannot load "x" as safetensors: the file has 0 bytes`);
  await refuses(Uint8Array.of(0x50, 0x4b, 3, 4), `Cannot load "x" as a zip archive: no record at its end`);
  await refuses(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13), "it looks like a PNG image");
  await refuses(pickle(text("hello world")), "its first pickle is a string, the number 1195470");
  await refuses(Uint8Array.of(0x80, 4, 0x95, 9, 9, 9, 9, 9, 9, 9, 9), "the magic number ends at byte 11");
});
