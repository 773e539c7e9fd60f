/**
 * Streaming attention for GPUs whose invocations share queries, keys and values. Several lanes hold one query, some of
 * its channels each, so that query and result fit in few registers; they join their parts of every logit. Where there
 * are too few queries to fill a GPU, the keys are cut into parts, whose results are merged by their maxima and sums.
 */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { elementwise, lines, range } from "../text/wgsl.ts";
import { headKernel, LOWEST, softmaxStep } from "./attention_kernels.ts";
import type { AttentionLayout } from "./attention_layout.ts";

/**
 * Quadruples of channels that an invocation keeps of a query at most: with as many of its result, 64 registers. Two
 * queries of half as many would share what is loaded of keys and values, but do not fit in the registers of an Apple
 * M1.
 */
const MOST_QUADS = 8;

/** Invocations of a workgroup for each lane of a query, and at most. */
const [INVOCATIONS_EACH, MOST_INVOCATIONS] = [64, 256];

/** Keys that one step of the loop over a tile takes. */
const KEYS = 4;

/** Keys of a tile at most, and bytes of its keys and values: what every device has for a workgroup. */
const [MOST_KEYS, TILE_BYTES] = [32, 16384];

/** Workgroups of one image from which keys are not cut, parts of the keys at most, and keys of a part at least. */
const [ENOUGH_WORKGROUPS, MOST_PARTS, LEAST_KEYS] = [256, 4, 64];

/** How a workgroup shares the channels of a head, and how the keys are cut. */
interface TileCut {
  /** Lanes of one query, a power of two. */
  readonly lanes: number;
  /** Quadruples of channels of each lane; those past the head are zero. */
  readonly quads: number;
  /** Invocations of a workgroup. */
  readonly invocations: number;
  /** Keys of a tile, a power of two of at least 4. */
  readonly keys: number;
  /** Whether lanes join their parts of a logit by shuffles, rather than through workgroup memory. */
  readonly shuffles: boolean;
  /** Parts of the keys, and keys of each but the last. */
  readonly parts: number;
  readonly keysEach: number;
}

/** How a head is computed, or undefined if it is too wide for the workgroup memory of the device. */
function cutOf({ head, heads, length }: AttentionLayout, target: Target): TileCut | undefined {
  const lanes = 2 ** Math.ceil(Math.log2(Math.ceil(head / (4 * MOST_QUADS))));
  const quads = Math.ceil(head / (4 * lanes));
  const invocations = Math.min(MOST_INVOCATIONS, INVOCATIONS_EACH * lanes);
  const shuffles = (target.leastSubgroupSize ?? target.subgroupSize) >= lanes;
  const joined = lanes === 1 || shuffles ? 0 : 16 * invocations;
  const bytes = Math.min(TILE_BYTES, target.maxWorkgroupBytes - joined);
  const keys = Math.min(MOST_KEYS, 2 ** Math.floor(Math.log2(bytes / (2 * 16 * lanes * quads))));
  if (keys < KEYS) return undefined;
  const workgroups = heads * Math.ceil(length * lanes / invocations);
  const tiles = Math.ceil(length / keys);
  const most = Math.max(1, Math.min(MOST_PARTS, Math.floor(length / LEAST_KEYS)));
  const tilesEach = Math.ceil(tiles / Math.min(most, Math.ceil(ENOUGH_WORKGROUPS / workgroups)));
  const parts = Math.ceil(tiles / tilesEach);
  return { lanes, quads, invocations, keys, shuffles, parts, keysEach: tilesEach * keys };
}

/**
 * The dispatches of an attention in tiles, or undefined if the head is too wide for the device. Keys are cut by the
 * sizes of one image, so that a batch gives the bits of its images.
 */
export function tileKernels(
  qkv: Tensor,
  y: Tensor,
  layout: AttentionLayout,
  target: Target,
): readonly Dispatch[] | undefined {
  const cut = cutOf(layout, target);
  if (!cut) return undefined;
  if (cut.parts === 1) return [tileKernel(qkv, { y }, layout, cut, target)];
  const { images, length, heads, head } = layout;
  const rows = images * heads * length;
  const sums = target.scratch([cut.parts, rows, 4 * Math.ceil(head / 4)]);
  const tops = target.scratch([cut.parts, rows, 2]);
  return [tileKernel(qkv, { sums, tops }, layout, cut, target), mergeKernel(sums, tops, y, layout, target)];
}

/**
 * What a tile kernel writes: the result, or for each part of the keys the weighted sums of v, the maxima and the sums.
 */
type TileResult = { readonly y: Tensor } | { readonly sums: Tensor; readonly tops: Tensor };

/**
 * Mapping: a workgroup of 64 for each lane of a query, of 256 at most, takes as many queries of one head as it has
 * groups of lanes; a lane takes every so many quadruples of channels. Keys and values pass through shared memory in
 * tiles of 32 keys at most and 16 KiB together. Constant places stand outside in these arrays, as compilers clamp all
 * others.
 */
function tileKernel(
  qkv: Tensor,
  result: TileResult,
  layout: AttentionLayout,
  { lanes, quads, invocations, keys, shuffles, parts, keysEach }: TileCut,
  target: Target,
): Dispatch {
  const { head } = layout;
  const wide = head % 4 === 0;
  const across = lanes * quads;
  const isJoined = lanes > 1 && !shuffles;
  const components = ["x", "y", "z", "w"];
  const four = `vec4f(${components.map((_, k) => `entry(at, c + ${k}u)`).join(", ")})`;
  const tile = (name: string): string =>
    `var<workgroup> ${name}: array<array<array<array<vec4f, ${lanes}>, ${quads}>, ${KEYS}>, ${keys / KEYS}>;`;
  const joins = range(Math.log2(lanes)).map((level) => `s += subgroupShuffleXor(s, ${2 ** level}u);`);
  return headKernel(
    {
      read: { x: { tensor: qkv, type: wide ? "vec4f" : "f32" } },
      write: "y" in result
        ? { y: { tensor: result.y, type: wide ? "vec4f" : "f32" } }
        : { sums: { tensor: result.sums, type: "vec4f" }, tops: { tensor: result.tops, type: "vec2f" } },
    },
    layout,
    target,
    {
      label: `attention.tile${parts > 1 ? ".part" : ""}`,
      queries: invocations / lanes,
      invocations,
      ...(parts > 1 ? { parts: { count: parts, keys: keysEach } } : {}),
      declarations: `${tile("k_tile")}
${tile("v_tile")}
${isJoined ? `var<workgroup> parts_of: array<vec4f, ${invocations}>;` : ""}
${
        wide ? "" : `fn entry(at: u32, c: u32) -> f32 {
  return select(0.0, x[at + min(c, params.width - 1u)], c < params.width);
}`
      }
fn quad(at: u32, c: u32) -> vec4f {
  ${wide ? "return select(vec4f(), x[(at + min(c, params.width - 4u)) / 4u], c < params.width);" : `return ${four};`}
}`,
      body: `let own = lane % ${lanes}u;
let query = first + lane / ${lanes}u;
let q = q_base + min(query, params.length - 1u) * pitch;
${lines(quads, (b) => `let q${b} = quad(q, 4u * (${b * lanes}u + own)) * scale;\nvar o${b} = vec4f();`)}
var top = ${LOWEST};
var sum = 0.0;
let end = ${parts > 1 ? "min(params.length, (part + 1u) * params.part_keys)" : "params.length"};
for (var start = ${parts > 1 ? "part * params.part_keys" : "0u"}; start < end; start += ${keys}u) {
  workgroupBarrier();
  for (var e = lane; e < ${keys * across}u; e += ${invocations}u) {
    let key = e / ${across}u;
    let c = e % ${across}u;
    let at = min(start + key, params.length - 1u) * pitch;
    let exists = start + key < end;
    let row = key / ${KEYS}u;
    let column = key % ${KEYS}u;
    let b = c / ${lanes}u;
    let p = c % ${lanes}u;
    k_tile[row][column][b][p] = select(vec4f(), quad(k_base + at, 4u * c), exists);
    v_tile[row][column][b][p] = select(vec4f(), quad(v_base + at, 4u * c), exists);
  }
  workgroupBarrier();
  for (var j = 0u; j < ${keys / KEYS}u; j += 1u) {
    if (start + j * ${KEYS}u >= end) { break; }
${
        lines(KEYS, (k) => [
          `var dot${k} = q0 * k_tile[j][${k}][0][own];`,
          ...range(quads).slice(1).map((b) => `dot${k} = fma(q${b}, k_tile[j][${k}][${b}][own], dot${k});`),
        ])
      }
    var s = vec4f(${range(KEYS).map((k) => `dot(dot${k}, vec4f(1.0))`).join(", ")});
${
        isJoined
          ? `    parts_of[lane] = s;
    workgroupBarrier();
    let base = lane - own;
    s = ${treeSum(range(lanes).map((p) => `parts_of[base + ${p}u]`))};
    workgroupBarrier();`
          : joins.join("\n")
      }
${lines(KEYS, (k) => `let s${k} = select(${LOWEST}, s.${components[k]}, start + j * ${KEYS}u + ${k}u < end);`)}
${softmaxStep(KEYS)}
${
        lines(quads, (b) => [
          `o${b} *= keep;`,
          ...range(KEYS).map((k) => `o${b} = fma(vec4f(p${k}), v_tile[j][${k}][${b}][own], o${b});`),
        ])
      }
  }
}
if (query >= params.length) { return; }
${"y" in result ? storedResult(wide, lanes, quads) : storedParts(lanes, quads)}`,
    },
  );
}

/** The sum of terms, a power of two of them, in the order in which shuffles add. */
function treeSum(terms: readonly string[]): string {
  if (terms.length === 1) return terms[0]!;
  const half = terms.length / 2;
  return `(${treeSum(terms.slice(0, half))} + ${treeSum(terms.slice(half))})`;
}

function storedResult(wide: boolean, lanes: number, quads: number): string {
  const store = wide
    ? () => "y[(out + c) / 4u] = value;"
    : () => lines(4, (k) => `if (c + ${k}u < params.width) { y[out + c + ${k}u] = value[${k}]; }`);
  return `let share = 1.0 / sum;
let out = y_base + query * params.channels;
${
    lines(quads, (b) =>
      `{
  let c = 4u * (${b * lanes}u + own);
  let value = o${b} * share;
  if (c < params.width) { ${store()} }
}`)
  }`;
}

function storedParts(lanes: number, quads: number): string {
  return `let across = (params.width + 3u) / 4u;
let row = (part * (params.count / params.blocks) + outer) * params.length + query;
if (own == 0u) { tops[row] = vec2f(top, sum); }
${lines(quads, (b) => `if (${b * lanes}u + own < across) { sums[row * across + ${b * lanes}u + own] = o${b}; }`)}`;
}

/**
 * Merges the parts of the keys: each is weighted with the power of its maximum less the greatest of all. Mapping: an
 * invocation takes four channels of one position of a head.
 */
function mergeKernel(
  sums: Tensor,
  tops: Tensor,
  y: Tensor,
  { images, length, channels, heads, head }: AttentionLayout,
  target: Target,
): Dispatch {
  const [parts = 1, rows = 1] = sums.shape;
  const across = Math.ceil(head / 4);
  const wide = head % 4 === 0;
  const weighted = (term: (p: number) => string): string =>
    range(parts).map((p) => `weight${p} * ${term(p)}`).join(" + ");
  return elementwise("attention.merge", target, {
    read: { sums: { tensor: sums, type: "vec4f" }, tops: { tensor: tops, type: "vec2f" } },
    write: { y: { tensor: y, type: wide ? "vec4f" : "f32" } },
    count: images * length * heads * across,
    params: { across, heads, length, rows, channels, width: head },
    body: `let position = i / params.across;
let c = i - position * params.across;
let place = position / params.heads;
let head = position - place * params.heads;
let image = place / params.length;
let row = (image * params.heads + head) * params.length + place - image * params.length;
${lines(parts, (p) => `let top${p} = tops[${p}u * params.rows + row];`)}
let greatest = ${range(parts).map((p) => `top${p}.x`).reduce((a, b) => `max(${a}, ${b})`)};
${lines(parts, (p) => `let weight${p} = exp(top${p}.x - greatest);`)}
let share = 1.0 / (${weighted((p) => `top${p}.y`)});
let value = (${weighted((p) => `sums[(${p}u * params.rows + row) * params.across + c]`)}) * share;
let out = place * params.channels + head * params.width + 4u * c;
${
      wide
        ? "y[out / 4u] = value;"
        : lines(4, (k) => `if (4u * c + ${k}u < params.width) { y[out + ${k}u] = value[${k}]; }`)
    }`,
  });
}
