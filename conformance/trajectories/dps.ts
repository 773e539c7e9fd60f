/** What a file of DPS holds beside the states: the lengths of the residuals, and the matrix of its operator. */
import { constant, hostTensor, type Tensor } from "../../engine/mod.ts";
import { separable } from "../../kernels/mod.ts";
import { ownOperator } from "../../operators/mod.ts";
import { type OperatorDescription, pictureLayout, type PublishedOperator } from "../published_operator.ts";
import type { ReferenceFile } from "../reference_file.ts";
import { type RecordedRun, showing, type Steps } from "./posterior.ts";

/** The run, with the lengths of the residuals of all steps as `norms`. */
export function withNorms({ states }: RecordedRun, run: Steps): Steps {
  const norms: number[] = [];
  return showing(run, async ({ parts }) => {
    norms.push(...await parts!["norms"]!.read());
    states.set("norms", { data: norms, shape: [norms.length] });
  });
}

/** The operator A x = A1d x A1d^T of a file that brings the matrix A1d of both sides. */
export async function matrixOperator(
  file: ReferenceFile,
  { name, imageShape, measurementShape }: OperatorDescription,
): Promise<PublishedOperator | undefined> {
  if (!file.has("A1d")) return undefined;
  const { data, shape } = await file.read("A1d");
  const matrix = hostTensor(Float32Array.from(data), shape);
  const [, channels, height, width] = measurementShape as [number, number, number, number];
  const operator = ownOperator({
    name,
    imageShape,
    measurementShape: [height, width, channels],
    forward: (x): Tensor => separable(constant(matrix), x, constant(matrix)),
  });
  return { operator, ...pictureLayout(operator, measurementShape) };
}
