import { assert, assertAlmostEquals, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import { ImageError } from "../../io/codecs/image.ts";
import { type ImageFile, readImage } from "../../io/mod.ts";
import { casePath } from "./cases.ts";
import { fixture } from "./pnm_reader.ts";

const COLOURS = [[200, 30, 40], [40, 180, 60], [30, 50, 190], [210, 200, 60], [90, 20, 120], [20, 140, 150]];

const read = (name: string): Promise<ImageFile> => readImage(fixture(name).pathname);

/** Largest distance from the drawn picture of six areas, seen with a turn, in the middle of each area. */
function worst(image: ImageFile, at: (x: number, y: number) => readonly [number, number] = (x, y) => [x, y]): number {
  const differences = COLOURS.flatMap((colour, area) => {
    const [x, y] = at(4 + 8 * (area % 3), 4 + 8 * Math.floor(area / 3));
    return colour.map((value, c) => Math.abs(value - image.samples[3 * (y * image.width + x) + c]!));
  });
  return Math.max(...differences);
}

Deno.test("WebP is read: lossy within its loss, lossless exactly with its alpha, of an animation the first frame", async () => {
  const lossy = await read("lossy.webp");
  assertEquals([lossy.format, lossy.width, lossy.height, lossy.channels, lossy.bitDepth], ["webp", 24, 16, 3, 8]);
  assertLess(worst(lossy), 8);
  assertEquals([lossy.alpha, lossy.metadata, ...lossy.warnings], [undefined, undefined]);
  const clear = await read("alpha.webp");
  assertEquals(worst(clear), 0);
  assertEquals([...clear.alpha!.subarray(0, 24)], [255, 0, 128].flatMap((value) => Array(8).fill(value)));
  const film = await read("animated.webp");
  assertEquals(worst(film), 0);
  assertStringIncludes(film.warnings.join(), "animated; only its first frame");
});

Deno.test("the first frame of an animation lies where it belongs on its canvas, which is clear elsewhere", async () => {
  const still = await Deno.readFile(fixture("alpha.webp"));
  const coded = [...still.subarray(12)];
  const uint = (value: number, bytes: number): number[] =>
    Array.from({ length: bytes }, (_, i) => (value >> (8 * i)) & 255);
  const riffChunk = (type: string, data: readonly number[]): number[] => [
    ...new TextEncoder().encode(type),
    ...uint(data.length, 4),
    ...data,
  ];
  const frame = [...uint(8 / 2, 3), ...uint(6 / 2, 3), ...uint(23, 3), ...uint(15, 3), ...uint(50, 3), 0, ...coded];
  const body = [
    ...new TextEncoder().encode("WEBP"),
    ...riffChunk("VP8X", [0x12, 0, 0, 0, ...uint(39, 3), ...uint(29, 3)]),
    ...riffChunk("ANIM", [0, 0, 0, 0, 0, 0]),
    ...riffChunk("ANMF", frame),
  ];
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(
      path,
      Uint8Array.from([...new TextEncoder().encode("RIFF"), ...uint(body.length, 4), ...body]),
    );
    const { width, height, samples, alpha } = await readImage(path);
    assertEquals([width, height], [40, 30]);
    assertEquals([...samples.subarray(3 * (6 * 40 + 8), 3 * (6 * 40 + 8) + 3)], COLOURS[0]);
    assertEquals([alpha![6 * 40 + 8], alpha![6 * 40 + 7], alpha![5 * 40 + 8], alpha![22 * 40 + 8]], [255, 0, 0, 0]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("WebP is turned upright by EXIF, and its profile is converted: values are those of LittleCMS", async () => {
  const image = await read("rotated.webp");
  assertEquals([image.width, image.height, image.orientation], [16, 24, 6]);
  // What Pillow's ImageCms gives for the six areas, relative colorimetric.
  const expected = [[218, 0, 27], [0, 183, 30], [23, 51, 198], [212, 200, 0], [99, 10, 125], [0, 143, 152]];
  const differences = expected.flatMap((colour, area) => {
    const [x, y] = [15 - (4 + 8 * Math.floor(area / 3)), 4 + 8 * (area % 3)];
    return colour.map((value, c) => Math.abs(value - image.samples[3 * (y * 16 + x) + c]!));
  });
  assertLess(Math.max(...differences), 2);
  assertStringIncludes(image.warnings.join(), "converted to sRGB from the colour profile");
  assertEquals(image.metadata!.icc, undefined);
  assert(image.metadata!.exif!.length > 40);
});

Deno.test("AVIF is read with alpha, and upright for all turns and mirrors", async () => {
  assertLess(worst(await read("lossy.avif")), 6);
  const { alpha } = await read("alpha.avif");
  for (const [x, value] of [[3, 255], [12, 0], [20, 128]] as const) assertAlmostEquals(alpha![24 * 4 + x]!, value, 3);
  // Where the pixel of the stored picture is seen.
  const seen: Record<number, (x: number, y: number) => readonly [number, number]> = {
    2: (x, y) => [23 - x, y],
    3: (x, y) => [23 - x, 15 - y],
    4: (x, y) => [x, 15 - y],
    5: (x, y) => [y, x],
    6: (x, y) => [15 - y, x],
    7: (x, y) => [15 - y, 23 - x],
    8: (x, y) => [y, 23 - x],
  };
  for (const [orientation, at] of Object.entries(seen)) {
    const image = await read(`orientation_${orientation}.avif`);
    assertEquals(image.orientation, Number(orientation));
    assertStringIncludes(new TextDecoder().decode(image.metadata!.exif!), "A. Person");
    assertEquals([0x49, 0x4d].includes(image.metadata!.exif![0]!), true);
    assertLess(worst(image, at), 6, `orientation ${orientation}`);
  }
});

Deno.test("the size is judged before WebP and AVIF are decoded, and damaged files are refused in words", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["lossy.webp", "alpha.webp", "animated.webp", "lossy.avif"]) {
      const path = fixture(name).pathname;
      await assertRejects(() => readImage(path, { maxPixels: 383 }), ImageError, "header states 24 x 16 pixels", name);
      const bytes = await Deno.readFile(path);
      for (let length = 16; length < bytes.length; length += 7) {
        await Deno.writeFile(`${folder}/cut`, bytes.slice(0, length));
        const { message } = await assertRejects(() => readImage(`${folder}/cut`), ImageError);
        assertStringIncludes(
          message,
          `Cannot read "${folder}/cut": the ${name.endsWith("f") ? "AVIF" : "WebP"} file is `,
        );
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("other kinds are refused by their name, with what to do", async () => {
  const names: Record<string, string> = {
    "icon.svg": "an SVG drawing, which has no pixels; export it",
    "page.jpg": "a web page and not a picture",
    "picture.bmp": "a BMP file",
    "picture.gif": "a GIF file",
    "picture.heic": "a HEIC file",
    "picture.ico": "an icon",
    "picture.jp2": "a JPEG 2000 file",
    "picture.jxl": "a JPEG XL file",
    "picture.ppm": "a PNM file",
    "picture.tga": "a TGA file",
    "picture.tif": "a TIFF file",
    "raw.cr2": "a raw camera file (CR2), PNG, JPEG, WebP or AVIF is needed; develop it",
    "picture.avif": "the AVIF file is damaged",
    "empty.png": "the file is empty",
  };
  for (const [name, said] of Object.entries(names)) {
    await assertRejects(() => readImage(casePath(`other-formats/${name}`)), ImageError, said);
  }
  await assertRejects(() => readImage(casePath("png-kinds/cgbi.png")), ImageError, "changed for iOS");
});

Deno.test("gamma and primaries of PNG are converted, and what cannot be is said", async () => {
  const plain = await readImage(casePath("common/small16.png"));
  const linear = await readImage(casePath("png-kinds/gama-linear.png"));
  assertStringIncludes(linear.warnings.join(), "converted to sRGB from the gamma");
  const stored = linear.samples.length === plain.samples.length ? plain.samples : undefined;
  // The file holds the values of the plain picture and states that they are proportional to light.
  for (let i = 0; i < stored!.length; i++) {
    const light = stored![i]! / 255;
    const shown = light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
    assertLess(Math.abs(linear.samples[i]! - 255 * shown), 1, `sample ${i}`);
  }
  const dynamic = await readImage(casePath("png-kinds/cicp-p3-pq.png"));
  assertStringIncludes(dynamic.warnings.join(), "PQ (high dynamic range)");
});

Deno.test("a picture without colours has one channel, however it is stored", async () => {
  const plain = await readImage(casePath("gray-stays-gray/gray16.png"));
  const triple = await readImage(casePath("gray-stays-gray/gray16-as-rgb.png"));
  assertEquals([triple.channels, triple.samples], [1, plain.samples]);
  const stored = await readImage(casePath("gray-stays-gray/gray16-as-rgb.png"), { gray: "stored" });
  assertEquals([stored.channels, stored.samples[3]], [3, plain.samples[1]]);
  for (const name of ["gray64-as-rgb.png", "gray8-as-rgb.png", "gray-alpha64.png", "gray16.jpg"]) {
    assertEquals((await readImage(casePath(`gray-stays-gray/${name}`))).channels, 1, name);
  }
  assertEquals((await readImage(casePath("old-photo/sepia.png"))).channels, 3);
});
