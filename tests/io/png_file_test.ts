import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { deflateSync } from "node:zlib";
import { DecodeError } from "../../io/codecs/image.ts";
import { allocateSamples, type Image } from "../../raster/mod.ts";
import { decodePng, encodePng } from "../../io/codecs/png_file.ts";
import { chunk, headerChunk, join, makePng, type PngRecipe } from "./png_maker.ts";

const MAX_PIXELS = 1e6;
const CHANNELS = [1, 0, 3, 1, 2, 0, 4];

/** A value of `bitDepth` bits that differs by place and channel. */
function pattern(bitDepth: number): (x: number, y: number, c: number) => number {
  return (x, y, c) => (x * 7919 + y * 104729 + c * 31337 + x * y * 13) % 2 ** bitDepth;
}

async function decode(recipe: PngRecipe): Promise<Image> {
  return (await decodePng(makePng(recipe), MAX_PIXELS)).image;
}

function plane(width: number, height: number, value: (x: number, y: number) => number): number[] {
  return Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));
}

Deno.test("decodePng() gives exact samples for every colour type and depth, plain and interlaced, odd sizes", async () => {
  const kinds = [[0, 1], [0, 2], [0, 4], [0, 8], [0, 16], [2, 8], [2, 16], [4, 8], [4, 16], [6, 8], [6, 16]] as const;
  for (const [colorType, bitDepth] of kinds) {
    for (const interlaced of [false, true]) {
      for (const [width, height] of [[11, 9], [1, 1], [3, 2], [1, 7]] as const) {
        const sample = pattern(bitDepth);
        const image = await decode({ width, height, bitDepth, colorType, interlaced, sample });
        const what = `type ${colorType}, ${bitDepth} bits, ${
          interlaced ? "interlaced" : "plain"
        }, ${width} x ${height}`;
        const stored = CHANNELS[colorType]!;
        const colours = stored >= 3 ? 3 : 1;
        const scale = bitDepth < 8 ? 255 / (2 ** bitDepth - 1) : 1;
        assertEquals([image.width, image.height, image.channels], [width, height, colours], what);
        assertEquals(image.bitDepth, bitDepth === 16 ? 16 : 8, what);
        const expected = plane(width, height, (x, y) => y * width + x).flatMap((i) =>
          Array.from({ length: colours }, (_, c) => sample(i % width, Math.floor(i / width), c) * scale)
        );
        assertEquals([...image.samples], expected, what);
        const alpha = stored % 2 === 0 ? plane(width, height, (x, y) => sample(x, y, colours)) : undefined;
        assertEquals(image.alpha && [...image.alpha], alpha, what);
      }
    }
  }
});

Deno.test("decodePng() looks up palettes of 1 to 8 bits and takes their transparency", async () => {
  for (const bitDepth of [1, 2, 4, 8]) {
    const entries = Math.min(2 ** bitDepth, 100);
    const colour = (i: number): number[] => [(i * 37) % 256, (i * 101 + 5) % 256, 255 - i];
    const sample = (x: number, y: number): number => (x + 3 * y) % entries;
    const chunks = [
      chunk("PLTE", Array.from({ length: entries }, (_, i) => colour(i)).flat()),
      chunk("tRNS", [40, 0]),
    ];
    for (const interlaced of [false, true]) {
      const image = await decode({ width: 9, height: 5, bitDepth, colorType: 3, interlaced, sample, chunks });
      assertEquals(image.bitDepth, 8);
      assertEquals([...image.samples], plane(9, 5, sample).flatMap(colour), `${bitDepth} bits`);
      assertEquals([...image.alpha!], plane(9, 5, sample).map((i) => [40, 0][i] ?? 255), `${bitDepth} bits`);
    }
  }
});

Deno.test("decodePng() reads a gray palette as gray", async () => {
  const chunks = [chunk("PLTE", [10, 10, 10, 200, 200, 200])];
  const image = await decode({ width: 3, height: 1, bitDepth: 1, colorType: 3, sample: (x) => x & 1, chunks });
  assertEquals([image.channels, ...image.samples], [1, 10, 200, 10]);
  assertEquals(image.alpha, undefined);
});

Deno.test("decodePng() makes the transparent colour of gray and RGB files transparent and keeps its colour", async () => {
  const gray = { width: 4, height: 1, colorType: 0, sample: (x: number): number => x };
  const two = await decode({ ...gray, bitDepth: 2, chunks: [chunk("tRNS", [0, 2])] });
  assertEquals([...two.samples], [0, 85, 170, 255]);
  assertEquals([...two.alpha!], [255, 255, 0, 255]);
  const sixteen = await decode({ ...gray, bitDepth: 16, sample: (x) => 300 * x, chunks: [chunk("tRNS", [2, 88])] });
  assertEquals([...sixteen.samples], [0, 300, 600, 900]);
  assertEquals([...sixteen.alpha!], [65535, 65535, 0, 65535]);
  const rgb = await decode({
    width: 2,
    height: 1,
    bitDepth: 8,
    colorType: 2,
    sample: (x, _, c) => [[9, 8, 7], [9, 8, 6]][x]![c]!,
    chunks: [chunk("tRNS", [0, 9, 0, 8, 0, 7])],
  });
  assertEquals([...rgb.samples], [9, 8, 7, 9, 8, 6]);
  assertEquals([...rgb.alpha!], [0, 255]);
});

const GRAY: PngRecipe = { width: 6, height: 4, bitDepth: 8, colorType: 0, sample: (x, y) => 40 * x + y };

Deno.test("decodePng() refuses a header of 100000 x 100000 before it allocates", async () => {
  const bomb = join([
    makePng(GRAY).subarray(0, 8),
    headerChunk(100_000, 100_000, 8, 6),
    chunk("IDAT", []),
    chunk("IEND", []),
  ]);
  const error = await assertRejects(() => decodePng(bomb, 64e6), DecodeError);
  assertStringIncludes(error.message, "100000 x 100000 pixels, the limit is 64 megapixels");
});

Deno.test("decodePng() refuses too many pixels, an empty side and a side beyond 65,535", async () => {
  const signature = makePng(GRAY).subarray(0, 8);
  for (const [width, height] of [[1001, 1000], [0, 5], [5, 0], [65536, 1], [4294967295, 4294967295]] as const) {
    await assertRejects(
      () => decodePng(join([signature, headerChunk(width, height, 8, 0)]), MAX_PIXELS),
      DecodeError,
      "header states",
    );
  }
});

Deno.test("decodePng() refuses data that expand to more or less than the header promises, plain and interlaced", async () => {
  for (const interlaced of [false, true]) {
    const recipe = { ...GRAY, interlaced };
    // The last byte is wrong too: whoever gets that far has expanded everything.
    const bomb = new Uint8Array(deflateSync(new Uint8Array(50_000_000)));
    const more = makePng({ ...recipe, alterData: () => bomb.with(bomb.length - 1, bomb.at(-1)! ^ 1) });
    await assertRejects(() => decodePng(more, MAX_PIXELS), DecodeError, "more were found");
    const less = makePng({ ...recipe, alterRows: (rows) => rows.subarray(0, rows.length - 1) });
    await assertRejects(() => decodePng(less, MAX_PIXELS), DecodeError, "were found");
  }
});

Deno.test("decodePng() refuses cut or altered compressed data", async () => {
  const cut = makePng({ ...GRAY, alterData: (data) => data.subarray(0, data.length >> 1) });
  await assertRejects(() => decodePng(cut, MAX_PIXELS), DecodeError, "the PNG file is damaged");
  const checksum = makePng({ ...GRAY, alterData: (data) => data.with(data.length - 1, data.at(-1)! ^ 1) });
  await assertRejects(() => decodePng(checksum, MAX_PIXELS), DecodeError, "cannot be expanded");
  const filter = makePng({ ...GRAY, alterRows: (rows) => rows.with(0, 9) });
  await assertRejects(() => decodePng(filter, MAX_PIXELS), DecodeError, "damaged");
});

Deno.test("decodePng() refuses a file that is cut at any byte", async () => {
  const bytes = makePng(GRAY);
  for (let length = 8; length < bytes.length; length++) {
    await assertRejects(
      () => decodePng(bytes.slice(0, length), MAX_PIXELS),
      DecodeError,
      "truncated",
      `${length} bytes`,
    );
  }
  assert(
    (await decodePng(join([bytes, Uint8Array.of(1, 2, 3)]), MAX_PIXELS)).image.width === 6,
    "trailing bytes are harmless",
  );
});

Deno.test("decodePng() refuses a file in which any byte after the signature is changed", async () => {
  const bytes = makePng(GRAY);
  for (let at = 8; at < bytes.length; at++) {
    const changed = bytes.with(at, bytes[at]! ^ 0x11);
    await assertRejects(() => decodePng(changed, MAX_PIXELS), DecodeError, undefined, `byte ${at}`);
  }
  const transparency = chunk("tRNS", [0, 1]).with(9, 2);
  const damaged = makePng({ ...GRAY, chunks: [transparency] });
  await assertRejects(() => decodePng(damaged, MAX_PIXELS), DecodeError, "checksum of its tRNS chunk");
});

Deno.test("decodePng() ignores a damaged comment and says so", async () => {
  const comment = chunk("tEXt", [65, 0, 66]);
  comment[comment.length - 1]! ^= 1;
  const { image, warnings } = await decodePng(makePng({ ...GRAY, chunks: [comment] }), MAX_PIXELS);
  assertEquals([...image.samples], plane(6, 4, GRAY.sample as (x: number, y: number) => number));
  assertEquals(warnings, ["the tEXt chunk is damaged and ignored"]);
});

Deno.test("decodePng() refuses impossible headers, palettes and transparency", async () => {
  const signature = makePng(GRAY).subarray(0, 8);
  const refused = async (bytes: Uint8Array<ArrayBuffer>, message: string): Promise<void> => {
    await assertRejects(() => decodePng(bytes, MAX_PIXELS), DecodeError, message);
  };
  for (const [depth, type] of [[16, 3], [4, 2], [3, 0], [8, 5], [0, 0], [32, 2]] as const) {
    await refused(join([signature, headerChunk(4, 4, depth, type)]), "which PNG does not have");
  }
  await refused(join([signature, headerChunk(4, 4, 8, 0, 2)]), "unknown compression, filter or interlace");
  const indexed = { ...GRAY, bitDepth: 2, colorType: 3, sample: (x: number): number => x & 3 };
  await refused(makePng(indexed), "palette is missing");
  await refused(
    makePng({ ...indexed, chunks: [chunk("PLTE", [1, 2, 3, 4])] }),
    "palette is missing or has a wrong length",
  );
  await refused(makePng({ ...indexed, chunks: [chunk("PLTE", [1, 2, 3])] }), "not in palette");
  await refused(
    makePng({ ...indexed, chunks: [chunk("PLTE", Array(12).fill(0)), chunk("tRNS", Array(5).fill(0))] }),
    "transparency chunk has a wrong length",
  );
  await refused(makePng({ ...GRAY, chunks: [chunk("tRNS", [0])] }), "transparency chunk has a wrong length");
  await refused(makePng({ ...GRAY, chunks: [chunk("ABCD", [])] }), 'critical chunk "ABCD"');
});

Deno.test("encodePng() and decodePng() return the same samples for gray and RGB, alpha and none, 8 and 16 bits", async () => {
  for (const bitDepth of [8, 16] as const) {
    for (const channels of [1, 3] as const) {
      for (const withAlpha of [false, true]) {
        const make = (length: number, step: number): Image["samples"] =>
          allocateSamples(length, bitDepth).map((_, i) => (i * step + 1) % 2 ** bitDepth);
        const image: Image = {
          width: 7,
          height: 5,
          channels,
          bitDepth,
          samples: make(35 * channels, 977),
          ...(withAlpha ? { alpha: make(35, 4099) } : {}),
        };
        const { image: back } = await decodePng(encodePng(image), MAX_PIXELS);
        assertEquals(back, image, `${channels} channels, ${bitDepth} bits, alpha ${withAlpha}`);
      }
    }
  }
});

Deno.test("encodePng() stores Latin-1 texts as tEXt and others as iTXt, readable by decodePng()", async () => {
  const image: Image = { width: 1, height: 1, channels: 1, bitDepth: 8, samples: Uint8Array.of(3) };
  const bytes = encodePng(image, { Software: "caf\u00e9", Comment: "x\u2080 \u2192 y" });
  const latin = new TextDecoder("latin1").decode(bytes);
  assertStringIncludes(latin, "tEXtSoftware\0caf\u00e9");
  assertStringIncludes(new TextDecoder().decode(bytes), "iTXtComment\0\0\0\0\0x\u2080 \u2192 y");
  assertEquals((await decodePng(bytes, MAX_PIXELS)).warnings, []);
  for (const keyword of ["", " x", "a".repeat(80), "\u4e00", "a\nb"]) {
    assertThrows(() => encodePng(image, { [keyword]: "x" }), RangeError, "keywords have 1 to 79");
  }
  assertThrows(() => encodePng(image, { Comment: "a\0b" }), RangeError, "no zero character");
});

Deno.test("encodePng() refuses arrays that do not fit the size or depth", () => {
  const image: Image = { width: 2, height: 2, channels: 3, bitDepth: 8, samples: new Uint8Array(12) };
  assertThrows(() => encodePng({ ...image, samples: new Uint8Array(4) }), TypeError, "samples holds 4 values");
  assertThrows(() => encodePng({ ...image, samples: new Uint16Array(12) }), TypeError, "of 16 bits");
  assertThrows(() => encodePng({ ...image, alpha: new Uint8Array(5) }), TypeError, "alpha holds 5 values");
});
