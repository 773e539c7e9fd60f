/** The cases as ONNX files, with their weights inside; images are channels first, as ONNX wants them. */
import { elementCount, type Shape } from "../../engine/mod.ts";
import { randomParameters } from "../random_weights.ts";
import { caseWeight, imageExtents, type PeerCase, resultExtents } from "./cases.ts";
import { outputsFirst } from "./layout.ts";
import { OnnxGraph } from "./onnx_writer.ts";
import { EPSILON, GROUPS, type NetworkOps, walkUnet } from "./unet_walk.ts";

/** Names of the inputs: the image or left factor, and the sinusoid of a network's timestep. */
export const ONNX_INPUTS = { x: "x", row: "timestep_row" } as const;

/**
 * Writes the file of a case.
 * @returns the bytes of the file; its only result is the case's
 */
export function onnxModel(which: PeerCase): Uint8Array<ArrayBuffer> {
  const graph = new OnnxGraph(which.name);
  if (which.kind === "matmul") {
    const shape = [which.size, which.size];
    const weight = graph.initializer("weight", caseWeight(which), shape);
    const [y] = graph.node("MatMul", [
      graph.input(ONNX_INPUTS.x, shape),
      weight,
    ]);
    return graph.finish(y!, shape);
  }
  const planar = (
    [height, width, channels]: readonly [number, number, number],
  ): Shape => [1, channels, height, width];
  const x = graph.input(ONNX_INPUTS.x, planar(imageExtents(which)));
  if (which.kind === "convolution") {
    const { channels } = which;
    const data = outputsFirst(caseWeight(which), channels, channels);
    const weight = graph.initializer("weight", data, [
      channels,
      channels,
      3,
      3,
    ]);
    const [y] = graph.node("Conv", [x, weight], {
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
    });
    return graph.finish(y!, planar(resultExtents(which)));
  }
  const { config } = which;
  const row = graph.input(ONNX_INPUTS.row, [1, config.modelChannels]);
  const shapes = new Map<string, Shape>();
  for (const { name, parameter, data } of randomParameters(config)) {
    // One-dimensional 1x1 convolutions become two-dimensional ones, which every engine has fast.
    const shape = parameter.shape.length === 3 ? [...parameter.shape, 1] : parameter.shape;
    shapes.set(graph.initializer(name, new Float32Array(data), shape), shape);
  }
  const y = walkUnet(config, new GraphOps(graph, shapes), {
    name: x,
    shape: planar(imageExtents(which)),
  }, {
    name: row,
    shape: [1, config.modelChannels],
  });
  return graph.finish(y.name, y.shape);
}

/** A value of the graph, with its shape. */
interface Value {
  readonly name: string;
  readonly shape: Shape;
}

/** Adds the nodes of a network to a graph. */
class GraphOps implements NetworkOps<Value> {
  readonly #graph: OnnxGraph;
  /** Shapes of the parameters. */
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #constants = new Set<string>();

  constructor(graph: OnnxGraph, shapes: ReadonlyMap<string, Shape>) {
    this.#graph = graph;
    this.#shapes = shapes;
  }

  convolution(
    { name: x, shape: [batch, , height, width] }: Value,
    name: string,
  ): Value {
    const [outputs, , size] = this.#shapes.get(`${name}.weight`)!;
    const margin = (size! - 1) / 2;
    return this.#node("Conv", [x, `${name}.weight`, `${name}.bias`], [
      batch!,
      outputs!,
      height!,
      width!,
    ], {
      kernel_shape: [size!, size!],
      pads: [margin, margin, margin, margin],
    });
  }

  linear({ name: x, shape: [batch] }: Value, name: string): Value {
    const [outputs] = this.#shapes.get(`${name}.weight`)!;
    return this.#node("Gemm", [x, `${name}.weight`, `${name}.bias`], [
      batch!,
      outputs!,
    ], { transB: 1 });
  }

  norm(x: Value, name: string, modulation?: Value): Value {
    const [batch, channels] = x.shape as [number, number];
    const groups = this.#reshape(x, [
      batch,
      GROUPS,
      elementCount(x.shape) / (batch * GROUPS),
    ]);
    const unit = this.#floats("unit_scale", new Array<number>(GROUPS).fill(1), [
      GROUPS,
    ]);
    const zero = this.#floats("zero_bias", new Array<number>(GROUPS).fill(0), [
      GROUPS,
    ]);
    const normal = this.#node(
      "InstanceNormalization",
      [groups.name, unit, zero],
      groups.shape,
      {
        epsilon: { float: EPSILON },
      },
    );
    const perChannel: Shape = [1, channels, ...x.shape.slice(2).map(() => 1)];
    const column = (parameter: string): Value =>
      this.#reshape(
        { name: `${name}.${parameter}`, shape: [channels] },
        perChannel,
      );
    const scaled = this.#pair(
      "Mul",
      this.#reshape(normal, x.shape),
      column("weight"),
    );
    const result = this.#pair("Add", scaled, column("bias"));
    if (!modulation) return result;
    const [scale, shift] = this.#split(modulation, 2, 1).map((part) => this.#reshape(part, perChannel));
    const one: Value = { name: this.#floats("one", [1], [1]), shape: [1] };
    return this.#pair(
      "Add",
      this.#pair("Mul", result, this.#pair("Add", scale!, one)),
      shift!,
    );
  }

  silu(x: Value): Value {
    return this.#pair("Mul", x, this.#node("Sigmoid", [x.name], x.shape));
  }

  add(a: Value, b: Value): Value {
    return this.#pair("Add", a, b);
  }

  concat(a: Value, b: Value): Value {
    const [batch, channels, ...image] = a.shape;
    return this.#node("Concat", [a.name, b.name], [
      batch!,
      channels! + b.shape[1]!,
      ...image,
    ], { axis: 1 });
  }

  halve({ name, shape: [batch, channels, height, width] }: Value): Value {
    return this.#node("AveragePool", [name], [
      batch!,
      channels!,
      height! / 2,
      width! / 2,
    ], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    });
  }

  double({ name, shape: [batch, channels, height, width] }: Value): Value {
    const scales = this.#floats("twice", [1, 1, 2, 2], [4]);
    return this.#node("Resize", [name, "", scales], [
      batch!,
      channels!,
      2 * height!,
      2 * width!,
    ], {
      mode: "nearest",
      nearest_mode: "floor",
      coordinate_transformation_mode: "asymmetric",
    });
  }

  attention(x: Value, name: string, heads: number): Value {
    const [batch, channels, height, width] = x.shape as [
      number,
      number,
      number,
      number,
    ];
    const [tokens, headChannels] = [height * width, channels / heads];
    const qkv = this.convolution(this.norm(x, `${name}.norm`), `${name}.qkv`);
    const [q, k, v] = this.#split(
      this.#reshape(qkv, [batch * heads, 3 * headChannels, tokens]),
      3,
      1,
    );
    const transposed: Shape = [batch * heads, tokens, headChannels];
    const queries = this.#node("Transpose", [q!.name], transposed, {
      perm: [0, 2, 1],
    });
    const square: Shape = [batch * heads, tokens, tokens];
    const products = this.#node("MatMul", [queries.name, k!.name], square);
    const factor: Value = {
      name: this.#floats(
        `scale_${headChannels}`,
        [1 / Math.sqrt(headChannels)],
        [1],
      ),
      shape: [1],
    };
    const weights = this.#node(
      "Softmax",
      [this.#pair("Mul", products, factor).name],
      square,
      { axis: -1 },
    );
    const values = this.#node("Transpose", [v!.name], transposed, {
      perm: [0, 2, 1],
    });
    const mixed = this.#node("MatMul", [weights.name, values.name], transposed);
    const planar = this.#node("Transpose", [mixed.name], [
      batch * heads,
      headChannels,
      tokens,
    ], { perm: [0, 2, 1] });
    return this.add(
      x,
      this.convolution(this.#reshape(planar, x.shape), `${name}.proj_out`),
    );
  }

  #node(
    operator: string,
    inputs: readonly string[],
    shape: Shape,
    attributes = {},
  ): Value {
    const [name] = this.#graph.node(operator, inputs, attributes);
    return { name: name!, shape };
  }

  /** An operation on equal shapes, or on a first and one that is repeated over it. */
  #pair(operator: string, a: Value, b: Value): Value {
    return this.#node(operator, [a.name, b.name], a.shape);
  }

  #reshape({ name }: Value, shape: Shape): Value {
    const target = `shape_${shape.join("x")}`;
    if (!this.#constants.has(target)) {
      this.#constants.add(target);
      this.#graph.initializer(target, BigInt64Array.from(shape, BigInt), [
        shape.length,
      ]);
    }
    return this.#node("Reshape", [name, target], shape);
  }

  #split({ name, shape }: Value, parts: number, axis: number): Value[] {
    const extents = shape.map((extent, index) => index === axis ? extent / parts : extent);
    const lengths = `split_${parts}x${extents[axis]}`;
    if (!this.#constants.has(lengths)) {
      this.#constants.add(lengths);
      this.#graph.initializer(
        lengths,
        new BigInt64Array(parts).fill(BigInt(extents[axis]!)),
        [parts],
      );
    }
    return this.#graph.node("Split", [name, lengths], { axis }, parts).map((
      part,
    ) => ({ name: part, shape: extents }));
  }

  #floats(name: string, values: readonly number[], shape: Shape): string {
    if (!this.#constants.has(name)) {
      this.#constants.add(name);
      this.#graph.initializer(name, Float32Array.from(values), shape);
    }
    return name;
  }
}
