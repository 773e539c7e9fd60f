/** Passes of the fast Fourier transform: radix r in registers for small factors, direct sums for large primes. */
import { type Dispatch, elementCount, type Target, type Tensor } from "../../engine/mod.ts";
import { floatBits } from "../operands.ts";
import { elementwise, lines as repeated, literal } from "../text/wgsl.ts";
import { smallestFactor } from "./fourier_host.ts";

/** Complex values that one invocation transforms in registers at most. */
const LARGEST_RADIX = 16;

/** Lines along one axis: element k of line (o, q) is complex number (o n + k) inner + q. */
export interface Lines {
  /** Length n of a line. */
  readonly extent: number;
  /** Complex numbers between neighbours of a line. */
  readonly inner: number;
}

/** One pass over all lines. */
export interface Pass {
  /** Values that are combined. */
  readonly radix: number;
  /** Product of the radices of the passes before, along the same axis. */
  readonly done: number;
  readonly lines: Lines;
  readonly inverse: boolean;
  /** Whether the input has real numbers only, one word each. */
  readonly fromReal: boolean;
  /** Whether only the real parts are kept, one word each. */
  readonly toReal: boolean;
}

/** The radices for a line of n values: as few passes as factors up to 16 allow, and primes above as they are. */
export function radices(n: number): readonly number[] {
  const result: number[] = [];
  for (let rest = n; rest > 1; rest /= result[result.length - 1]!) {
    let radix = Math.min(rest, LARGEST_RADIX);
    while (radix > 1 && rest % radix !== 0) radix--;
    result.push(radix > 1 ? radix : smallestFactor(rest));
  }
  return result;
}

/**
 * exp(-2 pi i j / n) for 0 <= j < n, to rounding: the angle is brought into an eighth of a turn in integers, where short
 * Taylor series do. The built-in sine may err by 2^-11.
 */
const ROOT = `fn root(j: u32, n: u32) -> vec2f {
  let eighths = 8u * j;
  let octant = eighths / n;
  let rest = eighths - octant * n;
  let a = f32(select(rest, n - rest, (octant & 1u) == 1u)) / f32(n) * ${literal(Math.PI / 4)};
  let b = a * a;
  let s = a * (1.0 + b * (${literal(-1 / 6)} + b * (${literal(1 / 120)} + b * (${literal(-1 / 5040)} +
    b * ${literal(1 / 362880)}))));
  let c = 1.0 + b * (-0.5 + b * (${literal(1 / 24)} + b * (${literal(-1 / 720)} + b * (${literal(1 / 40320)} +
    b * ${literal(-1 / 3628800)}))));
  let swapped = ((octant + 1u) & 2u) != 0u;
  let x = select(c, s, swapped);
  let y = select(s, c, swapped);
  return vec2f(select(x, -x, ((octant + 2u) & 4u) != 0u), select(-y, y, octant >= 4u));
}
fn times(a: vec2f, b: vec2f) -> vec2f { return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }`;

/** Writes the lines of a transform of `values` without scale; returns the names of the results. */
function emitTransform(values: readonly string[], lines: string[], prefix: string): readonly string[] {
  const count = values.length;
  const p = smallestFactor(count);
  if (count === p) return emitPrime(values, lines, prefix);
  const part = count / p;
  const parts = Array.from({ length: p }, (_, s) => {
    const own = values.filter((_, k) => k % p === s);
    return emitTransform(own, lines, `${prefix}${s}`).map((name, t) => emitTurned(name, s * t, count, lines));
  });
  const results: string[] = Array.from({ length: count }, () => "");
  for (let t = 0; t < part; t++) {
    const combined = emitPrime(parts.map((each) => each[t]!), lines, `${prefix}_${t}`);
    combined.forEach((name, k) => results[t + k * part] = name);
  }
  return results;
}

/** Multiplies by exp(-2 pi i k / n). */
function emitTurned(name: string, k: number, n: number, lines: string[]): string {
  const quarter = (4 * (k % n)) / n;
  if (quarter === 0) return name;
  const turned = `${name}w`;
  const angle = (-2 * Math.PI * k) / n;
  lines.push(
    quarter === 1
      ? `let ${turned} = vec2f(${name}.y, -${name}.x);`
      : quarter === 2
      ? `let ${turned} = -${name};`
      : quarter === 3
      ? `let ${turned} = vec2f(-${name}.y, ${name}.x);`
      : `let ${turned} = times(${name}, vec2f(${literal(Math.cos(angle))}, ${literal(Math.sin(angle))}));`,
  );
  return turned;
}

/** The transform of a prime number of values: sums and differences of the values k and p - k meet real factors. */
function emitPrime(values: readonly string[], lines: string[], prefix: string): readonly string[] {
  const p = values.length;
  const result = (t: number): string => `${prefix}r${t}`;
  if (p === 2) {
    lines.push(`let ${result(0)} = ${values[0]} + ${values[1]};`, `let ${result(1)} = ${values[0]} - ${values[1]};`);
    return [result(0), result(1)];
  }
  const half = (p - 1) / 2;
  for (let k = 1; k <= half; k++) {
    const [a, b] = [values[k]!, values[p - k]!];
    lines.push(
      `let ${prefix}s${k} = ${a} + ${b};`,
      `let ${prefix}d${k} = vec2f(${a}.y - ${b}.y, ${b}.x - ${a}.x);`,
    );
  }
  const pairs = Array.from({ length: half }, (_, k) => k + 1);
  lines.push(`let ${result(0)} = ${[values[0], ...pairs.map((k) => `${prefix}s${k}`)].join(" + ")};`);
  for (let t = 1; t <= half; t++) {
    const angle = (k: number): number => (2 * Math.PI * ((k * t) % p)) / p;
    const even = pairs.map((k) => `${literal(Math.cos(angle(k)))} * ${prefix}s${k}`);
    const odd = pairs.map((k) => `${literal(Math.sin(angle(k)))} * ${prefix}d${k}`);
    lines.push(
      `let ${prefix}e${t} = ${[values[0], ...even].join(" + ")};`,
      `let ${prefix}o${t} = ${odd.join(" + ")};`,
      `let ${result(t)} = ${prefix}e${t} + ${prefix}o${t};`,
      `let ${result(p - t)} = ${prefix}e${t} - ${prefix}o${t};`,
    );
  }
  return Array.from({ length: p }, (_, t) => result(t));
}

/**
 * One pass of the autosort (Stockham) transform: position j + k n / r of the input goes, turned by
 * exp(-2 pi i k (j mod m) / (m r)) and transformed over k, to position (j div m) m r + j mod m + k m, where m is the
 * product of the radices before. The result is scaled by 1 / sqrt(r); the inverse conjugates before and after.
 * @param x complex numbers as pairs of words, or real ones
 * @param y of the same number of elements
 */
export function fourierPass(x: Tensor, y: Tensor, pass: Pass, target: Target): Dispatch {
  const { radix, done, lines: { extent, inner }, inverse, fromReal, toReal } = pass;
  const complexCount = elementCount(x.shape) / (fromReal ? 1 : 2);
  const isDirect = radix > LARGEST_RADIX;
  const load = (at: string): string =>
    fromReal ? `vec2f(x[${at}], 0.0)` : `vec2f(x[2u * (${at})], sign * x[2u * (${at}) + 1u])`;
  const store = (at: string, value: string): string =>
    toReal
      ? `y[${at}] = ${value}.x * scale;`
      : `{ let at = 2u * (${at}); y[at] = ${value}.x * scale; y[at + 1u] = ${value}.y * scale * sign; }`;
  const kind = `${fromReal ? ".from_real" : ""}${toReal ? ".to_real" : ""}`;
  return elementwise(`fourier.${isDirect ? "direct" : `radix${radix}`}${kind}`, target, {
    read: { x },
    write: { y },
    count: isDirect ? complexCount : complexCount / radix,
    params: {
      inner,
      sets: extent / radix,
      done,
      ...(isDirect ? { radix } : {}),
      sign: floatBits(inverse ? -1 : 1),
      scale: floatBits(1 / Math.sqrt(radix)),
    },
    declarations: ROOT,
    body: isDirect ? directBody(load, store) : radixBody(radix, load, store),
  });
}

/** Lines that begin a pass: what is in its parameters, and line and place of the invocation. */
const BEGIN = `let sign = bitcast<f32>(params.sign);
let scale = bitcast<f32>(params.scale);
let column = i / params.inner;
let q = i - column * params.inner;`;

/** An invocation transforms one set of r values in registers; neighbours have neighbouring sets. No shared memory. */
function radixBody(radix: number, load: (at: string) => string, store: (at: string, value: string) => string): string {
  const lines: string[] = [];
  for (let k = 1; k < radix; k++) {
    if (k > 1) lines.push(`let w${k} = ${k % 2 === 0 ? `times(w${k / 2}, w${k / 2})` : `times(w${k - 1}, w1)`};`);
    lines.push(`let t${k} = times(v${k}, w${k});`);
  }
  const results = emitTransform(
    Array.from({ length: radix }, (_, k) => k === 0 ? "v0" : `t${k}`),
    lines,
    "a",
  );
  return `${BEGIN}
let line = column / params.sets;
let j = column - line * params.sets;
let block = j / params.done;
let phase = j - block * params.done;
let from_at = (line * params.sets * ${radix}u + j) * params.inner + q;
${repeated(radix, (k) => `let v${k} = ${load(`from_at + ${k}u * params.sets * params.inner`)};`)}
let w1 = root(phase, params.done * ${radix}u);
${lines.join("\n")}
let to_at = (line * params.sets * ${radix}u + block * params.done * ${radix}u + phase) * params.inner + q;
${results.map((name, k) => store(`to_at + ${k}u * params.done * params.inner`, name)).join("\n")}`;
}

/** An invocation computes one value of the result from all r values of its set. */
function directBody(load: (at: string) => string, store: (at: string, value: string) => string): string {
  return `${BEGIN}
let extent = params.sets * params.radix;
let line = column / extent;
let position = column - line * extent;
let whole = params.done * params.radix;
let block = position / whole;
let turn = position - block * whole;
let j = block * params.done + turn % params.done;
let from_at = (line * extent + j) * params.inner + q;
var sum = vec2f(0.0, 0.0);
var angle = 0u;
for (var k = 0u; k < params.radix; k += 1u) {
  let at_k = from_at + k * params.sets * params.inner;
  sum += times(${load("at_k")}, root(angle, whole));
  angle += turn;
  if (angle >= whole) { angle -= whole; }
}
${store("i", "sum")}`;
}
