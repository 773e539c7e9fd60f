/** Shape checks that the image metrics share. */
import { elementCount, formatShape, type Shape } from "../engine/mod.ts";

/**
 * Makes sure that two images have this shape.
 * @param metric name for the message
 * @param shape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image, or an image has another number of values
 */
export function checkImages(
  metric: string,
  a: Float32Array,
  b: Float32Array,
  shape: Shape,
): readonly [number, number, number] {
  const [height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 3 || elementCount(shape) === 0) {
    throw new TypeError(`Cannot compute ${metric}: the shape is ${formatShape(shape)}, [H, W, C] is needed`);
  }
  if (a.length !== elementCount(shape) || b.length !== elementCount(shape)) {
    throw new TypeError(
      `Cannot compute ${metric} of shape ${formatShape(shape)}: the images have ${a.length} and ${b.length} values, ` +
        `${elementCount(shape)} are needed`,
    );
  }
  return [height, width, channels];
}
