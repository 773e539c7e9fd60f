/** The distinct kernels of plans, each under a key that tells its form. */
import { type Dispatch, elementCount, formatShape } from "../../engine/mod.ts";
import type { CompiledText } from "./compiled_text.ts";

/** What a key is made of. */
type Keyed = Pick<Dispatch, "label" | "wgsl" | "bindings">;

/**
 * The form of a kernel in words: its label, the invocations of a workgroup, the bytes of workgroup memory, the tile of a
 * product, and the types that it reads and writes. A choice of another tile gives another key.
 */
export function keyOf({ label, wgsl, bindings }: Keyed): string {
  const types = (access: "read" | "write" | "sample"): string =>
    bindings.filter((binding) => binding.access === access).map(({ tensor }) => tensor.dtype).join(",");
  const bytes = workgroupBytes(wgsl);
  const tile = tileOf(wgsl);
  return [
    label,
    `${invocationsOf(wgsl)} threads`,
    ...(bytes === 0 ? [] : [`${Number.isNaN(bytes) ? "?" : bytes} B`]),
    ...(tile ? [`tile ${tile.rows}x${tile.columns}`] : []),
    `${types("read")}${types("sample") ? `+texture` : ""}->${types("write")}`,
  ].join(" ");
}

/** Invocations of a workgroup. */
export function invocationsOf(wgsl: string): number {
  const sides = /@workgroup_size\(([^)]*)\)/.exec(wgsl)?.[1] ?? "";
  return sides.split(",").filter((side) => side.trim() !== "").reduce((product, side) => product * parseInt(side), 1);
}

/** Rows and columns of the tile that a workgroup of a product computes; undefined where the text tells of none. */
export function tileOf(wgsl: string): { readonly rows: number; readonly columns: number } | undefined {
  const columns = /let firstColumn = .*\(rest % params\.columnBlocks\) \* (\d+)u/.exec(wgsl)?.[1];
  const rows = /let firstRow = .*\(rest % params\.rowBlocks\) \* (\d+)u/.exec(wgsl)?.[1];
  return columns && rows ? { rows: Number(rows), columns: Number(columns) } : undefined;
}

const SCALAR_BYTES: Readonly<Record<string, number>> = { f32: 4, u32: 4, i32: 4, f: 4, u: 4, i: 4, f16: 2, h: 2 };

/** Bytes of all variables of the workgroup; NaN if a type is none that kernels use there. */
export function workgroupBytes(wgsl: string): number {
  const aliases = new Map(Array.from(wgsl.matchAll(/\balias (\w+) = ([^;]+);/g), ([, name, type]) => [name!, type!]));
  let sum = 0;
  for (const [, type] of wgsl.matchAll(/var<workgroup>\s+\w+\s*:\s*([^;]+);/g)) sum += bytesOf(type!, aliases);
  return sum;
}

function bytesOf(type: string, aliases: ReadonlyMap<string, string>): number {
  const text = type.trim();
  const array = /^array<(.*),\s*(\d+)u?\s*>$/s.exec(text);
  if (array) return Number(array[2]) * bytesOf(array[1]!, aliases);
  const vector = /^vec([234])(?:<(\w+)>|([fuih]))$/.exec(text);
  if (vector) return (vector[1] === "2" ? 2 : 4) * (SCALAR_BYTES[vector[2] ?? vector[3]!] ?? NaN);
  const atomic = /^atomic<(\w+)>$/.exec(text);
  const alias = aliases.get(text);
  if (alias !== undefined) return bytesOf(alias, aliases);
  return SCALAR_BYTES[atomic?.[1] ?? text] ?? NaN;
}

/**
 * The distinct texts of dispatches. Where two texts have the same form, the shape of the largest tensor that each is bound
 * to where it is first used is added to their keys.
 */
export function distinctKernels(dispatches: Iterable<Dispatch>): readonly CompiledText[] {
  const byText = new Map<string, Dispatch>();
  for (const dispatch of dispatches) if (!byText.has(dispatch.wgsl)) byText.set(dispatch.wgsl, dispatch);
  const texts = [...byText.values()].map((dispatch) => ({ dispatch, key: keyOf(dispatch) }));
  const counts = Map.groupBy(texts, ({ key }) => key);
  const named = texts.map(({ dispatch, key }) => ({
    dispatch,
    key: counts.get(key)!.length === 1 ? key : `${key} at ${largestShape(dispatch)}`,
  }));
  const used = new Map<string, number>();
  return named.map(({ dispatch, key }) => {
    const uses = (used.get(key) ?? 0) + 1;
    used.set(key, uses);
    return {
      key: uses === 1 ? key : `${key} #${uses}`,
      wgsl: dispatch.wgsl,
      bindings: dispatch.bindings.map(({ access }) => access),
      hasParams: dispatch.params !== undefined,
      usesScalars: dispatch.usesScalars,
    };
  });
}

function largestShape({ bindings }: Dispatch): string {
  const shapes = bindings.map(({ tensor }) => tensor.shape).toSorted((a, b) => elementCount(b) - elementCount(a));
  return formatShape(shapes[0] ?? []);
}
