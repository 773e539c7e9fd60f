import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { encode } from "jpeg-js";
import { DecodeError } from "../../io/codecs/image.ts";
import { encodeJpeg } from "../../io/codecs/jpeg_encode.ts";
import { decodeJpeg } from "../../io/codecs/jpeg_file.ts";
import { readImage } from "../../io/mod.ts";
import { casePath } from "./cases.ts";
import { fixture } from "./pnm_reader.ts";

const MAX_PIXELS = 1e6;

/** A baseline file from another encoder, 4:4:4. */
function makeJpeg(width: number, height: number): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 5) % 200);
  return Uint8Array.from(encode({ width, height, data }, 90).data);
}

/** First byte of the data of the first scan. */
function dataOffset(bytes: Uint8Array): number {
  const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
  return scan + 2 + bytes[scan + 2]! * 256 + bytes[scan + 3]!;
}

Deno.test("a baseline file that is cut anywhere gives the rows of the whole file, and says which are missing", async () => {
  const files = [
    makeJpeg(20, 28),
    await Deno.readFile(fixture("gray_restart.jpg")),
    await Deno.readFile(fixture("chroma_420.jpg")),
    await Deno.readFile(casePath("jpeg-kinds/baseline-restart.jpg")),
  ];
  for (const bytes of files) {
    const { image: whole } = await decodeJpeg(bytes, MAX_PIXELS);
    const start = dataOffset(bytes);
    const rowBytes = whole.width * whole.channels;
    const seen = new Set<number>();
    for (let length = 2; length < bytes.length; length++) {
      let cut;
      try {
        cut = await decodeJpeg(bytes.slice(0, length), MAX_PIXELS);
      } catch (error) {
        assert(error instanceof DecodeError, `${error}`);
        assertStringIncludes(error.message, "truncated");
        assertEquals(seen.size, 0, `refused at ${length} after rows were read`);
        continue;
      }
      assert(length > start);
      const rows = cut.missing ? cut.missing.reduce((sum, value) => sum + value, 0) / whole.width : whole.height;
      assertEquals(cut.image.height, whole.height);
      assertEquals(rows % 1, 0);
      // The last row of a block takes half of its chroma from the block below.
      const sure = rows === whole.height ? rows : rows - 1;
      assertEquals(cut.image.samples.slice(0, sure * rowBytes), whole.samples.slice(0, sure * rowBytes), `${length}`);
      assert(cut.image.samples.subarray(rows * rowBytes).every((value) => value === 128));
      if (rows < whole.height) {
        assertStringIncludes(cut.warnings.join(), `${whole.height - rows} of ${whole.height} rows are missing`);
      } else assertStringIncludes(cut.warnings.join(), "without its end mark");
      seen.add(rows);
    }
    const unit = bytes === files[2] || bytes === files[3] ? 16 : 8;
    const all = Array.from(
      { length: Math.ceil(whole.height / unit) },
      (_, i) => Math.min(whole.height, unit * (i + 1)),
    );
    assertEquals([...seen], all);
  }
});

Deno.test("a file whose rest was never written ends where its zeros begin", async () => {
  const bytes = makeJpeg(24, 32);
  const cut = bytes.slice(0, (dataOffset(bytes) + bytes.length) >> 1);
  const padded = new Uint8Array(bytes.length + 4000);
  padded.set(cut);
  const [a, b] = [await decodeJpeg(cut, MAX_PIXELS), await decodeJpeg(padded, MAX_PIXELS)];
  assertEquals(b.missing, a.missing);
  assertEquals(b.image, a.image);
  assert(a.missing!.includes(0) && a.missing!.includes(1));
});

Deno.test("a progressive file that is cut is coarser, never elsewhere, and says from where on", async () => {
  const bytes = await Deno.readFile(fixture("progressive_420.jpg"));
  const { image: whole } = await decodeJpeg(bytes, MAX_PIXELS);
  const distance = async (length: number): Promise<number> => {
    const { image } = await decodeJpeg(bytes.slice(0, length), MAX_PIXELS);
    return Array.from(image.samples, (value, i) => (value - whole.samples[i]!) ** 2).reduce((a, b) => a + b) /
      whole.samples.length;
  };
  const start = dataOffset(bytes);
  let read = 0;
  for (let length = start; length < bytes.length; length++) {
    try {
      const { image, missing, warnings } = await decodeJpeg(bytes.slice(0, length), MAX_PIXELS);
      assertEquals([image.width, image.height], [whole.width, whole.height]);
      const said = warnings.join();
      assert(/rows are missing|coarser|without its end mark/.test(said), `${length}: ${said}`);
      assertEquals(missing !== undefined, said.includes("rows are missing"));
      read++;
    } catch (error) {
      assert(error instanceof DecodeError, `${length}: ${error}`);
      assertEquals(read, 0, `refused at ${length} after rows were read`);
    }
  }
  const [early, late] = [
    await distance(start + Math.round((bytes.length - start) / 3)),
    await distance(bytes.length - 12),
  ];
  assertLess(late, early / 2);
  const complete = await decodeJpeg(bytes.slice(0, -2), MAX_PIXELS);
  assertStringIncludes(complete.warnings.join(), "without its end mark; the picture is complete");
});

Deno.test("the middle of the last scan: upper rows have all of their details, lower ones not", async () => {
  const side = 96;
  const samples = Uint8Array.from(
    { length: side * side },
    (_, i) => 128 + 90 * Math.sin(i * i * 0.37) * Math.cos(i / 7),
  );
  const bytes = await encodeJpeg({ width: side, height: side, channels: 1, bitDepth: 8, samples }, 90, {});
  const scans = [...bytes.keys()].filter((i) => bytes[i] === 0xff && bytes[i + 1] === 0xda);
  const rowOf = async (length: number): Promise<[rows: number, said: string]> => {
    const said = (await decodeJpeg(bytes.slice(0, length), MAX_PIXELS)).warnings.join();
    return [Number(/from row (\d+) of/.exec(said)?.[1]), said];
  };
  const [last, before] = [scans.at(-1)!, scans.at(-2)!];
  const [[early, first], [late, second]] = [
    await rowOf((3 * last + bytes.length) >> 2),
    await rowOf((last + 3 * bytes.length) >> 2),
  ];
  assert(early > 1 && late > early && late < side, `${first} ${second}`);
  assert(!first.includes("everywhere") && !second.includes("everywhere"));
  assertStringIncludes((await rowOf((before + last) >> 1))[1], "coarser everywhere, and most from row");
});

Deno.test("one scan for each component: what is cut off of the colours is said", async () => {
  const bytes = await Deno.readFile(casePath("jpeg-kinds/seq-scans.jpg"));
  const { image: whole } = await decodeJpeg(bytes, MAX_PIXELS);
  const scans = [...bytes.keys()].filter((i) => bytes[i] === 0xff && bytes[i + 1] === 0xda);
  assertEquals(scans.length, 3);
  const colourless = await decodeJpeg(bytes.slice(0, scans[1]! + 30), MAX_PIXELS);
  assertEquals(colourless.missing, undefined);
  assertStringIncludes(colourless.warnings.join(), "the colours are cut off");
  const [r, g, b] = [0, 1, 2].map((c) => whole.samples[3 * 500 + c]!) as [number, number, number];
  assertLess(Math.abs(colourless.image.samples[3 * 500]! - (0.299 * r + 0.587 * g + 0.114 * b)), 2);
  const half = await decodeJpeg(bytes.slice(0, (scans[0]! + scans[1]!) >> 1), MAX_PIXELS);
  const rows = half.missing!.reduce((sum, value) => sum + value, 0) / whole.width;
  assert(rows > 0 && rows < whole.height && rows % 8 === 0, `${rows}`);
});

Deno.test("photos that people have: half of the file, and only the end mark lost", async () => {
  const half = await readImage(casePath("truncated-photo/half.jpg"));
  assertEquals([half.width, half.height, half.missing!.indexOf(0) / 64], [64, 64, 32]);
  const complete = await readImage(casePath("truncated-photo/no-end-mark.jpg"));
  assertEquals(complete.missing, undefined);
  assertEquals(complete.samples.slice(0, 64 * 31 * 3), half.samples.slice(0, 64 * 31 * 3));
  await assertRejects(() => readImage(casePath("other-formats/page.jpg")), Error, "a web page");
});

Deno.test("missing rows turn with the picture", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = await Deno.readFile(casePath("jpeg-orientations/orientation6.jpg"));
    await Deno.writeFile(`${folder}/cut.jpg`, bytes.slice(0, -12));
    const { width, height, missing } = await readImage(`${folder}/cut.jpg`);
    assertEquals([width, height], [20, 32]);
    // Stored rows run from the right to the left.
    assertEquals([missing![0], missing![19]], [0, 1]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
