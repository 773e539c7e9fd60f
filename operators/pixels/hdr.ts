/** High dynamic range: a picture whose brightness exceeds what the sensor can tell. */
import { constant, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { add, clamp, fill, linear, mul, relu, sub, weightedSum } from "../../kernels/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { numbers } from "../common_parameters.ts";
import { nonlinearEntry, type OperatorEntry } from "../entry.ts";
import { checkImageShape, type NonlinearOperator, nonlinearOperator } from "../operator.ts";

const PARAMETERS = {
  gain: number(2, { min: 0.01, max: 100 }, "how far the exposure exceeds the range") as Parameter<number>,
  /** A photo's black stays black, so its values -1 are no longer clipped ones. */
  exposures: {
    ...numbers("exposure of all channels or of each, counted from black, in place of the gain about the middle"),
    replaces: ["gain"],
  } as Parameter<ArrayLike<number> | undefined>,
};

/**
 * Clips an overexposed picture: y = clamp(gain x, -1, 1) (Zhang et al., Improving Diffusion Inverse Problem Solving with
 * Decoupled Noise Annealing, 2024), or with exposures g of the channels y = clamp(g (x + 1) - 1, -1, 1).
 * @throws {TypeError} if there is neither one exposure nor one for each channel
 * @throws {RangeError} if an exposure is not above 0
 */
function build(imageShape: Shape, { gain, exposures }: ValuesOf<typeof PARAMETERS>): NonlinearOperator {
  const shape = checkImageShape("hdr", imageShape);
  const maps = exposures ? fromBlack(shape[2], Array.from(exposures)) : {
    expose: (x: Tensor): Tensor => weightedSum([[gain, x]]),
    darken: (y: Tensor): Tensor => weightedSum([[1 / gain, y]]),
  };
  return nonlinearOperator({
    name: "hdr",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => clamp(maps.expose(x), -1, 1),
    estimate: maps.darken,
    project: (x, y) => maps.darken(exposed(maps.expose(x), y)),
  });
}

/** How steeply the share of a value that counts as clipped rises: from 0 at 1 - 2^-18 to 1 at 1; 16 bits differ by 2^-15. */
const STEEPNESS = 2 ** 18;

/**
 * The exposed picture nearest to u that is clipped to y: y where y is within the range, at least 1 where y is 1, and at
 * most -1 where y is -1.
 */
function exposed(u: Tensor, y: Tensor): Tensor {
  const one = fill(y.shape, 1);
  const beyond = (sign: 1 | -1): Tensor => {
    const isClipped = clamp(weightedSum([[sign * STEEPNESS, y], [1 - STEEPNESS, one]]), 0, 1);
    return mul(relu(weightedSum([[sign, u], [-1, one]])), isClipped);
  };
  return sub(add(y, beyond(1)), beyond(-1));
}

/** x -> g (x + 1) - 1 for each channel, and back. */
function fromBlack(channels: number, given: readonly number[]): Record<"expose" | "darken", (x: Tensor) => Tensor> {
  const exposures = given.length === 1 ? new Array<number>(channels).fill(given[0]!) : given;
  if (exposures.length !== channels) {
    throw new TypeError(
      `Cannot build operator "hdr": ${exposures.length} exposures were given, the image has ${channels} channels; ` +
        "give one for all, or one per channel",
    );
  }
  if (!exposures.every((exposure) => exposure > 0 && exposure < Infinity)) {
    throw new RangeError(
      `Cannot build operator "hdr": the exposures are ${exposures.join(", ")}, numbers above 0 are needed; use 2, 2, 2`,
    );
  }
  const scaled = (factors: readonly number[]) => (x: Tensor): Tensor => {
    const weight = hostTensor(
      Float32Array.from({ length: channels ** 2 }, (_, i) => i % (channels + 1) === 0 ? factors[i % channels]! : 0),
      [channels, channels],
    );
    const bias = hostTensor(Float32Array.from(factors, (factor) => factor - 1), [channels]);
    return linear(x, constant(weight), constant(bias));
  };
  return { expose: scaled(exposures), darken: scaled(exposures.map((exposure) => 1 / exposure)) };
}

/** The picture, exposed too long. */
export const hdr: OperatorEntry<NonlinearOperator, typeof PARAMETERS> = nonlinearEntry({
  name: "hdr",
  about: "the picture, exposed so long that bright and dark parts are clipped",
  parameters: PARAMETERS,
  build,
  projects: true,
  examples: [
    { imageShape: [16, 24, 3], options: {} },
    { imageShape: [5, 7, 1], options: { gain: 1.3 } },
    { imageShape: [5, 7, 3], options: { exposures: [2, 2.1, 1.5] } },
  ],
  tasks: [{
    name: "hdr",
    about: "recover what is clipped in an overexposed picture",
    kind: "deblurring",
    form: "picture",
  }],
});
