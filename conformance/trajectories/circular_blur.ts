/** Blurs of recorded runs at a circular border, with one kernel for both sides. */
import { hostTensor } from "../../engine/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { type OperatorDescription, pictureLayout, type PublishedOperator } from "../published_operator.ts";
import type { ReferenceFile } from "../reference_file.ts";

/**
 * The blur of a file that brings the kernel of both sides; undefined for other operators.
 * @param moved pixels by which the blurred picture is moved up and to the left, as some programs do
 */
export async function circularBlur(
  file: ReferenceFile,
  { name, imageShape, measurementShape }: OperatorDescription,
  moved = 0,
): Promise<PublishedOperator | undefined> {
  if (name !== "deblur_circular") return undefined;
  const { data } = await file.read("kernel");
  // Zeros behind the kernel put its middle that much later, so that the picture moves the other way.
  const taps = data.length + 2 * moved;
  const tap = (i: number): number => data[i] ?? 0;
  const psf = Float32Array.from({ length: taps * taps }, (_, i) => tap(Math.floor(i / taps)) * tap(i % taps));
  const operator = createOperator("deblur_kernel", imageShape, {
    psf: hostTensor(psf, [taps, taps]),
    boundary: "circular",
    threshold: 0,
  });
  return { operator, ...pictureLayout(operator, measurementShape) };
}
