import { type HostTensor, hostTensor, type Shape } from "../../engine/mod.ts";
import { number, type Parameter, type ValuesOf } from "../../parameters/mod.ts";
import { linearEntry, type OperatorEntry } from "../entry.ts";
import { inpainting } from "./inpainting.ts";
import { boxMask } from "./masks.ts";
import { checkImageShape, type LinearOperator } from "../operator.ts";

const PARAMETERS = {
  keep: number(0.5, { min: 0.01, max: 1, isDamage: true }, "known share of each side") as Parameter<number>,
};

/** The mask [H, W] that keeps a centred box. */
function middle(imageShape: Shape, { keep }: ValuesOf<typeof PARAMETERS>): HostTensor {
  const [height, width] = checkImageShape("outpaint", imageShape);
  const [rows, columns] = [height, width].map((extent) => Math.max(1, Math.round(extent * keep))) as [number, number];
  const [top, left] = [Math.floor((height - rows) / 2), Math.floor((width - columns) / 2)];
  const missing = boxMask(height, width, { height: rows, width: columns, top, left }, 0);
  return hostTensor(Float32Array.from(missing.data, (outside) => 1 - outside), [height, width]);
}

/** The middle of the picture: the operator of inpainting with a mask that keeps a centred box. */
export const outpaint: OperatorEntry<LinearOperator, typeof PARAMETERS> = linearEntry({
  name: "outpaint",
  about: "the middle of the picture",
  parameters: PARAMETERS,
  build: (imageShape, values) => inpainting(imageShape, middle(imageShape, values)),
  examples: [
    { imageShape: [15, 24, 3], options: {} },
    { imageShape: [7, 5, 1], options: { keep: 0.7 } },
  ],
  tasks: [{ name: "outpaint", about: "continue the middle of a picture", kind: "inpainting", form: "picture" }],
  knownPixels: middle,
});
