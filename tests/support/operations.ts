/** The operations of the register, and what kernels each of them becomes on a device. */
import {
  type Dispatch,
  elementCount,
  type Example,
  type Op,
  type Tensor,
  trace,
  type WebGpuRuntime,
} from "../../engine/mod.ts";
import * as register from "../../kernels/mod.ts";

/** Everything that the register exports as an operation and that computes something. */
export const OPERATIONS = (Object.values(register) as readonly unknown[]).filter((entry): entry is Op<unknown> =>
  typeof entry === "function" && "definition" in entry && !(entry as Op<unknown>).definition.alias
);

/** The dispatches of an example of an operation. */
export function dispatchesOf(
  runtime: WebGpuRuntime,
  op: Op<unknown>,
  { inputs, attrs }: Example<unknown>,
): readonly Dispatch[] {
  const types = Object.fromEntries(inputs.map((input, k) => [
    `x${k}`,
    "data" in input ? input : { shape: input, dtype: "f32" as const },
  ]));
  const graph = trace(op.definition.name, types, (tensors: Record<string, Tensor>) => {
    return Object.fromEntries(op(Object.values(tensors), attrs).map((tensor, k) => [`y${k}`, tensor]));
  });
  return runtime.plan(graph).dispatches;
}

/** An example of an operation, chosen for some of its kernels. */
export interface KernelCase {
  readonly index: number;
  /** The kernels. */
  readonly dispatches: readonly Dispatch[];
}

/** Elements from which an example gives all invocations something to do. */
const ENOUGH_ELEMENTS = 1000;

/** What counts as one kernel: its texts of one name and workgroup differ in sizes and in what is fused. */
export function kernelOf({ label, wgsl }: Dispatch): string {
  return `${label.split(".").slice(0, 2).join(".")} ${/@workgroup_size\([^)]*\)/.exec(wgsl)?.[0]}`;
}

/**
 * Examples of an operation in which all its kernels of some kind occur, those that compile fastest: the time to compile
 * grows with the text.
 * @param isWanted which dispatches count
 * @param nameOf what counts as one kernel
 */
export function casesOfKernels(
  runtime: WebGpuRuntime,
  op: Op<unknown>,
  isWanted: (dispatch: Dispatch) => boolean,
  nameOf: (dispatch: Dispatch) => string = kernelOf,
): readonly KernelCase[] {
  const best = new Map<string, KernelCase & { readonly isTiny: boolean; readonly length: number }>();
  for (const [index, example] of op.definition.examples.entries()) {
    const dispatches = dispatchesOf(runtime, op, example).filter(isWanted);
    const elements = example.inputs.map((input) => elementCount("data" in input ? input.shape : input));
    const isTiny = elements.reduce((a, b) => a + b, 0) < ENOUGH_ELEMENTS;
    const length = dispatches.reduce((sum, { wgsl }) => sum + wgsl.length, 0);
    for (const kernel of dispatches.map(nameOf)) {
      const known = best.get(kernel);
      if (!known || (isTiny === known.isTiny ? length < known.length : known.isTiny)) {
        best.set(kernel, { index, dispatches, isTiny, length });
      }
    }
  }
  return [...new Set(best.values())];
}
