/** Streaming attention in a short text, for processors that compile slowly and share nothing between invocations. */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { headKernel, LOWEST, softmaxStep } from "./attention_kernels.ts";
import type { AttentionLayout } from "./attention_layout.ts";
import { lines } from "../text/wgsl.ts";

/** Invocations of a workgroup; each takes two positions. */
export const SIZE = 8;
/** Keys that one step of the loop over keys takes. */
const KEYS = 8;
/** The two positions of an invocation: every scalar that is streamed serves both. */
const PAIR = ["a", "b"] as const;

/** Lines for both positions of an invocation. */
export function both(line: (of: "a" | "b") => string): string {
  return lines(PAIR, line);
}

/** Lines that begin a kernel whose invocations take two positions each: `a` and, if it exists, `b`. */
export const BEGIN_PAIR = `let a = first + lane;
let b = a + ${SIZE}u;
if (a >= params.length) { return; }
let has_b = b < params.length;`;

/**
 * Attention where kernels run on a CPU and there are no shuffles, or heads too wide for registers. One text for all
 * head widths, free of barriers: long unrolled texts and barriers with many live values take this class of adapters
 * up to 20 s to compile.
 * Mapping: a workgroup of 8 takes 16 queries, an invocation two of them; their weighted sums of v stand in y itself.
 * No shared memory.
 */
export function serialKernel(qkv: Tensor, y: Tensor, layout: AttentionLayout, target: Target): Dispatch {
  return headKernel({ read: { x: qkv }, write: { y } }, layout, target, {
    label: "attention.serial",
    queries: PAIR.length * SIZE,
    invocations: SIZE,
    body: `${BEGIN_PAIR}
${both((of) => `let q${of} = q_base + min(${of}, params.length - 1u) * pitch;`)}
${both((of) => `let y${of} = y_base + min(${of}, params.length - 1u) * params.channels;`)}
${both((of) => `var top${of} = ${LOWEST};\nvar sum${of} = 0.0;`)}
for (var c = 0u; c < params.width; c += 1u) {
  y[ya + c] = 0.0;
  if (has_b) { y[yb + c] = 0.0; }
}
for (var t = 0u; t < params.length; t += ${KEYS}u) {
${lines(KEYS, (j) => `let row${j} = min(t + ${j}u, params.length - 1u) * pitch;`)}
${both((of) => lines(KEYS, (j) => `var s${of}${j} = 0.0;`))}
  for (var c = 0u; c < params.width; c += 1u) {
${both((of) => `let query${of} = x[q${of} + c] * scale;`)}
${
      lines(KEYS, (j) =>
        `let k${j} = x[k_base + row${j} + c];
${both((of) => `s${of}${j} = fma(query${of}, k${j}, s${of}${j});`)}`)
    }
  }
${both((of) => lines(KEYS, (j) => `s${of}${j} = select(${LOWEST}, s${of}${j}, t + ${j}u < params.length);`))}
${both((of) => softmaxStep(KEYS, of))}
  for (var c = 0u; c < params.width; c += 1u) {
${both((of) => `var o${of} = y[y${of} + c] * keep${of};`)}
${
      lines(KEYS, (j) =>
        `let v${j} = x[v_base + row${j} + c];
${both((of) => `o${of} = fma(p${of}${j}, v${j}, o${of});`)}`)
    }
    y[ya + c] = oa;
    if (has_b) { y[yb + c] = ob; }
  }
}
${both((of) => `let share${of} = 1.0 / sum${of};`)}
for (var c = 0u; c < params.width; c += 1u) {
  y[ya + c] *= sharea;
  if (has_b) { y[yb + c] *= shareb; }
}`,
  });
}
