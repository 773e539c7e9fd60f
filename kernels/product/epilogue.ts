/** What kernels of products and convolutions add to a sum before they store it: bias, embedding shift, residual. */
import type { Tensor } from "../../engine/mod.ts";
import type { KernelSource } from "../text/wgsl.ts";

/** What is added to a product before it is stored. */
export interface Epilogue {
  /** [columns], added to every row. */
  readonly bias: Tensor | undefined;
  /** Same elements as the output, added element by element. */
  readonly residual: Tensor | undefined;
  /** Added to every row of an image. */
  readonly shift?: Shift | undefined;
}

/** One number for each image and column. */
export interface Shift {
  /** [images, `at` + columns or more] */
  readonly tensor: Tensor;
  /** Where the numbers of an image begin in its row. */
  readonly at: number;
  /** Elements of one image of the output. */
  readonly pitch: number;
}

/** Element type of the arrays of an epilogue. */
export type EpilogueType = "f32" | "vec2f" | "vec4f";

/**
 * Bias, residual and shift as kernel inputs. An absent bias is bound to `standIn` and never read: it is asked for once
 * a column. Residual and shift are asked for at every element, so that kernels with and without have texts of their own.
 */
export function epiloguePorts(
  { bias, residual, shift }: Epilogue,
  standIn: Tensor,
  type: EpilogueType,
): KernelSource["read"] {
  return {
    bias: { tensor: bias ?? standIn, type },
    ...(residual ? { residual: { tensor: residual, type } } : {}),
    ...(shift ? { shift: shift.tensor } : {}),
  };
}

/** Which parts of the epilogue a kernel has to compute, as parameters; `columns` are those of the output. */
export function epilogueParams({ bias, shift }: Epilogue, columns: number): Readonly<Record<string, number>> {
  return {
    hasBias: bias ? 1 : 0,
    ...(shift
      ? { imagePitch: shift.pitch, shiftColumns: columns, shiftPitch: shift.tensor.shape[1]!, shiftAt: shift.at }
      : {}),
  };
}

/**
 * WGSL functions of the epilogue over arrays of `type`: `start(column)` is the value that an accumulator begins with,
 * `finish(value, element)` what is stored. Columns and elements count in units of `type`.
 */
export function epilogueFunctions(type: EpilogueType, { residual, shift }: Epilogue): string {
  const width = { f32: 1, vec2f: 2, vec4f: 4 }[type];
  const shifts = Array.from({ length: width }, (_, k) => `shift[place + ${k}u]`);
  return `fn start(column: u32) -> ${type} {
  if (params.hasBias != 0u) { return bias[column]; }
  return ${type}();
}
fn finish(value: ${type}, element: u32) -> ${type} {
  var sum = value;
${
    shift
      ? `  let first = element${width > 1 ? ` * ${width}u` : ""};
  let place = first / params.imagePitch * params.shiftPitch + params.shiftAt + first % params.shiftColumns;
  sum += ${width > 1 ? `${type}(${shifts.join(", ")})` : "shift[place]"};`
      : ""
  }
${residual ? "  sum += residual[element];" : ""}
  return sum;
}`;
}
