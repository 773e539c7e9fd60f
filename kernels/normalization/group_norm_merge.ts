/**
 * Merging the statistics of many blocks on a GPU: number of elements n, mean m and sum of squared deviations q of a set
 * follow from those of two halves, so that no pass over the elements has to wait for the mean of all. Chan, Golub and
 * LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample Variances", 1979. All trees are fixed.
 */
import type { Tensor } from "../../engine/mod.ts";
import { lines } from "../text/wgsl.ts";

/** Invocations of a workgroup that merges. */
export const MERGE_SIZE = 256;

/** Entries (blocks times channels) that a workgroup should have at least before there are several: 16 an invocation. */
const ENTRIES_EACH = 4096;

/** Parts of a group at most; as many invocations merge them. */
export const MOST_SPLITS = 32;

/** Blocks that an invocation loads before it uses the first of them. */
const TOGETHER = 4;

/**
 * How the blocks of a group are shared out among workgroups.
 * @param blocks of one image
 * @param span channels of a group
 * @returns the number of parts, and the blocks of each but the last
 */
export function splitBlocks(blocks: number, span: number): { readonly count: number; readonly each: number } {
  const wanted = Math.min(MOST_SPLITS, Math.ceil(blocks * span / ENTRIES_EACH));
  const each = Math.ceil(blocks / wanted);
  return { count: Math.ceil(blocks / each), each };
}

/** WGSL function `merged_sets(a, b)`: n, m and q of two sets together; either may be empty. */
export const MERGED_WGSL = `fn merged_sets(a: vec3f, b: vec3f) -> vec3f {
  let count = a.x + b.x;
  let share = b.x / max(count, 1.0);
  let apart = b.y - a.y;
  return vec3f(count, fma(apart, share, a.y), fma(apart * apart, a.x * share, a.z + b.z));
}`;

/**
 * WGSL that merges what the invocations of a workgroup have to `all`, in a fixed tree. It needs `MERGED_WGSL` and the
 * workgroup array `shared_values`.
 * @param own what an invocation has
 * @param size invocations of the workgroup, a power of two
 */
export function mergedStatistics(own: string, size: number): string {
  return `shared_values[lane] = ${own};
for (var half = ${size / 2}u; half > 0u; half = half >> 1u) {
  workgroupBarrier();
  if (lane < half) { shared_values[lane] = merged_sets(shared_values[lane], shared_values[lane + half]); }
}
workgroupBarrier();
let all = shared_values[0];`;
}

/** What gathers the statistics of blocks; see `gatheredStatistics`. */
export interface GatheredStatistics {
  /** Sizes that it needs besides those of all kernels of a group. */
  readonly params: Readonly<Record<string, number>>;
  /** Functions and 4 KiB of workgroup memory. */
  readonly declarations: string;
  /** Lines that give `all`. */
  readonly body: string;
}

/**
 * WGSL that merges the blocks from `begin` to `end` of a group to `all`: their elements n, the mean m less the origin
 * `k`, and the sum q of squared deviations. Four blocks are loaded at a time, merged among themselves around their own
 * mean, and then to what an invocation has.
 * Mapping: neighbouring invocations take neighbouring channels, as many as the next power of two to those of the group,
 * and different blocks beyond; a fixed tree merges the 256. Nothing is divided by sizes where all blocks are whole.
 * @param partials statistics of one image, or of two whose channels follow each other
 * @param span channels of a group
 */
export function gatheredStatistics(partials: readonly Tensor[], span: number): GatheredStatistics {
  const wide = Math.min(MERGE_SIZE, 2 ** Math.ceil(Math.log2(span)));
  /** Merges one channel of the blocks: that at `from` in a part of `pitch` channels. */
  const channelOf = (name: string, from: string, pitch: string): string =>
    `let plane = params.images * params.blocks * ${pitch};
    let step = together * ${pitch};
    var place = (image * params.blocks + begin + row) * ${pitch} + ${from};
    for (var block = begin + row; block < end; block += ${TOGETHER}u * together) {
      let at0 = place;
${
      lines(TOGETHER - 1, (j) =>
        `let inside${j + 1} = block + ${j + 1}u * together < end;
let at${j + 1} = select(place, place + ${j + 1}u * step, inside${j + 1});`)
    }
      let offsets = (${fourOf((at) => `${name}[${at}]`)} - vec4f(k)) + ${fourOf((at) => `${name}[plane + ${at}]`)};
      let squares = ${fourOf((at) => `${name}[2u * plane + ${at}]`)};
      let inside = vec4<bool>(true, inside1, inside2, inside3);
      let weights = select(vec4f(), weightsOf(vec4u(0u, 1u, 2u, 3u) * together + block), inside);
      let count = dot(weights, vec4f(1.0));
      let mean = dot(weights, offsets) / count;
      let apart = offsets - mean;
      let deviations = fma(weights * apart, apart, select(vec4f(), squares, inside));
      own = merged_sets(own, vec3f(count, mean, dot(deviations, vec4f(1.0))));
      place += ${TOGETHER}u * step;
    }`;
  const inOne = channelOf("first", "channel + c", "params.firstWidth");
  const either = `if (c < inFirst) {
    ${inOne}
  } else {
    ${channelOf("second", "inSecond + c - inFirst", "params.secondWidth")}
  }`;
  return {
    params: { wide },
    declarations: `var<workgroup> shared_values: array<vec3f, ${MERGE_SIZE}>;
${MERGED_WGSL}
fn weightsOf(block: vec4u) -> vec4f {
  let whole = params.blockHeight * params.blockWidth;
  if (params.blocks * whole == params.height * params.width) { return vec4f(f32(whole)); }
  let down = block / params.across;
  let high = min(vec4u(params.blockHeight), params.height - down * params.blockHeight);
  let broad = min(vec4u(params.blockWidth), params.width - (block - down * params.across) * params.blockWidth);
  return vec4f(high * broad);
}`,
    body: `let together = ${MERGE_SIZE}u / params.wide;
let row = lane / params.wide;
var own = vec3f();
for (var c = lane - row * params.wide; c < params.span; c += params.wide) {
  ${partials.length > 1 ? either : inOne}
}
${mergedStatistics("own", MERGE_SIZE)}`,
  };
}

function fourOf(value: (at: string) => string): string {
  return `vec4f(${Array.from({ length: TOGETHER }, (_, j) => value(`at${j}`)).join(", ")})`;
}
