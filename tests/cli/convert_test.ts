import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { FileSource } from "../../io/mod.ts";
import {
  bf16ToF32,
  bytesByteSource,
  type Checkpoint,
  f16ToF32,
  f32ToF16,
  openCheckpoint,
  openSafetensors,
  safetensorsBytes,
} from "../../models/mod.ts";
import { checkpointOf, SMALL_UNET } from "../models/described_networks.ts";
import {
  childCommand,
  commandTest,
  type Folder,
  runCommand,
  runWell,
  withFolder,
  withoutParameters,
} from "./run_command.ts";
import { emptyCheckpoint, SMALL_CHECKPOINTS } from "./small_checkpoints.ts";

async function opened<T>(path: string, body: (file: Checkpoint) => Promise<T>): Promise<T> {
  using source = await FileSource.open(path);
  return await body(await openCheckpoint(source));
}

/** All tensors of a file as bytes by name. */
async function tensorsOf(path: string): Promise<Map<string, Uint8Array>> {
  return await opened(path, async (file) => {
    const tensors = new Map<string, Uint8Array>();
    for (const name of [...file.tensors.keys()].sort()) tensors.set(name, await file.readBytes(name));
    return tensors;
  });
}

for (const { name, files, answers, parameters } of SMALL_CHECKPOINTS) {
  Deno.test(`convert writes the ${name} network of both PyTorch containers bit for bit as the same file`, async () => {
    await withFolder(async (folder) => {
      const written = [];
      for (const [index, file] of files.entries()) {
        const out = folder.path(`${index}.safetensors`);
        const { stdout, stderr } = await runWell(["convert", file, out, ...answers]);
        assertStringIncludes(stdout, `wrote ${out}`);
        assertStringIncludes(stderr, "convert 100/100");
        assertEquals(await tensorsOf(out), await tensorsOf(file));
        written.push(await tensorsOf(out));
      }
      assertEquals(written[0], written[1]);
      const { stdout } = await runWell(["models", "inspect", folder.path("0.safetensors"), "--json"]);
      const found = JSON.parse(stdout);
      assertEquals([found.parameters, found.open, found.format], [parameters, null, "safetensors"]);
      assertEquals(folder.list(), ["0.safetensors", "1.safetensors"]);
    });
  });

  commandTest(`restore makes the same picture from every file of the ${name} network`, async (folder) => {
    const picture = folder.picture("y.png", { width: 4, height: 4 });
    const half = folder.path("half.safetensors");
    await runWell(["convert", files[0]!, half, "--dtype", "f16", ...answers]);
    const converted = folder.path("same.safetensors");
    await runWell(["convert", files[1]!, converted, ...answers]);
    const pictures = [];
    for (const [index, file] of [...files, converted, half].entries()) {
      const out = folder.path(`${index}.png`);
      const said = index < files.length ? answers : [];
      await runWell([
        "restore",
        picture,
        "--task",
        "sr4",
        "--steps",
        "4",
        "--check-finite",
        "--model",
        file,
        ...said,
        "--out",
        out,
      ]);
      pictures.push(withoutParameters(await Deno.readFile(out)));
    }
    for (const other of pictures.slice(1)) assertEquals(other, pictures[0]);
  });
}

Deno.test("convert --dtype narrows every tensor to nearest and says so in the file", async () => {
  await withFolder(async (folder) => {
    const { files, answers } = SMALL_CHECKPOINTS[0]!;
    const wide = folder.path("wide.safetensors");
    await runWell(["convert", files[0]!, wide, "--dtype", "f32", ...answers]);
    const narrow = folder.path("narrow.safetensors");
    await runWell(["convert", wide, narrow, "--dtype", "bf16"]);
    const [before, after] = [await tensorsOf(wide), await tensorsOf(narrow)];
    for (const [name, bytes] of await tensorsOf(files[0]!)) {
      const values = new Float32Array(before.get(name)!.buffer);
      assertEquals(values, f16ToF32(new Uint16Array(bytes.buffer)));
      const rounded = bf16ToF32(new Uint16Array(after.get(name)!.buffer));
      assert(values.every((value, i) => Math.abs(rounded[i]! - value) <= Math.abs(value) / 256), name);
    }
    await opened(narrow, (file) => {
      assertEquals(new Set(file.tensors.values().map(({ dtype }) => dtype)), new Set(["BF16"]));
      assertEquals(file.metadata.get("source"), "guided.pt");
      return Promise.resolve();
    });
  });
});

/** A safetensors file of the small UNet, of zeros but for one number. */
async function zeros(folder: Folder, name: string, first: number, dtype: "F32" | "I32" = "F32"): Promise<string> {
  const tensors = Array.from(checkpointOf(SMALL_UNET).tensors.values(), (tensor) => {
    const count = tensor.shape.reduce((product, extent) => product * extent, 1);
    const data = dtype === "F32" ? new Float32Array(count) : new Int32Array(count);
    if (tensor.name === "out.0.bias") data[0] = first;
    return { name: tensor.name, shape: tensor.shape, dtype, data };
  });
  return folder.write(name, await safetensorsBytes({ tensors }));
}

/** Everything that the small UNet leaves open. */
const ANSWERS = [
  ...["--image-size", "48", "--heads", "2", "--attention-order", "new", "--schedule", "cosine"],
  ...["--diffusion-steps", "500", "--value-range", "0..1"],
];

Deno.test("convert takes safetensors without a description and writes what was said into the result", async () => {
  await withFolder(async (folder) => {
    const input = await zeros(folder, "in.safetensors", 1);
    const out = folder.path("out.safetensors");
    const { stdout } = await runWell(["convert", input, out, "--json", ...ANSWERS]);
    const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.at(-1).event, "result");
    assertEquals(events.at(-1).bytes, (await Deno.stat(out)).size);
    const file = await openSafetensors(bytesByteSource(await Deno.readFile(out), "out"));
    const config = JSON.parse(file.metadata.get("config")!);
    assertEquals([config.image_size, config.num_heads, config.num_head_channels], [48, 2, -1]);
    assertEquals([config.use_new_attention_order, config.noise_schedule], [true, "cosine"]);
    assertEquals([config.diffusion_steps, config.value_range, config.learn_sigma], [500, [0, 1], true]);
  });
});

Deno.test("convert names the options for everything that is open, with exit code 2 and no file", async () => {
  await withFolder(async (folder) => {
    const input = await zeros(folder, "in.safetensors", 1);
    const { code, stderr } = await runCommand(["convert", input, folder.path("out.safetensors")]);
    assertEquals(code, 2);
    for (const option of ["image-size", "head-channels or --heads", "attention-order", "schedule", "diffusion-steps"]) {
      assertStringIncludes(stderr, `\n  --${option} `);
    }
    assertStringIncludes(stderr, "--value-range               range of the images: -1..1 or 0..1");
    assertStringIncludes(stderr, "which published checkpoint it is with --as NAME");
    assertEquals(folder.list(), ["in.safetensors"]);
  });
});

Deno.test("convert refuses bad input before it writes, and leaves no file where it fails in between", async () => {
  await withFolder(async (folder) => {
    const out = folder.path("out.safetensors");
    const refused = async (code: number, message: string, ...words: string[]): Promise<void> => {
      const outcome = await runCommand(["convert", ...words]);
      assertEquals([outcome.code, folder.list().includes("out.safetensors")], [code, false], outcome.stderr);
      assertStringIncludes(outcome.stderr, message);
    };
    const good = SMALL_CHECKPOINTS[0]!.files[0]!;
    await refused(2, "convert was given nothing, IN OUT.safetensors is needed");
    await refused(2, "a name that ends in .safetensors is needed", good, folder.path("out.pt"));
    await refused(1, "there is no such file", folder.path("missing.pt"), out);
    await refused(1, "does not exist", good, folder.path("missing/out.safetensors"), ...ANSWERS);
    await refused(
      2,
      'there is no known checkpoint "ffhq-265"; did you mean "ffhq-256"?',
      good,
      out,
      "--as",
      "ffhq-265",
    );
    await refused(1, "as ffhq-256: ", good, out, "--as", "ffhq-256");
    await refused(2, "one of f32, f16, bf16 is needed", good, out, "--dtype", "f8");
    const integers = await zeros(folder, "integers.safetensors", 1, "I32");
    await refused(1, "is of I32, one of F32, F16, BF16, F64", integers, out, ...ANSWERS);
    const large = await zeros(folder, "large.safetensors", 70_000);
    await refused(1, "70000 is beyond its range", large, out, "--dtype", "f16", ...ANSWERS);
    await refused(2, "would replace", large, large, ...ANSWERS);
    const text = folder.write("text.pt", new TextEncoder().encode("<html>not a checkpoint</html>"));
    await refused(1, "Cannot load", text, out);
    assertEquals(folder.list(), ["integers.safetensors", "large.safetensors", "text.pt"]);
  });
});

Deno.test("convert keeps infinities and values that fit", async () => {
  await withFolder(async (folder) => {
    for (const value of [65_519, Infinity, -Infinity]) {
      const input = await zeros(folder, "in.safetensors", value);
      const out = folder.path("out.safetensors");
      await runWell(["convert", input, out, "--dtype", "f16", ...ANSWERS]);
      const bits = await opened(out, (file) => file.readBytes("out.0.bias"));
      assertEquals(new Uint16Array(bits.buffer)[0], f32ToF16(Float32Array.of(value))[0]);
    }
  });
});

Deno.test({
  name: "Ctrl-C stops a conversion with exit code 130 and leaves no file",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      const input = await emptyCheckpoint(folder, "ffhq.safetensors", "ffhq-256");
      const words = ["convert", input, folder.path("out.safetensors"), "--dtype", "bf16", "--json"];
      const child = childCommand(words).spawn();
      const reader = child.stdout.getReader();
      for (let seen = ""; !seen.includes('"step":1,');) seen += new TextDecoder().decode((await reader.read()).value);
      child.kill("SIGINT");
      reader.releaseLock();
      await child.stdout.cancel();
      const { code } = await child.status;
      assertStringIncludes(await new Response(child.stderr).text(), "nothing was left half-written");
      assertEquals([code, folder.list()], [130, ["ffhq.safetensors"]]);
    });
  },
});
