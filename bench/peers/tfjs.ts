/** TensorFlow.js: the case by its operations, channels last; weights and image stay on the device. */
import { elementCount } from "../../engine/mod.ts";
import { repackParameter } from "../../models/mod.ts";
import { randomParameters } from "../random_weights.ts";
import { caseInput, caseWeight, imageExtents, type PeerCase, timestepRow } from "./cases.ts";
import { type Peer, type PeerBackend, type PreparedCase } from "./peer.ts";
import { peerPackage } from "./peer_package.ts";
import { EPSILON, GROUPS, type NetworkOps, walkUnet } from "./unet_walk.ts";

interface Tensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

interface ConvolutionOptions {
  readonly x: Tensor;
  readonly filter: Tensor;
  readonly strides: 1;
  readonly pad: "same";
  readonly bias?: Tensor;
}

/** What we use of the package. */
interface Tfjs {
  readonly fused: { conv2d(options: ConvolutionOptions): Tensor };
  readonly image: {
    resizeNearestNeighbor(x: Tensor, size: readonly [number, number]): Tensor;
  };
  add(a: Tensor, b: Tensor | number): Tensor;
  avgPool(x: Tensor, size: number, strides: number, pad: "valid"): Tensor;
  concat(tensors: readonly Tensor[], axis: number): Tensor;
  findBackendFactory(name: string): unknown;
  matMul(
    a: Tensor,
    b: Tensor,
    transposeA?: boolean,
    transposeB?: boolean,
  ): Tensor;
  mean(x: Tensor, axes: readonly number[], keepDims: boolean): Tensor;
  mul(a: Tensor, b: Tensor | number): Tensor;
  ready(): Promise<void>;
  registerBackend(
    name: string,
    factory: () => Promise<unknown>,
    priority: number,
  ): void;
  reshape(x: Tensor, shape: readonly number[]): Tensor;
  rsqrt(x: Tensor): Tensor;
  setBackend(name: string): Promise<boolean>;
  sigmoid(x: Tensor): Tensor;
  softmax(x: Tensor): Tensor;
  split(x: Tensor, parts: number, axis: number): Tensor[];
  square(x: Tensor): Tensor;
  sub(a: Tensor, b: Tensor): Tensor;
  tensor(data: Float32Array, shape: readonly number[]): Tensor;
  tidy<T>(body: () => T): T;
  transpose(x: Tensor, order: readonly number[]): Tensor;
}

interface WebGpuBackendPackage {
  readonly WebGPUBackend: new (
    device: GPUDevice,
    info: GPUAdapterInfo,
  ) => unknown;
}

interface WasmBackendPackage {
  setThreadsCount(count: number): void;
}

/** Limits that its kernels want as high as they go. */
const RAISED_LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupSizeX",
  "maxComputeInvocationsPerWorkgroup",
] as const;

/**
 * Opens TensorFlow.js, on one thread where it computes on the CPU.
 * @param backend where it computes
 * @throws {Error} if it refuses the backend
 */
export async function openTfjs(
  backend: Exclude<PeerBackend, "native">,
): Promise<Peer> {
  const tf = await peerPackage<Tfjs>("@tensorflow/tfjs-core");
  if (backend === "webgpu") await registerWebGpu(tf);
  else {(await peerPackage<WasmBackendPackage>("@tensorflow/tfjs-backend-wasm"))
      .setThreadsCount(1);}
  if (!await tf.setBackend(backend)) {
    throw new Error(
      `Cannot open TensorFlow.js: it refuses its backend "${backend}"`,
    );
  }
  await tf.ready();
  return {
    device: backend,
    features: [],
    prepare: (which) => Promise.resolve(prepare(tf, which)),
  };
}

/** The package registers its backend only in browsers that it recognises. */
async function registerWebGpu(tf: Tfjs): Promise<void> {
  const { WebGPUBackend } = await peerPackage<WebGpuBackendPackage>(
    "@tensorflow/tfjs-backend-webgpu",
  );
  if (tf.findBackendFactory("webgpu")) return;
  tf.registerBackend("webgpu", async () => {
    const adapter = await navigator.gpu.requestAdapter({
      powerPreference: "high-performance",
    });
    if (!adapter) {
      throw new Error("Cannot open TensorFlow.js: there is no WebGPU adapter");
    }
    const timestamps = adapter.features.has("timestamp-query");
    const device = await adapter.requestDevice({
      requiredFeatures: timestamps ? ["timestamp-query"] : [],
      requiredLimits: Object.fromEntries(
        RAISED_LIMITS.map((name) => [name, adapter.limits[name]]),
      ),
    });
    return new WebGPUBackend(device, adapter.info);
  }, 3);
}

function prepare(tf: Tfjs, which: PeerCase): PreparedCase {
  const compute = computation(tf, which);
  return {
    run: async () => {
      const result = tf.tidy(compute);
      try {
        return await result.data();
      } finally {
        result.dispose();
      }
    },
    channelsLast: (result) => result,
  };
}

function computation(tf: Tfjs, which: PeerCase): () => Tensor {
  const [height, width, channels] = imageExtents(which);
  if (which.kind === "matmul") {
    const [a, b] = [caseInput(which), caseWeight(which)].map((data) => tf.tensor(data, [height, width]));
    return () => tf.matMul(a!, b!);
  }
  const x = tf.tensor(caseInput(which), [1, height, width, channels]);
  if (which.kind === "convolution") {
    const filter = tf.tensor(caseWeight(which), [3, 3, channels, channels]);
    return () => tf.fused.conv2d({ x, filter, strides: 1, pad: "same" });
  }
  const { config } = which;
  const parameters = new Map<string, Tensor>();
  for (const { name, parameter, data } of randomParameters(config)) {
    const packed = repackParameter(data, parameter);
    parameters.set(name, tf.tensor(packed.data, packed.shape));
  }
  const ops = networkOps(tf, (name) => parameters.get(name)!);
  const row = tf.tensor(timestepRow(config), [1, config.modelChannels]);
  return () => walkUnet(config, ops, x, row);
}

function networkOps(
  tf: Tfjs,
  parameter: (name: string) => Tensor,
): NetworkOps<Tensor> {
  const linear = (x: Tensor, name: string): Tensor =>
    tf.add(
      tf.matMul(x, parameter(`${name}.weight`)),
      parameter(`${name}.bias`),
    );
  const norm = (x: Tensor, name: string, modulation?: Tensor): Tensor => {
    const channels = x.shape.at(-1)!;
    const groups = tf.reshape(x, [
      elementCount(x.shape) / channels,
      GROUPS,
      channels / GROUPS,
    ]);
    const centred = tf.sub(groups, tf.mean(groups, [0, 2], true));
    const variance = tf.mean(tf.square(centred), [0, 2], true);
    const normal = tf.reshape(
      tf.mul(centred, tf.rsqrt(tf.add(variance, EPSILON))),
      x.shape,
    );
    const result = tf.add(
      tf.mul(normal, parameter(`${name}.weight`)),
      parameter(`${name}.bias`),
    );
    if (!modulation) return result;
    const [scale, shift] = tf.split(modulation, 2, 1);
    return tf.add(tf.mul(result, tf.add(scale!, 1)), shift!);
  };
  return {
    linear,
    norm,
    convolution: (x, name) =>
      tf.fused.conv2d({
        x,
        filter: parameter(`${name}.weight`),
        strides: 1,
        pad: "same",
        bias: parameter(`${name}.bias`),
      }),
    silu: (x) => tf.mul(x, tf.sigmoid(x)),
    add: (a, b) => tf.add(a, b),
    concat: (a, b) => tf.concat([a, b], 3),
    halve: (x) => tf.avgPool(x, 2, 2, "valid"),
    double: (x) => tf.image.resizeNearestNeighbor(x, [2 * x.shape[1]!, 2 * x.shape[2]!]),
    attention: (x, name, heads) => {
      const channels = x.shape.at(-1)!;
      const tokens = elementCount(x.shape) / channels;
      const headChannels = channels / heads;
      const qkv = linear(
        tf.reshape(norm(x, `${name}.norm`), [tokens, channels]),
        `${name}.qkv`,
      );
      const parts = tf.split(
        tf.transpose(tf.reshape(qkv, [tokens, heads, 3, headChannels]), [
          2,
          1,
          0,
          3,
        ]),
        3,
        0,
      );
      const [q, k, v] = parts.map((part) => tf.reshape(part, [heads, tokens, headChannels]));
      const weights = tf.softmax(
        tf.mul(tf.matMul(q!, k!, false, true), 1 / Math.sqrt(headChannels)),
      );
      const mixed = tf.reshape(
        tf.transpose(tf.matMul(weights, v!), [1, 0, 2]),
        [tokens, channels],
      );
      return tf.add(x, tf.reshape(linear(mixed, `${name}.proj_out`), x.shape));
    },
  };
}
