import { assertEquals } from "@std/assert";
import { readJpegLayout } from "../../raster/mod.ts";
import { casePath } from "./cases.ts";
import { fixture } from "./pnm_reader.ts";

/** Names and sampling factors of a component. */
type Component = readonly [id: number, factors: number];

/** A JPEG file of 16 x 8 pixels as far as its segments go: some before the frame, and a scan of no data. */
function jpeg(components: readonly Component[], ...before: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const count = components.length;
  const frame = [0xff, 0xc0, 0, 8 + 3 * count, 8, 0, 8, 0, 16, count, ...components.flatMap(([id, f]) => [id, f, 0])];
  const scan = [0xff, 0xda, 0, 6 + 2 * count, count, ...components.flatMap(([id]) => [id, 0]), 0, 63, 0];
  return Uint8Array.from([0xff, 0xd8, ...before.flat(), ...frame, ...scan, 1, 2, 0xff, 0, 0xff, 0xd3, 3, 0xff, 0xd9]);
}

const JFIF = [0xff, 0xe0, 0, 7, 0x4a, 0x46, 0x49, 0x46, 0];

/** The Adobe segment with a colour transform. */
const adobe = (transform: number): readonly number[] => [
  ...[0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0],
  transform,
];

const NUMBERED: readonly Component[] = [[1, 0x22], [2, 0x11], [3, 0x11]];
const LETTERED: readonly Component[] = [[82, 0x11], [71, 0x11], [66, 0x11]];

Deno.test("colours are those of JFIF, else of the Adobe segment, else of the names of the components", () => {
  const colorOf = (...file: Parameters<typeof jpeg>): string => readJpegLayout(jpeg(...file), () => {}).color;
  assertEquals(colorOf(NUMBERED), "ycbcr");
  assertEquals(colorOf(LETTERED), "rgb");
  assertEquals(colorOf(NUMBERED, adobe(0)), "rgb");
  assertEquals(colorOf(LETTERED, adobe(1)), "ycbcr");
  assertEquals(colorOf(LETTERED, JFIF), "ycbcr");
  assertEquals(colorOf(NUMBERED, JFIF, adobe(0)), "ycbcr");
  assertEquals(colorOf([[1, 0x11]]), "gray");
});

Deno.test("sizes and sampling factors are those of the frame, across before down", () => {
  const sizes: (readonly number[])[] = [];
  const layout = readJpegLayout(jpeg([[1, 0x21], [2, 0x11], [3, 0x11]]), (...size) => sizes.push(size));
  assertEquals([layout.width, layout.height, sizes], [16, 8, [[16, 8]]]);
  assertEquals(layout.components[0], { id: 1, horizontal: 2, vertical: 1 });
});

Deno.test("a scan goes on over stuffed zeros and restart markers to its end", () => {
  const file = jpeg(NUMBERED, JFIF);
  const { essential } = readJpegLayout(file, () => {});
  // Start, frame, scan and end; JFIF does not decide pixels.
  const bytes = essential.reduce((sum, part) => sum + part.length, 0);
  assertEquals(bytes, file.length - JFIF.length);
});

Deno.test("recorded files have the colours that they were written with", async () => {
  for (const name of ["rgb", "cmyk", "ycck"]) {
    assertEquals(readJpegLayout(await Deno.readFile(fixture(`${name}.jpg`)), () => {}).color, name);
  }
});

Deno.test("quantisation tables are those of the standard in natural order, scaled as the quality says", async () => {
  const { quantization } = readJpegLayout(await Deno.readFile(casePath("common/good64-q15.jpg")), () => {});
  // T.81, table K.1, its first two rows; quality 15 scales by 5000 / 15 percent.
  const standard = [16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55];
  const scaled = standard.map((step) => Math.min(255, Math.floor((step * Math.floor(5000 / 15) + 50) / 100)));
  assertEquals(Array.from(quantization.tables[0]!).slice(0, 16), scaled);
  assertEquals(quantization.tables.length, 3);
  assertEquals(quantization.tables[1], quantization.tables[2]);
  assertEquals([quantization.width, quantization.height, quantization.color], [64, 64, "ycbcr"]);
  assertEquals(quantization.sampling[1], { horizontal: 1, vertical: 1 });
});
