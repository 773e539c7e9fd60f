/** Repacking between channels last, as here, and channels first, as in ONNX and JAX; never part of a measured time. */

/**
 * Transposes a matrix: an image [H, W, C] becomes [C, H, W] with H W rows and C columns, and back with C rows.
 * @param data [rows, columns]
 * @returns [columns, rows]
 */
export function transposed(
  data: Float32Array,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column]!;
    }
  }
  return result;
}

/**
 * The weights of a convolution in the order of ONNX and PyTorch.
 * @param data [3, 3, inputs, outputs]
 * @returns [outputs, inputs, 3, 3]
 */
export function outputsFirst(
  data: Float32Array,
  inputs: number,
  outputs: number,
): Float32Array<ArrayBuffer> {
  const taps = 9;
  const rows = transposed(data, taps * inputs, outputs);
  const result = new Float32Array(data.length);
  for (let output = 0; output < outputs; output++) {
    const at = output * taps * inputs;
    result.set(
      transposed(rows.subarray(at, at + taps * inputs), taps, inputs),
      at,
    );
  }
  return result;
}
