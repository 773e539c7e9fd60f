/** Running one expression of operations on a runtime, and tracing one for its errors. */
import { elementCount, type Runtime, type Shape, type Tensor, trace } from "../../engine/mod.ts";
import { randomValues } from "../support/random.ts";

/** Numbers with the shape of the tensor they fill. */
export interface Values {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Seeded numbers in [-1, 1), each put through `change`. */
export function values(shape: Shape, seed: number, change: (value: number) => number = (value) => value): Values {
  return { shape, data: randomValues(elementCount(shape), seed).map(change) };
}

/** The elements of what `body` builds from the inputs. */
export async function runOnce(
  runtime: Runtime,
  inputs: readonly Values[],
  body: (...tensors: Tensor[]) => Tensor,
): Promise<Float32Array> {
  const names = inputs.map((_, k) => `x${k}`);
  const stage = runtime.stage("once", (tensors: Record<string, Tensor>) => ({
    y: body(...names.map((name) => tensors[name]!)),
  }));
  const uploaded = inputs.map(({ data, shape }, k) => [names[k]!, runtime.upload(data, shape)] as const);
  try {
    const { y } = await stage(Object.fromEntries(uploaded), {});
    return await y.read();
  } finally {
    stage.release();
    for (const [, tensor] of uploaded) tensor.free();
  }
}

/** Traces `body` with f32 inputs of the given shapes, for the errors of shape rules. */
export function build(shapes: readonly Shape[], body: (...tensors: Tensor[]) => Tensor): Tensor {
  const names = shapes.map((_, k) => `x${k}`);
  const types = Object.fromEntries(shapes.map((shape, k) => [names[k]!, { shape, dtype: "f32" as const }]));
  return trace("errors", types, (tensors) => ({ y: body(...names.map((name) => tensors[name]!)) })).outputs.get("y")!;
}
