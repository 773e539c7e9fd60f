/** An engine under measurement, ours or a peer's, and which there are. */
import type { PeerCase } from "./cases.ts";

/** A case that is loaded and compiled as far as the engine does so before the first run. */
export interface PreparedCase {
  /** Runs the case once and reads the result back to the host, in the engine's own layout; see `result`. */
  run(): Promise<Float32Array>;
  /** What the last run gave, where the engine keeps it in another process until it is asked for. */
  result?(): Promise<Float32Array>;
  /** Repacks a result of `run` so that channels are last. */
  channelsLast(result: Float32Array): Float32Array;
}

/** An open engine. */
export interface Peer {
  /** What it computes on, in words. */
  readonly device: string;
  /** Optional device features in use, as far as it tells. */
  readonly features: readonly string[];
  /** What is measured, where the settings in this folder do not name it. */
  readonly version?: string;
  /** Loads a case. */
  prepare(which: PeerCase): Promise<PreparedCase>;
  /** Waits for nothing and reads back one number: what every readback costs at least. */
  emptyRoundTrip?(): Promise<unknown>;
  /** Gives the device back, where the engine can. */
  close?(): void;
}

/** Where an engine computes: a device, WebAssembly, or the processors themselves. */
export type PeerBackend = "webgpu" | "wasm" | "native";

/** An engine is not installed here; the message says what is missing. */
export class PeerMissingError extends Error {
  override readonly name = "PeerMissingError";
}

/** Names of Python, tried in this order. */
export const PYTHON: readonly string[] = ["python3", "/usr/bin/python3"];

/** What is known of a peer before it runs. */
export interface PeerDescription {
  /** Name of the package that is measured. */
  readonly packageName: string;
  readonly backend: PeerBackend;
  /** Whether the whole network takes it minutes to compile on a software adapter. */
  readonly slowNetwork: boolean;
}

/** The peers by the names of the command line. */
export const PEERS: Readonly<Record<string, PeerDescription>> = {
  "ort-webgpu": {
    packageName: "onnxruntime-web",
    backend: "webgpu",
    slowNetwork: false,
  },
  "ort-wasm": {
    packageName: "onnxruntime-web",
    backend: "wasm",
    slowNetwork: false,
  },
  "tfjs-webgpu": {
    packageName: "@tensorflow/tfjs-core",
    backend: "webgpu",
    slowNetwork: false,
  },
  "tfjs-wasm": {
    packageName: "@tensorflow/tfjs-core",
    backend: "wasm",
    slowNetwork: false,
  },
  "jax-webgpu": {
    packageName: "@jax-js/jax",
    backend: "webgpu",
    slowNetwork: true,
  },
  "ort-native": {
    packageName: "onnxruntime-node",
    backend: "native",
    slowNetwork: false,
  },
  "torch": {
    packageName: "torch",
    backend: "native",
    slowNetwork: false,
  },
};

/** The engine of this repository, among the names of processes. */
export const OURS = "shortcut";
