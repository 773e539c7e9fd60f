import {
  constant,
  elementCount,
  formatShape,
  type HostTensor,
  hostTensor,
  sameShape,
  type Shape,
} from "../engine/mod.ts";
import { copy, mul } from "../kernels/mod.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";

/** Parameters of `inpainting`. */
export interface InpaintingOptions {
  /** 1 where the picture is known and 0 where it is missing: [H, W] or [H, W, 1] for all channels, or [H, W, C]. */
  readonly mask: HostTensor;
}

/**
 * Measures the known pixels: A x = m * x with a mask m of 0 and 1, so A = A^T = A^+.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or the mask has another height or width
 * @throws {RangeError} if the mask holds anything but 0 and 1
 */
export function inpainting(imageShape: Shape, { mask }: InpaintingOptions): LinearOperator {
  const [height, width, channels] = checkImageShape("inpaint", imageShape);
  const shape = [height, width, channels];
  const shared = sameShape(mask.shape, [height, width]) || sameShape(mask.shape, [height, width, 1]);
  if (!shared && !sameShape(mask.shape, shape)) {
    throw new TypeError(
      `Cannot build operator "inpaint": the mask is ${formatShape(mask.shape)} and the image is ${
        formatShape(shape)
      }, ` +
        `[${height}, ${width}], [${height}, ${width}, 1] or ${
          formatShape(shape)
        } is needed; use a mask of the image's size`,
    );
  }
  const wrong = mask.data.findIndex((value) => value !== 0 && value !== 1);
  if (wrong >= 0) {
    throw new RangeError(
      `Cannot build operator "inpaint": element ${wrong} of the mask is ${mask.data[wrong]}, ` +
        `0 (missing) or 1 (known) is needed; round the mask`,
    );
  }
  const repeats = shared ? channels : 1;
  const elements = new Float32Array(elementCount(shape));
  for (let i = 0; i < elements.length; i++) elements[i] = mask.data[Math.floor(i / repeats)]!;
  const known = hostTensor(elements, shape);
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
