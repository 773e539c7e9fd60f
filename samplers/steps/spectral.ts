/** Weighing the coefficients of an image one by one, by functions of their singular values. */
import type { DeviceTensor, HostTensor, Runtime } from "../../engine/mod.ts";
import { type LinearOperator, OPERATORS, type SpectralForm } from "../../operators/mod.ts";
import type { RunTensors } from "./step.ts";

/**
 * The singular value decomposition of an operator.
 * @param sampler name for the message
 * @throws {TypeError} if the operator has none; the message lists those that do
 */
export function requireDecomposition(sampler: string, operator: LinearOperator): SpectralForm {
  if (operator.spectral) return operator.spectral();
  const known = Array.from(OPERATORS).filter(([, { build, examples }]) =>
    examples.some(({ imageShape, options }) => build(imageShape, options).spectral)
  );
  throw new TypeError(
    `Cannot run ${sampler} on "${operator.name}": it has no singular value decomposition in closed form, ` +
      `${sampler} needs one; the operators that work are ${known.map(([name]) => name).join(", ")}`,
  );
}

/** A weight for every singular value s >= 0. */
export type SpectralWeight = (s: number) => number;

/**
 * Computes weights in f64, once for each run of equal singular values (the channels of a coefficient, the coefficients
 * that a measurement does not tell), and puts them on the device.
 * @param singularValues of a `SpectralForm`
 * @param weights functions of s by name
 */
export function spectralWeights<X extends string>(
  runtime: Runtime,
  { data, shape }: HostTensor,
  weights: Readonly<Record<X, SpectralWeight>>,
): RunTensors<X> {
  const entries = Object.entries<SpectralWeight>(weights).map(([name, weight]) => {
    const values = new Float32Array(data.length);
    let [s, value] = [NaN, NaN];
    for (let i = 0; i < values.length; i++) {
      if (data[i] !== s) value = weight(s = data[i]!);
      values[i] = value;
    }
    return [name, runtime.upload(values, shape)] as const;
  });
  return {
    tensors: Object.fromEntries(entries) as Record<X, DeviceTensor>,
    free: () => entries.forEach(([, tensor]) => tensor.free()),
  };
}
