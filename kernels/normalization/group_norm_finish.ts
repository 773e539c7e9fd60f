/** The factors of channels that follow from the statistics of blocks: the second half of group normalisation. */
import type { Dispatch, Target, Tensor } from "../../engine/mod.ts";
import { floatBits } from "../operands.ts";
import { flatGrid, kernel, type KernelSource } from "../text/wgsl.ts";
import { blockCount, type Blocks } from "./group_norm_kernels.ts";
import {
  gatheredStatistics,
  MERGE_SIZE,
  MERGED_WGSL,
  mergedStatistics,
  MOST_SPLITS,
  splitBlocks,
} from "./group_norm_merge.ts";

/** The operands, results and sizes of the kernels that finish the statistics of a group normalisation. */
export interface Finish {
  /** Statistics [3, N, blocks, C_k] of one image, or of two whose channels follow each other. */
  readonly partials: readonly Tensor[];
  /** [C] */
  readonly gamma: Tensor;
  /** [C] */
  readonly beta: Tensor;
  /** [N, pitch] with the scale of channel c at `offset` + c and its shift at `offset` + C + c. */
  readonly modulation?: { readonly tensor: Tensor; readonly offset: number };
  /** [3, N, C], written. */
  readonly factors: Tensor;
  /** [N, groups], written: how far the mean of each group lies above its origin. */
  readonly means: Tensor;
  /** N */
  readonly images: number;
  /** C, of all parts together. */
  readonly channels: number;
  /** Number of groups; it divides C. */
  readonly groups: number;
  /** Added to the variance. */
  readonly eps: number;
  /** How the image is cut. */
  readonly blocks: Blocks;
}

/**
 * Invocations of a workgroup where each takes a whole group: on the CPU a barrier costs more than the few sums. The 48
 * dispatches of the embedded prior at 64x64 took 6.3 ms with barriers.
 */
const SERIAL_SIZE = 8;

/**
 * The dispatches that merge the blocks of each group and write for each of its channels an origin o and factors a, b so
 * that the result is (x - o) a + b. The origin is k itself, the first element of the group, from which x differs
 * exactly where it is near; so nothing depends on the order in which a compiler adds. A group may begin in the first
 * image and end in the second. On a GPU many blocks are merged in two levels, cut by the sizes of one image alone.
 */
export function finishKernels(finish: Finish, target: Target): readonly Dispatch[] {
  if (target.software) return [serialFinish(finish, target)];
  const { images, channels, groups } = finish;
  const splits = splitBlocks(blockCount(finish.blocks), channels / groups);
  if (splits.count === 1) return [wholeFinish(finish, target)];
  const merged = target.scratch([images * groups * splits.count, 4]);
  return [mergeKernel(finish, merged, splits, target), mergedFinish(finish, merged, splits.count, target)];
}

/** What every kernel that writes factors reads and writes. */
function finishPorts(
  { partials: [first, second], gamma, beta, modulation, factors, means }: Finish,
): Pick<KernelSource, "read" | "write"> {
  return {
    read: {
      first: first!,
      ...(second ? { second } : {}),
      gamma,
      beta,
      ...(modulation ? { modulation: modulation.tensor } : {}),
    },
    write: { factors, means },
  };
}

/** The sizes that every kernel of a group sees. */
function finishParams({ partials: [first], blocks, images, channels, groups }: Finish): Record<string, number> {
  const firstWidth = first!.shape[3]!;
  return {
    images,
    channels,
    groups,
    span: channels / groups,
    firstWidth,
    secondWidth: channels - firstWidth,
    blocks: blockCount(blocks),
    across: Math.ceil(blocks.width / blocks.blockWidth),
    ...blocks,
  };
}

/** The sizes that those see besides that write factors. */
function factorParams({ eps, modulation }: Finish): Record<string, number> {
  return {
    eps: floatBits(eps),
    ...(modulation ? { pitch: modulation.tensor.shape[1]!, offset: modulation.offset } : {}),
  };
}

function suffixOf({ partials, modulation }: Pick<Finish, "partials" | "modulation">): string {
  return `${partials.length > 1 ? ".joined" : ""}${modulation ? ".modulated" : ""}`;
}

/** WGSL of where group `index` lies, and of its origin `k`. */
function groupWgsl({ partials: [, second] }: Finish): string {
  return `let image = index / params.groups;
let channel = (index - image * params.groups) * params.span;
let inFirst = min(channel + params.span, max(params.firstWidth, channel)) - channel;
${second ? "let inSecond = max(channel, params.firstWidth) - params.firstWidth;" : ""}
let total = f32(params.height * params.width) * f32(params.span);
${
    second
      ? `let leading = channel < params.firstWidth;
let origin_first = first[image * params.blocks * params.firstWidth + select(0u, channel, leading)];
let origin_second = second[image * params.blocks * params.secondWidth + inSecond];
let k = select(origin_second, origin_first, leading);`
      : "let k = first[image * params.blocks * params.firstWidth + channel];"
  }`;
}

/** WGSL that writes the factors of channels `begin`, `begin` + `step`, ... of a group. */
function factorsWgsl({ modulation }: Finish, begin: string, step: string): string {
  return `for (var d = ${begin}; d < params.span; d += ${step}) {
  let c = channel + d;
  let at = image * params.channels + c;
  let a = inverse * gamma[c];
  let b = fma(-mean, a, beta[c]);
  ${
    modulation
      ? `let place = image * params.pitch + params.offset + c;
  let scale = 1.0 + modulation[place];
  let shift = modulation[place + params.channels];`
      : ""
  }
  factors[at] = k;
  factors[outputs + at] = ${modulation ? "a * scale" : "a"};
  factors[2u * outputs + at] = ${modulation ? "fma(b, scale, shift)" : "b"};
}`;
}

/**
 * WGSL that writes what follows from `all`, the merged statistics of a group that the invocations of a workgroup
 * share.
 */
function sharedFactorsWgsl(finish: Finish, size: number): string {
  return `let mean = all.y;
let inverse = 1.0 / sqrt(all.z / total + bitcast<f32>(params.eps));
let outputs = params.images * params.channels;
if (lane == 0u) { means[index] = mean; }
${factorsWgsl(finish, "lane", `${size}u`)}`;
}

/**
 * Mapping: an invocation takes a group by itself. Two passes over the blocks: the mean relative to k, then the squared
 * deviations from it. No shared memory.
 */
function serialFinish(finish: Finish, target: Target): Dispatch {
  const { partials: [, second], images, groups } = finish;
  /** Loops over the entries of the group's channels in one image; it divides nowhere. */
  const entries = (name: string, from: string, width: string, pitch: string, body: string): string =>
    `{
  let own = ${width};
  let rows = (params.height + params.blockHeight - 1u) / params.blockHeight;
  var place = image * params.blocks * ${pitch} + ${from};
  for (var down = 0u; down < rows; down += 1u) {
    let high = min(params.blockHeight, params.height - down * params.blockHeight);
    for (var across = 0u; across < params.across; across += 1u) {
      let weight = f32(high * min(params.blockWidth, params.width - across * params.blockWidth));
      for (var at = place; at < place + own; at += 1u) {
      let plane = params.images * params.blocks * ${pitch};
      let offset = (${name}[at] - k) + ${name}[plane + at];
      ${body}
      }
      place += ${pitch};
    }
  }
}`;
  const both = (body: (name: string) => string): string =>
    [
      entries("first", "channel", "inFirst", "params.firstWidth", body("first")),
      ...(second ? [entries("second", "inSecond", "params.span - inFirst", "params.secondWidth", body("second"))] : []),
    ].join("\n");
  return kernel({
    label: `groupNorm.finish${suffixOf(finish)}`,
    ...finishPorts(finish),
    params: { ...finishParams(finish), ...factorParams(finish) },
    workgroupSize: SERIAL_SIZE,
    workgroups: flatGrid(Math.ceil(images * groups / SERIAL_SIZE), target),
    body: `let index = (group.y * groups.x + group.x) * ${SERIAL_SIZE}u + lane;
if (index >= params.images * params.groups) { return; }
${groupWgsl(finish)}
var sum = 0.0;
${both(() => "sum = fma(weight, offset, sum);")}
let whole = sum;
let mean = whole / total;
var squares = 0.0;
${
      both((name) =>
        `let d = offset - mean;
    squares += fma(weight * d, d, ${name}[2u * plane + at]);`
      )
    }
let deviation = squares;
let inverse = 1.0 / sqrt(deviation / total + bitcast<f32>(params.eps));
let outputs = params.images * params.channels;
means[index] = mean;
${factorsWgsl(finish, "0u", "1u")}`,
  });
}

/** Mapping: a workgroup takes one group of one image, and all of its blocks; see `gatheredStatistics`. */
function wholeFinish(finish: Finish, target: Target): Dispatch {
  const { images, channels, groups } = finish;
  const gathered = gatheredStatistics(finish.partials, channels / groups);
  return kernel({
    label: `groupNorm.finish${suffixOf(finish)}`,
    ...finishPorts(finish),
    params: { ...finishParams(finish), ...gathered.params, ...factorParams(finish) },
    workgroupSize: MERGE_SIZE,
    workgroups: flatGrid(images * groups, target),
    declarations: gathered.declarations,
    body: `let index = group.y * groups.x + group.x;
if (index >= params.images * params.groups) { return; }
${groupWgsl(finish)}
let begin = 0u;
let end = params.blocks;
${gathered.body}
${sharedFactorsWgsl(finish, MERGE_SIZE)}`,
  });
}

/** Mapping: a workgroup takes a part of the blocks of one group of one image; see `gatheredStatistics`. */
function mergeKernel(
  finish: Finish,
  merged: Tensor,
  { count, each }: ReturnType<typeof splitBlocks>,
  target: Target,
): Dispatch {
  const { partials: [first, second], images, channels, groups } = finish;
  const gathered = gatheredStatistics(finish.partials, channels / groups);
  return kernel({
    label: `groupNorm.merge${suffixOf({ partials: finish.partials })}`,
    read: { first: first!, ...(second ? { second } : {}) },
    write: { merged: { tensor: merged, type: "vec4f" } },
    params: { ...finishParams(finish), ...gathered.params, splits: count, each },
    workgroupSize: MERGE_SIZE,
    workgroups: flatGrid(images * groups * count, target),
    declarations: gathered.declarations,
    body: `let item = group.y * groups.x + group.x;
if (item >= params.images * params.groups * params.splits) { return; }
let index = item / params.splits;
${groupWgsl(finish)}
let begin = (item - index * params.splits) * params.each;
let end = min(begin + params.each, params.blocks);
${gathered.body}
if (lane == 0u) { merged[item] = vec4f(all, 0.0); }`,
  });
}

/** Mapping: a workgroup of 32 takes one group of one image, an invocation one of the parts that were merged before. */
function mergedFinish(finish: Finish, merged: Tensor, splits: number, target: Target): Dispatch {
  const { images, groups } = finish;
  const { read, write } = finishPorts(finish);
  return kernel({
    label: `groupNorm.finish.merged${suffixOf(finish)}`,
    read: { merged: { tensor: merged, type: "vec4f" }, ...read },
    write,
    params: { ...finishParams(finish), ...factorParams(finish), splits },
    workgroupSize: MOST_SPLITS,
    workgroups: flatGrid(images * groups, target),
    declarations: `var<workgroup> shared_values: array<vec3f, ${MOST_SPLITS}>;\n${MERGED_WGSL}`,
    body: `let index = group.y * groups.x + group.x;
if (index >= params.images * params.groups) { return; }
${groupWgsl(finish)}
let own = select(vec3f(), merged[index * params.splits + min(lane, params.splits - 1u)].xyz, lane < params.splits);
${mergedStatistics("own", MOST_SPLITS)}
${sharedFactorsWgsl(finish, MOST_SPLITS)}`,
  });
}
