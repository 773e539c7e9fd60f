/** The passes of the gradient of attention where kernels run on a CPU; see `attention_gradient_kernels.ts`. */
import type { Dispatch, Target } from "../../engine/mod.ts";
import {
  type AttentionCotangents,
  clamped,
  element,
  type Pass,
  passKernel,
  rowEntry,
  type Vector,
  vectorAt,
  VECTORS,
} from "./attention_gradient_kernels.ts";
import { LOWEST, softmaxStep } from "./attention_kernels.ts";
import type { AttentionLayout } from "./attention_layout.ts";
import { BEGIN_PAIR, both, SIZE } from "./attention_serial.ts";
import { lines } from "../text/wgsl.ts";

/**
 * Widest head whose vectors stay in registers: those of 32 channels take this class of adapters 3 s to compile, those of
 * 64 channels 16 s.
 */
export const WIDEST_SHUFFLED = 32;

/** Streamed positions that one step of the loop takes, with shuffles. */
const STEP = 4;

/**
 * Lines that turn the products s and e of `count` streamed positions into powers p and factors f, for the position that
 * an invocation takes; `of` is appended to its names. The rows of streamed queries stand in top_j, share_j and inner_j.
 */
function powers(pass: Pass, count: number, of = ""): string {
  const within = (j: number): string => `t + ${j}u < params.length`;
  const lead = pass === "queries"
    ? `${lines(count, (j) => `s${of}${j} = select(${LOWEST}, s${of}${j}, ${within(j)});`)}
${softmaxStep(count, of)}`
    : lines(
      count,
      (j) => `let p${of}${j} = select(0.0, exp(s${of}${j} - top_${j}) * share_${j}, ${within(j)});`,
    );
  const inner = (j: number): string => pass === "queries" ? `inner${of}` : `inner_${j}`;
  return `${lead}
${lines(count, (j) => `let f${of}${j} = p${of}${j} * (e${of}${j} - ${inner(j)});`)}`;
}

/**
 * A pass with shuffles, for heads whose vectors fit in registers: one load fetches a scalar for each invocation of a
 * subgroup, and shuffles hand it round.
 * Mapping: a workgroup is one subgroup and takes as many positions, one each; its two vectors and its cotangents stay in
 * registers. Of streamed vectors an invocation loads every subgroup-size-th channel. No shared memory.
 */
export function shufflePass(
  pass: Pass,
  tensors: AttentionCotangents,
  layout: AttentionLayout,
  target: Target,
): Dispatch {
  const { head } = layout;
  const { own, streamed } = VECTORS[pass];
  const byQueries = pass === "queries";
  const lanes = target.subgroupSize;
  const parts = Math.ceil(head / lanes);
  const held = (name: string, vector: Vector): string =>
    lines(STEP, (j) =>
      `let ${name}${j} = ${vectorAt(vector, clamped(`t + ${j}u`))};
${lines(parts, (b) => `let ${name}${j}_${b} = ${element(vector, `${name}${j} + channel${b}`)};`)}`);
  const shared = (name: string, j: number, c: number): string =>
    `subgroupShuffle(${name}${j}_${Math.floor(c / lanes)}, ${c % lanes}u)`;
  const added = (sum: string, factor: string, name: string, c: number): string => {
    const first = byQueries ? `${sum}${c} * keep` : `${sum}${c}`;
    return lines(
      STEP,
      (j) => `${sum}${c} = fma(${factor}${j}, ${shared(name, j, c)}, ${j === 0 ? first : `${sum}${c}`});`,
    );
  };
  return passKernel(pass, tensors, layout, target, {
    label: `attentionGradient.${pass}.shuffle`,
    queries: lanes,
    invocations: lanes,
    body: `let position = first + lane;
let a = ${vectorAt(own[0], clamped("position"))};
let b = ${vectorAt(own[1], clamped("position"))};
${lines(head, (c) => `let a${c} = ${element(own[0], `a + ${c}u`)};\nlet b${c} = ${element(own[1], `b + ${c}u`)};`)}
${lines(head, (c) => `var o${c} = 0.0;${byQueries ? "" : `\nvar r${c} = 0.0;`}`)}
${lines(parts, (b) => `let channel${b} = min(${b * lanes}u + lane, ${head - 1}u);`)}
${
      byQueries
        ? `var inner = 0.0;
${lines(head, (c) => `inner = fma(b${c}, y[b + ${c}u], inner);`)}
var top = ${LOWEST};
var sum = 0.0;`
        : ""
    }
for (var t = 0u; t < params.length; t += ${STEP}u) {
${lines(STEP, (j) => `var s${j} = 0.0;\nvar e${j} = 0.0;`)}
${held("u", streamed[0])}
${lines(head, (c) => lines(STEP, (j) => `s${j} = fma(a${c}, ${shared("u", j, c)}, s${j});`))}
${held("w", streamed[1])}
${lines(head, (c) => lines(STEP, (j) => `e${j} = fma(b${c}, ${shared("w", j, c)}, e${j});`))}
${byQueries ? "" : streamedRows(STEP)}
${powers(pass, STEP)}
${lines(head, (c) => added("o", "f", "u", c))}
${byQueries ? "" : lines(head, (c) => added("r", "p", "w", c))}
}
if (position >= params.length) { return; }
${
      byQueries
        ? `let share = 1.0 / sum;
let out = ${vectorAt("q", "position")};
${lines(head, (c) => `d[out + ${c}u] = o${c} * share * scale;`)}
${ownRow("position", "")}`
        : `let k_out = ${vectorAt("k", "position")};
let v_out = ${vectorAt("v", "position")};
${lines(head, (c) => `d[k_out + ${c}u] = o${c};\nd[v_out + ${c}u] = r${c};`)}`
    }`,
  });
}

/** Lines that load what the first pass left of `count` streamed queries. */
function streamedRows(count: number): string {
  return lines(count, (j) =>
    `let row${j} = ${clamped(`t + ${j}u`)};
let top_${j} = ${rowEntry(0, `row${j}`)};
let share_${j} = ${rowEntry(1, `row${j}`)};
let inner_${j} = ${rowEntry(2, `row${j}`)};`);
}

/** Lines that leave maximum, inverse sum and inner product of a query. */
function ownRow(position: string, of: string): string {
  return lines(3, (plane) => `${rowEntry(plane, position)} = ${["top", "share", "inner"][plane]}${of};`);
}

/** Streamed positions that one step of the loop takes in the serial form. */
const SERIAL_STEP = 8;

/**
 * A pass in a short text, for heads of any width and processors without shuffles. One text for all widths, free of
 * barriers.
 * Mapping: a workgroup of 8 takes 16 positions, an invocation two of them; their cotangents grow in their place. No
 * shared memory.
 */
export function serialPass(
  pass: Pass,
  tensors: AttentionCotangents,
  layout: AttentionLayout,
  target: Target,
): Dispatch {
  const { own, streamed } = VECTORS[pass];
  const byQueries = pass === "queries";
  /** What grows: a cotangent by its vector, the factor of the streamed vector, and which one that is. */
  const grown: readonly { readonly vector: Vector; readonly factor: "f" | "p"; readonly source: 0 | 1 }[] = byQueries
    ? [{ vector: "q", factor: "f", source: 0 }]
    : [{ vector: "k", factor: "f", source: 0 }, { vector: "v", factor: "p", source: 1 }];
  const guarded = (of: "a" | "b", text: string): string => of === "a" ? text : `if (has_b) { ${text} }`;
  const out = (vector: Vector, of: string): string => `d[out_${vector}${of} + c]`;
  return passKernel(pass, tensors, layout, target, {
    label: `attentionGradient.${pass}.serial`,
    queries: 2 * SIZE,
    invocations: SIZE,
    body: `${BEGIN_PAIR}
${
      both((of) =>
        `let own0${of} = ${vectorAt(own[0], clamped(of))};
let own1${of} = ${vectorAt(own[1], clamped(of))};
${lines(grown, ({ vector }) => `let out_${vector}${of} = ${vectorAt(vector, clamped(of))};`)}
${byQueries ? `var top${of} = ${LOWEST};\nvar sum${of} = 0.0;\nvar inner${of} = 0.0;` : ""}`
      )
    }
for (var c = 0u; c < params.width; c += 1u) {
${
      both((of) =>
        `${lines(grown, ({ vector }) => guarded(of, `${out(vector, of)} = 0.0;`))}
${byQueries ? `inner${of} = fma(${element("g", `own1${of} + c`)}, y[own1${of} + c], inner${of});` : ""}`
      )
    }
}
for (var t = 0u; t < params.length; t += ${SERIAL_STEP}u) {
${
      lines(SERIAL_STEP, (j) =>
        `let at0_${j} = ${vectorAt(streamed[0], clamped(`t + ${j}u`))};
let at1_${j} = ${vectorAt(streamed[1], clamped(`t + ${j}u`))};`)
    }
${both((of) => lines(SERIAL_STEP, (j) => `var s${of}${j} = 0.0;\nvar e${of}${j} = 0.0;`))}
  for (var c = 0u; c < params.width; c += 1u) {
${both((of) => `let x${of} = ${element(own[0], `own0${of} + c`)};\nlet z${of} = ${element(own[1], `own1${of} + c`)};`)}
${
      lines(SERIAL_STEP, (j) =>
        `let u${j} = ${element(streamed[0], `at0_${j} + c`)};
let w${j} = ${element(streamed[1], `at1_${j} + c`)};
${both((of) => `s${of}${j} = fma(x${of}, u${j}, s${of}${j});\ne${of}${j} = fma(z${of}, w${j}, e${of}${j});`)}`)
    }
  }
${byQueries ? "" : streamedRows(SERIAL_STEP)}
${both((of) => powers(pass, SERIAL_STEP, of))}
  for (var c = 0u; c < params.width; c += 1u) {
${
      lines(grown, ({ vector, factor, source }) =>
        `${
          both((of) => `var o_${vector}${of} = ${out(vector, of)}${byQueries ? ` * keep${of}` : ""};`)
        }
${
          lines(SERIAL_STEP, (j) =>
            `let n_${vector}${j} = ${element(streamed[source], `at${source}_${j} + c`)};
${both((of) => `o_${vector}${of} = fma(${factor}${of}${j}, n_${vector}${j}, o_${vector}${of});`)}`)
        }
${both((of) => guarded(of, `${out(vector, of)} = o_${vector}${of};`))}`)
    }
  }
}
${
      byQueries
        ? `${both((of) => `let share${of} = 1.0 / sum${of};`)}
for (var c = 0u; c < params.width; c += 1u) {
${both((of) => guarded(of, `${out("q", of)} *= share${of} * scale;`))}
}
${ownRow("a", "a")}
if (has_b) {
${ownRow("b", "b")}
}`
        : ""
    }`,
  });
}
