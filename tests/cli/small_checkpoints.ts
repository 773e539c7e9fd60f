/** The small checkpoints that PyTorch wrote, with what must be said to load them; large ones without values. */
import { knownCheckpoint } from "../../models/mod.ts";
import { checkpointOf } from "../models/described_networks.ts";
import type { Folder } from "./run_command.ts";

const FOLDER = new URL("./checkpoints/", import.meta.url);

/** A network in both containers of PyTorch. */
export interface SmallCheckpoint {
  readonly name: string;
  /** Files with the same tensors. */
  readonly files: readonly string[];
  readonly parameters: number;
  /** The options that answer what the tensors leave open. */
  readonly answers: readonly string[];
}

const PROCESS = ["--schedule", "linear", "--diffusion-steps", "1000", "--value-range", "-1..1"];

/** The networks. */
export const SMALL_CHECKPOINTS: readonly SmallCheckpoint[] = [
  {
    name: "guided",
    files: ["guided.pt", "guided_legacy.ckpt"].map(pathOf),
    parameters: 184_838,
    answers: ["--image-size", "16", "--head-channels", "16", "--attention-order", "legacy", ...PROCESS],
  },
  {
    name: "ddpm",
    files: ["ddpm.pt", "ddpm_legacy.ckpt"].map(pathOf),
    parameters: 176_195,
    answers: ["--image-size", "16", ...PROCESS],
  },
];

function pathOf(name: string): string {
  return new URL(name, FOLDER).pathname;
}

/** A safetensors file with the tensors of a published checkpoint, all zeros, which takes no room on most disks. */
export async function emptyCheckpoint(folder: Folder, name: string, known: string): Promise<string> {
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const tensor of checkpointOf(knownCheckpoint(known)!.description).tensors.values()) {
    const begin = end;
    end += tensor.shape.reduce((product, extent) => product * extent, 4);
    header[tensor.name] = { dtype: "F32", shape: tensor.shape, data_offsets: [begin, end] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + text.length);
  new DataView(start.buffer).setBigUint64(0, BigInt(text.length), true);
  start.set(text, 8);
  const path = folder.write(name, start);
  await Deno.truncate(path, start.length + end);
  return path;
}
