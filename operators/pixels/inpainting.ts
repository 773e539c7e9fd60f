import { constant, formatShape, type HostTensor, sameShape, type Shape } from "../../engine/mod.ts";
import { copy, mul } from "../../kernels/mod.ts";
import { choice, data, file, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { drawn, seed } from "../common_parameters.ts";
import { linearEntry, type OperatorEntry, type TaskContext } from "../entry.ts";
import { pixelValues } from "../layout.ts";
import { boxMask, type MissingBox, randomMask } from "./masks.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";

/** Parameters that say which pixels are missing: a mask, a random share, or a box. */
export const MISSING_PIXELS = {
  mask: file<HostTensor>(
    { format: "mask", replaces: ["missing", "box", "seed"] },
    "picture that marks the missing pixels",
  ) as Parameter<HostTensor | undefined>,
  missing: number(
    undefined,
    { min: 0, max: 1, option: "mask-random", replaces: ["box"], isDamage: true },
    "share of pixels missing at random in a good picture",
  ) as Parameter<number | undefined>,
  box: data<MissingBox>(
    { needed: "a box of whole numbers", fits: isBox },
    "a missing box",
  ) as Parameter<MissingBox | undefined>,
  seed: seed("a box and of random pixels") as Parameter<number>,
};

/** What tasks with missing pixels take besides. */
export const MISSING_EXTRAS = {
  keep: choice(
    "white",
    ["white", "black"],
    { option: "mask-keep", needs: "mask" },
    "colour of known pixels in the mask",
  ) as Parameter<"white" | "black">,
  colour: {
    kind: "text",
    default: undefined,
    ...{ option: "mask-colour", value: "COLOUR", replaces: ["keep"] },
    help: "colour of strokes that mark missing pixels, such as red or #ff0000, in --mask FILE or in the picture itself",
  } as Parameter<string | undefined>,
  // The 24 of 64 pixels of the usual benchmark.
  box: number(
    24 / 64,
    { min: 0, max: 1, option: "mask-box", isDamage: true },
    "side of a missing box in a good picture, as share of the picture's",
  ) as Parameter<number>,
};

/** The seed of a task, and its box. */
export function missingDefaults(context: TaskContext): { readonly seed: number; readonly box: MissingBox } {
  const [height = 0, width = 0] = context.imageShape;
  const side = (extent: number): number => Math.max(1, Math.round(extent * (context.extras["box"] as number)));
  return { ...drawn(context), box: { height: side(height), width: side(width) } };
}

/** The mask [H, W] that the parameters describe: exactly one of a mask, a box and a missing share. */
export function missingMask(
  name: string,
  imageShape: Shape,
  { mask, box, missing, seed }: ValuesOf<typeof MISSING_PIXELS>,
): HostTensor {
  const given = [mask, box, missing].filter((choice) => choice !== undefined).length;
  if (given !== 1) {
    throw new RangeError(
      `Cannot build operator "${name}": ${given} of mask, box and missing were given, ` +
        `exactly one is needed; choose what is missing in one way`,
    );
  }
  const [height, width] = checkImageShape(name, imageShape);
  if (box !== undefined) return boxMask(height, width, box, seed);
  if (missing !== undefined) return randomMask(height, width, missing, seed);
  return mask!;
}

function isBox(value: unknown): boolean {
  return typeof value === "object" && value !== null && "height" in value && "width" in value &&
    Object.entries(value).every(([key, side]) =>
      ["height", "width", "top", "left"].includes(key) && Number.isSafeInteger(side)
    );
}

/**
 * Measures the known pixels: A x = m * x with a mask m of 0 and 1, so A = A^T = A^+.
 * @param imageShape [H, W, C]
 * @param mask 1 where the picture is known and 0 where it is missing: [H, W] or [H, W, 1] for all channels, or [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or the mask has another height or width
 * @throws {RangeError} if the mask holds anything but 0 and 1
 */
export function inpainting(imageShape: Shape, mask: HostTensor): LinearOperator {
  const [height, width, channels] = checkImageShape("inpaint", imageShape);
  const shape = [height, width, channels];
  const shared = sameShape(mask.shape, [height, width]) || sameShape(mask.shape, [height, width, 1]);
  if (!shared && !sameShape(mask.shape, shape)) {
    throw new TypeError(
      `Cannot build operator "inpaint": the mask is ${formatShape(mask.shape)} and the image is ` +
        `${formatShape(shape)}, [${height}, ${width}], [${height}, ${width}, 1] or ${formatShape(shape)} is needed; ` +
        "use a mask of the image's size",
    );
  }
  const wrong = mask.data.findIndex((value) => value !== 0 && value !== 1);
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot build operator "inpaint": element ${wrong} of the mask is ${mask.data[wrong]}, ` +
        `0 (missing) or 1 (known) is needed; round the mask`,
    );
  }
  const known = pixelValues(shape, (row, column, channel) => {
    const pixel = row * width + column;
    return mask.data[shared ? pixel : pixel * channels + channel]!;
  });
  return linearOperator({
    name: "inpaint",
    imageShape: shape,
    measurementShape: shape,
    forward: (x) => mul(x, constant(known)),
    pseudoInverse: (y) => mul(y, constant(known)),
    adjoint: (y) => mul(y, constant(known)),
    spectral: () => ({
      singularValues: known,
      toSpectrum: copy,
      fromSpectrum: copy,
      toMeasurement: (c) => mul(c, constant(known)),
      fromMeasurement: (y) => mul(y, constant(known)),
    }),
  });
}

/** The known pixels of a picture. */
export const inpaint: OperatorEntry<LinearOperator, typeof MISSING_PIXELS> = linearEntry({
  name: "inpaint",
  about: "the known pixels: of a mask, or all but a box or a random share",
  parameters: MISSING_PIXELS,
  build: (imageShape, values) => inpainting(imageShape, missingMask("inpaint", imageShape, values)),
  examples: [
    { imageShape: [16, 24, 3], options: { box: { height: 8, width: 9 }, seed: 3 } },
    { imageShape: [7, 5, 3], options: { missing: 0.92, seed: 1 } },
  ],
  tasks: [{
    name: "inpaint",
    about: "fill what a mask marks as missing",
    kind: "inpainting",
    needs: "mask",
    isLocal: true,
  }],
  extras: MISSING_EXTRAS,
  defaultsFor: missingDefaults,
  knownPixels: (imageShape, values) => missingMask("inpaint", imageShape, values),
});
