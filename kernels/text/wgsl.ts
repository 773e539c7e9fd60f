/** Assembling WGSL modules: bindings header, size parameters, scalars of the run, grids past 65,535 workgroups. */
import {
  type Coefficient,
  type Dispatch,
  elementCount,
  SCALAR_CAPACITY,
  type Target,
  type Tensor,
} from "../../engine/mod.ts";
import { type BoundArray, boundInBands, boundInParts, type KernelText } from "./parts.ts";

/** A storage binding of a kernel: the name it has in WGSL and how its words are read. */
export interface Port {
  /** What is bound. */
  readonly tensor: Tensor;
  /**
   * Element type of the WGSL array; `vec4f` and `vec4u` need a number of words divisible by 4, `vec2f` by 2. A
   * `texture` is a prepared constant [height, width, 4] that is read with textureLoad. Default: the tensor's own element
   * type, and `u32` for `f16`, whose words `unpack2x16float` reads.
   */
  readonly type?: BoundArray["type"];
}

/** Parts of a compute kernel; see `kernel`. */
export interface KernelSource {
  /** Stable name, such as `conv2d.direct`. */
  readonly label: string;
  /** Input arrays by WGSL name, bound read-only in this order. */
  readonly read: Readonly<Record<string, Port | Tensor>>;
  /** Output arrays by WGSL name, bound read-write after the inputs. */
  readonly write: Readonly<Record<string, Port | Tensor>>;
  /**
   * Unsigned sizes, read in WGSL as `params.name`. What is passed here and not written into the text lets layers of
   * different size share one compiled pipeline.
   */
  readonly params?: Readonly<Record<string, number>>;
  /** Invocations of a workgroup, along each axis where several are given. */
  readonly workgroupSize: number | readonly [number, number, number];
  /** Invocations of its subgroups, where the device has to be asked for that size. */
  readonly subgroupSize?: number | undefined;
  /** Workgroups along each axis. */
  readonly workgroups: readonly [number, number, number];
  /** Its share of the operations of the call; see `Dispatch`. */
  readonly work?: number;
  /** Whether tensors that one binding cannot hold are bound in parts, rather than refused; see `boundInParts`. */
  readonly takesParts?: boolean;
  /** Functions, constants and workgroup variables in front of `main`. */
  readonly declarations?: string;
  /**
   * Body of `main`. It sees `local` (local_invocation_id), `group` (workgroup_id), `lane` (local_invocation_index)
   * and `groups` (num_workgroups), all vec3u but `lane`; where it names it, also the u32 `subgroupId` (subgroup_id).
   */
  readonly body: string;
  /** The same in fewer words, such as loops that `body` has unrolled, for slow compilers. */
  readonly shortBody?: string;
}

/** Puts a module together: header with bindings, `params`, `scalars` where they are used, then `main`. */
export function kernel({ read, write, declarations = "", body, takesParts, ...frame }: KernelSource): Dispatch {
  const text = { arrays: arraysOf({ read, write }), declarations, body };
  if (!takesParts) return assembled(text, frame);
  return {
    ...assembled(text, frame),
    inParts: (bytes) => {
      const parts = boundInParts(text, bytes);
      return parts && [assembled(parts, frame)];
    },
  };
}

function arraysOf({ read, write }: Pick<KernelSource, "read" | "write">): readonly BoundArray[] {
  const all = (ports: KernelSource["read"], access: "read" | "write"): readonly BoundArray[] =>
    Object.entries(ports).map(([name, given]) => {
      const port = asPort(given);
      const type = port.type ?? wordType(port.tensor);
      return { name, type, tensor: port.tensor, access: type === "texture" ? "sample" : access };
    });
  return [...all(read, "read"), ...all(write, "write")];
}

/** The module of a text, with what it is run with. */
function assembled(
  { arrays, declarations, body }: KernelText,
  source: Pick<
    KernelSource,
    "label" | "params" | "work" | "shortBody" | "workgroupSize" | "subgroupSize" | "workgroups"
  >,
): Dispatch {
  const usesScalars = /\bscalars\[/.test(`${declarations}\n${body}`);
  const header = arrays.map(({ name, type, access }, index) =>
    access === "sample"
      ? `@group(0) @binding(${index}) var ${name}: texture_2d<f32>;`
      : `@group(0) @binding(${index}) var<storage, ${access === "read" ? "read" : "read_write"}> ${name}: ` +
        `array<${type}>;`
  );
  const params = Object.entries(source.params ?? {});
  if (params.length > 0) {
    header.push(
      `struct Params { ${params.map(([name]) => `${name}: u32`).join(", ")} }`,
      `@group(0) @binding(${arrays.length}) var<uniform> params: Params;`,
    );
  }
  if (usesScalars) header.push(`@group(1) @binding(0) var<uniform> scalars: array<vec4u, ${SCALAR_CAPACITY}>;`);
  const size = typeof source.workgroupSize === "number" ? [source.workgroupSize] : source.workgroupSize;
  const module = (body: string): string =>
    `${header.join("\n")}
${declarations}
@compute @workgroup_size(${size.join(", ")})${
      source.subgroupSize === undefined ? "" : ` @subgroup_size(${source.subgroupSize})`
    }
fn main(@builtin(local_invocation_id) local: vec3u, @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32, @builtin(num_workgroups) groups: vec3u${
      /\bsubgroupId\b/.test(body) ? ", @builtin(subgroup_id) subgroupId: u32" : ""
    }) {
${body}
}
`;
  return {
    label: source.label,
    wgsl: module(body),
    ...(source.shortBody === undefined ? {} : { shortWgsl: module(source.shortBody) }),
    bindings: arrays.map(({ tensor, access, range }) => ({ tensor, access, ...(range ? { range } : {}) })),
    ...(params.length > 0 ? { params: params.map(([, value]) => value) } : {}),
    ...(source.work === undefined ? {} : { work: source.work }),
    usesScalars,
    workgroups: source.workgroups,
  };
}

function wordType({ dtype }: Tensor): "f32" | "u32" {
  return dtype === "f16" ? "u32" : dtype;
}

function asPort(port: Port | Tensor): Port {
  return "tensor" in port ? port : { tensor: port };
}

/** Invocations of a workgroup in elementwise kernels. */
const FLAT_SIZE = 64;

/** What a kernel of independent elements consists of; see `elementwise`. */
export interface ElementwiseSource extends Pick<KernelSource, "read" | "write" | "params" | "declarations" | "body"> {
  /** How often the body runs: as often as the first output has elements by default. */
  readonly count?: number;
  /** Values per invocation, one by default; neighbouring invocations take neighbouring elements. */
  readonly valuesEach?: number;
}

/**
 * A kernel whose body runs once for each element of its first output, and sees the element number as `i`. The grid folds
 * into two dimensions, so that any number of elements works.
 */
export function elementwise(label: string, target: Target, source: ElementwiseSource): Dispatch {
  const first = Object.values(source.write)[0];
  if (!first) throw new TypeError(`Cannot build kernel "${label}": it has no output`);
  const { count = elementCount(asPort(first).tensor.shape), valuesEach = 1, params, declarations = "", body } = source;
  const text = { arrays: arraysOf(source), declarations, body };
  const step = valuesEach * FLAT_SIZE;
  /** The elements up to `end`, from the parameter `band` on where there is one. */
  const flat = (part: KernelText, elements: number, ends: Readonly<Record<string, number>>): Dispatch => {
    const first = `${"band" in ends ? "params.band + " : ""}(group.y * groups.x + group.x) * ${step}u + lane`;
    return assembled({
      ...part,
      body: valuesEach === 1
        ? `let i = ${first};
if (i >= params.count) { return; }
${part.body}`
        : `let begin = ${first};
let end = min(begin + ${step}u, params.count);
for (var i = begin; i < end; i += ${FLAT_SIZE}u) {
${part.body}
}`,
    }, {
      label,
      params: { ...ends, ...params },
      workgroupSize: FLAT_SIZE,
      workgroups: flatGrid(Math.ceil(elements / step), target),
    });
  };
  return {
    ...flat(text, count, { count }),
    inParts: (bytes) =>
      boundInBands(text, count, bytes)?.map(({ begin, end, ...band }) =>
        flat(band, end - begin, { count: end, band: begin })
      ),
  };
}

/**
 * Folds a number of workgroups into a grid whose sides the device allows, with as few more as make it a rectangle;
 * `group.y * groups.x + group.x` counts on, and kernels leave out what is beyond their number.
 */
export function flatGrid(workgroups: number, target: Target): readonly [number, number, number] {
  const count = Math.max(1, workgroups);
  const height = Math.ceil(count / target.maxWorkgroupsPerDimension);
  return [Math.ceil(count / height), height, 1];
}

/** A coefficient as a WGSL expression of type f32: a literal, or the scalar of the run. */
export function coefficient(value: Coefficient, target: Target): string {
  if (typeof value === "number") return literal(value);
  return `bitcast<f32>(scalars[${target.scalarIndex(value)}].x)`;
}

/** A coefficient that is a non-negative integer (row, seed, draw) as WGSL vec2u: low and high 32 bits. */
export function integerCoefficient(value: Coefficient, target: Target): string {
  if (typeof value === "number") {
    return `vec2u(${value >>> 0}u, ${Math.floor(value / 2 ** 32) >>> 0}u)`;
  }
  return `scalars[${target.scalarIndex(value)}].yz`;
}

/**
 * An f32 literal with exactly the value `Math.fround(value)`.
 * @throws {RangeError} if the value is not finite in f32
 */
export function literal(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) throw new RangeError(`Cannot write ${value} as an f32 literal: it is not finite`);
  const text = String(rounded);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}

/** The integers from 0 to `count` - 1. */
export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Lines of WGSL, one or several for each of some values, or for 0, ..., `values` - 1. */
export function lines<T = number>(
  values: readonly T[] | (number extends T ? number : never),
  line: (value: T) => string | readonly string[],
): string {
  const all = typeof values === "number" ? range(values) as readonly unknown[] as readonly T[] : values;
  return all.flatMap((value) => line(value)).join("\n");
}
