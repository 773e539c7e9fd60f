/** Learning the coefficients of linear extrapolation for DDNM from pictures, by least squares step after step. */
import type { DeviceTensor, Runtime, Tensors } from "../../../engine/mod.ts";
import { sub, weightedSum } from "../../../kernels/mod.ts";
import type { NoiseSource } from "../../noise_source.ts";
import type { Problem } from "../../sampler.ts";
import type { Extrapolation } from "./mixtures.ts";
import { ddnm, type DdnmOptions } from "../ddnm.ts";
import { solved } from "../parallel/anderson.ts";

/** Added to the diagonals of the normal equations, as a share of their largest entry: predictions resemble each other. */
const RIDGE = 1e-6;

/** What a picture is apart in: what A measures of it and the rest, all numbers of a batch. */
type Parts = Readonly<Record<"observed" | "free", Float32Array>>;

/**
 * The coefficients with which the mixtures of every step come nearest to pictures in the mean square. A step's are
 * learned on mixtures by those before it, so that learning takes steps (steps + 1)/2 evaluations for each picture.
 * @param problem the measurements of the pictures, of a linear operator
 * @param pictures [N, H, W, C] in [-1, 1], such as samples of the model
 * @param options number of steps and share of fresh noise of the runs to come, and noise for N samples
 * @throws as `ddnm`
 */
export async function learnExtrapolation(
  runtime: Runtime,
  problem: Problem,
  pictures: DeviceTensor,
  options: Pick<DdnmOptions, "steps" | "eta"> & { readonly noise: NoiseSource },
): Promise<Extrapolation> {
  const { operator } = problem;
  const stage = runtime.stage("measured part", ({ x }: Tensors<"x">) => {
    const observed = operator.pseudoInverse(operator.forward(x));
    return { observed: weightedSum([[1, observed]]), free: sub(x, observed) };
  });
  const partsOf = async (x: DeviceTensor): Promise<Parts> => {
    const { observed, free } = await stage({ x }, {});
    return { observed: await observed.read(), free: await free.read() };
  };
  const plain = Array.from({ length: options.steps }, (_, k) => [...new Array<number>(k).fill(0), 1]);
  const learned = { observed: [...plain], free: [...plain] };
  try {
    const truth = await partsOf(pictures);
    for (let k = 0; k < options.steps; k++) {
      const parts: Parts[] = [];
      const run = ddnm.restore(runtime, problem, { ...options, extrapolation: learned });
      for (let j = 0; j <= k; j++) {
        const { value, done } = await run.next();
        if (done) break;
        parts.push(await partsOf(j < k ? value.x0 : value.parts!["predicted"]!));
      }
      await run.return(undefined as never);
      for (const kind of ["observed", "free"] as const) {
        learned[kind][k] = nearest(parts.map((part) => part[kind]), truth[kind]);
      }
    }
    return learned;
  } finally {
    stage.release();
  }
}

/** The coefficients c that make |sum c_j x_j - target|^2 least; where all x are 0 they are 0 but for the last, 1. */
function nearest(vectors: readonly Float32Array[], target: Float32Array): number[] {
  const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const rows = vectors.map((row) => [...vectors.map((column) => product(row, column)), product(row, target)]);
  const ridge = RIDGE * Math.max(...rows.map((row, i) => row[i]!));
  if (ridge === 0) return vectors.map((_, i) => i === vectors.length - 1 ? 1 : 0);
  rows.forEach((row, i) => row[i]! += ridge);
  return [...solved(rows)];
}
