/** Computed tomography with parallel rays: projections from few views, or from a limited arc. */
import { constant, hostTensor, type Shape, type Tensor } from "../engine/mod.ts";
import { alongWidth, backProject, radon, weightedSum } from "../kernels/mod.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "./operator.ts";
import { matrix, matrixTensor } from "./spectrum.ts";

/** Parameters of `tomography`. */
export interface TomographyOptions {
  /** Number of views; default 30. */
  readonly views?: number;
  /** Arc that the views share evenly, its end left out, in degrees, greater than 0, at most 180; default 180. */
  readonly arc?: number;
}

/** The Ram-Lak filter of rays one bin apart: 1/4, and -1 / (pi n)^2 at odd distances n. */
function rampFilter(bins: number): ReturnType<typeof matrix> {
  return matrix(bins, bins, (row, column) => {
    const distance = Math.abs(row - column);
    if (distance === 0) return 1 / 4;
    return distance % 2 === 1 ? -1 / (Math.PI * distance) ** 2 : 0;
  });
}

/**
 * Measures the sums of the picture along parallel rays, [views, bins, C], bins as wide as pixels and enough of them for
 * the diagonal. A^T y is the exact adjoint (unfiltered back-projection); filtered back-projection stands for A^+.
 * Sparse-view tomography has few views of 180 degrees, limited-angle tomography a smaller arc.
 * @param imageShape [H, W, C]
 * @throws {TypeError} if the shape is not that of an image
 * @throws {RangeError} if a parameter is out of range
 */
export function tomography(imageShape: Shape, { views = 30, arc = 180 }: TomographyOptions = {}): LinearOperator {
  const [height, width, channels] = checkImageShape("ct", imageShape);
  if (!Number.isSafeInteger(views) || views < 1 || views > 4096 || !(arc > 0 && arc <= 180)) {
    throw new RangeError(
      `Cannot build operator "ct": there are ${views} views of ${arc} degrees, an integer from 1 to 4096 and a number ` +
        `greater than 0 and at most 180 are needed; use 30 and 180`,
    );
  }
  const bins = Math.ceil(Math.hypot(height, width)) + 2;
  const step = arc * Math.PI / 180 / views;
  const directions = hostTensor(
    Float32Array.from({ length: 2 * views }, (_, i) => {
      const angle = Math.floor(i / 2) * step;
      return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
    }),
    [views, 2],
  );
  const filter = matrixTensor(rampFilter(bins));
  const back = (y: Tensor): Tensor => backProject(y, constant(directions), { height, width });
  return linearOperator({
    name: "ct",
    imageShape: [height, width, channels],
    measurementShape: [views, bins, channels],
    forward: (x) => radon(x, constant(directions), bins),
    adjoint: back,
    pseudoInverse: (y) => weightedSum([[step, back(alongWidth(constant(filter), y))]]),
    isApproximate: true,
  });
}
