/** What a run needs to go on, as values and as a file. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { type ByteSource, CheckpointError, openSafetensors, type SafetensorsContents } from "../../models/mod.ts";
import type { RunCounts } from "../counts.ts";

/** What a run holds behind one of its steps: the same run goes on from it and gives the same bytes. */
export interface RunState {
  /** Steps that were taken. */
  readonly step: number;
  /** How many there are. */
  readonly steps: number;
  /** What they asked of the network and the degradation. */
  readonly counts: RunCounts;
  /** What the run has computed and may still use, by names that the run gives anew; elements as `read()` gives them. */
  readonly tensors: ReadonlyMap<string, HostTensor>;
  /** What the run has read to the host, in the same way. */
  readonly reads: ReadonlyMap<string, HostTensor>;
}

/** A state as it was stored, with what it belongs to. */
export interface StoredState {
  /** The state itself. */
  readonly state: RunState;
  /** What the run was, and whatever else was said of it. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** Prefixes of the tensors of a file. */
const TENSOR = "tensor.";
const READ = "read.";

/** Metadata of a file: what it is, and its check. */
const ABOUT = "state";
const CHECK = "sha256";

/**
 * A state as the contents of a safetensors file: the tensors as F32, and metadata with their SHA-256.
 * @param about what a run must be to go on from it, as JSON
 */
export async function encodeRunState({ state, about }: StoredState): Promise<SafetensorsContents> {
  const { step, steps, counts } = state;
  const named = [
    ...Array.from(state.tensors, ([name, tensor]) => [TENSOR + name, tensor] as const),
    ...Array.from(state.reads, ([name, tensor]) => [READ + name, tensor] as const),
  ];
  const text = JSON.stringify({ step, steps, counts, about });
  return {
    tensors: named.map(([name, { shape, data }]) => ({ name, dtype: "F32", shape, data: data as Float32Array })),
    metadata: new Map([[ABOUT, text], [CHECK, await checkOf(text, named)]]),
  };
}

/**
 * Reads a state.
 * @throws {CheckpointError} if it is no such file, or not as it was written
 */
export async function decodeRunState(source: ByteSource): Promise<StoredState> {
  const file = await openSafetensors(source);
  const text = file.metadata.get(ABOUT);
  if (text === undefined) throw new CheckpointError(`Cannot go on from "${source.name}": it is no state of a run`);
  const [tensors, reads] = [new Map<string, HostTensor>(), new Map<string, HostTensor>()];
  const named: [string, HostTensor][] = [];
  for (const [name, { shape }] of file.tensors) {
    const tensor = hostTensor(await file.readFloat32(name), shape);
    named.push([name, tensor]);
    if (name.startsWith(TENSOR)) tensors.set(name.slice(TENSOR.length), tensor);
    else reads.set(name.slice(READ.length), tensor);
  }
  if (await checkOf(text, named) !== file.metadata.get(CHECK)) {
    throw new CheckpointError(`Cannot go on from "${source.name}": its bytes are not those that were written`);
  }
  const { step, steps, counts, about } = JSON.parse(text);
  return { state: { step, steps, counts, tensors, reads }, about };
}

/** SHA-256 of the SHA-256 of all parts in the order of their names, hexadecimal. */
async function checkOf(text: string, tensors: readonly (readonly [string, HostTensor])[]): Promise<string> {
  const parts = [text];
  for (const [name, { shape, data }] of tensors.toSorted(([a], [b]) => a < b ? -1 : 1)) {
    parts.push(`${name} ${shape} ${await sha256(data as Float32Array<ArrayBuffer>)}`);
  }
  return await sha256(new TextEncoder().encode(parts.join("\n")));
}

async function sha256(bytes: BufferSource): Promise<string> {
  return Array.from(
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    (byte) => byte.toString(16).padStart(2, "0"),
  ).join("");
}
