/** A sampler from its definition: options have the types of its parameters, and are checked before anything runs. */
import type { DeviceTensor, Runtime } from "../engine/mod.ts";
import { isProjectable } from "../operators/mod.ts";
import type { Parameters, ValuesOf } from "../parameters/mod.ts";
import { described, runValues, type SamplerDefinition } from "./description.ts";
import type { NoiseSource } from "./noise_source.ts";
import type { PlainProblem, PlainSampler } from "./plain_sampler.ts";
import { checkProblem, checkShapes } from "./problem_checks.ts";
import { overTraining } from "./steps/run.ts";
import type { Problem, Progress, Sampler } from "./sampler.ts";

/** What is written of a restoration method; `O` are its parameters with what else a program gives. */
export interface RestorationDefinition<P extends Parameters, O extends ValuesOf<P>> extends SamplerDefinition<P> {
  /** What it asks of the operator or engine beyond A and A^+. */
  readonly needs?: Sampler<O>["needs"];
  /** The values with which it takes degradations that are not linear, none for any; it takes linear ones alone otherwise. */
  readonly nonlinear?: Partial<NoInfer<ValuesOf<P>>>;
  /** Whether it reads of an operator only the estimate of a measurement and the projection onto it. */
  readonly projects?: true;
  /** What a program may give beside the parameters, by name. */
  readonly inputs?: readonly Exclude<keyof O, keyof P>[];
  /** Restores all measurements; parameters and problem are checked. */
  restore(
    runtime: Runtime,
    problem: Problem,
    options: O & { readonly noise: NoiseSource },
  ): AsyncGenerator<Progress, DeviceTensor>;
}

/** The sampler of a definition. */
export function sampler<P extends Parameters, O extends ValuesOf<P> = ValuesOf<P>>(
  definition: RestorationDefinition<P, O>,
): Sampler<O> {
  const description = described(definition);
  const { needs = [], nonlinear, projects = false, inputs = [] } = definition;
  const isInput = (key: string): boolean => (inputs as readonly string[]).includes(key);
  return {
    ...description as unknown as Sampler<O>,
    needs,
    projects,
    ...(nonlinear ? { nonlinear: nonlinear as Partial<O> } : {}),
    restore(runtime, problem, { noise, ...options }): AsyncGenerator<Progress, DeviceTensor> {
      const given = Object.entries(options);
      const named = Object.fromEntries(given.filter(([key]) => !isInput(key))) as Partial<ValuesOf<P>>;
      const { model: { alphaBar, imageShape } } = problem;
      const limits = { T: alphaBar.length, side: Math.min(imageShape[0]!, imageShape[1]!) };
      const values = runValues<P>(description, named, limits);
      const takesAny = nonlinear !== undefined &&
        Object.entries(nonlinear).every(([key, value]) => values[key] === value);
      if (takesAny || (projects && isProjectable(problem.operator))) checkShapes(definition.name, problem);
      else checkProblem(definition.name, problem);
      const others = Object.fromEntries(given.filter(([key]) => isInput(key)));
      // What takes degradations of any kind reads of them only what all have.
      return definition.restore(runtime, problem as Problem, { ...values as O, ...others, noise });
    },
  };
}

/** What is written of a sampler that needs no measurement. */
export interface PlainDefinition<P extends Parameters> extends SamplerDefinition<P> {
  /** Samples images; the parameters are checked. */
  sample(
    runtime: Runtime,
    problem: PlainProblem,
    options: NoInfer<ValuesOf<P>> & { readonly noise: NoiseSource },
  ): AsyncGenerator<Progress, DeviceTensor>;
}

/** The sampler of a definition that needs no measurement. */
export function plainSampler<P extends Parameters>(definition: PlainDefinition<P>): PlainSampler<ValuesOf<P>> {
  const description = described(definition);
  return {
    ...description,
    sample(runtime, problem, { noise, ...given }): AsyncGenerator<Progress, DeviceTensor> {
      const model = description.makesLevels ? problem.model : overTraining(problem.model);
      const values = runValues<P>(description, given as Partial<ValuesOf<P>>, { T: model.alphaBar.length });
      return definition.sample(runtime, { ...problem, model }, { ...values, noise });
    },
  };
}
