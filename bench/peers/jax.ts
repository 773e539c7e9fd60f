/** jax-js: the case by its operations under `jit`, channels first; weights and image stay on the device. */
import { elementCount } from "../../engine/mod.ts";
import { randomParameters } from "../random_weights.ts";
import { caseInput, caseWeight, imageExtents, type PeerCase, resultExtents, timestepRow } from "./cases.ts";
import { outputsFirst, transposed } from "./layout.ts";
import { type Peer, type PreparedCase } from "./peer.ts";
import { peerPackage } from "./peer_package.ts";
import { EPSILON, GROUPS, type NetworkOps, walkUnet } from "./unet_walk.ts";

/** An array that each use consumes; `ref` counts one use more. */
interface Jax {
  readonly shape: readonly number[];
  readonly ref: Jax;
  add(other: Jax | number): Jax;
  data(): Promise<Float32Array>;
  div(other: Jax): Jax;
  mean(
    axis: number | readonly number[],
    options?: { readonly keepdims: boolean },
  ): Jax;
  mul(other: Jax | number): Jax;
  reshape(shape: readonly number[]): Jax;
  sub(other: Jax): Jax;
  transpose(order?: readonly number[]): Jax;
}

/** What we use of the package. */
interface JaxPackage {
  readonly lax: {
    conv(
      x: Jax,
      weight: Jax,
      strides: readonly number[],
      padding: "SAME" | "VALID",
    ): Jax;
  };
  readonly nn: { silu(x: Jax): Jax; softmax(x: Jax, axis: number): Jax };
  readonly numpy: {
    array(data: Float32Array): Jax;
    concatenate(arrays: readonly Jax[], axis: number): Jax;
    matmul(a: Jax, b: Jax): Jax;
    repeat(x: Jax, count: number, axis: number): Jax;
    split(x: Jax, parts: number, axis: number): Jax[];
    sqrt(x: Jax): Jax;
    square(x: Jax): Jax;
  };
  defaultDevice(name: string): void;
  init(name: string): Promise<unknown>;
  jit<A extends readonly unknown[]>(
    body: (...inputs: A) => Jax,
  ): (...inputs: A) => Jax;
}

/** Opens jax-js on WebGPU. */
export async function openJax(): Promise<Peer> {
  const jax = await peerPackage<JaxPackage>("@jax-js/jax");
  await jax.init("webgpu");
  jax.defaultDevice("webgpu");
  return {
    device: "webgpu",
    features: [],
    prepare: (which) => Promise.resolve(prepare(jax, which)),
  };
}

function prepare(jax: JaxPackage, which: PeerCase): PreparedCase {
  const compute = computation(jax, which);
  const [height, width, channels] = resultExtents(which);
  return {
    run: () => compute().data(),
    channelsLast: (result) => which.kind === "matmul" ? result : transposed(result, channels, height * width),
  };
}

function computation(jax: JaxPackage, which: PeerCase): () => Jax {
  const upload = (data: Float32Array, shape: readonly number[]): Jax => jax.numpy.array(data).reshape(shape);
  const [height, width, channels] = imageExtents(which);
  if (which.kind === "matmul") {
    const [a, b] = [caseInput(which), caseWeight(which)].map((data) => upload(data, [height, width]));
    const product = jax.jit((left: Jax, right: Jax) => jax.numpy.matmul(left, right));
    return () => product(a!.ref, b!.ref);
  }
  const x = upload(transposed(caseInput(which), height * width, channels), [
    1,
    channels,
    height,
    width,
  ]);
  if (which.kind === "convolution") {
    const weight = upload(outputsFirst(caseWeight(which), channels, channels), [
      channels,
      channels,
      3,
      3,
    ]);
    const convolve = jax.jit((image: Jax, kernel: Jax) => jax.lax.conv(image, kernel, [1, 1], "SAME"));
    return () => convolve(x.ref, weight.ref);
  }
  const { config } = which;
  const names: string[] = [];
  const weights: Jax[] = [];
  for (const { name, parameter, data } of randomParameters(config)) {
    names.push(name);
    weights.push(upload(data, parameter.shape));
  }
  const row = upload(timestepRow(config), [1, config.modelChannels]);
  const forward = jax.jit(
    (image: Jax, timestep: Jax, parameters: readonly Jax[]) => {
      const byName = new Map(
        names.map((name, index) => [name, parameters[index]!]),
      );
      return walkUnet(
        config,
        networkOps(jax, (name) => byName.get(name)!.ref),
        image,
        timestep,
      );
    },
  );
  return () => forward(x.ref, row.ref, weights.map((weight) => weight.ref));
}

/** Every operation leaves its inputs usable: it takes a reference of its own. */
function networkOps(
  { lax, nn, numpy }: JaxPackage,
  parameter: (name: string) => Jax,
): NetworkOps<Jax> {
  const norm = (x: Jax, name: string, modulation?: Jax): Jax => {
    const channels = x.shape[1]!;
    const perChannel = [1, channels, ...x.shape.slice(2).map(() => 1)];
    const groups = x.ref.reshape([GROUPS, elementCount(x.shape) / GROUPS]);
    const mean = groups.ref.mean(1, { keepdims: true });
    const centred = groups.sub(mean);
    const variance = numpy.square(centred.ref).mean(1, { keepdims: true });
    const normal = centred.div(numpy.sqrt(variance.add(EPSILON))).reshape(
      x.shape,
    );
    const result = normal.mul(parameter(`${name}.weight`).reshape(perChannel))
      .add(parameter(`${name}.bias`).reshape(perChannel));
    if (!modulation) return result;
    const [scale, shift] = numpy.split(modulation.ref, 2, 1);
    return result.mul(scale!.add(1).reshape(perChannel)).add(
      shift!.reshape(perChannel),
    );
  };
  return {
    norm,
    convolution: (x, name) => {
      const weight = parameter(`${name}.weight`);
      const bias = parameter(`${name}.bias`).reshape([
        1,
        weight.shape[0]!,
        1,
        1,
      ]);
      return lax.conv(x.ref, weight, [1, 1], "SAME").add(bias);
    },
    linear: (x, name) =>
      numpy.matmul(x.ref, parameter(`${name}.weight`).transpose()).add(
        parameter(`${name}.bias`),
      ),
    silu: (x) => nn.silu(x.ref),
    add: (a, b) => a.ref.add(b.ref),
    concat: (a, b) => numpy.concatenate([a.ref, b.ref], 1),
    halve: (x) => {
      const [batch, channels, height, width] = x.shape;
      return x.ref.reshape([batch!, channels!, height! / 2, 2, width! / 2, 2])
        .mean([3, 5]);
    },
    double: (x) => numpy.repeat(numpy.repeat(x.ref, 2, 2), 2, 3),
    attention: (x, name, heads) => {
      const [, channels = 0, height = 0, width = 0] = x.shape;
      const [tokens, headChannels] = [height * width, channels / heads];
      const project = (input: Jax, module: string, outputs: number): Jax => {
        const weight = parameter(`${name}.${module}.weight`).reshape([
          outputs,
          channels,
        ]);
        return numpy.matmul(weight, input).add(
          parameter(`${name}.${module}.bias`).reshape([outputs, 1]),
        );
      };
      const normal = norm(x, `${name}.norm`).reshape([channels, tokens]);
      const qkv = project(normal, "qkv", 3 * channels).reshape([
        heads,
        3 * headChannels,
        tokens,
      ]);
      const [q, k, v] = numpy.split(qkv, 3, 1);
      const products = numpy.matmul(q!.transpose([0, 2, 1]), k!).mul(
        1 / Math.sqrt(headChannels),
      );
      const mixed = numpy.matmul(
        v!,
        nn.softmax(products, -1).transpose([0, 2, 1]),
      ).reshape([channels, tokens]);
      return x.ref.add(project(mixed, "proj_out", channels).reshape(x.shape));
    },
  };
}
