/**
 * The cotangents of streaming attention in two passes, with no matrix of T x T scalars: the first takes queries and
 * streams keys, and leaves the cotangents of the queries and what makes probabilities of logits; the second takes keys,
 * streams queries, and leaves the cotangents of keys and values. Every sum belongs to one invocation or to a fixed tree.
 * As Dao, "FlashAttention-2", 2023: with s = scale q k, p = exp(s - top) share and f = p (dy v - <dy, y>) these are
 * dq = scale f k, dk = scale f q and dv = p dy, summed over what is streamed.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { treeReduction } from "../text/reduction.ts";
import { headKernel, type HeadSource, LOWEST } from "./attention_kernels.ts";
import type { AttentionLayout } from "./attention_layout.ts";
import { lines } from "../text/wgsl.ts";

/** Tensors of the gradient of an attention call. */
export interface AttentionCotangents {
  /** [N, T, 3C] */
  readonly qkv: Tensor;
  /** [N, T, C]: the result of the attention. */
  readonly y: Tensor;
  /** [N, T, C]: its cotangent. */
  readonly dy: Tensor;
  /** [N, T, 3C], written: the cotangent of qkv. */
  readonly dqkv: Tensor;
  /** [3, N, heads, T]: maximum, inverse sum of powers, and <dy, y> of each query; written by the first pass. */
  readonly rows: Tensor;
}

/** Which of the two passes: `queries` are taken and keys streamed, or the other way round. */
export type Pass = "queries" | "keys";

/** The two vectors of a position: those of the pass's own positions, and those of the streamed ones. */
export const VECTORS = {
  queries: { own: ["q", "g"], streamed: ["k", "v"] },
  keys: { own: ["k", "v"], streamed: ["q", "g"] },
} as const;

/** A vector of a position: g is the cotangent of the result. */
export type Vector = "q" | "k" | "v" | "g";

/** WGSL of where a vector of a position begins. */
export function vectorAt(vector: Vector, position: string): string {
  return vector === "g" ? `y_base + ${position} * params.channels` : `${vector}_base + ${position} * pitch`;
}

/** WGSL of an element of a vector: queries are scaled wherever they are read, so that both passes see equal logits. */
export function element(vector: Vector, at: string): string {
  return vector === "g" ? `g[${at}]` : vector === "q" ? `(x[${at}] * scale)` : `x[${at}]`;
}

/** WGSL of a position that exists, for one that may lie beyond the last. */
export function clamped(position: string): string {
  return `min(${position}, params.length - 1u)`;
}

/** WGSL of entry `plane` of what the first pass leaves of a query. */
export function rowEntry(plane: number, position: string): string {
  return `rows[(${plane}u * params.count / params.blocks + outer) * params.length + ${position}]`;
}

/** A kernel of one pass; its body sees what those of `headKernel` see. */
export function passKernel(
  pass: Pass,
  { qkv, y, dy, dqkv, rows }: AttentionCotangents,
  layout: AttentionLayout,
  target: Target,
  source: HeadSource,
): Dispatch {
  const arrays = pass === "queries"
    ? { read: { x: qkv, y, g: dy }, write: { d: dqkv, rows } }
    : { read: { x: qkv, g: dy, rows }, write: { d: dqkv } };
  return headKernel(arrays, layout, target, source);
}

/** Own positions of a workgroup: the components of one vec4. */
const OWN = 4;
/** Invocations of a workgroup, streamed positions of a tile and channels of a block. */
const SIZE = 64;

/**
 * A pass on GPUs, for heads of any width; its text depends on the width in blocks of 64 only.
 * Mapping: a workgroup of 64 takes 4 positions. For the products of vectors an invocation stands for one streamed
 * position of a tile of 64, and the own vectors come through shared memory in blocks of 64 channels; for the cotangents
 * it stands for every 64th channel. 5 KiB of shared memory.
 */
export function tilePass(pass: Pass, tensors: AttentionCotangents, layout: AttentionLayout, target: Target): Dispatch {
  const { own, streamed } = VECTORS[pass];
  const byQueries = pass === "queries";
  const parts = Math.ceil(layout.head / SIZE);
  const four = (of: (r: number) => string): string => `vec4f(${[0, 1, 2, 3].map(of).join(", ")})`;
  const ownPosition = (r: number): string => clamped(`first + ${r}u`);
  const block = (vector: Vector): string =>
    four((r) => element(vector, `${vectorAt(vector, ownPosition(r))} + channel`));
  const powers = byQueries
    ? `  s = select(vec4f(${LOWEST}), s, start + lane < params.length);
  work[lane] = s;
  ${treeReduction("work", SIZE, { combine: "max" })}
  let next = max(top, work[0]);
  let keep = exp(top - next);
  top = next;
  let p = exp(s - next);
  f_tile[lane] = p * (e - inner);
  workgroupBarrier();
  work[lane] = p;
  ${treeReduction("work", SIZE)}
  sum = fma(sum, keep, work[0]);
${lines(parts, (b) => `o${b} *= keep;`)}`
    : `  var p = exp(s - ${rowEntry(0, "position")}) * ${rowEntry(1, "position")};
  p = select(vec4f(), p, start + lane < params.length);
  f_tile[lane] = p * (e - ${rowEntry(2, "position")});
  p_tile[lane] = p;
  workgroupBarrier();`;
  const product = `work[lane] = vec4f();
for (var channel = lane; channel < params.width; channel += ${SIZE}u) {
  work[lane] += ${block("g")} * ${four((r) => `y[${vectorAt("g", ownPosition(r))} + channel]`)};
}
${treeReduction("work", SIZE)}
let inner = work[0];
var top = vec4f(${LOWEST});
var sum = vec4f();`;
  const store = (b: number, r: number): string => {
    const at = (vector: Vector): string => `d[${vectorAt(vector, `(first + ${r}u)`)} + channel${b}]`;
    const text = byQueries
      ? `${at("q")} = o${b}[${r}] * share[${r}] * scale;`
      : `${at("k")} = o${b}[${r}]; ${at("v")} = r${b}[${r}];`;
    return b + 1 < parts ? text : `if (${b * SIZE}u + lane < params.width) { ${text} }`;
  };
  return passKernel(pass, tensors, layout, target, {
    label: `attentionGradient.${pass}`,
    queries: OWN,
    invocations: SIZE,
    declarations: `var<workgroup> a_block: array<vec4f, ${SIZE}>;
var<workgroup> b_block: array<vec4f, ${SIZE}>;
var<workgroup> f_tile: array<vec4f, ${SIZE}>;
${byQueries ? `var<workgroup> work: array<vec4f, ${SIZE}>;` : `var<workgroup> p_tile: array<vec4f, ${SIZE}>;`}`,
    body: `${lines(parts, (b) => `var o${b} = vec4f();${byQueries ? "" : `\nvar r${b} = vec4f();`}`)}
${lines(parts, (b) => `let channel${b} = min(${b * SIZE}u + lane, params.width - 1u);`)}
${byQueries ? product : ""}
for (var start = 0u; start < params.length; start += ${SIZE}u) {
  let position = ${clamped("start + lane")};
  let u = ${vectorAt(streamed[0], "position")};
  let w = ${vectorAt(streamed[1], "position")};
  var s = vec4f();
  var e = vec4f();
  for (var block = 0u; block < params.width; block += ${SIZE}u) {
    let channel = min(block + lane, params.width - 1u);
    workgroupBarrier();
    a_block[lane] = ${block(own[0])};
    b_block[lane] = ${block(own[1])};
    workgroupBarrier();
    let end = min(${SIZE}u, params.width - block);
    for (var c = 0u; c < end; c += 1u) {
      s = fma(vec4f(${element(streamed[0], "u + block + c")}), a_block[c], s);
      e = fma(vec4f(${element(streamed[1], "w + block + c")}), b_block[c], e);
    }
  }
${powers}
  let count = min(${SIZE}u, params.length - start);
  for (var j = 0u; j < count; j += 1u) {
    let f = f_tile[j];
    let first_vector = ${vectorAt(streamed[0], "(start + j)")};
${lines(parts, (b) => `o${b} = fma(vec4f(${element(streamed[0], `first_vector + channel${b}`)}), f, o${b});`)}
${
      byQueries ? "" : `    let p_j = p_tile[j];
    let second_vector = ${vectorAt(streamed[1], "(start + j)")};
${lines(parts, (b) => `r${b} = fma(vec4f(${element(streamed[1], `second_vector + channel${b}`)}), p_j, r${b});`)}`
    }
  }
  workgroupBarrier();
}
${byQueries ? "let share = 1.0 / sum;" : ""}
${
      lines(OWN, (r) =>
        `if (first + ${r}u < params.length) {
${lines(parts, (b) => store(b, r))}
${
          byQueries
            ? `if (lane == 0u) {
${lines(3, (plane) => `${rowEntry(plane, `first + ${r}u`)} = ${["top", "share", "inner"][plane]}[${r}];`)}
}`
            : ""
        }
}`)
    }`,
  });
}
