import { assertEquals, assertRejects } from "@std/assert";
import { bytesByteSource, type ByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { convertedContents } from "../../../models/checkpoint/convert_checkpoint.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { checkpointsAmong } from "../../../models/checkpoint/shard_names.ts";
import { safetensorsBytes } from "../../../models/checkpoint/safetensors_writer.ts";
import { handmadeFile } from "./handmade_file.ts";
import { call, dict, EMPTY_DICT, global, int, persistent, storage, tensor, text, tuple } from "./handmade_pickle.ts";
import { floats, pytorchZip } from "./handmade_pytorch.ts";
import { handmadeZip } from "./handmade_zip.ts";

function ascii(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

const ONE = new Uint8Array(1);

/** What people name instead of a checkpoint, and what is said of it. */
const FOREIGN: [title: string, bytes: Uint8Array, message: string][] = [
  [
    "a configuration of diffusers",
    ascii(`{"_class_name": "UNet2DModel"}`),
    `of the network "UNet2DModel" of diffusers`,
  ],
  ["an index of a pipeline", ascii(`{"_class_name": "DDPMPipeline"}`), "name its folder"],
  ["a scheduler", ascii(` {\n"_class_name": "DDIMScheduler"}`), `the configuration of the sampler "DDIMScheduler"`],
  ["an answer of a server", ascii(`{"error": "Repository not found"}`), `a server answered instead of the file: "Repo`],
  ["other JSON", ascii(`{"a": 1, "b": 2}`), `it is a JSON file (with "a", "b") and holds no weights`],
  ["a list in JSON", ascii(`[1, 2, 3, 4, 5, 6]`), "it is a JSON file and holds no weights"],
  ["JSON that is cut off", ascii(`{"weight_map": {"a": "m`), "begins like a JSON file, but is malformed or cut off"],
  [
    "an index alone",
    ascii(`{"weight_map": {"a": "m-1.safetensors"}}`),
    "the index of 1 files, which are needed beside",
  ],
  ["an index of a file elsewhere", ascii(`{"weight_map": {"a": "../m"}}`), `its index names "../m" as a file, a plain`],
  ["an index of a folder", ascii(`{"weight_map": {"a": ".."}}`), `its index names ".." as a file, a plain`],
  ["an index of no name", ascii(`{"weight_map": {"a": 5}}`), "its index names a value that is no text as a file"],
  ["a web page", ascii("\n<!-- x --><html><body>"), "it looks like a web page"],
  ["an XML answer", ascii("<?xml version='1.0'?><Error>"), "it looks like an XML document"],
  ["a text", ascii("Entry not found"), `it looks like a text: "Entry not found"`],
  ["a gzip archive", Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3), "it looks like a gzip archive"],
  ["an HDF5 file", Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10, 26, 10, 0, 0), "it looks like an HDF5 file"],
  [
    "a zip of a checkpoint",
    handmadeZip([{ name: "a/model.pt", data: ONE, method: 8 }]),
    `that holds "a/model.pt"; unpack`,
  ],
  ["arrays of NumPy", handmadeZip([{ name: "w.npy", data: ONE }]), "it is an archive of arrays of NumPy"],
];

for (const [title, bytes, message] of FOREIGN) {
  Deno.test(`openCheckpoint() says what the file is: ${title}`, async () => {
    await assertRejects(() => openCheckpoint(bytesByteSource(bytes, "x.pt")), CheckpointError, message);
  });
}

/** A file of one tensor, four bytes. */
function single(name: string, value: number): Uint8Array {
  return handmadeFile(`{"${name}":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, floats(value));
}

function folder(files: Readonly<Record<string, Uint8Array>>, name: string): ByteSource {
  const beside = {
    names: () => Promise.resolve(Object.keys(files)),
    open: (other: string) => Promise.resolve(bytesByteSource(files[other]!, other)),
  };
  const open = (own: string): ByteSource => ({ ...bytesByteSource(files[own]!, own), beside });
  return { ...open(name), beside: { ...beside, open: (other) => Promise.resolve(open(other)) } };
}

const [FIRST, SECOND] = ["m-00001-of-00002.safetensors", "m-00002-of-00002.safetensors"];
const INDEX = "m.safetensors.index.json";
const SHARDS = {
  [INDEX]: ascii(JSON.stringify({ weight_map: { a: FIRST, b: SECOND } })),
  [FIRST]: single("a", 1),
  [SECOND]: single("b", 2),
};

Deno.test("openCheckpoint() reads all files of a checkpoint by its index, by any of them, and without the index", async () => {
  const { [INDEX]: _, ...bare } = SHARDS;
  for (const [files, start] of [[SHARDS, INDEX], [SHARDS, SECOND], [bare, FIRST]] as const) {
    const file = await openCheckpoint(folder(files, start));
    assertEquals([file.format, [...file.tensors.keys()].sort()], ["safetensors", ["a", "b"]]);
    assertEquals([...await file.readFloat32("a"), ...await file.readFloat32("b")], [1, 2]);
    await assertRejects(() => file.readBytes("c"), CheckpointError, "there is none of that name, the files have 2");
  }
});

Deno.test("openCheckpoint() reads shards of PyTorch", async () => {
  const part = (name: string): Uint8Array =>
    pytorchZip(dict({ [name]: tensor(storage("FloatStorage", "0", 1), { shape: [1, 1], stride: [1, 1] }) }), {
      "0": floats(3),
    });
  const [one, two] = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
  const index = ascii(JSON.stringify({ metadata: { total_size: 8 }, weight_map: { a: one, b: two } }));
  const files = { "pytorch_model.bin.index.json": index, [one]: part("a"), [two]: part("b") };
  const file = await openCheckpoint(folder(files, "pytorch_model.bin.index.json"));
  assertEquals([file.format, [...file.tensors.keys()], [...await file.readFloat32("b")]], ["pytorch", ["a", "b"], [3]]);
});

Deno.test("openCheckpoint() names shards and tensors that are missing, or come twice", async () => {
  const refuses = async (files: Record<string, Uint8Array>, start: string, message: string): Promise<void> => {
    await assertRejects(() => openCheckpoint(folder(files, start)), CheckpointError, message);
  };
  const { [SECOND]: _, ...missing } = SHARDS;
  for (const start of [INDEX, FIRST]) {
    await refuses(missing, start, `in 2 files, of which 1 is missing beside it: "m-00002-of-00002.safetensors"`);
  }
  await refuses({ ...SHARDS, [SECOND]: single("c", 2) }, INDEX, `its files have no tensor "b", though it lists them`);
  await refuses(
    { ...SHARDS, [SECOND]: single("a", 2) },
    INDEX,
    `tensor "a" is in "m-00001-of-00002.safetensors" and in`,
  );
});

Deno.test("checkpointsAmong() takes an index before its files, safetensors before others, and no states", () => {
  assertEquals(checkpointsAmong([...Object.keys(SHARDS), "a.bin"]), [INDEX]);
  assertEquals(checkpointsAmong([SECOND, FIRST]), [FIRST]);
  assertEquals(checkpointsAmong(["optimizer.bin", "pytorch_model.bin", "random_states_0.pkl"]), ["pytorch_model.bin"]);
  assertEquals(checkpointsAmong(["opt1000.pt", "ema.pt", "model.pt"]), ["ema.pt", "model.pt"]);
  assertEquals(checkpointsAmong(["readme.md"]), []);
});

/** Numbers that patterns of each type stand for (arXiv:2209.05433, tables 1 and 2; FNUZ as ONNX and PyTorch define it). */
const F8: [dtype: string, torch: string, numbers: Record<number, number>][] = [
  ["F8_E4M3", "float8_e4m3fn", {
    0x00: 0,
    0x80: -0,
    0x7e: 448,
    0x7f: NaN,
    0x08: 2 ** -6,
    0x07: 0.875 * 2 ** -6,
    1: 2 ** -9,
    0xc4: -3,
  }],
  ["F8_E5M2", "float8_e5m2", {
    0x7b: 57344,
    0x7c: Infinity,
    0xfc: -Infinity,
    0x7d: NaN,
    0x04: 2 ** -14,
    1: 2 ** -16,
    0xc2: -3,
  }],
  ["F8_E4M3FNUZ", "float8_e4m3fnuz", { 0x80: NaN, 0x7f: 240, 1: 2 ** -10, 0xcc: -3 }],
  ["F8_E5M2FNUZ", "float8_e5m2fnuz", { 0x80: NaN, 0x7f: 57344, 1: 2 ** -17, 0xc6: -3 }],
];

for (const [dtype, torch, numbers] of F8) {
  Deno.test(`readFloat32() widens ${dtype} exactly, from safetensors and from PyTorch`, async () => {
    const bytes = Uint8Array.from(Object.keys(numbers), Number);
    const n = bytes.length;
    const header = `{"w":{"dtype":"${dtype}","shape":[1,${n}],"data_offsets":[0,${n}]}}`;
    const id = tuple(text("storage"), global("torch.storage", "UntypedStorage"), text("0"), text("cpu"), int(n));
    const sizes = [tuple(int(1), int(n)), tuple(int(n), int(1))];
    const view = [persistent(id), int(0), ...sizes, [0x89], EMPTY_DICT, global("torch", torch)];
    const pytorch = pytorchZip(dict({ w: call("torch._utils", "_rebuild_tensor_v3", ...view) }), { "0": bytes });
    for (const content of [handmadeFile(header, bytes), pytorch]) {
      const file = await openCheckpoint(bytesByteSource(content, "f8"));
      assertEquals(file.tensors.get("w")?.dtype, dtype);
      assertEquals([...await file.readFloat32("w")], Object.values(numbers));
    }
  });
}

Deno.test("convertedContents() writes floats of 8 bits as F16, with the same values", async () => {
  const header = `{"w":{"dtype":"F8_E4M3","shape":[3],"data_offsets":[0,3]}}`;
  const file = await openCheckpoint(bytesByteSource(handmadeFile(header, Uint8Array.of(0x7e, 1, 0xc4)), "f8"));
  const converted = await openCheckpoint(bytesByteSource(await safetensorsBytes(convertedContents(file)), "f16"));
  assertEquals([converted.tensors.get("w")?.dtype, [...await converted.readFloat32("w")]], ["F16", [448, 2 ** -9, -3]]);
});
