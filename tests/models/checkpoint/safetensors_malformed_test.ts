import { assert, assertRejects, assertStringIncludes } from "@std/assert";
import { bytesByteSource } from "../../../models/checkpoint/byte_source.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openSafetensors } from "../../../models/checkpoint/safetensors.ts";
import { MAX_TENSORS } from "../../../models/checkpoint/safetensors_dtype.ts";
import { countingSource, handmadeFile, handmadeSource } from "./handmade_file.ts";

/** Opening the file must fail with this text; the file name must always be in it. */
async function refuses(message: string, header: string | Uint8Array, data = 0, announced?: bigint): Promise<void> {
  const source = countingSource(handmadeSource(header, data, announced));
  const error = await assertRejects(() => openSafetensors(source), CheckpointError, message);
  assertStringIncludes(error.message, `"test.safetensors"`);
  assert(source.reads.every(([offset, length]) => offset + length <= source.size), "read beyond the file");
}

/** A header with one tensor "a" whose three fields are given as JSON text. */
function oneTensor(dtype: string, shape: string, offsets: string): string {
  return `{"a":{"dtype":${dtype},"shape":${shape},"data_offsets":${offsets}}}`;
}

const HEADER_CASES: [title: string, message: string, header: string | Uint8Array, data?: number, announced?: bigint][] =
  [
    [
      "a header length of 2^64 - 1",
      "announce a header of 18446744073709551615 bytes, at most 100000000",
      "{}",
      0,
      2n ** 64n - 1n,
    ],
    [
      "a header length just over 100 MB",
      "announce a header of 100000001 bytes, at most 100000000",
      "{}",
      0,
      100_000_001n,
    ],
    ["a header length beyond the file", "announce a header of 3 bytes, the file has 2 after them", "{}", 0, 3n],
    ["a header length of 1000 in a small file", "announce a header of 1000 bytes, the file has 2", "{}", 0, 1000n],
    ["a header length of 0", "announce a header of 0 bytes, at least 2 are needed", "{}", 0, 0n],
    ["a header length of 1", "announce a header of 1 bytes, at least 2 are needed", "{}", 0, 1n],
    ["a header that is not UTF-8", "byte 0xff at byte 8, valid UTF-8 is needed", Uint8Array.of(0xff, 0x7d)],
    ["UTF-8 cut short at the end", "byte 0xc3 at byte 10, valid UTF-8", Uint8Array.of(0x7b, 0x22, 0xc3)],
    [
      "a UTF-8 form that is too long",
      "byte 0xc0 at byte 10, valid UTF-8",
      Uint8Array.of(0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x7d),
    ],
    [
      "a three-byte form that is too long",
      "byte 0xe0 at byte 10, valid UTF-8",
      Uint8Array.of(0x7b, 0x22, 0xe0, 0x9f, 0xbf, 0x22),
    ],
    [
      "a four-byte form that is too long",
      "byte 0xf0 at byte 10, valid UTF-8",
      Uint8Array.of(0x7b, 0x22, 0xf0, 0x8f, 0xbf, 0xbf, 0x22),
    ],
    ["a UTF-8 surrogate", "byte 0xed at byte 10, valid UTF-8", Uint8Array.of(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x7d)],
    [
      "UTF-8 past U+10FFFF",
      "byte 0xf4 at byte 10, valid UTF-8",
      Uint8Array.of(0x7b, 0x22, 0xf4, 0x90, 0x80, 0x80, 0x22),
    ],
    ["a byte order mark", `byte 0xef at byte 8, "{" is needed`, "\ufeff{}"],
    ["a header that is an array", `an array at byte 8, "{" is needed`, "[]"],
    ["a header that is a string", `a string at byte 8, "{" is needed`, `"{}"`],
    ["a header that is a number", `a number at byte 8, "{" is needed`, "12"],
    ["a header that is null", `"n" at byte 8, "{" is needed`, "null"],
    ["a header of spaces", `the header ends at byte 11, "{" is needed`, "   "],
    ["a header padded with NUL", "byte 0x0 at byte 10, nothing but whitespace is needed", "{}\0\0"],
    ["text after the header object", "an object at byte 10, nothing but whitespace", "{}{}"],
    ["an unclosed object", `the header ends at byte 10, a key in double quotes is needed`, "{ "],
    ["a comma before the closing brace", `"}" at byte 34, a key in double quotes`, `{"__metadata__":{"a":"b"},}`],
    ["a key without quotes", `"a" at byte 9, a key in double quotes`, "{a:1}"],
    ["a key without colon", `"}" at byte 12, ":" after key "a" is needed`, `{"a"}`],
    ["two entries without comma", `a string at byte 33, "," or "}" is needed`, `{"__metadata__":{"a":"b"}"c":{}}`],
    ["a comment", `"/" at byte 9, a key in double quotes`, "{/**/}"],
    ["a raw control character in a name", "byte 0x0 at byte 11 inside a string, an escape is needed", `{"a\0":{}}`],
    ["a raw line break in a name", "byte 0xa at byte 11 inside a string, an escape is needed", `{"a\n":{}}`],
    ["a name without end", "the header ends at byte 11 inside a string, a closing quote is needed", `{"a`],
    ["a name that ends in a backslash", "inside a string, a closing quote is needed", `{"a\\`],
    ["an unknown escape", "a malformed escape in the string at byte 10", `{"\\x41":{}}`],
    ["a cut escape", "a malformed escape in the string at byte 10", `{"\\u12":{}}`],
    ["half a surrogate pair", "half a surrogate pair in the string at byte 10", `{"\\ud800":{}}`],
  ];

for (const [title, message, header, data, announced] of HEADER_CASES) {
  Deno.test(`openSafetensors() refuses ${title}`, () => refuses(message, header, data, announced));
}

const ENTRY_CASES: [title: string, message: string, header: string, data?: number][] = [
  [
    "an entry that is a number",
    `a number at byte 13 in tensor "a", an object with dtype, shape and data_offsets`,
    `{"a":1}`,
  ],
  ["an entry that is an array", `an array at byte 13 in tensor "a", an object with`, `{"a":[[[[]]]]}`],
  ["an entry without dtype", `tensor "a" has no dtype`, `{"a":{"shape":[],"data_offsets":[0,0]}}`],
  ["an entry without shape", `tensor "a" has no shape`, `{"a":{"dtype":"U8","data_offsets":[0,0]}}`],
  ["an entry without data_offsets", `tensor "a" has no data_offsets`, `{"a":{"dtype":"U8","shape":[]}}`],
  ["an unknown field", `tensor "a" has a field "strides", only dtype, shape and data_offsets`, `{"a":{"strides":[1]}}`],
  ["deep nesting in an unknown field", `tensor "a" has a field "x"`, `{"a":{"x":${"[".repeat(100_000)}`],
  ["deep nesting in a shape", `an array at byte 23 in tensor "a", an integer`, `{"a":{"shape":[${"[".repeat(100_000)}`],
  ["an unknown dtype", `tensor "a" has the unknown dtype "F99"`, oneTensor(`"F99"`, "[]", "[0,0]")],
  ["a dtype in lower case", `tensor "a" has the unknown dtype "f32"`, oneTensor(`"f32"`, "[]", "[0,4]"), 4],
  [
    "a dtype named like a property of objects",
    `unknown dtype "constructor"`,
    oneTensor(`"constructor"`, "[]", "[0,4]"),
    4,
  ],
  [
    "a dtype that is a number",
    `a number at byte 22 in tensor "a", a type name is needed`,
    oneTensor("32", "[]", "[0,4]"),
    4,
  ],
  [
    "a shape that is a number",
    `a number at byte 35 in tensor "a", an array of at most 64`,
    oneTensor(`"U8"`, "1", "[0,1]"),
    1,
  ],
  [
    "a negative dimension",
    `-1 at byte 36 in tensor "a", an integer from 0 to 2^53 - 1`,
    oneTensor(`"U8"`, "[-1]", "[0,1]"),
    1,
  ],
  ["a fractional dimension", `1.5 at byte 36 in tensor "a", an integer`, oneTensor(`"U8"`, "[1.5]", "[0,1]"), 1],
  ["a dimension with exponent", `1e0 at byte 36 in tensor "a", an integer`, oneTensor(`"U8"`, "[1e0]", "[0,1]"), 1],
  ["a dimension with a leading zero", `01 at byte 36 in tensor "a", an integer`, oneTensor(`"U8"`, "[01]", "[0,1]"), 1],
  ["a dimension in quotes", `a string at byte 36 in tensor "a", an integer`, oneTensor(`"U8"`, `["1"]`, "[0,1]"), 1],
  [
    "a shape of 65 dimensions",
    "an array of more than 64 items",
    oneTensor(`"U8"`, `[${"1,".repeat(64)}1]`, "[0,1]"),
    1,
  ],
  ["a shape that ends in a comma", `"]" at byte 38 in tensor "a", an integer`, oneTensor(`"U8"`, "[1,]", "[0,1]"), 1],
  ["a negative offset", `-4 at byte 55 in tensor "a", an integer from 0`, oneTensor(`"U8"`, "[4]", "[-4,0]")],
  ["minus zero as an offset", `-0 at byte 55 in tensor "a", an integer from 0`, oneTensor(`"U8"`, "[0]", "[-0,0]")],
  ["a fractional offset", `4.0 at byte 57 in tensor "a", an integer from 0`, oneTensor(`"U8"`, "[4]", "[0,4.0]"), 4],
  [
    "an offset in quotes",
    `a string at byte 57 in tensor "a", an integer from 0`,
    oneTensor(`"U8"`, "[4]", `[0,"4"]`),
    4,
  ],
  [
    "an offset of 2^53",
    `9007199254740992 at byte 57 in tensor "a"`,
    oneTensor(`"U8"`, "[4]", "[0,9007199254740992]"),
    4,
  ],
  ["an offset of 300 digits", `${"9".repeat(40)} at byte 57`, oneTensor(`"U8"`, "[4]", `[0,${"9".repeat(300)}]`), 4],
  ["one offset", `tensor "a" has 1 data_offsets, two are needed`, oneTensor(`"U8"`, "[4]", "[0]"), 4],
  ["no offsets", `tensor "a" has 0 data_offsets, two are needed`, oneTensor(`"U8"`, "[4]", "[]"), 4],
  ["three offsets", "an array of more than 2 items", oneTensor(`"U8"`, "[4]", "[0,4,8]"), 4],
  [
    "an end before its begin",
    `has data_offsets [4, 0], the end must not come before`,
    oneTensor(`"U8"`, "[4]", "[4,0]"),
    4,
  ],
  [
    "a span too short for shape and dtype",
    `[0, 4] (4 bytes), F32 [2] needs 8 bytes`,
    oneTensor(`"F32"`, "[2]", "[0,4]"),
    4,
  ],
  [
    "a span too long for shape and dtype",
    `[0, 8] (8 bytes), F16 [2] needs 4 bytes`,
    oneTensor(`"F16"`, "[2]", "[0,8]"),
    8,
  ],
  [
    "a span for a tensor of no elements",
    `[0, 4] (4 bytes), F32 [0, 2] needs 0 bytes`,
    oneTensor(`"F32"`, "[0,2]", "[0,4]"),
    4,
  ],
  [
    "a product of dimensions beyond 2^53",
    `tensor "a" of type F32 [4503599627370496, 4] overflows`,
    oneTensor(`"F32"`, "[4503599627370496,4]", "[0,0]"),
  ],
  [
    "dimensions beyond 64 bits",
    `18446744073709551614 at byte 39`,
    oneTensor(`"F32"`, "[2,18446744073709551614]", "[0,16]"),
    16,
  ],
  [
    "a size whose product wraps at 64 bits",
    "9223372036854775807 at byte 39",
    oneTensor(`"F32"`, "[2,9223372036854775807]", "[0,16]"),
    16,
  ],
  [
    "a type of half bytes that ends inside one",
    `tensor "a" of type F4 [3] does not fill whole bytes`,
    oneTensor(`"F4"`, "[3]", "[0,1]"),
    1,
  ],
  [
    "a type of six bits that ends inside a byte",
    `F6_E2M3 [2, 3] does not fill whole bytes`,
    oneTensor(`"F6_E2M3"`, "[2,3]", "[0,4]"),
    4,
  ],
];

for (const [title, message, header, data] of ENTRY_CASES) {
  Deno.test(`openSafetensors() refuses ${title}`, () => refuses(message, header, data));
}

/** An entry of `end - begin` bytes. */
function span(name: string, begin: number, end: number): string {
  return `${JSON.stringify(name)}:{"dtype":"U8","shape":[${end - begin}],"data_offsets":[${begin},${end}]}`;
}

const WHOLE_CASES: [title: string, message: string, header: string, data?: number][] = [
  [
    "a tensor name that comes twice",
    `key "a" comes a second time at byte`,
    `{${span("a", 0, 1)},${span("a", 1, 2)}}`,
    2,
  ],
  ["a name that comes twice, once escaped", `key "a" comes a second time`, `{${span("a", 0, 1)},"\\u0061":{}}`, 2],
  [
    "__proto__ twice",
    `key "__proto__" comes a second time`,
    `{${span("__proto__", 0, 1)},${span("__proto__", 1, 2)}}`,
    2,
  ],
  [
    "a field that comes twice",
    `key "dtype" comes a second time at byte 27 in tensor "a"`,
    `{"a":{"dtype":"U8","dtype":"U8"}}`,
  ],
  ["__metadata__ twice", `key "__metadata__" comes a second time`, `{"__metadata__":{},"__metadata__":{}}`],
  [
    "a metadata key twice",
    `key "k" comes a second time at byte 33 in __metadata__`,
    `{"__metadata__":{"k":"1","k":"2"}}`,
  ],
  ["metadata that is a string", `a string at byte 24 in __metadata__, an object of strings`, `{"__metadata__":"x"}`],
  ["metadata that is null", `"n" at byte 24 in __metadata__, an object of strings`, `{"__metadata__":null}`],
  ["metadata with a number", `a number at byte 29 in __metadata__, a string for key "k"`, `{"__metadata__":{"k":1}}`],
  [
    "metadata with an object",
    `an object at byte 29 in __metadata__, a string for key "k"`,
    `{"__metadata__":{"k":{}}}`,
  ],
  ["metadata with null", `"n" at byte 29 in __metadata__, a string for key "k"`, `{"__metadata__":{"k":null}}`],
  [
    "data that begin after byte 0",
    `tensor "a" leaves a hole after the header: it begins at data byte 1, 0 is needed`,
    `{${span("a", 1, 2)}}`,
    2,
  ],
  [
    "a hole between tensors",
    `tensor "b" leaves a hole after tensor "a": it begins at data byte 3, 2 is needed`,
    `{${span("b", 3, 4)},${span("a", 0, 2)}}`,
    4,
  ],
  [
    "tensors that overlap",
    `tensor "b" overlaps tensor "a": it begins at data byte 1, 2 is needed`,
    `{${span("a", 0, 2)},${span("b", 1, 3)}}`,
    3,
  ],
  [
    "an empty tensor inside another",
    `tensor "b" overlaps tensor "a": it begins at data byte 1`,
    `{${span("a", 0, 2)},${span("b", 1, 1)}}`,
    2,
  ],
  [
    "ten tensors on one span",
    `tensor "t1" overlaps tensor "t0"`,
    `{${Array.from({ length: 10 }, (_, i) => span(`t${i}`, 0, 4))}}`,
    4,
  ],
  [
    "thousands of tensors on one span",
    `tensor "t1" overlaps tensor "t0"`,
    `{${Array.from({ length: 5000 }, (_, i) => span(`t${i}`, 0, 160))}}`,
    160,
  ],
  [
    "bytes after the last tensor",
    "bytes follow the last tensor: 4 data bytes follow the header, the tensors need 2",
    `{${span("a", 0, 2)}}`,
    4,
  ],
  ["bytes after a header without tensors", "1 data bytes follow the header, the tensors need 0", "{}", 1],
  [
    "two missing bytes",
    "the file is cut off: 2 data bytes follow the header, the tensors need 4",
    `{${span("a", 0, 4)}}`,
    2,
  ],
];

for (const [title, message, header, data] of WHOLE_CASES) {
  Deno.test(`openSafetensors() refuses ${title}`, () => refuses(message, header, data));
}

Deno.test("openSafetensors() refuses an empty file and one shorter than a header", async () => {
  for (const length of [0, 1, 7, 8, 9]) {
    await assertRejects(
      () => openSafetensors(bytesByteSource(new Uint8Array(length), "short.safetensors")),
      CheckpointError,
      `Cannot load "short.safetensors" as safetensors: the file has ${length} bytes, at least 10 are needed`,
    );
  }
});

Deno.test("openSafetensors() refuses more tensors than the limit at the first one too many", async () => {
  const entries = Array.from({ length: MAX_TENSORS + 1 }, (_, i) => span(String(i), 0, 0));
  await refuses(
    `the header has more than ${MAX_TENSORS} tensors (the next is "${MAX_TENSORS}")`,
    `{${entries.join(",")},this is never read`,
  );
});

Deno.test("openSafetensors() refuses a file cut at any byte", async () => {
  const whole = handmadeFile(`{"__metadata__":{"k":"\u00fc"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, 4);
  await openSafetensors(bytesByteSource(whole, "whole"));
  for (let length = 0; length < whole.length; length++) {
    await assertRejects(
      () => openSafetensors(bytesByteSource(whole.subarray(0, length), "cut.safetensors")),
      CheckpointError,
      `Cannot load "cut.safetensors"`,
    );
  }
});

Deno.test("openSafetensors() refuses a header cut at any byte, though the length fits", async () => {
  const header = `{"__metadata__":{"k":"\\n"},"a":{"dtype":"F16","shape":[2,1],"data_offsets":[0,4]}}`;
  for (let length = 2; length < header.length; length++) {
    await refuses(`the header ends at byte ${8 + length}`, header.slice(0, length));
  }
});

const FOREIGN_FILES: [string, string, number[] | string][] = [
  ["a PyTorch zip archive", "a zip archive, such as a PyTorch checkpoint", "PK\x03\x04\0\0\b\b"],
  ["a pickle", "a pickle, such as an old PyTorch checkpoint", [
    0x80,
    2,
    0x8a,
    10,
    0x6c,
    0xfc,
    0x9c,
    0x46,
    0xf9,
    0x20,
    0x6a,
  ]],
  ["a PNG image", "a PNG image", [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]],
  ["a JPEG image", "a JPEG image", [0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46]],
  ["a GGUF model", "a GGUF model", "GGUF\x03\0\0\0\x01\0\0\0"],
  ["a Git LFS pointer", "a Git LFS pointer instead of the file", "version https://git-lfs.github.com/spec/v1\n"],
  ["a web page", "a web page", "\n<!DOCTYPE html><html></html>"],
];

for (const [title, hint, content] of FOREIGN_FILES) {
  Deno.test(`openSafetensors() says when the file is ${title}`, async () => {
    const start = typeof content === "string" ? Array.from(content, (c) => c.charCodeAt(0)) : content;
    const source = bytesByteSource(Uint8Array.from([...start, ...new Array(20).fill(0)]), "model.pt");
    await assertRejects(() => openSafetensors(source), CheckpointError, `; it looks like ${hint}`);
  });
}
