import { assert, assertEquals, assertLess, assertLessOrEqual, assertRejects, assertStringIncludes } from "@std/assert";
import { encode } from "jpeg-js";
import { DecodeError } from "../../io/codecs/image.ts";
import { decodeJpeg } from "../../io/codecs/jpeg_file.ts";
import { casePath } from "./cases.ts";
import { fixture, readPnm } from "./pnm_reader.ts";

const MAX_PIXELS = 1e6;

/** Largest and mean signed difference of a decoded fixture from libjpeg's result. */
async function difference(
  name: string,
  reference: string,
): Promise<{ largest: number; mean: number; channels: number }> {
  const { image } = await decodeJpeg(await Deno.readFile(fixture(name)), MAX_PIXELS);
  const expected = await readPnm(fixture(reference));
  assertEquals([image.width, image.height], [expected.width, expected.height]);
  assertEquals(image.samples.length, expected.samples.length);
  const differences = Array.from(image.samples, (value, i) => value - expected.samples[i]!);
  return {
    largest: Math.max(...differences.map(Math.abs)),
    mean: Math.abs(differences.reduce((sum, value) => sum + value, 0)) / differences.length,
    channels: image.channels,
  };
}

Deno.test("decodeJpeg() agrees with libjpeg within 3 levels on halved chroma, baseline and progressive, odd sides", async () => {
  const pairs = [["chroma_420.jpg", "chroma_420.ppm"], ["chroma_422.jpg", "chroma_422.ppm"], [
    "progressive_420.jpg",
    "chroma_420.ppm",
  ]] as const;
  for (const [name, reference] of pairs) {
    const { largest, mean } = await difference(name, reference);
    assertLessOrEqual(largest, 3, name);
    // Cutting fractions off instead of rounding would make this 0.5.
    assertLess(mean, 0.2, name);
  }
});

Deno.test("decodeJpeg() reads gray with restart markers, and RGB stored without conversion", async () => {
  const gray = await difference("gray_restart.jpg", "gray_restart.pgm");
  assertEquals(gray.channels, 1);
  assertLessOrEqual(gray.largest, 2);
  assertLessOrEqual((await difference("rgb.jpg", "rgb.ppm")).largest, 2);
});

Deno.test("decodeJpeg() reads CMYK and YCCK and warns of the missing profile", async () => {
  assertLessOrEqual((await difference("cmyk.jpg", "cmyk.ppm")).largest, 3);
  assertLessOrEqual((await difference("ycck.jpg", "ycck.ppm")).largest, 3);
  const { warnings } = await decodeJpeg(await Deno.readFile(fixture("cmyk.jpg")), MAX_PIXELS);
  assertStringIncludes(warnings.join(), "CMYK");
});

Deno.test("decodeJpeg() refuses CMYK without an Adobe segment, arithmetic coding, and restart markers it would misread", async () => {
  const cmyk = await Deno.readFile(fixture("cmyk.jpg"));
  const adobe = new TextDecoder("latin1").decode(cmyk).indexOf("Adobe");
  await assertRejects(() => decodeJpeg(cmyk.with(adobe, 66), MAX_PIXELS), DecodeError, "without an Adobe segment");
  const arithmetic = await Deno.readFile(fixture("arithmetic.jpg"));
  await assertRejects(() => decodeJpeg(arithmetic, MAX_PIXELS), DecodeError, "an arithmetic-coded JPEG");
  const restarts = await Deno.readFile(fixture("progressive_restart.jpg"));
  await assertRejects(() => decodeJpeg(restarts, MAX_PIXELS), DecodeError, "restart markers in separate scans");
});

/** A small baseline file from another encoder. */
function makeJpeg(width: number, height: number): Uint8Array<ArrayBuffer> {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, i) => (i * 5) % 200);
  return Uint8Array.from(encode({ width, height, data }, 90).data);
}

/** Offset of the frame header's marker. */
function frameOffset(bytes: Uint8Array): number {
  return bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] === 0xc0 || bytes[i + 1] === 0xc2));
}

Deno.test("decodeJpeg() refuses a stated size above the limit before it decodes", async () => {
  const bytes = makeJpeg(16, 16);
  bytes.fill(0xff, frameOffset(bytes) + 5, frameOffset(bytes) + 9);
  const error = await assertRejects(() => decodeJpeg(bytes, 64e6), DecodeError);
  assertStringIncludes(error.message, "65535 x 65535 pixels, the limit is 64 megapixels");
});

Deno.test("decodeJpeg() reads a scan that is too short although the end mark is there as far as it goes", async () => {
  for (const path of [casePath("jpeg-kinds/420-odd.jpg"), fixture("chroma_420.jpg")]) {
    const bytes = await Deno.readFile(path);
    const scan = bytes.findLastIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    const cut = bytes.slice(0, (scan + 3 * bytes.length) >> 2);
    const shortened = await decodeJpeg(Uint8Array.from([...cut, 0xff, 0xd9]), MAX_PIXELS);
    assert(shortened.missing!.includes(0) && shortened.missing!.includes(1));
    assertEquals(shortened, await decodeJpeg(cut, MAX_PIXELS));
  }
});

Deno.test("decodeJpeg() gives an image or a DecodeError, and nothing else, for any single changed byte", async () => {
  const names = ["gray_restart.jpg", "progressive_420.jpg", "ycck.jpg"];
  let refused = 0;
  for (const name of names) {
    const bytes = await Deno.readFile(fixture(name));
    for (let at = 0; at < bytes.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        try {
          const { image } = await decodeJpeg(bytes.with(at, bytes[at]! ^ flip), MAX_PIXELS);
          assertEquals(image.samples.length, image.width * image.height * image.channels);
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error;
          refused++;
        }
      }
    }
  }
  assert(refused > 500, `${refused} refused`);
});

Deno.test("decodeJpeg() refuses frames and scans that fit no picture", async () => {
  const bytes = makeJpeg(16, 16);
  const frame = frameOffset(bytes);
  const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
  const refused = async (changed: Uint8Array<ArrayBuffer>, message: string): Promise<void> => {
    await assertRejects(() => decodeJpeg(changed, MAX_PIXELS), DecodeError, message);
  };
  await refused(bytes.with(frame + 4, 12), "a JPEG of 12 bits");
  await refused(bytes.with(frame + 6, 0).with(frame + 5, 0), "leaves the height open");
  await refused(bytes.with(frame + 1, 0xc3), "a lossless JPEG");
  await refused(bytes.with(frame + 11, 0x05), "impossible sampling factors");
  await refused(bytes.with(scan + 5, 77), "header of a scan does not fit");
  const twice = [...bytes.subarray(0, scan), ...bytes.subarray(frame, scan), ...bytes.subarray(scan)];
  await refused(Uint8Array.from(twice), "two frames");
  await refused(Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), "holds no picture");
  const scans = Array(251).fill([...bytes.subarray(scan, -2)]).flat();
  await refused(Uint8Array.from([...bytes.subarray(0, scan), ...scans, 0xff, 0xd9]), "more than 250 scans");
});
