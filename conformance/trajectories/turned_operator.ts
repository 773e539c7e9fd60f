/**
 * Operators with the basis of a file, as the DDNM+ program with singular values uses it: noise and eps are taken for
 * coefficients as they are, each at the pixel that it stands on, and V is applied to them without V^T before. So the
 * states depend on the basis. Its classes for bicubic reduction and block compressed sensing have no such rule.
 */
import { constant, elementCount, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { gatherElements, linear, mul, NO_ELEMENT } from "../../kernels/mod.ts";
import type { LinearOperator, SpectralForm } from "../../operators/mod.ts";
import type { ReferenceFile } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";

/**
 * The operator with a spectral form whose coefficients [H, W, C] stand on the pixels of the image, and which takes an
 * image for its coefficients.
 * @throws {NotSupportedError} if the program has no such rule for the operator
 * @throws {CheckpointError} if a factor is missing
 */
export async function turnedOperator(file: ReferenceFile, operator: LinearOperator): Promise<LinearOperator> {
  const form = { ...await turnedForm(file, operator), toSpectrum: (x: Tensor): Tensor => x };
  return { ...operator, spectral: () => form };
}

type TurnedForm = Omit<SpectralForm, "toSpectrum">;

async function turnedForm(file: ReferenceFile, operator: LinearOperator): Promise<TurnedForm> {
  switch (operator.name) {
    case "colorize":
      return await pixelForm(file, operator);
    case "sr_average":
      return await blockForm(file, operator);
    case "deblur_gauss":
      return await blurForm(file, operator);
    case "cs_hadamard":
      return operator.spectral!();
    default:
      throw new NotSupportedError(`the published program has no DDNM+ with noise for "${operator.name}"`);
  }
}

/** V of every pixel, its first column that of the singular value. */
async function pixelForm(file: ReferenceFile, { imageShape }: LinearOperator): Promise<TurnedForm> {
  const { columns, size, scale, sign } = await smallFactors(file);
  const first = Array.from({ length: size }, (_, k) => k === 0 ? sign : 0);
  const values = new Float32Array(elementCount(imageShape));
  for (let i = 0; i < values.length; i += size) values[i] = scale;
  return {
    singularValues: hostTensor(values, imageShape),
    fromSpectrum: (c) => linear(c, constant(columns)),
    toMeasurement: (c) => linear(c, constant(hostTensor(Float32Array.from(first), [size, 1]))),
    fromMeasurement: (y) => linear(y, constant(hostTensor(Float32Array.from(first), [1, size]))),
  };
}

/** V of every block: coefficient k stands on pixel k of the block, row after row. */
async function blockForm(file: ReferenceFile, { imageShape, measurementShape }: LinearOperator): Promise<TurnedForm> {
  const { columns, size, scale, sign } = await smallFactors(file);
  const [height, width, channels] = imageShape as [number, number, number];
  const side = Math.round(Math.sqrt(size));
  const across = width / side;
  const blocks: Shape = [height / side, across, channels, size];
  const [apart, together] = [new Uint32Array(elementCount(blocks)), new Uint32Array(elementCount(blocks))];
  const first = new Uint32Array(apart.length).fill(NO_ELEMENT);
  for (let i = 0; i < apart.length; i++) {
    const [k, channel, block] = [i % size, Math.floor(i / size) % channels, Math.floor(i / (size * channels))];
    const row = Math.floor(block / across) * side + Math.floor(k / side);
    const pixel = row * width + (block % across) * side + k % side;
    apart[i] = pixel * channels + channel;
    together[pixel * channels + channel] = i;
    if (k === 0) first[pixel * channels + channel] = block * channels + channel;
  }
  const values = Float32Array.from(first, (place) => place === NO_ELEMENT ? 0 : scale);
  const leading = Uint32Array.from(apart.filter((_, i) => i % size === 0));
  const signs = (shape: Shape): Tensor => constant(hostTensor(new Float32Array(elementCount(shape)).fill(sign), shape));
  return {
    singularValues: hostTensor(values, imageShape),
    fromSpectrum: (c) =>
      gatherElements(
        linear(gatherElements(c, constant(hostTensor(apart, blocks))), constant(columns)),
        constant(hostTensor(together, imageShape)),
      ),
    toMeasurement: (c) =>
      mul(gatherElements(c, constant(hostTensor(leading, measurementShape))), signs(measurementShape)),
    fromMeasurement: (y) => gatherElements(mul(y, signs(measurementShape)), constant(hostTensor(first, imageShape))),
  };
}

/**
 * The blur's own decomposition, but with the singular values that the rule uses: not cut off, and paired rightly. A^+
 * has others, whose ratio goes to the measurement.
 */
async function blurForm(file: ReferenceFile, operator: LinearOperator): Promise<TurnedForm> {
  const base = operator.spectral!();
  const [height, width, channels] = operator.imageShape as [number, number, number];
  const isTwofold = has(file, "s1");
  const rows = await readPart(file, isTwofold ? ["s1_raw", "s1"] : ["s_raw", "s"]);
  const columns = isTwofold ? await readPart(file, ["s2_raw", "s2"]) : rows;
  const shape = operator.imageShape;
  const values = Float32Array.from({ length: height * width * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return rows[Math.floor(pixel / width)]! * columns[pixel % width]!;
  });
  const ratios = values.map((value, i) => {
    const gain = base.singularValues.data[i]!;
    return gain === 0 ? 0 : value / gain;
  });
  return {
    ...base,
    singularValues: hostTensor(values, shape),
    fromMeasurement: (y) => mul(base.fromMeasurement(y), constant(hostTensor(ratios, shape))),
  };
}

/** V of `svd.V` as a factor for rows of coefficients, with the singular value and the sign of U. */
async function smallFactors(file: ReferenceFile): Promise<{
  readonly columns: ReturnType<typeof hostTensor>;
  readonly size: number;
  readonly scale: number;
  readonly sign: number;
}> {
  const { data, shape } = await file.read("svd.V");
  const size = shape[0]!;
  const turned = Float32Array.from(data, (_, i) => data[(i % size) * size + Math.floor(i / size)]!);
  return {
    columns: hostTensor(turned, shape),
    size,
    scale: (await file.read("svd.s")).data[0]!,
    sign: (await file.read("svd.U")).data[0]!,
  };
}

function has(file: ReferenceFile, part: string): boolean {
  return file.has(`svd.${part}`);
}

/** The first of some parts of the decomposition that the file holds. */
async function readPart(file: ReferenceFile, parts: readonly string[]): Promise<Float32Array> {
  const part = parts.find((part) => has(file, part)) ?? parts.at(-1)!;
  return (await file.read(`svd.${part}`)).data;
}
