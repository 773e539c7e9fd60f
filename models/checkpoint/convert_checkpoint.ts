import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { type ConvertedDtype, convertedPieces } from "./convert_dtype.ts";
import type { SafetensorsContents, TensorPieces } from "./safetensors_writer.ts";

/** Bytes of an element by type of weights. */
const BYTES = { F32: 4, F16: 2, BF16: 2, F64: 8 } as const;

/** What a converted file holds, and the bytes of its tensors in all. */
export interface ConvertedContents extends SafetensorsContents {
  readonly totalBytes: number;
}

/**
 * The contents of a safetensors file with the tensors of a checkpoint, read piece by piece when they are written.
 * @param file the checkpoint; its name without folders is kept as `source`
 * @param dtype wanted type of all tensors; without one the values stay bit for bit
 * @throws {CheckpointError} if a tensor holds no real numbers; while it is written as `convertedPieces`
 */
export function convertedContents(file: Checkpoint, dtype?: ConvertedDtype): ConvertedContents {
  let totalBytes = 0;
  const tensors = Array.from(file.tensors.values(), ({ name, dtype: stored, shape }) => {
    if (!(stored in BYTES)) {
      throw new CheckpointError(
        `Cannot convert ${quoteName(file.name)}: tensor ${quoteName(name)} is of ${stored}, one of ` +
          `${Object.keys(BYTES).join(", ")} is needed`,
      );
    }
    const target = dtype ?? stored as keyof typeof BYTES;
    totalBytes += shape.reduce((a, b) => a * b, BYTES[target]);
    const data: TensorPieces = () => dtype === undefined ? file.readPieces(name) : convertedPieces(file, name, dtype);
    return { name, dtype: target, shape, data };
  });
  const source: [string, string][] = [["format", "pt"], ["source", file.name.split(/[\\/]/).at(-1)!]];
  return { tensors, metadata: new Map([...source, ...file.metadata]), totalBytes };
}
