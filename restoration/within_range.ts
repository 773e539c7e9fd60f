/** Bringing a picture into the range that a file can hold, true to its measurement. */
import type { DeviceTensor, Runtime, Tensor, Tensors } from "../engine/mod.ts";
import { sub } from "../kernels/mod.ts";
import { isLinear, isProjectable, type Operator, project, type Projectable } from "../operators/mod.ts";

/** Half a level of 255, in units of [-1, 1]: less is lost when a file of 8 bits is written. */
export const HALF_LEVEL = 1 / 255;

/** Holds one picture [H, W, C] after the other against one measurement. */
export interface Comparer {
  /** y - A x. */
  residual(x: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer>>;
  /** What a projection adds to x, A^+ (y - A x) where the operator is linear; undefined where it has none. */
  correction(x: Float32Array<ArrayBuffer>): Promise<Float32Array<ArrayBuffer> | undefined>;
  /** Gives its memory back. */
  [Symbol.dispose](): void;
}

/**
 * Holds pictures against a measurement.
 * @param y [1, ...measurementShape]; it stays the caller's
 */
export function comparer(runtime: Runtime, operator: Operator, y: DeviceTensor): Comparer {
  const stage = runtime.stage(`${operator.name} against the measurement`, (inputs: Tensors<"x" | "y">) => {
    const residual = sub(inputs.y, operator.forward(inputs.x));
    return { residual, correction: isProjectable(operator) ? correctionOf(operator, inputs, residual) : residual };
  });
  const read = async (
    data: Float32Array<ArrayBuffer>,
    output: "residual" | "correction",
  ): Promise<Float32Array<ArrayBuffer>> => {
    const x = runtime.upload(data, [1, ...operator.imageShape]);
    try {
      return Float32Array.from(await (await stage({ x, y }, {}))[output].read());
    } finally {
      x.free();
    }
  };
  return {
    residual: (x) => read(x, "residual"),
    correction: async (x) => isProjectable(operator) ? await read(x, "correction") : undefined,
    [Symbol.dispose]: () => stage.release(),
  };
}

function correctionOf(operator: Projectable, { x, y }: Tensors<"x" | "y">, residual: Tensor): Tensor {
  return isLinear(operator) ? operator.pseudoInverse(residual) : sub(project(operator, x, y), x);
}

/** Projections at most. */
const MOST_PROJECTIONS = 5;

/** So little to do is nothing: one white pixel of 4 x 4 that lacks all of it is white when it is rounded. */
const ENOUGH = HALF_LEVEL / 16;

/**
 * Clamps a picture to [-1, 1]. Where it met an exact measurement before and clamping broke that, it is projected in turn
 * onto the pictures with A x = y and onto those in range, x <- clamp(x + A^+ (y - A x)), at most five times: the picture
 * that was measured is among both, and no step leads away from it (Bregman, The Method of Successive Projection, 1965).
 * Steps are lengthened where that leaves less to do. Less than half a level of 255 is left as it is.
 * @param x [H, W, C]
 * @param isExact whether y is free of noise
 */
export async function withinRange(
  comparer: Comparer,
  x: Float32Array<ArrayBuffer>,
  isExact: boolean,
): Promise<Float32Array<ArrayBuffer>> {
  let inRange = clampedValues(x);
  if (!isExact || x.every((value, i) => value === inRange[i])) return inRange;
  // What a method did not make true to the measurement is not made so here.
  const before = await comparer.correction(x);
  if (!before || !isWithin(before, HALF_LEVEL)) return inRange;
  let step = (await comparer.correction(inRange))!;
  if (isWithin(step, HALF_LEVEL)) return inRange;
  for (let done = 0; done < MOST_PROJECTIONS && !isWithin(step, ENOUGH); done++) {
    const plain = moved(inRange, step);
    const left = (await comparer.correction(plain))!;
    const further = moved(inRange, step.map((value, i) => value * lengthening(value, left[i]!)));
    const leftFurther = (await comparer.correction(further))!;
    [inRange, step] = squareOf(leftFurther) < squareOf(left) ? [further, leftFurther] : [plain, left];
  }
  return inRange;
}

/** Values brought into [-1, 1]. */
export function clampedValues(data: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return data.map((value) => Math.min(Math.max(value, -1), 1));
}

/** Steps are lengthened so many times at most. */
const MOST_LENGTHENING = 16;

/**
 * How much longer a step should have been that left a part r of it to do: 1 / (1 - r), the limit of steps that all leave
 * that part, as where one pixel in so many is not at its limit (Aitken's extrapolation).
 */
function lengthening(step: number, left: number): number {
  const part = step === 0 ? 0 : Math.max(0, left / step);
  return part < 1 ? Math.min(MOST_LENGTHENING, 1 / (1 - part)) : MOST_LENGTHENING;
}

function moved(x: Float32Array<ArrayBuffer>, by: Float32Array): Float32Array<ArrayBuffer> {
  return clampedValues(x.map((value, i) => value + by[i]!));
}

function isWithin(values: Float32Array, limit: number): boolean {
  return values.every((value) => Math.abs(value) <= limit);
}

function squareOf(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}
