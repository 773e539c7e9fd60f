import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { BYTES_PER_FLOAT, type FloatDtype } from "./checkpoint_file.ts";
import { type ConvertedDtype, convertedPieces } from "./convert_dtype.ts";
import { type F8Dtype, isF8 } from "./f8.ts";
import type { SafetensorsContents, TensorPieces } from "./safetensors_writer.ts";

/** What a converted file holds, and the bytes of its tensors in all. */
export interface ConvertedContents extends SafetensorsContents {
  /** Bytes of all tensors. */
  readonly totalBytes: number;
}

/**
 * The contents of a safetensors file with the tensors of a checkpoint, read piece by piece when they are written.
 * @param file the checkpoint; its name without folders is kept as `source`
 * @param dtype wanted type of all tensors; without one the values stay bit for bit, in F16 where they are floats of 8 bits
 * @throws {CheckpointError} if a tensor holds no real numbers; while it is written as `convertedPieces`
 */
export function convertedContents(file: Checkpoint, dtype?: ConvertedDtype): ConvertedContents {
  let totalBytes = 0;
  const tensors = Array.from(file.tensors.values(), ({ name, dtype: stored, shape }) => {
    if (!(stored in BYTES_PER_FLOAT)) {
      throw new CheckpointError(
        `Cannot convert ${quoteName(file.name)}: tensor ${quoteName(name)} is of ${stored}, one of ` +
          `${Object.keys(BYTES_PER_FLOAT).join(", ")} is needed`,
      );
    }
    const wanted = dtype ?? (isF8(stored) ? "F16" : undefined);
    const target = wanted ?? stored as Exclude<FloatDtype, F8Dtype>;
    totalBytes += shape.reduce((a, b) => a * b, BYTES_PER_FLOAT[target]);
    const data: TensorPieces = () => wanted === undefined ? file.readPieces(name) : convertedPieces(file, name, wanted);
    return { name, dtype: target, shape, data };
  });
  const source: [string, string][] = [["format", "pt"], ["source", file.name.split(/[\\/]/).at(-1)!]];
  return { tensors, metadata: new Map([...source, ...file.metadata]), totalBytes };
}
