/**
 * Streaming attention for GPUs and for subgroups. All kernels keep, for each query, the greatest logit so far, the sum of the powers
 * relative to it, and the weighted sum of v; a new block of keys rescales both sums if it raises the maximum (Milakov
 * and Gimelshein, "Online normalizer calculation for softmax", 2018).
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { floatBits } from "../operands.ts";
import { filledInPasses, usedInPasses } from "../text/passes.ts";
import { treeReduction } from "../text/reduction.ts";
import { flatGrid, kernel, type KernelSource, lines } from "../text/wgsl.ts";
import type { AttentionLayout } from "./attention_layout.ts";

/** Stands for minus infinity, which WGSL has no literal for. */
export const LOWEST = "-1.0e30";

/** The greatest of WGSL expressions. */
function greatest(terms: readonly string[]): string {
  return terms.reduce((a, b) => `max(${a}, ${b})`);
}

function numbered(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, k) => `${prefix}${k}`);
}

/** A kernel whose workgroups each take some positions of one head; see `headKernel`. */
export interface HeadSource {
  readonly label: string;
  /** See `KernelSource`. */
  readonly subgroupSize?: number | undefined;
  /** Positions that a workgroup takes. */
  readonly queries: number;
  readonly invocations: number;
  /** Where keys are cut: the number of parts, and the keys of each; the body sees which `part` it takes. */
  readonly parts?: { readonly count: number; readonly keys: number };
  readonly declarations?: string;
  readonly body: string;
}

/**
 * A kernel whose workgroups each take some positions of one head, from `first` on; its body sees where q, k and v and
 * the result of that head begin.
 */
export function headKernel(
  arrays: Pick<KernelSource, "read" | "write">,
  layout: AttentionLayout,
  target: Target,
  source: HeadSource,
): Dispatch {
  const { images, length, channels, heads, head, headPitch, partPitch, scale } = layout;
  const blocks = Math.ceil(length / source.queries);
  const count = images * heads * blocks;
  const { parts } = source;
  return kernel({
    label: source.label,
    subgroupSize: source.subgroupSize,
    ...arrays,
    params: {
      count,
      blocks,
      heads,
      width: head,
      length,
      channels,
      head_pitch: headPitch,
      part_pitch: partPitch,
      scale: floatBits(scale),
      ...(parts ? { parts: parts.count, part_keys: parts.keys } : {}),
    },
    workgroupSize: source.invocations,
    workgroups: flatGrid(count * (parts?.count ?? 1), target),
    ...(source.declarations ? { declarations: source.declarations } : {}),
    body: `${
      parts
        ? `let item = group.y * groups.x + group.x;
let index = item / params.parts;
let part = item - index * params.parts;`
        : "let index = group.y * groups.x + group.x;"
    }
if (index >= params.count) { return; }
let outer = index / params.blocks;
let image = outer / params.heads;
let head = outer - image * params.heads;
let first = (index - outer * params.blocks) * ${source.queries}u;
let scale = bitcast<f32>(params.scale);
let pitch = 3u * params.channels;
let q_base = image * params.length * pitch + head * params.head_pitch;
let k_base = q_base + params.part_pitch;
let v_base = k_base + params.part_pitch;
let y_base = image * params.length * params.channels + head * params.width;
${source.body}`,
  });
}

/** Keys that one step of the loop over keys takes. */
const KEYS = 4;

/**
 * WGSL that updates the running maximum `top`, gives the powers p0, p1, ... of the logits s0, s1, ..., and the factor
 * `keep` of all older sums; `of` is appended to every name.
 */
export function softmaxStep(keys: number, of = ""): string {
  return `let next${of} = max(top${of}, ${greatest(numbered(`s${of}`, keys))});
let keep${of} = exp(top${of} - next${of});
${lines(keys, (j) => `let p${of}${j} = exp(s${of}${j} - next${of});`)}
sum${of} = fma(sum${of}, keep${of}, ${numbered(`p${of}`, keys).join(" + ")});
top${of} = next${of};`;
}

/**
 * Attention where kernels run on a CPU: one load fetches a scalar for each invocation of a subgroup, and shuffles hand
 * it round.
 * Mapping: a workgroup is one subgroup and takes as many queries, one each; the query and its result stay in
 * registers. Of k and v an invocation loads every subgroup-size-th channel. No shared memory.
 */
export function shuffleKernel(qkv: Tensor, y: Tensor, layout: AttentionLayout, target: Target): Dispatch {
  const { head } = layout;
  const lanes = target.subgroupSize;
  const parts = Math.ceil(head / lanes);
  const held = (name: string, base: string): string =>
    lines(KEYS, (j) => lines(parts, (b) => `let ${name}${j}_${b} = x[${base} + row${j} + channel${b}];`));
  // The texts of loads and stores that run once are short where all channels are whole passes.
  const each = head % lanes === 0 ? lanes : head;
  const passes = `params.width / ${each}u`;
  const shared = (name: string, j: number, c: number): string =>
    `subgroupShuffle(${name}${j}_${Math.floor(c / lanes)}, ${c % lanes}u)`;
  return headKernel({ read: { x: qkv }, write: { y } }, layout, target, {
    label: "attention.shuffle",
    queries: lanes,
    invocations: lanes,
    body: `let query = first + lane;
let q = q_base + min(query, params.length - 1u) * pitch;
${
      filledInPasses({
        names: numbered("q", head),
        each,
        count: passes,
        body: (turn) => lines(each, (c) => `q${head - each + c} = x[q + ${turn} * ${each}u + ${c}u] * scale;`),
      })
    }
${lines(head, (c) => `var o${c} = 0.0;`)}
${lines(parts, (b) => `let channel${b} = min(${b * lanes}u + lane, ${head - 1}u);`)}
var top = ${LOWEST};
var sum = 0.0;
for (var t = 0u; t < params.length; t += ${KEYS}u) {
${lines(KEYS, (j) => `let row${j} = min(t + ${j}u, params.length - 1u) * pitch;\nvar s${j} = 0.0;`)}
${held("k", "k_base")}
${lines(head, (c) => lines(KEYS, (j) => `s${j} = fma(q${c}, ${shared("k", j, c)}, s${j});`))}
${lines(KEYS, (j) => `s${j} = select(${LOWEST}, s${j}, t + ${j}u < params.length);`)}
${softmaxStep(KEYS)}
${held("v", "v_base")}
${
      lines(head, (c) =>
        `o${c} = fma(p0, ${shared("v", 0, c)}, o${c} * keep);\n` +
        lines(KEYS - 1, (j) => `o${c} = fma(p${j + 1}, ${shared("v", j + 1, c)}, o${c});`))
    }
}
if (query >= params.length) { return; }
let share = 1.0 / sum;
let out = y_base + query * params.channels;
${
      usedInPasses({
        names: numbered("o", head),
        each,
        count: passes,
        body: (turn) => lines(each, (c) => `y[out + ${turn} * ${each}u + ${c}u] = o${c} * share;`),
      })
    }`,
  });
}

/** Queries of a workgroup in the kernel for wide heads: the components of one vec4. */
const WIDE_QUERIES = 4;
/** Invocations of a workgroup, keys of a tile and channels of a block in the kernel for wide heads. */
const WIDE = 64;

/**
 * Attention for GPUs with heads too wide for one invocation's registers. The text depends on the head width in blocks
 * of 64 only.
 * Mapping: a workgroup of 64 takes 4 queries. For the logits an invocation stands for one key of a tile of 64 and the
 * queries come through shared memory in blocks of 64 channels; for the result it stands for every 64th channel of the
 * head. Powers and maxima pass through shared memory: 3 KiB.
 */
export function wideKernel(qkv: Tensor, y: Tensor, layout: AttentionLayout, target: Target): Dispatch {
  const parts = Math.ceil(layout.head / WIDE);
  const row = (r: number): string => `q_base + min(first + ${r}u, params.length - 1u) * pitch + channel`;
  return headKernel({ read: { x: qkv }, write: { y } }, layout, target, {
    label: "attention.wide",
    queries: WIDE_QUERIES,
    invocations: WIDE,
    declarations: `var<workgroup> q_block: array<vec4f, ${WIDE}>;
var<workgroup> powers: array<vec4f, ${WIDE}>;
var<workgroup> work: array<vec4f, ${WIDE}>;`,
    body: `${lines(parts, (b) => `var o${b} = vec4f();`)}
${lines(parts, (b) => `let channel${b} = min(${b * WIDE}u + lane, params.width - 1u);`)}
var top = vec4f(${LOWEST});
var sum = vec4f();
for (var start = 0u; start < params.length; start += ${WIDE}u) {
  let k = k_base + min(start + lane, params.length - 1u) * pitch;
  var s = vec4f();
  for (var block = 0u; block < params.width; block += ${WIDE}u) {
    let channel = min(block + lane, params.width - 1u);
    workgroupBarrier();
    q_block[lane] = vec4f(${Array.from({ length: WIDE_QUERIES }, (_, r) => `x[${row(r)}]`).join(", ")}) * scale;
    workgroupBarrier();
    let end = min(${WIDE}u, params.width - block);
    for (var c = 0u; c < end; c += 1u) { s = fma(vec4f(x[k + block + c]), q_block[c], s); }
  }
  s = select(vec4f(${LOWEST}), s, start + lane < params.length);
  work[lane] = s;
  ${treeReduction("work", WIDE, { combine: "max" })}
  let next = max(top, work[0]);
  let keep = exp(top - next);
  top = next;
  let p = exp(s - next);
  powers[lane] = p;
  workgroupBarrier();
  work[lane] = p;
  ${treeReduction("work", WIDE)}
  sum = fma(sum, keep, work[0]);
${lines(parts, (b) => `o${b} *= keep;`)}
  let keys = min(${WIDE}u, params.length - start);
  for (var key = 0u; key < keys; key += 1u) {
    let p_key = powers[key];
    let v = v_base + (start + key) * pitch;
${lines(parts, (b) => `o${b} = fma(vec4f(x[v + channel${b}]), p_key, o${b});`)}
  }
  workgroupBarrier();
}
let share = 1.0 / sum;
${
      lines(WIDE_QUERIES, (r) =>
        `if (first + ${r}u < params.length) {
  let out = y_base + (first + ${r}u) * params.channels;
${
          lines(parts, (b) => {
            const store = `y[out + channel${b}] = o${b}[${r}] * share[${r}];`;
            return b + 1 < parts ? store : `if (${b * WIDE}u + lane < params.width) { ${store} }`;
          })
        }
}`)
    }`,
  });
}
