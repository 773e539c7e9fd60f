import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { Image } from "../../raster/mod.ts";
import { ImageError } from "../../io/codecs/image.ts";
import { writePng } from "../../io/image_file.ts";
import { type Mask, readMask } from "../../io/mask.ts";

async function maskOf(image: Image, keep: "white" | "black"): Promise<Mask> {
  const path = await Deno.makeTempFile({ suffix: ".png" });
  try {
    await writePng(path, image);
    return await readMask(path, { keep });
  } finally {
    await Deno.remove(path);
  }
}

function gray(...samples: number[]): Image {
  return { width: samples.length, height: 1, channels: 1, bitDepth: 8, samples: Uint8Array.from(samples) };
}

Deno.test("readMask() gives 1 for the kept colour, white or black", async () => {
  const image = gray(0, 255, 255, 0);
  const white = await maskOf(image, "white");
  assertEquals([white.width, white.height, ...white.data], [4, 1, 0, 1, 1, 0]);
  assertEquals([white.twoValued, ...white.warnings], [true]);
  assertEquals([...(await maskOf(image, "black")).data], [1, 0, 0, 1]);
});

Deno.test("readMask() cuts at half and says how many pixels are neither black nor white", async () => {
  const mask = await maskOf(gray(0, 127, 128, 255), "white");
  assertEquals([...mask.data], [0, 0, 1, 1]);
  assertEquals(mask.twoValued, false);
  assertStringIncludes(mask.warnings.join(), "not two-valued: 2 of 4 pixels");
});

Deno.test("readMask() takes the mean of colours and 16 bits", async () => {
  const samples = Uint16Array.of(65535, 65535, 65535, 0, 0, 0, 65535, 0, 0, 65535, 65535, 0);
  const mask = await maskOf({ width: 4, height: 1, channels: 3, bitDepth: 16, samples }, "white");
  assertEquals([...mask.data], [1, 0, 0, 1]);
  assertStringIncludes(mask.warnings.join(), "2 of 4 pixels");
});

Deno.test("readMask() warns of a mask of one colour and of transparency", async () => {
  assertStringIncludes((await maskOf(gray(255, 255), "white")).warnings.join(), "keeps every pixel (white is kept)");
  assertStringIncludes((await maskOf(gray(255, 255), "black")).warnings.join(), "keeps no pixel (black is kept)");
  const clear = { ...gray(0, 255), alpha: Uint8Array.of(255, 0) };
  assertStringIncludes((await maskOf(clear, "white")).warnings.join(), "transparent pixels");
});

Deno.test("readMask() refuses what is not an image", async () => {
  await assertRejects(() => readMask("none/mask.png", { keep: "white" }), ImageError, 'Cannot read "none/mask.png"');
});
