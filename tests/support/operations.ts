/** The operations of the register, and what each of them becomes on a device. */
import { type Example, type Op, type Tensor, trace, type WebGpuRuntime } from "../../engine/mod.ts";
import type { Plan } from "../../engine/plan.ts";
import * as register from "../../kernels/mod.ts";

/** Everything that the register exports as an operation. */
export const OPERATIONS = (Object.values(register) as readonly unknown[]).filter((entry): entry is Op<unknown> =>
  typeof entry === "function" && "definition" in entry
);

/** The plan of an example of an operation. */
export function planOfExample(runtime: WebGpuRuntime, op: Op<unknown>, { inputs, attrs }: Example<unknown>): Plan {
  const types = Object.fromEntries(inputs.map((input, k) => [
    `x${k}`,
    "data" in input ? input : { shape: input, dtype: "f32" as const },
  ]));
  return runtime.plan(
    trace(
      op.definition.name,
      types,
      (tensors: Record<string, Tensor>) =>
        Object.fromEntries(op(Object.values(tensors), attrs).map((tensor, k) => [`y${k}`, tensor])),
    ),
  );
}
