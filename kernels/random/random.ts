/**
 * Standard normal noise with equal bits on every adapter and on the host: Philox4x32-10 counters (Salmon et al.,
 * "Parallel random numbers: as easy as 1, 2, 3", 2011), and the inverse normal distribution in integers. WGSL leaves
 * the last bits of `log`, `cos` and contracted multiply-adds to the adapter, so Box-Muller would not do.
 */
import {
  type Coefficient,
  constant,
  defineOp,
  type Dispatch,
  elementCount,
  type Example,
  formatShape,
  type Op,
  type Shape,
  type Tensor,
  type TensorType,
  valueOf,
} from "../../engine/mod.ts";
import { itemIntegers, requireInteger, requireIntegers } from "../text/item_integers.ts";
import { arePositive, f32, movedBytes, requireValues } from "../operands.ts";
import { elementwise } from "../text/wgsl.ts";
import { FRACTION_BITS, normalTable, PIECE_WORDS, PIECES, TABLE_WORDS } from "./normal_table.ts";

/** Multipliers and key increments of Philox4x32. */
const PHILOX = { m0: 0xd2511f53, m1: 0xcd9e8d57, w0: 0x9e3779b9, w1: 0xbb67ae85, rounds: 10 } as const;

/** One past the greatest draw: integers are exact up to 2^53. */
const DRAWS = 2 ** 53;

/** Bits of the f32 exponent of a 32-bit integer with its top bit set, less the implicit mantissa bit that is added. */
const TOP_EXPONENT = 127 + 31 - FRACTION_BITS - 1;

/** The high 32 bits of a 64-bit product: no sum of these exceeds 32 bits. */
function highProduct(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16) | 0;
  const rest = Math.imul(aLow, bHigh) + (middle & 0xffff) | 0;
  return Math.imul(aHigh, bHigh) + (middle >>> 16) + (rest >>> 16) >>> 0;
}

/**
 * Philox4x32-10: four random words from a counter and a key.
 * @param counter four 32-bit words
 * @param key two 32-bit words
 */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  // Signed in between, as engines keep such numbers in registers.
  for (let round = 0; round < PHILOX.rounds; round++) {
    const high0 = highProduct(PHILOX.m0, c0);
    const high1 = highProduct(PHILOX.m1, c2);
    const low0 = Math.imul(PHILOX.m0, c0);
    const low1 = Math.imul(PHILOX.m1, c2);
    c0 = high1 ^ c1 ^ k0;
    c2 = high0 ^ c3 ^ k1;
    c1 = low1;
    c3 = low0;
    k0 = k0 + PHILOX.w0 | 0;
    k1 = k1 + PHILOX.w1 | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/**
 * The f32 bits of the standard normal deviate of a random word: its top bit is the sign, the other 31 bits v are the
 * tail probability (v + 1/2) / 2^32.
 */
export function normalBits(word: number, table: Uint32Array): number {
  const sign = word & 0x80000000;
  const v = word & 0x7fffffff;
  const octave = Math.clz32(v) - 1;
  let x: number;
  if (v < PIECES) {
    x = table[PIECE_WORDS + v]!;
  } else {
    const fraction = v << (octave + 2);
    const at = 3 * (PIECES * octave + (fraction >>> 26));
    const t = (fraction << 6) >>> 0;
    x = table[at]! - highProduct(t, table[at + 1]! - highProduct(t, table[at + 2]!));
  }
  if (x === 0) return 0;
  // Rounded to 24 bits here, so that no conversion has anything left to round.
  const zeros = Math.clz32(x);
  const top = (x << zeros) >>> 0;
  const mantissa = (top >>> 8) + ((top >>> 7) & 1);
  return (sign | (((TOP_EXPONENT - zeros) << 23) + mantissa)) >>> 0;
}

/** Writes the deviates of one draw into `bits`. */
function fillNormal(bits: Uint32Array, draw: number): void {
  const table = normalTable().data as Uint32Array;
  const key = [draw >>> 0, Math.floor(draw / 2 ** 32)] as const;
  for (let block = 0; 4 * block < bits.length; block++) {
    const words = philox([block, 0, 0, 0], key);
    for (let k = 0; k < 4 && 4 * block + k < bits.length; k++) bits[4 * block + k] = normalBits(words[k]!, table);
  }
}

/**
 * Standard normal deviates on the host, the same bits as `randomNormal` gives for one batch item.
 * @param draw seed * 2^21 + ordinal, an integer from 0 to 2^53 - 1
 * @param count number of deviates
 * @throws {RangeError} if the draw or the count is no such integer
 */
export function sampleNormal(draw: number, count: number): Float32Array {
  requireInteger("Cannot sample noise", "the draw", draw, DRAWS);
  requireInteger("Cannot sample noise", "the count", count, 2 ** 32);
  const samples = new Float32Array(count);
  fillNormal(new Uint32Array(samples.buffer), draw);
  return samples;
}

const hex = (value: number): string => `0x${value.toString(16)}u`;

const RANDOM_WGSL = `fn high_product(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let middle = a_high * b_low + ((a_low * b_low) >> 16u);
  let rest = a_low * b_high + (middle & 0xffffu);
  return a_high * b_high + (middle >> 16u) + (rest >> 16u);
}
fn philox(block: u32, key: vec2u) -> vec4u {
  var c = vec4u(block, 0u, 0u, 0u);
  var k = key;
  for (var round = 0u; round < ${PHILOX.rounds}u; round += 1u) {
    let high0 = high_product(${hex(PHILOX.m0)}, c.x);
    let high1 = high_product(${hex(PHILOX.m1)}, c.z);
    c = vec4u(high1 ^ c.y ^ k.x, ${hex(PHILOX.m1)} * c.z, high0 ^ c.w ^ k.y, ${hex(PHILOX.m0)} * c.x);
    k += vec2u(${hex(PHILOX.w0)}, ${hex(PHILOX.w1)});
  }
  return c;
}
fn normal_bits(word: u32) -> u32 {
  let v = word & 0x7fffffffu;
  var x: u32;
  if (v < ${PIECES}u) {
    x = quantiles[${PIECE_WORDS}u + v];
  } else {
    let octave = countLeadingZeros(v) - 1u;
    let fraction = v << (octave + 2u);
    let at = 3u * (${PIECES}u * octave + (fraction >> 26u));
    let t = fraction << 6u;
    x = quantiles[at] - high_product(t, quantiles[at + 1u] - high_product(t, quantiles[at + 2u]));
  }
  if (x == 0u) { return 0u; }
  let zeros = countLeadingZeros(x);
  let top = x << zeros;
  let mantissa = (top >> 8u) + ((top >> 7u) & 1u);
  return (word & 0x80000000u) | (((${TOP_EXPONENT}u - zeros) << 23u) + mantissa);
}`;

/** What the operation records. */
export interface RandomNormalAttrs {
  /** Extents of the result, outermost first. */
  readonly shape: Shape;
  /** The draw of each image, an integer of seed and ordinal. */
  readonly draws: readonly Coefficient[];
}

/** Definition of `randomNormal`; its input is the table of `normalTable`. */
export const randomNormalOp: Op<RandomNormalAttrs> = defineOp<RandomNormalAttrs>({
  name: "randomNormal",
  infer(inputs, { shape, draws }): readonly TensorType[] {
    const table = inputs[0];
    if (inputs.length !== 1 || table?.dtype !== "u32" || elementCount(table.shape) !== TABLE_WORDS) {
      throw new TypeError(`Cannot build randomNormal: its one input must be the normal table of ${TABLE_WORDS} words`);
    }
    const found = { "the shape": formatShape(shape) };
    const needed = "[N, ...] of positive integers is needed";
    requireValues("randomNormal", found, shape.length > 0 && arePositive(shape), needed);
    if (draws.length !== shape[0]) {
      throw new TypeError(
        `Cannot build randomNormal: ${draws.length} draws were given for shape ${formatShape(shape)}, ` +
          `${shape[0]} are needed, one for each batch item`,
      );
    }
    requireIntegers("randomNormal", "draw", draws, DRAWS);
    return [f32(shape)];
  },
  reference({ attrs: { shape, draws } }, _inputs, scalars): readonly Float32Array[] {
    const perItem = elementCount(shape) / draws.length;
    const y = new Float32Array(elementCount(shape));
    draws.forEach((coefficient, item) => {
      const draw = valueOf(coefficient, scalars);
      requireInteger("Cannot run randomNormal", `draw ${item}`, draw, DRAWS);
      fillNormal(new Uint32Array(y.buffer, 4 * item * perItem, perItem), draw);
    });
    return [y];
  },
  // Mapping: an invocation computes one block of Philox, that is four neighbouring elements of one batch item.
  lower({ inputs, outputs, attrs: { shape, draws } }, target): readonly Dispatch[] {
    const size = elementCount(shape) / draws.length;
    const blocks = Math.ceil(size / 4);
    return [
      elementwise("randomNormal", target, {
        read: { quantiles: inputs[0]! },
        write: { y: { tensor: outputs[0]!, type: "u32" } },
        count: draws.length * blocks,
        params: { blocks, size },
        declarations: `${itemIntegers("draw_of", draws, target)}\n${RANDOM_WGSL}`,
        body: `let item = i / params.blocks;
let block = i - item * params.blocks;
let words = philox(block, draw_of(item));
let first = 4u * block;
let at = item * params.size + first;
y[at] = normal_bits(words.x);
if (first + 1u < params.size) { y[at + 1u] = normal_bits(words.y); }
if (first + 2u < params.size) { y[at + 2u] = normal_bits(words.z); }
if (first + 3u < params.size) { y[at + 3u] = normal_bits(words.w); }`,
      }),
    ];
  },
  cost: (call) => ({ flops: 0, bytes: movedBytes(call) }),
  get examples(): readonly Example<RandomNormalAttrs>[] {
    const table = normalTable();
    return [
      {
        inputs: [table],
        attrs: { shape: [1, 5, 7, 3], draws: [{ scalar: "draw" }] },
        scalars: { draw: 2 ** 52 + 12345 },
      },
      {
        inputs: [table],
        attrs: { shape: [3, 4099], draws: [{ scalar: "a" }, 7, { scalar: "b" }] },
        scalars: { a: 2 ** 21, b: 2 ** 53 - 1 },
      },
    ];
  },
});

/**
 * Standard normal deviates, one draw number for each batch item: element e of an item is word e mod 4 of Philox block
 * floor(e / 4) under the key (draw mod 2^32, floor(draw / 2^32)), mapped through the inverse normal distribution with
 * an error below 1e-6; values reach 6.3. The bits are the same on every adapter, and those of `sampleNormal`.
 * @param shape [N, ...], positive integers
 * @param draws N draws seed * 2^21 + ordinal, integers from 0 to 2^53 - 1 (numbers, or scalars of the run)
 * @returns a tensor of that shape, f32
 * @throws {TypeError} if the number of draws is not N
 * @throws {RangeError} if an extent or a draw is no such integer
 */
export function randomNormal(shape: Shape, draws: readonly Coefficient[]): Tensor {
  return randomNormalOp([constant(normalTable())], { shape, draws })[0]!;
}
