/** The weight of a 3x3 convolution, transformed for a Winograd convolution. */
import { type Call, defineOp, type Dispatch, type Op, type Tensor, type TensorType } from "../../../engine/mod.ts";
import { f32, halfExample, movedBytes, requireFit, requireRank, requireValues, requireWeight } from "../../operands.ts";
import { elementwise, lines, literal } from "../../text/wgsl.ts";
import { type TileSize, transformed, WINOGRAD, type WinogradTransform } from "./winograd_transform.ts";

/** Attributes of `winogradWeightsOp`. */
export interface WinogradWeightsAttrs {
  /** Side m of the output tiles, 2 or 4. */
  readonly tile: TileSize;
  /** Input channels of the result, as many as the weight has or more; those added are zero. */
  readonly inner: number;
  /** Output channels of the result, as many as the weight has or more; those added are zero. */
  readonly columns: number;
  /** Whether four input channels make a texel; the number of input channels is a multiple of 4 then. */
  readonly texels: boolean;
}

function transformOf({ tile }: WinogradWeightsAttrs): WinogradTransform {
  const transform = WINOGRAD[tile];
  if (transform) return transform;
  throw new RangeError(`Cannot build winogradWeights: tile is ${tile}, 2 or 4 is needed`);
}

/** The kernel g of a channel and column as `g0_0` to `g2_2`; the words of an f16 weight hold two channels. */
function loadedTaps({ dtype }: TensorType): string {
  const half = dtype === "f16";
  const row = half ? "channel / 2u" : "channel";
  const rows = half ? "(params.channels + 1u) / 2u" : "params.channels";
  const value = (word: string): string =>
    half ? `select(unpack2x16float(${word}).x, unpack2x16float(${word}).y, channel % 2u == 1u)` : word;
  return `let base = select(0u, ${row} * params.outChannels + column, inside);
let pitch = select(0u, ${rows} * params.outChannels, inside);
${
    lines(9, (tap) =>
      `let g${Math.floor(tap / 3)}_${tap % 3} = select(0.0, ${value(`weight[base + ${tap}u * pitch]`)}, inside);`)
  }`;
}

/**
 * The transformed weight U[xi, i, o] = (G g G^T)[xi / p, xi mod p] of the kernel g = weight[:, :, i, o], with p = m + 2:
 * weight [3, 3, Cin, Cout], f32 or f16, -> [p^2, inner, columns], or [p^2 inner / 4, columns, 4] as texels, f32.
 */
export const winogradWeightsOp: Op<WinogradWeightsAttrs> = defineOp<WinogradWeightsAttrs>({
  name: "winogradWeights",
  infer(inputs, attrs): readonly TensorType[] {
    requireWeight("winogradWeights", inputs, ["weight"], "weight");
    const [weight] = inputs as readonly [TensorType];
    requireRank("winogradWeights", "weight", weight, 4, "[3, 3, Cin, Cout]");
    const [height, width, channels = 0, outChannels = 0] = weight.shape;
    requireFit("winogradWeights", { weight }, height === 3 && width === 3, "[3, 3, Cin, Cout] is needed");
    const { patch } = transformOf(attrs);
    const { inner, columns, texels } = attrs;
    for (const [name, given, least] of [["inner", inner, channels], ["columns", columns, outChannels]] as const) {
      const isEnough = Number.isInteger(given) && given >= least;
      requireValues("winogradWeights", { [name]: given }, isEnough, `an integer of at least ${least} is needed`);
    }
    requireValues("winogradWeights", { inner }, !texels || inner % 4 === 0, "texels need a multiple of 4");
    const elements = patch * patch;
    return [f32(texels ? [elements * inner / 4, columns, 4] : [elements, inner, columns])];
  },
  reference(call, inputs): readonly Float32Array[] {
    const { patch, weight: matrix, weightScale } = transformOf(call.attrs);
    const [, , channels = 0, outChannels = 0] = call.inputs[0]?.shape ?? [];
    const { inner, columns, texels } = call.attrs;
    const [weight = new Float32Array()] = inputs;
    const result = new Float32Array(patch * patch * inner * columns);
    for (let xi = 0; xi < patch * patch; xi++) {
      const down = matrix[Math.floor(xi / patch)]!;
      const across = matrix[xi % patch]!;
      for (let i = 0; i < channels; i++) {
        for (let o = 0; o < outChannels; o++) {
          let sum = 0;
          for (let tap = 0; tap < 9; tap++) {
            const factor = down[Math.floor(tap / 3)]! * across[tap % 3]!;
            sum += factor * weight[(tap * channels + i) * outChannels + o]!;
          }
          const at = texels
            ? ((xi * inner / 4 + Math.floor(i / 4)) * columns + o) * 4 + i % 4
            : (xi * inner + i) * columns + o;
          result[at] = sum / weightScale ** 2;
        }
      }
    }
    return [result];
  },
  lower(call, target): readonly Dispatch[] {
    const { patch, weight: matrix, weightScale } = transformOf(call.attrs);
    const [weight] = call.inputs as readonly [Tensor];
    const [out] = call.outputs as readonly [Tensor];
    const [, , channels = 1, outChannels = 1] = weight.shape;
    const { tile, inner, columns, texels } = call.attrs;
    const product = transformed(matrix, (row, column) => `g${row}_${column}`, "e");
    return [
      elementwise(`winogradWeights.${tile}${weight.dtype === "f16" ? ".f16" : ""}`, target, {
        read: { weight },
        write: { out },
        count: inner * columns,
        params: { channels, outChannels, inner, columns },
        body: `let column = i % params.columns;
let channel = i / params.columns;
let inside = column < params.outChannels && channel < params.channels;
${loadedTaps(weight)}
${product.lines.join("\n")}
let step = params.inner * params.columns;
let at = ${texels ? "(channel / 4u * params.columns + column) * 4u + channel % 4u" : "i"};
${
          lines(patch * patch, (xi) =>
            `out[${xi}u * step + at] = ` +
            `(${product.output(Math.floor(xi / patch), xi % patch)}) * ${literal(1 / weightScale ** 2)};`)
        }`,
      }),
    ];
  },
  cost(call: Call<WinogradWeightsAttrs>): { readonly flops: number; readonly bytes: number } {
    const { patch } = transformOf(call.attrs);
    const [, , channels = 0, outChannels = 0] = call.inputs[0]?.shape ?? [];
    return { flops: 2 * 3 * (3 * patch + patch * patch) * channels * outChannels, bytes: movedBytes(call) };
  },
  examples: [
    { inputs: [[3, 3, 5, 7]], attrs: { tile: 2, inner: 8, columns: 16, texels: false } },
    { inputs: [[3, 3, 5, 7]], attrs: { tile: 4, inner: 5, columns: 7, texels: false } },
    { inputs: [[3, 3, 8, 16]], attrs: { tile: 4, inner: 8, columns: 16, texels: false } },
    { inputs: [[3, 3, 5, 20]], attrs: { tile: 4, inner: 8, columns: 32, texels: true } },
    { inputs: [[3, 3, 5, 20]], attrs: { tile: 2, inner: 8, columns: 32, texels: true } },
    { inputs: [[3, 3, 1, 33]], attrs: { tile: 4, inner: 8, columns: 48, texels: false } },
    { inputs: [halfExample([3, 3, 5, 7])], attrs: { tile: 4, inner: 8, columns: 16, texels: false } },
    { inputs: [halfExample([3, 3, 8, 16])], attrs: { tile: 2, inner: 8, columns: 16, texels: true } },
  ],
});
