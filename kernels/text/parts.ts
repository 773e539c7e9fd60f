/**
 * Kernels on tensors that one binding cannot hold. Parts of such a tensor are bound side by side and functions find the
 * part in which an element lies, whatever the kernel does; what kernels of independent elements read and write at the
 * place of the element alone is bound in bands, one dispatch for each. Sums keep their order, so results keep their bits.
 */
import { type Binding, BINDING_ALIGNMENT, boundBytes } from "../../engine/mod.ts";

/** An array of a kernel: a binding with the name that it has in WGSL. */
export interface BoundArray extends Binding {
  /** Its name in WGSL. */
  readonly name: string;
  /** Element type in WGSL; a `texture` is no array. */
  readonly type: "f32" | "u32" | "vec2f" | "vec4f" | "vec4u" | "texture";
}

/** A kernel before it is put together: what stands in front of `main`, the body, and the arrays that both use. */
export interface KernelText {
  readonly arrays: readonly BoundArray[];
  readonly declarations: string;
  readonly body: string;
}

/** Some of the elements that a kernel computes one by one, and what computes them. */
export interface Band extends KernelText {
  readonly begin: number;
  readonly end: number;
}

/** Elements by which bands may begin: of any type a multiple of what a binding must begin at. */
const BAND_STEP = BINDING_ALIGNMENT / 4;

function elementBytes({ type }: BoundArray): number {
  return type.startsWith("vec") ? 4 * Number(type[3]) : 4;
}

function isLarge(array: BoundArray, bytes: number): boolean {
  return array.access !== "sample" && boundBytes(array) > bytes;
}

/**
 * The same kernel with parts of the arrays that are larger than `bytes`, each bound on its own.
 * @returns undefined where the text does otherwise with such an array than loading and storing elements
 */
export function boundInParts(text: KernelText, bytes: number): KernelText | undefined {
  const size = Math.floor(bytes / BINDING_ALIGNMENT) * BINDING_ALIGNMENT;
  if (size === 0) return undefined;
  const arrays: BoundArray[] = [];
  let { declarations, body }: { readonly declarations: string | undefined; readonly body: string | undefined } = text;
  const functions: string[] = [];
  for (const array of text.arrays) {
    if (!isLarge(array, bytes)) {
      arrays.push(array);
      continue;
    }
    const { name, type, access } = array;
    const parts = Array.from({ length: Math.ceil(boundBytes(array) / size) }, (_, k): BoundArray => ({
      ...array,
      name: `${name}_part${k}`,
      range: { offset: k * size, bytes: Math.min(size, boundBytes(array) - k * size) },
    }));
    arrays.push(...parts);
    const step = size / elementBytes(array);
    const each = (line: (place: string) => string): string =>
      parts.map(({ name: part }, k) => {
        const place = line(`${part}[at - ${k * step}u]`);
        return k === parts.length - 1 ? place : `if (at < ${(k + 1) * step}u) { ${place} }`;
      }).join("\n");
    functions.push(`fn ${name}_load(at: u32) -> ${type} {\n${each((place) => `return ${place};`)}\n}`);
    if (access === "write") {
      functions.push(`fn ${name}_store(at: u32, value: ${type}) {\n${each((place) => `${place} = value; return;`)}\n}`);
    }
    declarations = declarations && withCalls(declarations, name);
    body = body && withCalls(body, name);
    if (declarations === undefined || body === undefined) return undefined;
  }
  return { arrays, declarations: [...functions, declarations].join("\n"), body };
}

/** Where a name stands in WGSL, and not a member or a longer name. */
function uses(name: string, then: string): RegExp {
  return new RegExp(`(?<![\\w.])${name}\\b${then}`, "g");
}

/** WGSL whose loads from and stores to an array are calls; undefined where it does otherwise with the array. */
function withCalls(code: string, name: string): string | undefined {
  if (new RegExp(`&\\s*${name}\\b`).test(code)) return undefined;
  const use = uses(name, "\\[").exec(code);
  if (!use) return code;
  const begin = use.index + use[0].length;
  const end = closing(code, begin);
  const index = withCalls(code.slice(begin, end), name);
  const rest = code.slice(end + 1);
  if (index === undefined || /^\s*(\.\w+\s*=[^=]|\+\+|--)/.test(rest)) return undefined;
  const before = code.slice(0, use.index);
  const load = `${name}_load(u32(${index}))`;
  const store = /^\s*([-+*\/|&^]?)=(?!=)([^;]*)/.exec(rest);
  const value = store ? withCalls(store[2]!, name) : "";
  const after = withCalls(rest.slice(store?.[0].length ?? 0), name);
  if (value === undefined || after === undefined) return undefined;
  if (!store) return before + load + after;
  const stored = store[1] ? `${load} ${store[1]} (${value})` : value;
  return `${before}${name}_store(u32(${index}), ${stored})${after}`;
}

/** Where the bracket closes that was opened before `from`. */
function closing(code: string, from: number): number {
  let [at, depth] = [from, 1];
  for (; depth > 0; at++) depth += code[at] === "[" ? 1 : code[at] === "]" ? -1 : 0;
  return at - 1;
}

/**
 * A kernel of independent elements in bands, where it uses large arrays at the place `i` of its element alone: there
 * `i - params.band` stands instead. Other large arrays are bound in parts.
 * @param count number of the elements
 * @returns undefined as `boundInParts`
 */
export function boundInBands(text: KernelText, count: number, bytes: number): readonly Band[] | undefined {
  const streams = text.arrays.filter((array) => isLarge(array, bytes) && isStream(text, array, count));
  const length = streams.reduce(
    (least, array) => Math.min(least, Math.floor(bytes / (elementBytes(array) * BAND_STEP)) * BAND_STEP),
    count,
  );
  if (length === 0) return undefined;
  const body = streams.reduce(
    (code, { name }) => code.replaceAll(uses(name, "\\[i\\]"), `${name}[i - params.band]`),
    text.body,
  );
  const bands: Band[] = [];
  for (let begin = 0; begin < count; begin += length) {
    const end = Math.min(begin + length, count);
    const arrays = text.arrays.map((array): BoundArray => {
      if (!streams.includes(array)) return array;
      const size = elementBytes(array);
      return { ...array, range: { offset: size * begin, bytes: size * (end - begin) } };
    });
    const bound = boundInParts({ ...text, arrays, body }, bytes);
    if (!bound) return undefined;
    bands.push({ ...bound, begin, end });
  }
  return bands;
}

/** Whether an array has one element for each that is computed, and is used at its place alone. */
function isStream({ declarations, body }: KernelText, array: BoundArray, count: number): boolean {
  const { name } = array;
  const uncounted = `${declarations}\n${body.replaceAll(uses(name, "\\[i\\]"), "")}`;
  return boundBytes(array) === count * elementBytes(array) && !uses(name, "").test(uncounted);
}
