/** Tensors that come in parts, so that no array need hold all of one. */
import { formatShape, type TensorType, wordCount } from "./tensor.ts";

/** Words of a tensor that follow each other. */
export interface TensorPart {
  /** Place of the first word in the tensor. */
  readonly at: number;
  /** The words. */
  readonly data: Float32Array | Uint32Array;
}

/**
 * Passes parts on and makes sure that they fit their tensor.
 * @param type the tensor
 * @param parts all its words, none twice
 * @throws {TypeError} if a part's array does not suit the element type or reaches beyond the tensor, or all parts together
 *   hold more or fewer words than it; whatever making them throws
 */
export function* checkedParts(type: TensorType, parts: Iterable<TensorPart>): Generator<TensorPart> {
  const needed = wordCount(type);
  const fail = (found: string): never => {
    throw new TypeError(
      `Cannot make an ${type.dtype} tensor of shape ${formatShape(type.shape)} from its parts: ${found}`,
    );
  };
  let given = 0;
  for (const part of parts) {
    const { at, data } = part;
    if ((data instanceof Float32Array) !== (type.dtype === "f32")) fail(`one is a ${data.constructor.name}`);
    if (at < 0 || at + data.length > needed) fail(`one ends at word ${at + data.length} of ${needed}`);
    given += data.length;
    yield part;
  }
  if (given !== needed) fail(`they hold ${given} words, ${needed} are needed`);
}
