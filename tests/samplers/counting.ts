/** A network and a degradation that count on the CPU how often they are computed, whatever the runtime says of them. */
import { defineOp, elementCount, type Op, type Tensor } from "../../engine/mod.ts";
import type { NoiseModel } from "../../models/mod.ts";
import { isLinear, type Operator, type SpectralForm } from "../../operators/mod.ts";
import type { RunCounts } from "../../restoration/mod.ts";

/** Images and measurements that were computed, by what they are. */
export type Computed = Record<keyof RunCounts, number>;

interface Mark {
  readonly what: keyof RunCounts;
  readonly reverse: keyof RunCounts;
}

/** Counts that begin at 0, and how a tensor is marked: computing it counts its items, and so does its cotangent. */
export function marks(): { readonly computed: Computed; mark(x: Tensor, what: Mark): Tensor } {
  const computed = { nfe: 0, vjp: 0, forward: 0, adjoint: 0, pseudoInverse: 0, spectral: 0 };
  const op: Op<Mark> = defineOp<Mark>({
    name: "marked",
    infer: ([x]) => [x!],
    reference({ attrs: { what }, outputs: [y] }, [x]): readonly Float32Array[] {
      computed[what] += y!.shape[0]!;
      return [x!.slice()];
    },
    lower: () => [],
    vjp: ({ attrs: { reverse } }, [cotangent]) => [op([cotangent!], { what: reverse, reverse })[0]!],
    cost: ({ outputs: [y] }) => ({ flops: 0, bytes: 8 * elementCount(y!.shape) }),
    examples: [],
  });
  return { computed, mark: (x, attrs) => op([x], attrs)[0]! };
}

/** The model, whose predictions are marked. */
export function markedModel(model: NoiseModel, { mark }: Pick<ReturnType<typeof marks>, "mark">): NoiseModel {
  const { withLevels } = model;
  return {
    imageShape: model.imageShape,
    alphaBar: model.alphaBar,
    predictEps: (xt, timestep) => mark(model.predictEps(xt, timestep), { what: "nfe", reverse: "vjp" }),
    ...(withLevels && { withLevels: (levels) => markedModel(withLevels(levels), { mark }) }),
  };
}

/** The operator, whose results are marked. */
export function markedOperator(operator: Operator, { mark }: Pick<ReturnType<typeof marks>, "mark">): Operator {
  const marked = (map: (x: Tensor) => Tensor, what: keyof RunCounts, reverse = what) => (x: Tensor): Tensor =>
    mark(map(x), { what, reverse });
  const forward = marked(operator.forward, "forward", "adjoint");
  if (!isLinear(operator)) {
    const { project } = operator;
    return {
      ...operator,
      forward,
      estimate: marked(operator.estimate, "pseudoInverse"),
      ...(project && { project: (x, y, to) => marked((x) => project(x, y, to), "pseudoInverse")(x) }),
    };
  }
  return {
    ...operator,
    forward,
    adjoint: marked(operator.adjoint, "adjoint", "forward"),
    pseudoInverse: marked(operator.pseudoInverse, "pseudoInverse"),
    ...(operator.spectral && {
      spectral(): SpectralForm {
        const form = operator.spectral!();
        return {
          singularValues: form.singularValues,
          toSpectrum: marked(form.toSpectrum, "spectral"),
          fromSpectrum: marked(form.fromSpectrum, "spectral"),
          toMeasurement: marked(form.toMeasurement, "spectral"),
          fromMeasurement: marked(form.fromMeasurement, "spectral"),
        };
      },
    }),
  };
}
