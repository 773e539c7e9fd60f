/** Measurements y = A x + n of pictures that are there. */
import {
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  type Runtime,
  sameShape,
  type Scalars,
  type Tensors,
} from "../engine/mod.ts";
import { randomNormal, weightedSum } from "../kernels/mod.ts";
import { addNoise, type Degradation, type MeasurementNoise } from "../operators/mod.ts";
import { DRAWS_PER_SEED } from "../samplers/mod.ts";
import { batchOf } from "./batch.ts";

/** The noise of a measurement: normal with a standard deviation, or of a kind of its own. */
export type DegradeOptions =
  & { readonly seed: number }
  & ({ readonly sigma: number; readonly noise?: never } | { readonly noise: MeasurementNoise; readonly sigma?: never });

/**
 * y = A x + n. Normal noise is added on the device, the others on the host; all take the last draw of the seed, which no
 * sampler reaches, so that a restoration with the same seed draws other noise.
 * @param operator A, for images [H, W, C]
 * @param x pictures [H, W, C] or [N, H, W, C], values in [-1, 1]
 * @param options `sigma`, the standard deviation of the noise in units of [-1, 1] (0: none), or another `noise`; `seed`
 *   of the first picture, an integer within 0..2^32 - 1, the next pictures take the next ones
 * @returns measurements [N, ...operator.measurementShape]; the caller frees them
 * @throws {TypeError} if the pictures are not those of the operator; {RangeError} if the noise is out of range
 */
export async function degrade(
  runtime: Runtime,
  operator: Degradation,
  x: HostTensor | DeviceTensor,
  { sigma = 0, noise = { kind: "gaussian", sigma }, seed }: DegradeOptions,
): Promise<DeviceTensor> {
  if (!sameShape(x.shape.slice(-3), operator.imageShape)) {
    throw new TypeError(
      `Cannot degrade by "${operator.name}": the picture is [${x.shape.join(", ")}], the operator takes ` +
        `[${operator.imageShape.join(", ")}]; make it for the shape of the picture`,
    );
  }
  const deviation = noise.kind === "gaussian" ? noise.sigma : 0;
  if (!(deviation >= 0 && Number.isFinite(deviation))) {
    throw new RangeError(
      `Cannot degrade by "${operator.name}": sigma is ${deviation}, a number of at least 0 is needed`,
    );
  }
  const { tensor, isOwn } = batchOf(runtime, x);
  const draws = Array.from({ length: tensor.shape[0]! }, (_, item) => (seed + item + 1) * DRAWS_PER_SEED - 1);
  const names = draws.map((_, item) => `draw${item}`);
  const stage = runtime.stage("degrade", (inputs: Tensors<"x">, c: Scalars<string>) => {
    const y = operator.forward(inputs.x);
    return { y: weightedSum([[1, y], [c["sigma"]!, randomNormal(y.shape, names.map((name) => c[name]!))]]) };
  });
  const scalars = { sigma: deviation, ...Object.fromEntries(names.map((name, item) => [name, draws[item]!])) };
  try {
    const y = (await stage({ x: tensor }, scalars)).y.keep();
    if (noise.kind === "gaussian" || noise.kind === "none") return y;
    const noisy = addNoise(hostTensor(await y.read(), y.shape), noise, draws);
    y.free();
    return runtime.upload(noisy.data, noisy.shape);
  } finally {
    stage.release();
    if (isOwn) tensor.free();
  }
}
