/** A matrix along the height or the width of images: blur, bicubic and bilinear resampling are L X R^T per channel. */
import {
  type Call,
  defineOp,
  type Dispatch,
  elementCount,
  type Example,
  type Op,
  type Target,
  type Tensor,
  type TensorType,
} from "../../engine/mod.ts";
import { f32, type Image, movedBytes, refuseWanted, requireF32, requireFit, requireRank } from "../operands.ts";
import { type None, shapes } from "../pointwise/pointwise.ts";
import { transpose } from "../layout/transpose.ts";
import { flatGrid, kernel, lines } from "../text/wgsl.ts";

function inferAlong(name: string, inputs: readonly TensorType[], axis: 1 | 2): readonly TensorType[] {
  requireF32(name, inputs, ["matrix", "x"]);
  const [matrix, x] = [inputs[0]!, inputs[1]!];
  requireRank(name, "matrix", matrix, 2, axis === 1 ? "[P, H]" : "[Q, W]");
  requireRank(name, "x", x, 4, "[N, H, W, C]");
  const needed = `the last extent of matrix must be the ${axis === 1 ? "height" : "width"} of x`;
  requireFit(name, { matrix, x }, matrix.shape[1] === x.shape[axis], needed);
  return [f32(x.shape.map((extent, k) => k === axis ? matrix.shape[0]! : extent))];
}

/** y[o, p, j] = sum over k of m[p, k] x[o, k, j], in f64. */
function referenceAlong(
  [matrix, x]: readonly Float32Array[],
  [outer, extent, inner]: readonly [number, number, number],
  size: number,
): Float32Array {
  const y = new Float32Array(outer * size * inner);
  const sums = new Float64Array(inner);
  for (let o = 0; o < outer; o++) {
    for (let p = 0; p < size; p++) {
      sums.fill(0);
      for (let k = 0; k < extent; k++) {
        const factor = matrix![p * extent + k]!;
        if (factor === 0) continue;
        const at = (o * extent + k) * inner;
        for (let j = 0; j < inner; j++) sums[j]! += factor * x![at + j]!;
      }
      y.set(sums, (o * size + p) * inner);
    }
  }
  return y;
}

/** Outputs of one invocation along each of two directions. */
const BLOCK = 4;
/** Invocations of a workgroup. */
const SIZE = 64;

/** The multiply-adds of a 4 x 4 block: accumulator c_p_j takes m_p x_j. */
const BLOCK_STEP = lines(BLOCK, (p) => lines(BLOCK, (j) => `c${p}_${j} = fma(m${p}, x${j}, c${p}_${j});`));
const BLOCK_START = lines(BLOCK, (p) => lines(BLOCK, (j) => `var c${p}_${j} = 0.0;`));

/**
 * y[n, p, j] = sum over k of m[p, k] x[n, k, j], where j counts width and channels.
 * Mapping: a workgroup computes 4 rows p x 256 positions j of one image; an invocation 4 rows p x 4 positions j, 64
 * apart, so that neighbouring invocations read neighbouring positions. No shared memory.
 */
function heightKernel({ inputs, outputs }: Call<None>, target: Target): Dispatch {
  const [matrix, x, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [images, extent, width, channels] = x.shape as Image;
  const inner = width * channels;
  const size = matrix.shape[0]!;
  const [across, down] = [Math.ceil(inner / (SIZE * BLOCK)), Math.ceil(size / BLOCK)];
  const count = across * down * images;
  return kernel({
    label: "alongHeight",
    read: { m: matrix, x },
    write: { y },
    params: { count, across, down, size, extent, inner },
    takesParts: true,
    workgroupSize: SIZE,
    workgroups: flatGrid(count, target),
    body: `let block = group.y * groups.x + group.x;
if (block >= params.count) { return; }
let row = block / params.across;
let image = row / params.down;
let p = (row - image * params.down) * ${BLOCK}u;
let j = (block - row * params.across) * ${SIZE * BLOCK}u + lane;
${lines(BLOCK, (k) => `let mrow${k} = min(p + ${k}u, params.size - 1u) * params.extent;`)}
${lines(BLOCK, (k) => `let j${k} = j + ${k * SIZE}u;`)}
${lines(BLOCK, (k) => `var at${k} = image * params.extent * params.inner + min(j${k}, params.inner - 1u);`)}
${BLOCK_START}
for (var k = 0u; k < params.extent; k += 1u) {
${lines(BLOCK, (k) => `let m${k} = m[mrow${k} + k];`)}
${lines(BLOCK, (k) => `let x${k} = x[at${k}];`)}
${BLOCK_STEP}
${lines(BLOCK, (k) => `at${k} += params.inner;`)}
}
${
      lines(BLOCK, (q) =>
        `if (p + ${q}u < params.size) {
let out = (image * params.size + p + ${q}u) * params.inner;
${lines(BLOCK, (k) => `if (j${k} < params.inner) { y[out + j${k}] = c${q}_${k}; }`)}
}`)
    }`,
  });
}

/**
 * y[r, q, c] = sum over k of m[q, k] x[r, k, c], where r counts images and rows.
 * Mapping: a workgroup computes 4 rows r x 64 pairs (q, c) x 4 columns; an invocation 4 columns q, a quarter of the
 * width apart, of one channel in 4 rows r. No shared memory.
 */
function widthKernel({ inputs, outputs }: Call<None>, target: Target): Dispatch {
  const [matrix, x, y] = [inputs[0]!, inputs[1]!, outputs[0]!];
  const [images, height, extent, channels] = x.shape as Image;
  const rows = images * height;
  const size = matrix.shape[0]!;
  const quarter = Math.ceil(size / BLOCK);
  const across = Math.ceil(quarter * channels / SIZE);
  const count = across * Math.ceil(rows / BLOCK);
  return kernel({
    label: "alongWidth",
    read: { m: matrix, x },
    write: { y },
    params: { count, across, quarter, size, extent, channels, rows },
    takesParts: true,
    workgroupSize: SIZE,
    workgroups: flatGrid(count, target),
    body: `let block = group.y * groups.x + group.x;
let strip = block / params.across;
let pair = (block - strip * params.across) * ${SIZE}u + lane;
let q = pair / params.channels;
if (block >= params.count || q >= params.quarter) { return; }
let c = pair - q * params.channels;
let r = strip * ${BLOCK}u;
${lines(BLOCK, (k) => `let q${k} = q + ${k}u * params.quarter;`)}
${lines(BLOCK, (k) => `let mrow${k} = min(q${k}, params.size - 1u) * params.extent;`)}
${lines(BLOCK, (k) => `var at${k} = min(r + ${k}u, params.rows - 1u) * params.extent * params.channels + c;`)}
${BLOCK_START}
for (var k = 0u; k < params.extent; k += 1u) {
${lines(BLOCK, (k) => `let m${k} = m[mrow${k} + k];`)}
${lines(BLOCK, (k) => `let x${k} = x[at${k}];`)}
${BLOCK_STEP}
${lines(BLOCK, (k) => `at${k} += params.channels;`)}
}
${
      lines(BLOCK, (k) =>
        `if (r + ${k}u < params.rows) {
let out = (r + ${k}u) * params.size * params.channels + c;
${lines(BLOCK, (p) => `if (q${p} < params.size) { y[out + q${p} * params.channels] = c${p}_${k}; }`)}
}`)
    }`,
  });
}

/** Definition of a matrix applied along axis 1 or 2 of images. */
function defineAlong(
  name: string,
  axis: 1 | 2,
  kernelOf: (call: Call<None>, target: Target) => Dispatch,
  examples: readonly Example<None>[],
): Op<None> {
  const op = defineOp<None>({
    name,
    infer: (inputs) => inferAlong(name, inputs, axis),
    reference({ inputs: [matrix, x] }, data): readonly Float32Array[] {
      const [before, after] = [x!.shape.slice(0, axis), x!.shape.slice(axis + 1)];
      return [
        referenceAlong(data, [elementCount(before), x!.shape[axis]!, elementCount(after)], matrix!.shape[0]!),
      ];
    },
    lower: (call, target) => [kernelOf(call, target)],
    vjp({ inputs: [matrix] }, [dy], wanted): readonly (Tensor | undefined)[] {
      refuseWanted(name, "matrix", wanted[0]);
      return [undefined, op([transpose(matrix!), dy!], {})[0]!];
    },
    cost: (call) => ({
      flops: 2 * elementCount(call.outputs[0]!.shape) * call.inputs[0]!.shape[1]!,
      bytes: movedBytes(call),
    }),
    examples,
  });
  return op;
}

/** Definition of `alongHeight`. */
export const alongHeightOp: Op<None> = defineAlong(
  "alongHeight",
  1,
  heightKernel,
  shapes([[5, 11], [2, 11, 7, 3]], [[13, 4], [1, 4, 300, 1]]),
);

/**
 * A matrix applied along the height: y[n, p, w, c] = sum over h of matrix[p, h] x[n, h, w, c].
 * @param matrix [P, H], f32
 * @param x [N, H, W, C], f32
 * @returns [N, P, W, C]
 * @throws {TypeError} if the matrix does not fit the height
 */
export function alongHeight(matrix: Tensor, x: Tensor): Tensor {
  return alongHeightOp([matrix, x], {})[0]!;
}

/** Definition of `alongWidth`. */
export const alongWidthOp: Op<None> = defineAlong(
  "alongWidth",
  2,
  widthKernel,
  shapes([[5, 11], [2, 7, 11, 3]], [[130, 4], [1, 5, 4, 3]], [[3, 9], [1, 6, 9, 1]]),
);

/**
 * A matrix applied along the width: y[n, h, q, c] = sum over w of matrix[q, w] x[n, h, w, c].
 * @param matrix [Q, W], f32
 * @param x [N, H, W, C], f32
 * @returns [N, H, Q, C]
 * @throws {TypeError} if the matrix does not fit the width
 */
export function alongWidth(matrix: Tensor, x: Tensor): Tensor {
  return alongWidthOp([matrix, x], {})[0]!;
}

/**
 * Both directions, left X right^T for every image and channel; the direction that leaves less to do comes first.
 * @param left [P, H], f32
 * @param x [N, H, W, C], f32
 * @param right [Q, W], f32
 * @returns [N, P, Q, C]
 * @throws {TypeError} if a matrix does not fit
 */
export function separable(left: Tensor, x: Tensor, right: Tensor): Tensor {
  const [rows, height] = [left.shape[0]!, left.shape[1]!];
  const [columns, width] = [right.shape[0]!, right.shape[1]!];
  const heightFirst = rows * width * (height + columns);
  const widthFirst = height * columns * (width + rows);
  return heightFirst <= widthFirst ? alongWidth(right, alongHeight(left, x)) : alongHeight(left, alongWidth(right, x));
}
