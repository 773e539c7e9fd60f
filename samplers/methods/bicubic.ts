import { constant, type HostTensor, hostTensor, type Tensor } from "../../engine/mod.ts";
import { separable } from "../../kernels/mod.ts";
import { cubic, type LinearOperator } from "../../operators/mod.ts";
import { baseline } from "./baseline.ts";
import type { Sampler } from "../sampler.ts";

/**
 * The baseline of super-resolution: the measured picture Y enlarged by bicubic interpolation, L Y R^T of every channel.
 * With measured pixel j at pixel o + s j of the image, row i of L and of R has the weights cubic((i - o) / s - j), cut at
 * the border and divided by their sum. The reduction is s, and o = (s - 1) / 2 for means and bicubic reduction, 0 for a
 * kernel whose every s-th value is kept.
 */
export const bicubic: Sampler<object> = baseline({
  name: "bicubic",
  paper: "Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981; a = -1/2",
  about: "the measurement enlarged, without any network: for sr tasks",
  image({ operator }): (y: Tensor) => Tensor {
    const [left, right] = factors(operator);
    return (y) => separable(constant(left), y, constant(right));
  },
});

/** The place o where a measured pixel lies amid the pixels that it stands for. */
function amid(scale: number): number {
  return (scale - 1) / 2;
}

/** The operators whose measurement is the picture with fewer pixels, with the place o of the first measured pixel. */
const REDUCTIONS: ReadonlyMap<string, (scale: number) => number> = new Map([
  ["sr_average", amid],
  ["sr_area", amid],
  ["sr_bicubic", amid],
  ["sr_kernel", () => 0],
]);

/** The enlarging matrices [H, h] and [W, w]. */
function factors({ name, imageShape, measurementShape }: LinearOperator): readonly [HostTensor, HostTensor] {
  const first = REDUCTIONS.get(name);
  if (!first) {
    throw new TypeError(
      `Cannot run bicubic on "${name}": its measurement is no smaller picture; ` +
        `the operators that work are ${Array.from(REDUCTIONS.keys()).join(", ")}`,
    );
  }
  return [
    enlargement(measurementShape[0]!, imageShape[0]!, first),
    enlargement(measurementShape[1]!, imageShape[1]!, first),
  ];
}

/** The matrix [target, source] that interpolates. */
function enlargement(source: number, target: number, first: (scale: number) => number): HostTensor {
  const scale = target / source;
  const data = new Float32Array(target * source);
  for (let row = 0; row < target; row++) {
    const place = (row - first(scale)) / scale;
    const weights = Array.from({ length: source }, (_, column) => cubic(place - column));
    const sum = weights.reduce((a, b) => a + b, 0);
    data.set(weights.map((weight) => weight / sum), row * source);
  }
  return hostTensor(data, [target, source]);
}
