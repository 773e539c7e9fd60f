import { assert, assertEquals, assertThrows } from "@std/assert";
import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "../../../models/checkpoint/half.ts";

const ALL_PATTERNS = Uint16Array.from({ length: 65536 }, (_, i) => i);

function wordsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** The number that a binary16 pattern means, by the definition of IEEE 754. */
function meaningOfF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

Deno.test("f16ToF32() gives what IEEE 754 defines for all 65,536 patterns, zeros with their sign", () => {
  const widened = f16ToF32(ALL_PATTERNS);
  for (const bits of ALL_PATTERNS) {
    const found = widened[bits]!;
    assert(Object.is(found, meaningOfF16(bits)), `pattern ${bits.toString(16)} became ${found}`);
  }
});

Deno.test("f16ToF32() keeps the bits of NaNs", () => {
  assertEquals(
    wordsOf(f16ToF32(Uint16Array.of(0x7c01, 0x7e00, 0xffff))),
    Uint32Array.of(0x7f802000, 0x7fc00000, 0xffffe000),
  );
});

Deno.test("f32ToF16() undoes f16ToF32() for all 65,536 patterns, NaNs included", () => {
  assertEquals(f32ToF16(f16ToF32(ALL_PATTERNS)), ALL_PATTERNS);
});

Deno.test("f32ToF16() rounds to nearest and ties to even at and beside the middle of every two neighbours", () => {
  const below = new Float32Array(0x7c00);
  const middle = new Float32Array(0x7c00);
  const above = new Float32Array(0x7c00);
  for (let bits = 0; bits < 0x7c00; bits++) {
    const next = bits + 1 === 0x7c00 ? 65536 : meaningOfF16(bits + 1);
    middle[bits] = (meaningOfF16(bits) + next) / 2;
  }
  wordsOf(below).set(wordsOf(middle).map((word) => word - 1));
  wordsOf(above).set(wordsOf(middle).map((word) => word + 1));
  const lower = ALL_PATTERNS.slice(0, 0x7c00);
  assertEquals(f32ToF16(below), lower);
  assertEquals(f32ToF16(middle), lower.map((bits) => bits + (bits & 1)));
  assertEquals(f32ToF16(above), lower.map((bits) => bits + 1));
  assertEquals(f32ToF16(middle.map((value) => -value)), lower.map((bits) => (bits + (bits & 1)) | 0x8000));
});

Deno.test("f32ToF16() sends f32 subnormals to signed zero and overflow to signed infinity", () => {
  assertEquals(
    f32ToF16(Float32Array.of(1e-45, -1e-45, 2 ** -25, -(2 ** -25), 65519.996, 65520, -3e38, Infinity)),
    Uint16Array.of(0, 0x8000, 0, 0x8000, 0x7bff, 0x7c00, 0xfc00, 0x7c00),
  );
});

Deno.test("f32ToF16() never turns a NaN into an infinity", () => {
  const nan = new Float32Array(2);
  wordsOf(nan).set([0x7f800001, 0xff800001]);
  assertEquals(f32ToF16(nan), Uint16Array.of(0x7e00, 0xfe00));
});

Deno.test("bf16ToF32() gives the upper half of an f32 for all 65,536 patterns", () => {
  assertEquals(wordsOf(bf16ToF32(ALL_PATTERNS)), Uint32Array.from(ALL_PATTERNS, (bits) => bits * 65536));
});

Deno.test("f32ToBf16() undoes bf16ToF32() for all 65,536 patterns, NaNs included", () => {
  assertEquals(f32ToBf16(bf16ToF32(ALL_PATTERNS)), ALL_PATTERNS);
});

Deno.test("f32ToBf16() rounds to nearest and ties to even at and beside the middle of every two neighbours", () => {
  const lower = ALL_PATTERNS.slice(0, 0x7f80);
  const at = (offset: number): Uint16Array => {
    const values = new Float32Array(lower.length);
    wordsOf(values).set(Uint32Array.from(lower, (bits) => bits * 65536 + offset));
    return f32ToBf16(values);
  };
  assertEquals(at(0x7fff), lower);
  assertEquals(at(0x8000), lower.map((bits) => bits + (bits & 1)));
  assertEquals(at(0x8001), lower.map((bits) => bits + 1));
});

Deno.test("f32ToBf16() never turns a NaN into an infinity", () => {
  const nan = new Float32Array(2);
  wordsOf(nan).set([0x7f800001, 0xff80ffff]);
  assertEquals(f32ToBf16(nan), Uint16Array.of(0x7fc0, 0xffc0));
});

Deno.test("the conversions write into a part of a larger array", () => {
  const values = new Float32Array(4);
  f16ToF32(Uint16Array.of(0x3c00, 0xc000), values.subarray(1, 3));
  assertEquals(values, Float32Array.of(0, 1, -2, 0));
  const bits = new Uint16Array(4);
  f32ToBf16(values.subarray(1, 3), bits.subarray(2));
  assertEquals(bits, Uint16Array.of(0, 0, 0x3f80, 0xc000));
});

Deno.test("the conversions refuse an output of another length", () => {
  const message = "out has 3 elements, 2 are needed";
  assertThrows(() => f16ToF32(new Uint16Array(2), new Float32Array(3)), RangeError, message);
  assertThrows(() => bf16ToF32(new Uint16Array(2), new Float32Array(3)), RangeError, message);
  assertThrows(() => f32ToF16(new Float32Array(2), new Uint16Array(3)), RangeError, message);
  assertThrows(() => f32ToBf16(new Float32Array(2), new Uint16Array(3)), RangeError, message);
});
