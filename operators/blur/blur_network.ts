/** Blur that a network makes of a picture and a random code, which need not be linear. */
import { constant, formatShape, type HostTensor, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { add, clamp, conv2d, copy, fill, gatherElements, relu, weightedSum } from "../../kernels/mod.ts";
import { file, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { drawn, seed } from "../common_parameters.ts";
import { nonlinearEntry, type OperatorEntry } from "../entry.ts";
import { draws } from "../draws.ts";
import { gaussianKernel2d } from "./kernels_2d.ts";
import { pixelPlaces, pixelValues } from "../layout.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";

/** One convolution of a blur network. */
export interface BlurLayer {
  /** [KH, KW, Cin, Cout], KH and KW odd. */
  readonly weight: HostTensor;
  /** [Cout] */
  readonly bias: HostTensor;
}

/**
 * A blur as convolutions with max(x, 0) between them, from pictures in [0, 1] to pictures in [0, 1]. The first one reads
 * the C channels of the picture and then those of the code; the last one gives C channels.
 */
export interface BlurNetwork {
  /** The convolutions, at least one. */
  readonly layers: readonly BlurLayer[];
}

const PARAMETERS = {
  network: file<BlurNetwork>(
    { option: "blur-network", format: "blur network" },
    "convolutions layers.0, layers.1, ... with max(x, 0) between them, see docs/samplers.md; else one that smears lights",
  ) as Parameter<BlurNetwork | undefined>,
  seed: seed("the code of the network") as Parameter<number>,
};

/** Standard deviation of the code, as published. */
const CODE_DEVIATION = 1.2;

/** Numbers of the code for each channel of it, in each of the two directions. */
const CODE_SIDE = 2;

/**
 * A small blur network: dark parts become a little soft, what is brighter than a threshold is smeared along a line,
 * k0 x + max(k1 x - t, 0) - max(k0 x - t, 0); the threshold t = 0.5 + 0.1 times the code varies over the picture.
 * @param channels channels C of the picture
 * @returns layers of 9 x 9 and of 1 x 1 taps; the code has one channel
 */
export function smearingLights(channels: number): BlurNetwork {
  const side = 9;
  const soft = gaussianKernel2d(side, 1).data;
  const line = soft.map((_, tap) => Math.floor(tap / side) === tap % side ? 1 / side : 0);
  const hidden = 3 * channels;
  const first = new Float32Array(side * side * (channels + 1) * hidden);
  const middle = (side * side - 1) / 2;
  for (let tap = 0; tap < side * side; tap++) {
    for (let out = 0; out < hidden; out++) {
      const kernel = Math.floor(out / channels) === 1 ? line : soft;
      first[(tap * (channels + 1) + out % channels) * hidden + out] = kernel[tap]!;
      if (tap === middle && out >= channels) first[(tap * (channels + 1) + channels) * hidden + out] = -0.1;
    }
  }
  const last = new Float32Array(hidden * channels);
  for (let input = 0; input < hidden; input++) {
    last[input * channels + input % channels] = Math.floor(input / channels) === 2 ? -1 : 1;
  }
  const bias = Float32Array.from({ length: hidden }, (_, out) => out < channels ? 0 : -0.5);
  return {
    layers: [
      { weight: hostTensor(first, [side, side, channels + 1, hidden]), bias: hostTensor(bias, [hidden]) },
      { weight: hostTensor(last, [1, 1, hidden, channels]), bias: hostTensor(new Float32Array(channels), [channels]) },
    ],
  };
}

/**
 * Measures y = clamp(2 f((x + 1)/2, code) - 1, -1, 1) with a network f. The code is drawn once, when the operator is
 * built: 2 x 2 normal numbers of deviation 1.2 for each of its channels, linearly interpolated over the picture. Beyond
 * the border the outermost pixel goes on.
 * @throws {TypeError} if the layers do not fit each other or the picture
 */
function build(imageShape: Shape, { network, seed }: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const shape = checkImageShape("deblur_network", imageShape);
  const [height, width, channels] = shape;
  const { layers } = network ?? smearingLights(channels);
  const codes = checkLayers(layers, channels);
  const [rows, columns] = [0, 1].map((axis) => layers.reduce((sum, { weight }) => sum + weight.shape[axis]! - 1, 0));
  const padded = [height + rows!, width + columns!, channels] as const;
  const border = edgeRepeated(shape, padded);
  const [{ weight, bias }, ...rest] = layers as readonly [BlurLayer, ...BlurLayer[]];
  const ofPicture = inputChannels(weight, 0, channels);
  const ofCode = codes === 0 ? undefined : inputChannels(weight, channels, channels + codes);
  const code = ofCode && codeImage(padded, codes, seed);
  return nonlinearOperator({
    name: "deblur_network",
    imageShape: shape,
    measurementShape: shape,
    forward(x): Tensor {
      const light = weightedSum([[0.5, gatherElements(x, constant(border))]]);
      const whole = add(light, fill(light.shape, 0.5));
      const seen = conv2d(whole, constant(ofPicture), { bias: constant(bias) });
      let blurred = code && ofCode ? add(seen, conv2d(constant(code), constant(ofCode))) : seen;
      for (const layer of rest) {
        blurred = conv2d(relu(blurred), constant(layer.weight), { bias: constant(layer.bias) });
      }
      return clamp(add(weightedSum([[2, blurred]]), fill(blurred.shape, -1)), -1, 1);
    },
    estimate: copy,
  });
}

/** Makes sure that the layers fit; returns the number of channels of the code. */
function checkLayers(layers: readonly BlurLayer[], channels: number): number {
  const refuse = (found: string, needed: string): never => {
    throw new TypeError(`Cannot build operator "deblur_network": ${found}, ${needed} is needed; correct the network`);
  };
  let width: number | undefined;
  for (const [index, { weight, bias }] of layers.entries()) {
    const [height = 0, breadth = 0, input = 0, output = 0] = weight.shape;
    const isOdd = weight.shape.length === 4 && height % 2 === 1 && breadth % 2 === 1;
    if (!isOdd || weight.dtype !== "f32" || (width === undefined ? input < channels : input !== width)) {
      refuse(
        `the weight of layer ${index} is ${weight.dtype} ${formatShape(weight.shape)}`,
        `f32 [odd, odd, ${width ?? `${channels} or more`}, channels]`,
      );
    }
    if (formatShape(bias.shape) !== formatShape([output])) {
      refuse(`the bias of layer ${index} is ${formatShape(bias.shape)}`, formatShape([output]));
    }
    width = output;
  }
  if (width !== channels) {
    refuse(`the network gives ${width ?? 0} channels`, `as many as the picture has, ${channels},`);
  }
  return layers[0]!.weight.shape[2]! - channels;
}

/** The part of a weight that reads some of the input channels. */
function inputChannels({ data, shape }: HostTensor, begin: number, end: number): HostTensor {
  const [height, width, input, output] = shape as readonly [number, number, number, number];
  const part = new Float32Array(height * width * (end - begin) * output);
  for (let tap = 0; tap < height * width; tap++) {
    const row = data.subarray((tap * input + begin) * output, (tap * input + end) * output);
    part.set(row, tap * (end - begin) * output);
  }
  return hostTensor(part, [height, width, end - begin, output]);
}

/** Where the elements of a picture with borders come from. */
function edgeRepeated([height, width]: Shape, to: readonly [number, number, number]): HostTensor {
  const inside = (place: number, outer: number, extent: number): number =>
    Math.min(Math.max(place - (outer - extent) / 2, 0), extent - 1);
  return pixelPlaces(
    to,
    width!,
    (row, column) => [inside(row, to[0], height!), inside(column, to[1], width!)],
  );
}

/** The code [1, H, W, K]: normal numbers in the corners, interpolated. */
function codeImage([height, width]: readonly [number, number, number], codes: number, seed: number): HostTensor {
  const { normal } = draws(seed);
  const corners = Float64Array.from({ length: CODE_SIDE * CODE_SIDE * codes }, () => CODE_DEVIATION * normal());
  const { data } = pixelValues([height, width, codes], (row, column, code) => {
    const [v, u] = [row / Math.max(1, height - 1), column / Math.max(1, width - 1)];
    const at = (row: number, column: number): number => corners[(row * CODE_SIDE + column) * codes + code]!;
    return (1 - v) * ((1 - u) * at(0, 0) + u * at(0, 1)) + v * ((1 - u) * at(1, 0) + u * at(1, 1));
  });
  return hostTensor(data, [1, height, width, codes]);
}

/** Blur by a network. */
export const deblurNetwork: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "deblur_network",
  about: "the picture blurred by a network with a random code",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [16, 24, 3], options: { seed: 3 } },
    { imageShape: [5, 7, 1], options: {} },
  ],
  tasks: [{
    name: "deblur-network",
    about: "sharpen a picture blurred by a network: that of a file, or one that smears lights",
    kind: "deblurring",
    form: "picture",
  }],
  defaultsFor: drawn,
});
