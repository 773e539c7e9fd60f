/** Checks of what is to be restored, with messages of one form. */
import { formatShape, sameShape } from "../engine/mod.ts";
import { isLinear, OPERATORS } from "../operators/mod.ts";
import { registeredSamplers } from "./register.ts";
import type { GeneralProblem, Problem } from "./sampler.ts";

/** The samplers that take degradations that are not linear, with the values that they need for it. */
export function nonlinearSamplers(): readonly string[] {
  return registeredSamplers().flatMap((entry) => {
    if (!("nonlinear" in entry) || entry.nonlinear === undefined) return [];
    const words = (name: string): string => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
    const values = Object.entries(entry.nonlinear).map(([name, value]) => `${words(name)} ${value}`);
    return [values.length === 0 ? entry.name : `${entry.name} (${values.join(", ")})`];
  });
}

/**
 * Makes sure that the operator is linear, and that model, operator and measurement speak of the same image.
 * @param sampler name for the message
 * @throws {TypeError} if the operator is not linear, the message lists those that are; or if a shape differs
 */
export function checkProblem(sampler: string, problem: GeneralProblem): asserts problem is Problem {
  const { operator } = problem;
  if (!isLinear(operator)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": the operator is not linear, ${sampler} needs A^T or A^+; the ` +
        `samplers that work are ${nonlinearSamplers().join(", ")}, the operators that work with ${sampler} are ` +
        Array.from(OPERATORS.keys()).join(", "),
    );
  }
  checkShapes(sampler, problem);
}

/**
 * Makes sure that model, operator and measurement speak of the same image.
 * @param sampler name for the message
 * @throws {TypeError} if a shape differs
 */
export function checkShapes(sampler: string, { model, operator, y }: GeneralProblem): void {
  if (!sameShape(model.imageShape, operator.imageShape)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": the operator takes images ${formatShape(operator.imageShape)}, ` +
        `the model makes images ${formatShape(model.imageShape)}; build both for one shape`,
    );
  }
  if (y.shape.length === 0 || !sameShape(y.shape.slice(1), operator.measurementShape)) {
    throw new TypeError(
      `Cannot run ${sampler} on "${operator.name}": y has shape ${formatShape(y.shape)}, measurements of this ` +
        `operator are [N, ${operator.measurementShape.join(", ")}]`,
    );
  }
}
