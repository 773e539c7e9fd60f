/** Computed tomography with parallel rays: projections from few views, or from a limited arc. */
import { constant, hostTensor, type Shape, type Tensor } from "../../engine/mod.ts";
import { alongWidth, backProject, radon, weightedSum } from "../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { checkImageShape, type LinearOperator, linearOperator } from "../operator.ts";
import { matrix, matrixTensor } from "../matrix.ts";

const PARAMETERS = {
  views: integer(30, { min: 1, max: 4096 }, "number of views") as Parameter<number>,
  arc: number(180, { min: 1, max: 180 }, "degrees that the views share evenly, the end left out") as Parameter<number>,
};

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
 * @throws {TypeError} if the shape is not that of an image
 */
function build(imageShape: Shape, { views, arc }: ValuesOf<typeof PARAMETERS>): LinearOperator {
  const [height, width, channels] = checkImageShape("ct", imageShape);
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

/** Parallel rays. */
export const ct: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "ct",
  about: "sums along parallel rays, from few views or a limited arc",
  parameters: PARAMETERS,
  build,
  examples: [
    { imageShape: [15, 22, 1], options: { views: 9 } },
    { imageShape: [12, 9, 3], options: { views: 7, arc: 60 } },
  ],
  tasks: [{
    name: "ct",
    about: "computed tomography: from sums along parallel rays",
    kind: "inpainting",
    form: "values",
  }],
});
