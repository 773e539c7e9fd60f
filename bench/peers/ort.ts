/** ONNX Runtime, for the web and for Node: the case as an ONNX file, the image handed over from the host at every run. */
import { caseInput, imageExtents, type PeerCase, resultExtents, timestepRow } from "./cases.ts";
import { transposed } from "./layout.ts";
import { ONNX_INPUTS, onnxModel } from "./onnx_models.ts";
import { type Peer, type PeerBackend, PeerMissingError, type PreparedCase } from "./peer.ts";
import { peerPackage } from "./peer_package.ts";

interface OrtTensor {
  readonly data: Float32Array;
}

interface OrtSession {
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
  ): Promise<Readonly<Record<string, OrtTensor>>>;
}

/** What we use of the package. */
interface Ort {
  readonly env: { logLevel: string; readonly wasm: { numThreads: number } };
  readonly Tensor: new (
    type: "float32",
    data: Float32Array,
    shape: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: { readonly executionProviders: readonly string[] },
    ): Promise<OrtSession>;
  };
}

/**
 * Opens ONNX Runtime: that for the web on one thread, that for Node with as many as there are processors.
 * @param backend where it computes
 */
export async function openOrt(backend: PeerBackend): Promise<Peer> {
  const ort = backend === "native" ? await nativeOrt() : await peerPackage<Ort>(`onnxruntime-web/${backend}`);
  if (backend !== "native") ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  return {
    device: backend,
    features: [],
    prepare: (which) => prepare(ort, backend, which),
  };
}

/** ONNX Runtime for Node, whose package holds its library. */
async function nativeOrt(): Promise<Ort> {
  try {
    return (await peerPackage<{ readonly default: Ort }>("onnxruntime-node"))
      .default;
  } catch (error) {
    throw new PeerMissingError(
      error instanceof Error ? error.message : String(error),
    );
  }
}

async function prepare(
  ort: Ort,
  backend: string,
  which: PeerCase,
): Promise<PreparedCase> {
  const session = await ort.InferenceSession.create(onnxModel(which), {
    executionProviders: [backend === "native" ? "cpu" : backend],
  });
  const feeds = inputs(ort, which);
  const [height, width, channels] = resultExtents(which);
  return {
    run: async () => (await session.run(feeds))[session.outputNames[0]!]!.data,
    channelsLast: (result) => which.kind === "matmul" ? result : transposed(result, channels, height * width),
  };
}

function inputs(ort: Ort, which: PeerCase): Record<string, OrtTensor> {
  const [height, width, channels] = imageExtents(which);
  const data = caseInput(which);
  if (which.kind === "matmul") {
    return {
      [ONNX_INPUTS.x]: new ort.Tensor("float32", data, [height, width]),
    };
  }
  const x = new ort.Tensor(
    "float32",
    transposed(data, height * width, channels),
    [1, channels, height, width],
  );
  if (which.kind === "convolution") return { [ONNX_INPUTS.x]: x };
  const { modelChannels } = which.config;
  const row = new ort.Tensor("float32", timestepRow(which.config), [
    1,
    modelChannels,
  ]);
  return { [ONNX_INPUTS.x]: x, [ONNX_INPUTS.row]: row };
}
