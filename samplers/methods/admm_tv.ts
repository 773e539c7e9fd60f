/**
 * Total variation, without any network: the image that minimises |y - A x|^2/2 + lambda sum |(D x)_i| by ADMM. Rudin,
 * Osher, Fatemi, Physica D 1992; Boyd et al., Foundations and Trends in Machine Learning 2011.
 */
import { constant, type DeviceTensor, elementCount, hostTensor, type Tensor, type Tensors } from "../../engine/mod.ts";
import { add, gatherElements, NO_ELEMENT, shrink, sub, weightedSum } from "../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { iterations } from "../common_parameters.ts";
import { conjugateGradients } from "../steps/conjugate_gradients.ts";
import { sampler } from "../entry.ts";
import { pseudoInverseOf, trajectory } from "../steps/run.ts";
import type { Progress, Sampler } from "../sampler.ts";

const PARAMETERS = {
  steps: integer(100, { min: 1, max: 10000 }, "number of iterations") as Parameter<number>,
  lambda: number(0.027, { min: 0 }, "weight of the variation") as Parameter<number>,
  rho: number(0.01, { min: 1e-9 }, "weight of the agreement") as Parameter<number>,
  iterations: iterations(10) as Parameter<number>,
};

/** Parameters of ADMM-TV. */
export type AdmmTvOptions = ValuesOf<typeof PARAMETERS>;

/**
 * ADMM-TV: x <- argmin |A x - y|^2/2 + rho/2 |D x - d + u|^2, d <- shrink(D x + u, lambda/rho), u <- u + D x - d, from
 * A^+ y.
 */
export const admmTv: Sampler<AdmmTvOptions> = sampler({
  name: "admm_tv",
  paper: "Rudin, Osher, Fatemi, Nonlinear total variation based noise removal algorithms, Physica D 1992",
  about: "total variation, without any network",
  parameters: PARAMETERS,
  published: { deblurring: { rho: 0.14 } },
  evaluations: () => ({ nominal: 0, actual: 0 }),
  async *restore(runtime, problem, { steps, lambda, rho, iterations }): AsyncGenerator<Progress, DeviceTensor> {
    const { operator, y } = problem;
    const [dh, dw] = [difference(operator.imageShape, 0), difference(operator.imageShape, 1)];
    const smooth = (h: Tensor, w: Tensor): Tensor => add(dh.adjoint(h), dw.adjoint(w));
    type Names = "x" | "y" | "dx" | "dy" | "ux" | "uy";
    const stage = runtime.stage("admm_tv", ({ x, y, dx, dy, ux, uy }: Tensors<Names>) => {
      const apply = (p: Tensor): Tensor =>
        weightedSum([[1, operator.adjoint(operator.forward(p))], [rho, smooth(dh.forward(p), dw.forward(p))]]);
      const vertical = weightedSum([[1, dx], [-1, ux], [-1, dh.forward(x)]]);
      const horizontal = weightedSum([[1, dy], [-1, uy], [-1, dw.forward(x)]]);
      const residual = weightedSum([
        [1, operator.adjoint(sub(y, operator.forward(x)))],
        [rho, smooth(vertical, horizontal)],
      ]);
      const image = conjugateGradients(apply, { start: x, residual }, { iterations });
      const [h, w] = [add(dh.forward(image), ux), add(dw.forward(image), uy)];
      const [sh, sw] = shrink(h, w, lambda / rho);
      return { x: image, dx: sh, dy: sw, ux: sub(h, sh), uy: sub(w, sw) };
    });
    const first = await pseudoInverseOf(runtime, problem);
    const zero = runtime.upload(new Float32Array(elementCount(first.shape)), first.shape);
    let state = { x: first, dx: zero, dy: zero, ux: zero, uy: zero };
    const run = { start: first, places: new Array(steps).fill(0), stages: [stage, { release: () => zero.free() }] };
    return yield* trajectory(run, async (_x, _place, k) => {
      state = await stage({ ...state, y }, {});
      return { name: String(k), x0: state.x, xt: state.x, evaluations: 0 };
    });
  },
});

/** Differences along one side and their adjoint, as maps of tensors. */
interface Difference {
  forward(x: Tensor): Tensor;
  adjoint(d: Tensor): Tensor;
}

/**
 * Differences to the next pixel, (D x)_i = x_{i+1} - x_i and 0 in the last place, and D^T of such differences.
 * @param axis 0 along the height, 1 along the width
 */
function difference(imageShape: readonly number[], axis: 0 | 1): Difference {
  const [height, width, channels] = imageShape as [number, number, number];
  const stride = axis === 0 ? width * channels : channels;
  const extent = axis === 0 ? height : width;
  const place = (i: number): number => Math.floor(i / stride) % extent;
  const size = elementCount(imageShape);
  const next = Uint32Array.from({ length: size }, (_, i) => place(i) === extent - 1 ? i : i + stride);
  const previous = Uint32Array.from({ length: size }, (_, i) => place(i) === 0 ? NO_ELEMENT : i - stride);
  const [after, before] = [hostTensor(next, imageShape), hostTensor(previous, imageShape)];
  return {
    forward: (x) => sub(gatherElements(x, constant(after)), x),
    adjoint: (d) => sub(gatherElements(d, constant(before)), d),
  };
}
