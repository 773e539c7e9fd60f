import { assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type Image, maskFromAlpha, maskFromColour } from "../../raster/mod.ts";
import { ImageError } from "../../io/codecs/image.ts";
import { writePng } from "../../io/image_file.ts";
import { type Mask, readMask } from "../../io/mask.ts";
import { readImage, writeImage } from "../../io/mod.ts";
import { casePath } from "./cases.ts";

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

Deno.test("readMask() takes the brightness of colours and 16 bits", async () => {
  const samples = Uint16Array.of(65535, 65535, 65535, 0, 0, 0, 65535, 0, 0, 65535, 65535, 0);
  const mask = await maskOf({ width: 4, height: 1, channels: 3, bitDepth: 16, samples }, "white");
  assertEquals([...mask.data], [1, 0, 0, 1]);
  assertStringIncludes(mask.warnings.join(), "2 of 4 pixels");
});

Deno.test("readMask() refuses a mask that keeps nothing and a picture of a scene, and tells of one that keeps all", async () => {
  for (const value of [0, 1]) {
    const said =
      "it is black everywhere: with black kept it keeps every pixel, with white kept none (--mask-keep black";
    await assertRejects(() => maskOf(gray(value, value), "white"), ImageError, said);
  }
  await assertRejects(() => maskOf(gray(255, 255), "black"), ImageError, "(--mask-keep white");
  const all = await maskOf(gray(255, 255), "white");
  assertEquals([[...all.data], all.share, all.otherReading.missing], [[1, 1], 0, 1]);
  assertStringIncludes(all.warnings.join(), "marks nothing as missing: it is white everywhere");
  const scene = gray(...Array.from({ length: 100 }, (_, i) => 2 * i));
  await assertRejects(() => maskOf(scene, "white"), ImageError, "looks like a picture and not like a mask: 80 %");
});

Deno.test("readMask() refuses what is not an image", async () => {
  await assertRejects(() => readMask("none/mask.png", { keep: "white" }), ImageError, 'Cannot read "none/mask.png"');
});

Deno.test("masks that people have mean the same, whatever their two values are", async () => {
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  const missing = data.filter((value) => value === 0).length;
  assertEquals(missing, 489);
  for (const name of ["zeros-and-ones", "one-bit", "palette", "alpha-mask", "red-mask", "picture-with-hole-in-alpha"]) {
    const mask = await readMask(casePath(`masks/${name}.png`), { keep: "white" });
    assertEquals(mask.data, data, name);
    assertAlmostEquals(mask.share, 489 / 4096, 1e-9);
  }
  const soft = await readMask(casePath("masks/soft.jpg"), { keep: "white" });
  const differing = soft.data.filter((value, pixel) => value !== data[pixel]).length;
  assertEquals([differing < 60, soft.twoValued], [true, false]);
});

Deno.test("both readings are told, and aloud where most of the picture would be replaced", async () => {
  const white = await readMask(casePath("masks/white-is-hole.png"), { keep: "white" });
  assertEquals([white.reading.keep, white.otherReading.keep], ["white", "black"]);
  assertAlmostEquals(white.reading.missing, 3607 / 4096, 1e-9);
  assertStringIncludes(
    white.warnings.join(),
    "replaces 88 % of the picture (white is kept); with black kept (--mask-keep black) it would be 12 %",
  );
  const black = await readMask(casePath("masks/white-is-hole.png"), { keep: "black" });
  assertEquals(black.warnings, []);
  assertEquals(black.data, (await readMask(casePath("masks/gray.png"), { keep: "white" })).data);
});

Deno.test("bright strokes on a clear layer are told from dark ones", async () => {
  const layer = (value: number): Image => ({ ...gray(value, value, value, value), alpha: Uint8Array.of(0, 255, 0, 0) });
  assertEquals([...(await maskOf(layer(20), "white")).data], [1, 0, 1, 1]);
  assertEquals([...(await maskOf(layer(250), "black")).data], [1, 0, 1, 1]);
  // A colour is a stroke, bright as it may be; what is opaque for the most part is a picture with a hole.
  const samples = Uint8Array.of(0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0);
  assertEquals([...(await maskOf({ ...layer(0), channels: 3, samples }, "white")).data], [1, 0, 1, 1]);
  const holed = { ...gray(20, 20, 20, 20), alpha: Uint8Array.of(255, 0, 255, 255) };
  assertEquals([...(await maskOf(holed, "white")).data], [1, 0, 1, 1]);
});

Deno.test("a mask of the same shape is made as large as the picture, and no known pixel has a part in a hole", async () => {
  const size = { width: 64, height: 64 };
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  for (const name of ["too-large", "off-by-one"]) {
    const mask = await readMask(casePath(`masks/${name}.png`), { keep: "white", size });
    assertEquals([mask.width, mask.height, mask.data.length], [64, 64, 4096]);
    assertStringIncludes(mask.warnings.join(), "resized to 64 x 64", name);
    const opened = data.filter((value, pixel) => value === 0 && mask.data[pixel] === 1).length;
    assertEquals(opened < 25, true, `${name}: ${opened}`);
    assertEquals(Math.abs(mask.share - 489 / 4096) < 0.03, true, `${name}: ${mask.share}`);
  }
  const wide = { width: 64, height: 48 };
  await assertRejects(
    () => readMask(casePath("masks/gray.png"), { keep: "white", size: wide }),
    ImageError,
    "it has 64 x 64 pixels, the picture has 64 x 48, which is another shape",
  );
});

Deno.test("a pixel that is missing in part is missing", async () => {
  const path = await Deno.makeTempFile({ suffix: ".png" });
  try {
    const samples = Uint8Array.from({ length: 16 }, (_, pixel) => pixel === 2 ? 0 : 255);
    await writePng(path, { width: 4, height: 4, channels: 1, bitDepth: 8, samples });
    const mask = await readMask(path, { keep: "white", size: { width: 2, height: 2 } });
    assertEquals([[...mask.data], mask.share], [[1, 0, 1, 1], 0.25]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a hole with smooth edges takes the mixed pixels with it", () => {
  const row = [10, 10, 120, 235, 255, 255, 235, 120, 10, 10];
  const image: Image = {
    ...{ width: 10, height: 1, channels: 3, bitDepth: 8 },
    samples: Uint8Array.from(row.flatMap((red) => [red, 0, 0])),
  };
  assertEquals([...maskFromColour(image, "red").data], [1, 1, 0, 0, 0, 0, 0, 0, 1, 1]);
});

Deno.test("holes are known from transparency and from a colour", async () => {
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  assertEquals(maskFromAlpha(await readImage(casePath("masks/picture-with-hole-in-alpha.png")))!.data, data);
  const painted = await readImage(casePath("masks/hole-painted-red.png"));
  for (const name of ["red", "#ff0000", "F00"]) assertEquals(maskFromColour(painted, name).data, data, name);
  assertEquals(maskFromAlpha(painted), undefined);
  assertThrows(() => maskFromColour(painted, "blue"), RangeError, "no pixel is blue: the nearest differs by");
  assertThrows(() => maskFromColour(painted, "octarine"), RangeError, "is no colour: red, green");
  assertThrows(() => maskFromAlpha({ ...gray(1, 2), alpha: Uint8Array.of(0, 0) }), RangeError, "no pixel is known");
  const folder = await Deno.makeTempDir();
  try {
    await writeImage(`${folder}/lossy.jpg`, painted, { quality: 85 });
    const mask = maskFromColour(await readImage(`${folder}/lossy.jpg`), "red");
    const [opened, closed] = [0, 1].map((value) =>
      data.filter((known, pixel) => known === value && mask.data[pixel] !== value).length
    );
    assertEquals([opened! < 3, closed! < 120], [true, true], `${opened} ${closed}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The picture of the cases with a hole that is painted over, or nothing else than that. */
async function paintedOver(colour: readonly number[], under = true): Promise<Image> {
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  const good = await readImage(casePath("common/good64.png"));
  const samples = good.samples.map((value, i) => data[Math.floor(i / 3)] === 0 ? colour[i % 3]! : under ? value : 0);
  return { width: 64, height: 64, channels: 3, bitDepth: 8, samples };
}

Deno.test("strokes of one saturated colour over a picture are a mask, whatever is kept, also after lossy coding", async () => {
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  const named = await readMask(casePath("masks/hole-painted-red.png"), { keep: "black" });
  assertEquals(named.data, data);
  assertStringIncludes(named.warnings.join(), "the mask is what is painted in #ff0000");
  const folder = await Deno.makeTempDir();
  try {
    for (const colour of [[255, 0, 255], [0, 255, 0], [30, 40, 240]]) {
      const image = await paintedOver(colour);
      assertEquals((await maskOf(image, "white")).data, data, `${colour}`);
      await writeImage(`${folder}/lossy.jpg`, image, { quality: 80 });
      const lossy = await readMask(`${folder}/lossy.jpg`, { keep: "white" });
      const opened = data.filter((value, pixel) => value === 0 && lossy.data[pixel] === 1).length;
      assertEquals([opened < 10, lossy.share < 0.15], [true, true], `${colour}: ${opened}, ${lossy.share}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a colour that is named marks what is missing; without strokes a scene is no mask, and two colours are one", async () => {
  const { data } = await readMask(casePath("masks/gray.png"), { keep: "white" });
  const olive = await paintedOver([110, 120, 40]);
  await assertRejects(() => maskOf(olive, "white"), ImageError, "or give --mask-colour COLOUR if it is painted over");
  const path = await Deno.makeTempFile({ suffix: ".png" });
  try {
    await writePng(path, olive);
    assertEquals((await readMask(path, { keep: "white", colour: "#6e7828" })).data, data);
    await assertRejects(
      () => readMask(path, { keep: "white", colour: "blue" }),
      ImageError,
      `Cannot use mask "${path}": no pixel is blue`,
    );
  } finally {
    await Deno.remove(path);
  }
  await assertRejects(
    () => readMask(casePath("common/good64.png"), { keep: "white" }),
    ImageError,
    "looks like a picture",
  );
  // Red on black has two values, of which red is the brighter one.
  const red = await paintedOver([255, 0, 0], false);
  assertEquals((await maskOf(red, "black")).data, data);
});
