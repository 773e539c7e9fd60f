/** What an evaluation of a network costs, from its recording with shapes alone: no weights, no device. */
import {
  type Call,
  constant,
  elementCount,
  type Graph,
  type Shape,
  ShapeOnly,
  type Tensor,
  trace,
} from "../engine/mod.ts";
import type { NetworkPlan } from "./family.ts";
import type { Parameter, ParameterSet, Weights } from "./weights.ts";

/** Multiply-adds of one evaluation. */
export interface NetworkCost {
  /** Of convolutions, linear layers and attention together; norms, activations and resampling are not products. */
  readonly macs: number;
  /** Of q . k and of the weighted sums of v in all attentions. */
  readonly attentionMacs: number;
}

/**
 * Counts the multiply-adds of one evaluation of a network on one image: the network is recorded with constants that have
 * a shape and no values, and the costs of its products are summed.
 * @param plan the network
 * @param height height of the image in pixels, a multiple of the network's downsampling
 * @param width width likewise
 * @throws {TypeError} if the size does not fit the network
 * @throws {RangeError} if an attention's channels do not divide into its heads
 */
export function networkCost({ config, parameters, build }: NetworkPlan, height: number, width: number): NetworkCost {
  const network = build(shapesOnly(parameters));
  const image = { shape: [1, height, width, config.inChannels], dtype: "f32" } as const;
  const rows = { shape: [1, config.modelChannels], dtype: "f32" } as const;
  return sum(trace("cost", { image, rows, lowRes: image }, ({ image, rows, lowRes }) => ({
    out: network.forward(image!, {
      timestepRows: rows!,
      ...(config.numClasses === undefined ? {} : { labels: [0] }),
      ...(config.superResolution ? { lowRes: lowRes! } : {}),
    }),
  })));
}

function sum({ calls, constants }: Graph): NetworkCost {
  let [macs, attentionMacs] = [0, 0];
  const weights = new Set(Array.from(constants, ([id, source]) => source instanceof ShapeOnly ? id : -1));
  for (const call of calls) {
    const weighted = call.inputs.filter(({ id }) => weights.has(id));
    if (weighted.length === call.inputs.length) {
      // Weights that are rearranged are still weights, and nothing that is done again at every evaluation.
      for (const { id } of call.outputs) weights.add(id);
      continue;
    }
    const count = PRODUCTS[call.op.name]?.(call) ?? 0;
    macs += count;
    if (call.op.name === "attention") attentionMacs += count;
    if (!(call.op.name in PRODUCTS) && weighted.some(({ shape }) => shape.length > 1)) {
      throw new Error(`Cannot count the multiply-adds of ${call.op.name} at "${call.scope}": it is no known product`);
    }
  }
  return { macs, attentionMacs };
}

/**
 * Multiply-adds by operation, of all that combine an image with a matrix of weights. Attention on T tokens of C channels:
 * T^2 C for the logits and T^2 C for the sums; rows of a table and added positions are no products.
 */
const PRODUCTS: Readonly<Record<string, (call: Call) => number>> = {
  add: () => 0,
  gatherRows: () => 0,
  conv2d: (call) => call.op.cost(call).flops / 2,
  matmul: (call) => call.op.cost(call).flops / 2,
  attention: ({ outputs: [out] }) => 2 * elementCount(out!.shape) * out!.shape.at(-2)!,
};

/**
 * Weights that have shapes and no values, for recordings that are never run.
 * @param parameters what the network needs
 */
export function shapesOnly(parameters: ParameterSet): Weights {
  const tensors = new Map(
    Array.from(
      parameters,
      ([name, parameter]) => [name, new ShapeOnly({ shape: packedShape(parameter), dtype: "f32" })],
    ),
  );
  return {
    name: "shapes",
    parameterCount: countParameters(parameters),
    constant: (name: string): Tensor => constant(tensors.get(name)!),
    free: (): void => {},
  };
}

/**
 * The number of trained scalars of a network.
 * @param parameters what the network needs
 */
export function countParameters(parameters: ParameterSet): number {
  return parameters.values().reduce((count, { shape }) => count + elementCount(shape), 0);
}

/** The shape as the kernels read it; see `ParameterLayout`. */
function packedShape({ shape, layout }: Parameter): Shape {
  const [outputs, inputs, ...window] = shape;
  if (layout === "convolution") return [...window, inputs!, outputs!];
  return layout === "matrix" ? [inputs!, outputs!] : shape;
}
