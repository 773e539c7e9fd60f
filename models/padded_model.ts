/** A network for images whose sides it does not take: it sees them with mirrored borders. */
import { constant, type HostTensor, hostTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { gatherElements } from "../kernels/mod.ts";
import { evaluatedBy, type NoiseModel, predictionOf } from "./noise_model.ts";

/** The pixel at place k of the picture mirrored again and again without its edge pixels: ... 2 1 | 0 1 ... n-1 | n-2 ... */
function mirrored(k: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * n - 2;
  const folded = ((k % period) + period) % period;
  return folded < n ? folded : period - folded;
}

/** For every element of an image of one shape its place in another, which lies some rows and columns further in. */
function places(
  [height, width, channels]: Shape,
  [fromHeight, fromWidth]: Shape,
  top: number,
  left: number,
): HostTensor {
  const [columns, depth] = [width!, channels!];
  const index = Uint32Array.from({ length: height! * columns * depth }, (_, i) => {
    const pixel = Math.floor(i / depth);
    const row = mirrored(Math.floor(pixel / columns) + top, fromHeight!);
    const column = mirrored(pixel % columns + left, fromWidth!);
    return (row * fromWidth! + column) * depth + i % depth;
  });
  return hostTensor(index, [height!, columns, depth]);
}

/**
 * The noise model of smaller images: states are padded by reflection to the images of the model, in their middle, and
 * the prediction is cropped. Where sides are equal nothing is done.
 * @param model for images [H, W, C]
 * @param imageShape [h, w, C], h <= H and w <= W
 * @throws {TypeError} if the images are larger than those of the model, or have other channels
 */
export function paddedModel(model: NoiseModel, imageShape: Shape): NoiseModel {
  const [height = 0, width = 0, channels = 0] = imageShape;
  const [outerHeight = 0, outerWidth = 0, outerChannels = 0] = model.imageShape;
  if (height < 1 || width < 1 || height > outerHeight || width > outerWidth || channels !== outerChannels) {
    throw new TypeError(
      `Cannot pad images [${imageShape.join(", ")}]: the model takes [${
        model.imageShape.join(", ")
      }], at most as many ` +
        "pixels and as many channels are needed; make the model for larger images",
    );
  }
  if (height === outerHeight && width === outerWidth) return model;
  const [top, left] = [Math.floor((outerHeight - height) / 2), Math.floor((outerWidth - width) / 2)];
  const outward = places(model.imageShape, imageShape, -top, -left);
  const inward = places(imageShape, model.imageShape, top, left);
  const pad = (x: Tensor): Tensor => gatherElements(x, constant(outward));
  const crop = (x: Tensor): Tensor => gatherElements(x, constant(inward));
  return evaluatedBy(model, [height, width, channels], ({ xt, names, predict }) => {
    const whole = predict(pad(xt));
    return predictionOf(names, (name) => crop(whole[name]));
  });
}
