import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Row } from "../../conformance/mod.ts";
import { bytesByteSource, f32ToF16, openSafetensors, safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { type Folder, runCommand, runWell, withFolder } from "./run_command.ts";
import { SMALL_CHECKPOINTS } from "./small_checkpoints.ts";

const KINDS = new URL("../models/checkpoint/pytorch/", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly rows: readonly Row[];
  readonly summary: Readonly<Record<string, unknown>>;
}

async function against(original: string, converted: string, ...words: string[]): Promise<Outcome> {
  const { code, stdout } = await runCommand(["verify", "--json", "--against", original, converted, ...words]);
  const objects = stdout.trim().split("\n").map((line) => JSON.parse(line));
  return { code, rows: objects.slice(0, -1), summary: objects.at(-1).summary };
}

/** A copy of a safetensors file with its tensors changed. */
async function copyOf(
  folder: Folder,
  path: string,
  change: (
    name: string,
    tensor: { bytes: Uint8Array; shape: readonly number[]; dtype: string },
  ) => readonly TensorToWrite[],
): Promise<string> {
  const file = await openSafetensors(bytesByteSource(await Deno.readFile(path), path));
  const tensors: TensorToWrite[] = [];
  for (const { name, dtype, shape } of file.tensors.values()) {
    tensors.push(...change(name, { bytes: await file.readBytes(name), shape, dtype }));
  }
  return folder.write("copy.safetensors", await safetensorsBytes({ tensors, metadata: file.metadata }));
}

function tensor(name: string, dtype: string, shape: readonly number[], bytes: Uint8Array): TensorToWrite {
  return { name, dtype, shape, data: () => [bytes] } as TensorToWrite;
}

for (const { name, files, answers } of SMALL_CHECKPOINTS) {
  Deno.test(`every tensor of the converted ${name} network agrees with PyTorch's, in every type`, () =>
    withFolder(async (folder) => {
      for (const dtype of [undefined, "f32", "f16", "bf16"]) {
        const out = folder.path(`${dtype}.safetensors`);
        await runWell(["convert", files[0]!, out, ...answers, ...(dtype === undefined ? [] : ["--dtype", dtype])]);
        for (const original of files) {
          const { code, rows, summary } = await against(original, out);
          assertEquals(code, 0);
          assert(
            rows.length > 40 && rows.every(({ status, error, limit }) => status === "ok" && error === 0 && limit === 0),
          );
          assertEquals(summary, { files: 1, ok: rows.length, failed: 0, notSupported: 0, unused: 0, exitCode: 0 });
        }
      }
    }));
}

Deno.test("an altered value, another shape or type, and missing and extra tensors fail by name, and nothing else", () =>
  withFolder(async (folder) => {
    const { files: [original], answers } = SMALL_CHECKPOINTS[0]!;
    const out = folder.path("out.safetensors");
    await runWell(["convert", original!, out, ...answers, "--dtype", "f32"]);
    const copy = await copyOf(folder, out, (name, { bytes, shape, dtype }) => {
      const same = tensor(name, dtype, shape, bytes);
      switch (name) {
        case "out.2.weight":
          // The lowest bit of two numbers, far less than any rounding.
          bytes[4 * 7]! ^= 1;
          bytes[4 * 20]! ^= 1;
          bytes[4 * 20 + 1]! ^= 1;
          return [same];
        case "out.2.bias":
          return [tensor(name, dtype, [1, ...shape], bytes)];
        case "time_embed.0.bias":
          return [tensor(name, "I32", shape, bytes)];
        case "time_embed.2.bias":
          return [];
        case "out.0.bias":
          return [same, tensor("out.9.bias", dtype, shape, bytes)];
        default:
          return [same];
      }
    });
    const { code, rows, summary } = await against(original!, copy);
    const failed = rows.filter(({ status }) => status === "FAILED").map(({ quantity, reason }) => [quantity, reason]);
    assertEquals(
      new Map(failed as [string, string][]),
      new Map([
        ["out.2.weight", "2 of 1728 elements differ, the first is number 7"],
        ["out.2.bias", "it is [1, 6], the original is [6]"],
        ["time_embed.0.bias", "it is of I32, the original is of F16"],
        ["time_embed.2.bias", "the converted file has no such tensor"],
        ["out.9.bias", "the original has no such tensor"],
      ]),
    );
    assertEquals([code, summary.failed, summary.ok], [1, 5, rows.length - 5]);
    const { stdout } = await runCommand(["verify", "--against", original!, copy]);
    assertStringIncludes(stdout, "FAILED: 2 of 1728 elements differ");
    assertStringIncludes(stdout, `${rows.length - 5} ok, 5 FAILED, 0 not supported\n`);
  }));

Deno.test("a value that is rounded the other way is found", () =>
  withFolder(async (folder) => {
    const { files: [original], answers } = SMALL_CHECKPOINTS[0]!;
    const out = folder.path("out.safetensors");
    await runWell(["convert", original!, out, ...answers, "--dtype", "bf16"]);
    const copy = await copyOf(folder, out, (name, { bytes, shape, dtype }) => {
      if (name === "out.2.bias") bytes[2 * 5]! ^= 1;
      return [tensor(name, dtype, shape, bytes)];
    });
    const { code, rows } = await against(original!, copy);
    const failed = rows.filter(({ status }) => status === "FAILED").map(({ quantity, reason }) => [quantity, reason]);
    assertEquals([code, failed], [1, [["out.2.bias", "1 of 6 elements differ, the first is number 5"]]]);
  }));

Deno.test("tensors that are read in many pieces are compared to their ends", () =>
  withFolder(async (folder) => {
    const count = 3_000_000;
    const values = Float32Array.from({ length: count }, (_, i) => (i % 4093) / 512);
    const rounded = new Uint8Array(f32ToF16(values).buffer);
    rounded[2 * (count - 1)]! ^= 1;
    const file = async (name: string, dtype: string, bytes: Uint8Array): Promise<string> =>
      folder.write(
        name,
        await safetensorsBytes({ tensors: [tensor("w", dtype, [count], bytes)], metadata: new Map() }),
      );
    const original = await file("original.safetensors", "F32", new Uint8Array(values.buffer));
    const { rows } = await against(original, await file("converted.safetensors", "F16", rounded));
    assertEquals(rows[0]!.reason, `1 of ${count} elements differ, the first is number ${count - 1}`);
  }));

Deno.test("integers, strided views and one state dict of several are compared, and files that cannot be read fail", () =>
  withFolder(async (folder) => {
    const kinds = await against(`${KINDS}all_kinds.pt`, `${KINDS}all_kinds_legacy.pt`);
    assertEquals([kinds.code, kinds.summary.failed], [0, 0]);
    assert(kinds.rows.length > 10);
    const several = await against(`${KINDS}two_dicts.pt`, `${KINDS}two_dicts.pt`);
    assertEquals([several.code, several.rows.length, several.rows[0]!.quantity], [1, 1, "file"]);
    const gone = await against(folder.path("gone.pt"), `${KINDS}all_kinds.pt`);
    assertEquals([gone.code, gone.rows.map(({ quantity }) => quantity)], [1, ["file"]]);
    assertStringIncludes(gone.rows[0]!.reason!, "there is no such file");
    for (
      const [fragment, ...words] of [
        ["--state-dict needs --against", "a.safetensors", "--state-dict", "ema"],
        ["--against takes one converted file", "a", "b", "--against", "c"],
        ["leave it out with --against", "a", "--against", "c", "--precision", "f16"],
      ] as const
    ) {
      const { code, stderr } = await runCommand(["verify", ...words]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, fragment);
    }
  }));
