import {
  assertEquals,
  assertInstanceOf,
  assertLessOrEqual,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { encode } from "jpeg-js";
import { FileError } from "../../io/file_error.ts";
import { ImageError } from "../../io/codecs/image.ts";
import { applyOrientation, type Image } from "../../raster/mod.ts";
import { readImage, writePng } from "../../io/image_file.ts";
import { chunk, exifBlock, headerChunk, join, makePng } from "./png_maker.ts";
import { fixture, readPnm } from "./pnm_reader.ts";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("readImage() turns a JPEG upright for all 8 EXIF orientations", async () => {
  const expected = await readPnm(fixture("orientation.ppm"));
  for (let orientation = 1; orientation <= 8; orientation++) {
    const image = await readImage(fixture(`orientation_${orientation}.jpg`).pathname);
    assertEquals([image.format, image.orientation], ["jpeg", orientation]);
    assertEquals([image.width, image.height], [24, 16], `orientation ${orientation}`);
    const worst = Math.max(...Array.from(image.samples, (value, i) => Math.abs(value - expected.samples[i]!)));
    // The files are lossy: libjpeg itself differs by up to 9 from the picture; a wrong turn differs by over 200.
    assertLessOrEqual(worst, 12, `orientation ${orientation}`);
    assertEquals(image.warnings, []);
  }
});

Deno.test("readImage() turns a PNG with an eXIf chunk upright, exactly, with its alpha", async () => {
  await inFolder(async (folder) => {
    // Where EXIF says that the stored row 0 and column 0 are seen, as the picture 12 / 34 / 56 must look afterwards.
    const upright: Record<number, string[]> = {
      1: ["12", "34", "56"],
      2: ["21", "43", "65"],
      3: ["65", "43", "21"],
      4: ["56", "34", "12"],
      5: ["135", "246"],
      6: ["531", "642"],
      7: ["642", "531"],
      8: ["246", "135"],
    };
    for (const [orientation, rows] of Object.entries(upright)) {
      const path = `${folder}/${orientation}.png`;
      const bytes = makePng({
        width: 2,
        height: 3,
        bitDepth: 16,
        colorType: 4,
        sample: (x, y, c) => 1 + x + 2 * y + 100 * c,
        chunks: [chunk("eXIf", exifBlock(Number(orientation)))],
      });
      await Deno.writeFile(path, bytes);
      const image = await readImage(path);
      const expected = [...rows.join("")].map(Number);
      assertEquals([image.width, image.height], [rows[0]!.length, rows.length]);
      assertEquals([...image.samples], expected, `orientation ${orientation}`);
      assertEquals([...image.alpha!], expected.map((value) => value + 100), `orientation ${orientation}`);
      assertEquals(image.orientation, Number(orientation));
    }
  });
});

Deno.test("readImage() warns of an orientation that does not exist and leaves the picture as it is", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a.png`;
    const chunks = [chunk("eXIf", exifBlock(9))];
    await Deno.writeFile(path, makePng({ width: 2, height: 1, bitDepth: 8, colorType: 0, sample: (x) => x, chunks }));
    const image = await readImage(path);
    assertEquals([...image.samples], [0, 1]);
    assertStringIncludes(image.warnings.join(), "the EXIF orientation 9 is not in 1 to 8");
  });
});

Deno.test("readImage() warns of a colour profile other than sRGB, in PNG and JPEG, and not of sRGB", async () => {
  for (const name of ["profile_xyz.png", "profile_xyz.jpg"]) {
    const { warnings } = await readImage(fixture(name).pathname);
    assertStringIncludes(warnings.join(), '"XYZ identity built-in" is not sRGB', name);
  }
  assertEquals((await readImage(fixture("profile_srgb.png").pathname)).warnings, []);
});

Deno.test("readImage() goes by the content of a file, not by its name", async () => {
  await inFolder(async (folder) => {
    const data = new Uint8Array(8 * 8 * 4).fill(90);
    await Deno.writeFile(`${folder}/a.png`, encode({ width: 8, height: 8, data }, 90).data);
    assertEquals((await readImage(`${folder}/a.png`)).format, "jpeg");
  });
});

Deno.test("readImage() names file and reason for everything that is not a readable picture", async () => {
  await inFolder(async (folder) => {
    const good = makePng({ width: 3, height: 3, bitDepth: 8, colorType: 2, sample: (x, y, c) => x + y + c });
    const jpeg = new Uint8Array(encode({ width: 8, height: 8, data: new Uint8Array(256) }, 90).data);
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    const files: [string, Uint8Array, string][] = [
      ["empty.png", new Uint8Array(0), "the file is empty"],
      ["short.png", good.subarray(0, 5), "signature is cut short"],
      ["signature.png", good.subarray(0, 8), "truncated inside its header"],
      ["cut.png", good.subarray(0, good.length - 20), "the PNG file is truncated"],
      ["cut.jpg", jpeg.subarray(0, 400), "the JPEG file is truncated"],
      ["huge.png", join([good.subarray(0, 8), headerChunk(100_000, 100_000, 8, 2)]), "100000 x 100000 pixels"],
      ["text.png", text("# a note, not an image"), "it is not an image, PNG, JPEG, WebP or AVIF is needed"],
      ["a.gif", text("GIF89a..........."), "it is a GIF file"],
      ["a.webp", text("RIFF....WEBPVP8 "), "the WebP file is truncated"],
      ["a.tif", text("II*\0............"), "it is a TIFF file"],
      ["a.heic", text("\0\0\0 ftypheic...."), "it is a HEIC file"],
      ["mode.png", Uint8Array.from(good).with(4, 10).with(5, 26), "damaged, as by a transfer in text mode"],
    ];
    for (const [name, bytes, reason] of files) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
      const error = await assertRejects(() => readImage(`${folder}/${name}`), ImageError, reason, name);
      assertStringIncludes(error.message, `Cannot read "${folder}/${name}": `);
      assertMatch(error.message, /[^.]$/);
    }
    await assertRejects(() => readImage(folder), ImageError, "it is a directory");
    const missing = await assertRejects(() => readImage(`${folder}/none.png`), ImageError, "no such file");
    assertInstanceOf(missing, FileError);
    await Deno.writeFile(`${folder}/good.png`, good);
    await assertRejects(
      () => readImage(`${folder}/good.png`, { maxPixels: 8 }),
      ImageError,
      "header states 3 x 3 pixels",
    );
    assertEquals((await readImage(`${folder}/good.png`, { maxPixels: 9 })).width, 3);
  });
});

Deno.test("writePng() writes a file that readImage() returns unchanged, 16 bits with alpha", async () => {
  await inFolder(async (folder) => {
    const image: Image = {
      width: 3,
      height: 2,
      channels: 3,
      bitDepth: 16,
      samples: Uint16Array.from({ length: 18 }, (_, i) => i * 3641),
      alpha: Uint16Array.of(0, 1, 256, 4096, 65534, 65535),
    };
    await writePng(`${folder}/a.png`, image, { Software: "test" });
    const back = await readImage(`${folder}/a.png`);
    assertEquals(back, { ...image, format: "png", orientation: 1, warnings: [] });
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 1);
  });
});

Deno.test("applyOrientation() composed with its inverse gives the picture back", () => {
  const image: Image = {
    width: 3,
    height: 2,
    channels: 3,
    bitDepth: 8,
    samples: Uint8Array.from({ length: 18 }, (_, i) => i),
  };
  const inverse = [1, 2, 3, 4, 5, 8, 7, 6];
  for (let orientation = 1; orientation <= 8; orientation++) {
    assertEquals(applyOrientation(applyOrientation(image, orientation), inverse[orientation - 1]!), image);
  }
});
