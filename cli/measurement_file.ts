/** Measurements that no picture file holds, as safetensors with all that is needed to make their operator again. */
import { elementCount, type HostTensor, type Shape } from "../engine/mod.ts";
import { atomicWriter } from "../io/mod.ts";
import { type TensorToWrite, writeSafetensors } from "../models/mod.ts";
import type { MeasurementNoise, OperatorOptions } from "../operators/mod.ts";
import type { Task } from "./tasks.ts";

/** A measurement and how it was made. */
export interface Measurement {
  readonly task: Task;
  /** [H, W, C] of the picture. */
  readonly imageShape: Shape;
  readonly options: OperatorOptions;
  readonly noise: MeasurementNoise;
  readonly seed: number;
  /** [1, ...measurementShape]. */
  readonly y: HostTensor;
}

/**
 * Writes the tensor `y`, channels last, with task, operator, its parameters, noise and seed in the metadata.
 * @throws {FileError} if the file cannot be written; nothing is left behind then
 */
export async function writeMeasurement(path: string, measurement: Measurement): Promise<void> {
  const { task, imageShape, options, noise, seed, y } = measurement;
  const tensor: TensorToWrite = {
    name: "y",
    dtype: "F32",
    shape: y.shape,
    data: Float32Array.from(y.data.subarray(0, elementCount(y.shape))),
  };
  const metadata = new Map([
    ["kind", "measurement"],
    ["layout", "channels last"],
    ["task", task.name],
    ["operator", task.operator],
    ["imageShape", JSON.stringify(imageShape)],
    ["parameters", JSON.stringify(options)],
    ["noise", JSON.stringify(noise)],
    ["seed", String(seed)],
  ]);
  const writer = await atomicWriter(path);
  try {
    await writeSafetensors({ tensors: [tensor], metadata }, (bytes) => writer.write(bytes));
    await writer.commit();
  } finally {
    await writer.abort();
  }
}
