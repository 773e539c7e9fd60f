/** The engine of this repository. */
import {
  constant,
  type DeviceTensor,
  type Shape,
  type Stage,
  type StageBody,
  type Tensors,
  WebGpuRuntime,
} from "../../engine/mod.ts";
import { guidedUnet } from "../../models/mod.ts";
import { KERNEL_CASES } from "../kernels.ts";
import { randomWeights } from "../random_weights.ts";
import { caseInput, caseWeight, imageExtents, type PeerCase, timestepRow } from "./cases.ts";
import type { Peer, PreparedCase } from "./peer.ts";

/**
 * Opens our engine.
 * @throws {NoAdapterError} if there is no adapter
 */
export async function openOurs(): Promise<Peer> {
  const runtime = await WebGpuRuntime.open();
  const single = runtime.upload(new Float32Array(1), [1]);
  return {
    device: runtime.description,
    features: runtime.features,
    prepare: (which) => which.kind === "network" ? network(runtime, which) : kernel(runtime, which),
    emptyRoundTrip: () => single.read(),
    close: () => runtime.destroy(),
  };
}

function kernel(
  runtime: WebGpuRuntime,
  which: PeerCase & { readonly kind: "convolution" | "matmul" },
): Promise<PreparedCase> {
  const { x: shape, weight, record } = KERNEL_CASES.find(({ name }) => name === which.name)!;
  const constants = runtime.upload(caseWeight(which), weight);
  const x = runtime.upload(caseInput(which), shape);
  const body: StageBody<"x", never, "y"> = (inputs: Tensors<"x">) => ({
    y: record(inputs.x, constant(constants)),
  });
  return Promise.resolve(prepared(runtime.stage(which.name, body), { x }));
}

async function network(
  runtime: WebGpuRuntime,
  which: PeerCase & { readonly kind: "network" },
): Promise<PreparedCase> {
  const { config } = which;
  const unet = guidedUnet(config, await randomWeights(runtime, config));
  const shape: Shape = [1, ...imageExtents(which)];
  const x = runtime.upload(caseInput(which), shape);
  const row = runtime.upload(timestepRow(config), [1, config.modelChannels]);
  const body: StageBody<"x" | "row", never, "y"> = (
    inputs: Tensors<"x" | "row">,
  ) => ({
    y: unet.forward(inputs.x, { timestepRows: inputs.row }),
  });
  return prepared(runtime.stage(which.name, body), { x, row });
}

function prepared<I extends string>(
  stage: Stage<I, never, "y">,
  inputs: Readonly<Record<I, DeviceTensor>>,
): PreparedCase {
  return {
    run: async () => await (await stage(inputs, {})).y.read(),
    channelsLast: (result) => result,
  };
}
