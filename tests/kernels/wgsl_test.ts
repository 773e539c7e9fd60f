import { assertEquals } from "@std/assert";
import { defineOp } from "../../engine/mod.ts";
import { elementwise } from "../../kernels/text/wgsl.ts";
import { gpuTest } from "../support/gpu.ts";
import { runOnce, values } from "./run_once.ts";

for (const valuesEach of [1, 2]) {
  gpuTest(`elementwise() runs its body so often and no more, ${valuesEach} per invocation`, async (runtime) => {
    const op = defineOp<{ readonly count: number }>({
      name: "marked",
      infer: ([x]) => [{ shape: x!.shape, dtype: "f32" }],
      reference: ({ attrs: { count } }, [x]) => [x!.map((_, i) => i < count ? 2 : 1)],
      lower: ({ inputs: [x], outputs: [y], attrs: { count } }, target) => [
        elementwise("marked.all", target, { read: { x: x! }, write: { y: y! }, body: "y[i] = 1.0 + 0.0 * x[i];" }),
        elementwise("marked.some", target, { read: {}, write: { y: y! }, count, valuesEach, body: "y[i] = 2.0;" }),
      ],
      cost: () => ({ flops: 0, bytes: 0 }),
      examples: [],
    });
    const marked = await runOnce(runtime, [values([300], 1)], (x) => op([x], { count: 70 })[0]!);
    assertEquals(Array.from(marked), Array.from({ length: 300 }, (_, i) => i < 70 ? 2 : 1));
  });
}
