import { NumpyArray } from "./numpy_objects.ts";
import type { PickleValue } from "./pickle_values.ts";
import { TensorView } from "./pytorch_objects.ts";

/**
 * A value as a tensor: one of PyTorch, or a plain array of NumPy.
 * @param value any
 * @returns undefined if it is neither
 */
export function tensorOf(value: PickleValue): TensorView | undefined {
  if (value instanceof TensorView) return value;
  return value instanceof NumpyArray ? value.tensor : undefined;
}
