/** Our operator for one of the published ones, with parameters from the tensors and metadata of a reference file. */
import { elementCount, formatShape, hostTensor, type Shape } from "../engine/mod.ts";
import { createOperator, type LinearOperator, type OperatorOptions } from "../operators/mod.ts";
import {
  channelsLast,
  type ReferenceFile,
  type Settings,
  shapeChannelsLast,
  type StoredTensor,
} from "./reference_file.ts";
import { NotSupportedError, type Values } from "./row.ts";

/** An operator, and how its measurements lie in the file. */
export interface PublishedOperator {
  readonly operator: LinearOperator;
  /** Measurements of the file as the operator takes them, [N, ...measurementShape]. */
  load(stored: StoredTensor): StoredTensor;
  /** Measurements [N, ...measurementShape] as they are compared: channels last, or the vector of the file. */
  store(values: Values): Values;
}

/** What is known about a published operator. */
export interface OperatorDescription {
  /** Its name in the file, such as `sr_bicubic_x4`. */
  readonly name: string;
  /** [H, W, C] */
  readonly imageShape: Shape;
  /** Shape of the measurements as they are stored: [N, C, h, w] or [N, M]. */
  readonly measurementShape: Shape;
  /** What the metadata say about it. */
  readonly settings: Settings;
  /** What the names of its tensors may begin with, such as `deblur_gauss.`. */
  readonly prefixes: readonly string[];
}

/** Parts of a file about one operator. */
interface Source extends OperatorDescription {
  readonly file: ReferenceFile;
}

/** One family of published operators. */
interface Family {
  /** Matches the name or the class of the published code. */
  readonly pattern: RegExp;
  /** Name in our register. */
  readonly name: string;
  options(source: Source): Promise<OperatorOptions> | OperatorOptions;
  /** Places of our measurement that a stored vector lists, if it does not list all of them. */
  places?(source: Source): Promise<readonly number[]>;
}

const FAMILIES: readonly Family[] = [
  { pattern: /bicubic|SRConv/i, name: "sr_bicubic", options: (source) => ({ scale: scaleOf(source) }) },
  {
    pattern: /average|pool|sr_block|SuperResolution/i,
    name: "sr_average",
    options: (source) => ({ scale: scaleOf(source) }),
  },
  { pattern: /color/i, name: "colorize", options: colorizationOptions },
  { pattern: /^sr[ _-]?x\d+$/i, name: "sr_kernel", options: sampledOptions },
  { pattern: /blur/i, name: "deblur_gauss", options: blurOptions },
  {
    pattern: /inpaint|mask/i,
    name: "inpaint",
    options: async (source) => ({ mask: await readMask(source) }),
    places: knownPlaces,
  },
  { pattern: /denois|identity/i, name: "identity", options: () => ({}) },
  { pattern: /walsh|hadamard/i, name: "cs_hadamard", options: hadamardOptions, places: hadamardPlaces },
];

/**
 * Builds the operator that a file calls by a published name.
 * @param file the reference
 * @param description name, shapes and metadata
 * @throws {NotSupportedError} if there is no such operator here
 * @throws {CheckpointError | TypeError | RangeError} if a parameter is missing or does not fit
 */
export async function publishedOperator(
  file: ReferenceFile,
  description: OperatorDescription,
): Promise<PublishedOperator> {
  const { name, settings, imageShape, measurementShape } = description;
  const source = { ...description, file };
  const family = isPlaneBlur(source) ? PLANE_BLUR : familyOf(name, settings.text("class", ""));
  const operator = createOperator(family.name, imageShape, await family.options(source));
  const places = measurementShape.length === 2 ? await family.places?.(source) : undefined;
  return { operator, ...layoutOf(operator, measurementShape, places) };
}

/** A blur with a two-dimensional kernel as DiffPIR computes it, of which it removes no frequency. */
const PLANE_BLUR: Family = {
  pattern: /blur/i,
  name: "deblur_kernel",
  options: async (source) => ({ psf: await readKernel2d(source), boundary: "circular", threshold: 0 }),
};

function isPlaneBlur(source: Source): boolean {
  const kernel = find(source, "kernel");
  const extents = kernel === undefined ? [] : source.file.shape(kernel)!;
  const method = source.file.metadata.text("method", "");
  return /blur/i.test(source.name) && extents.length > 1 && method.startsWith("DiffPIR");
}

/** The family of an operator by its name, or else by its class; none for block compressed sensing and compositions. */
function familyOf(name: string, className: string): Family {
  const families = FAMILIES.filter(({ pattern }) => pattern.test(name));
  if (families.length === 0) families.push(...FAMILIES.filter(({ pattern }) => pattern.test(className)));
  if (families.length === 1) return families[0]!;
  throw new NotSupportedError(`there is no operator "${name}"`);
}

/**
 * How the measurements of an operator are stored whose measurements are pictures.
 * @param stored [N, C, h, w], or [N, C h w]
 */
export function pictureLayout(operator: LinearOperator, stored: Shape): Pick<PublishedOperator, "load" | "store"> {
  return layoutOf(operator, stored, undefined);
}

/** How measurements are stored: as images, as flattened images, or as the values at some places of the image. */
function layoutOf(
  { measurementShape }: LinearOperator,
  stored: Shape,
  places: readonly number[] | undefined,
): Pick<PublishedOperator, "load" | "store"> {
  const size = elementCount(measurementShape);
  const [height, width, channels] = measurementShape as [number, number, number];
  if (stored.length !== 2) {
    return {
      load: ({ data, shape }) => ({
        data: Float32Array.from(channelsLast(data, shape)),
        shape: shapeChannelsLast(shape),
      }),
      store: (values) => values,
    };
  }
  // Entry i of a stored vector lies at this place of the engine's; flattened images list one channel after the other.
  const pixels = height * width;
  const order = places ??
    Array.from({ length: size }, (_, i) => (i % pixels) * channels + Math.floor(i / pixels));
  return {
    load({ data, shape }): StoredTensor {
      if (shape.length !== 2 || shape[1] !== order.length) {
        throw new TypeError(`Cannot take a measurement of shape ${formatShape(shape)}: [N, ${order.length}] is needed`);
      }
      const loaded = new Float32Array(shape[0]! * size);
      data.forEach((value, i) => loaded[Math.floor(i / order.length) * size + order[i % order.length]!] = value);
      return { data: loaded, shape: [shape[0]!, ...measurementShape] };
    },
    store({ data, shape }): Values {
      const batch = shape[0]!;
      const vector = Float32Array.from(
        { length: batch * order.length },
        (_, i) => data[Math.floor(i / order.length) * size + order[i % order.length]!]!,
      );
      return { data: vector, shape: [batch, order.length] };
    },
  };
}

/** Name of the tensor that holds a part of the operator, such as its kernel; undefined if there is none. */
function find({ file, prefixes }: Source, part: string): string | undefined {
  return prefixes.map((prefix) => prefix + part).find((name) => file.has(name));
}

/** The reduction that the sizes of image and measurement show. */
function scaleOf({ name, imageShape, measurementShape }: Source): number {
  const [height, width, channels] = imageShape as [number, number, number];
  if (measurementShape.length === 2) return Math.round(Math.sqrt((height * width * channels) / measurementShape[1]!));
  const scale = height / measurementShape[2]!;
  if (scale === width / measurementShape[3]!) return scale;
  throw new TypeError(
    `Cannot build operator "${name}": images are ${formatShape(imageShape)} and measurements ` +
      `${formatShape(measurementShape)}, one scale for height and width is needed`,
  );
}

/** The weights of the metadata, or else of the decomposition w = U s V^T, or else the published ones. */
async function colorizationOptions(source: Source): Promise<OperatorOptions> {
  const { file, settings, measurementShape } = source;
  if (measurementShape.length === 4 && measurementShape[1] !== 1) {
    throw new NotSupportedError("there is no colorization with more than one gray channel");
  }
  if (settings.has("weights")) return { weights: settings.numbers("weights") };
  const names = ["U", "s", "V"].map((part) => find(source, part));
  if (names.includes(undefined)) return {};
  const [u, s, v] = await Promise.all(names.map((name) => file.read(name!)));
  const [rows, columns] = v!.shape as [number, number];
  const scale = u!.data[0]! * s!.data[0]!;
  return { weights: Array.from({ length: rows }, (_, channel) => scale * v!.data[channel * columns]!) };
}

/** Scale and kernel, of which the published program removes no frequency. */
async function sampledOptions(source: Source): Promise<OperatorOptions> {
  return { scale: scaleOf(source), psf: await readKernel2d(source), threshold: 0 };
}

/** The kernel [h, w] of an operator, stored as [h, w] or [1, 1, h, w]. */
async function readKernel2d(source: Source): Promise<NonNullable<OperatorOptions["psf"]>> {
  const { file, name } = source;
  const tensor = find(source, "kernel");
  const stored = tensor === undefined ? undefined : await file.read(tensor);
  const extents = stored?.shape.slice(-2) ?? [];
  if (stored && extents.length === 2 && elementCount(extents) === stored.data.length) {
    return hostTensor(stored.data, extents);
  }
  const found = stored ? `the kernel is ${formatShape(stored.shape)}` : "the file has no kernel for it";
  throw new TypeError(`Cannot build operator "${name}": ${found}, [h, w] or [1, 1, h, w] is needed`);
}

/** Kernels, and for the published pairing of singular values the decompositions and their order. */
async function blurOptions(source: Source): Promise<OperatorOptions> {
  const { file, name, settings, imageShape } = source;
  const text = `${name} ${settings.text("class", "")}`;
  if (/motion|nonlinear|non-linear/i.test(text)) throw new NotSupportedError(`there is no operator "${name}"`);
  const kernelName = find(source, "kernel");
  if (kernelName && file.shape(kernelName)!.length !== 1) {
    throw new NotSupportedError("the border of a blur with a two-dimensional kernel is known of DiffPIR alone");
  }
  const isTwofold = /aniso|2D\b/i.test(text) || find(source, "kernel1") !== undefined;
  const taps = settings.number("kernel_size", 9);
  const shape: OperatorOptions = isTwofold
    ? await twoKernels(source, taps)
    : kernelName
    ? { kernel: (await file.read(kernelName)).data }
    : /uni/.test(name)
    ? { kernel: new Array<number>(taps).fill(1 / taps) }
    : { taps, sigma: settings.number("sigma", 15) };
  if (/matched/.test(text)) return { ...shape, variant: "published_matched" };
  const permutation = find(source, "perm");
  const isSquare = imageShape[0] === imageShape[1];
  const factors = isSquare ? await factorsOf(source, isTwofold ? "1" : "") : undefined;
  const factorsWidth = isSquare && isTwofold ? await factorsOf(source, "2") : undefined;
  return {
    ...shape,
    variant: "published",
    ...(permutation ? { permutation: await file.readNumbers(permutation) } : {}),
    ...(factors ? { factors } : {}),
    ...(factorsWidth ? { factorsWidth } : {}),
  };
}

/** The kernels along height and width: those of the file, or else Gaussians as wide as the published ones. */
async function twoKernels(source: Source, taps: number): Promise<OperatorOptions> {
  const { file, settings } = source;
  const [first, second] = ["kernel1", "kernel2"].map((part) => find(source, part));
  if (first && second) return { kernel: (await file.read(first)).data, kernelWidth: (await file.read(second)).data };
  const gaussian = (sigma: number): readonly number[] => {
    const middle = (taps - 1) / 2;
    const weights = Array.from({ length: taps }, (_, k) => Math.exp(-0.5 * ((k - middle) / sigma) ** 2));
    const sum = weights.reduce((a, b) => a + b, 0);
    return weights.map((weight) => weight / sum);
  };
  return { kernel: gaussian(settings.number("sigma1", 1)), kernelWidth: gaussian(settings.number("sigma2", 20)) };
}

/** U, s and V of a 1-D factor, if the file holds them all. */
async function factorsOf(source: Source, ending: string): Promise<OperatorOptions["factors"] | undefined> {
  const [u, s, v] = ["U", "s", "V"].map((part) => find(source, part + ending));
  if (!u || !s || !v) return undefined;
  const [left, values, right] = [await source.file.read(u), await source.file.read(s), await source.file.read(v)];
  return { u: left.data, s: values.data, v: right.data };
}

/** The mask of the operator, [H, W] or [H, W, C], from `mask` or from the tensor that the metadata name. */
async function readMask(source: Source): Promise<NonNullable<OperatorOptions["mask"]>> {
  const { file, name, settings, imageShape } = source;
  const named = settings.text("mask", "");
  const tensor = file.has(named) ? named : find(source, "mask");
  if (tensor === undefined) throw new TypeError(`Cannot build operator "${name}": the file has no mask for it`);
  const data = await file.readNumbers(tensor);
  const [height, width, channels] = imageShape as [number, number, number];
  const shape = file.shape(tensor)!;
  const fits = shape.at(-2) === height && shape.at(-1) === width;
  const planes = data.length / (height * width);
  if (!fits || (planes !== 1 && planes !== channels)) {
    throw new TypeError(
      `Cannot build operator "${name}": the mask "${tensor}" is ${formatShape(shape)}, ` +
        `[1, 1, ${height}, ${width}] or [1, ${channels}, ${height}, ${width}] is needed`,
    );
  }
  const values = Float32Array.from(channelsLast(data, [1, planes, height, width]));
  return hostTensor(values, [height, width, planes]);
}

/** The share of coefficients that the measurement holds, and their order, which the file must hold. */
async function hadamardOptions(source: Source): Promise<OperatorOptions> {
  const { file, name, imageShape, measurementShape } = source;
  const permutation = find(source, "perm");
  if (permutation === undefined || measurementShape.length !== 2) {
    throw new TypeError(`Cannot build operator "${name}": the file has no order of coefficients "${name}.perm" for it`);
  }
  return { ratio: measurementShape[1]! / elementCount(imageShape), permutation: await file.readNumbers(permutation) };
}

/** Entry k * C + channel of a stored measurement is the coefficient that stands k-th in the order. */
async function hadamardPlaces(source: Source): Promise<readonly number[]> {
  const { permutation } = await hadamardOptions(source);
  const channels = source.imageShape[2]!;
  return Array.from(
    { length: source.measurementShape[1]! },
    (_, i) => permutation![Math.floor(i / channels)]! * channels + i % channels,
  );
}

/** Places pixel * C + channel of the known values, ascending, which is how the measurement lists them. */
async function knownPlaces(source: Source): Promise<readonly number[]> {
  const mask = await readMask(source);
  const repeats = source.imageShape[2]! / mask.shape[2]!;
  return Array.from({ length: elementCount(source.imageShape) }, (_, place) => place)
    .filter((place) => mask.data[Math.floor(place / repeats)] === 1);
}
