import { assert, assertEquals, assertLess, assertRejects, assertStringIncludes } from "@std/assert";
import ExifReader from "exifreader";
import { xmpTexts } from "../../io/codecs/xmp.ts";
import { FileError, type PictureMetadata, readImage, readTexts, writeImage } from "../../io/mod.ts";
import { type Image, renewedExif, statedOrientation } from "../../raster/mod.ts";
import { casePath } from "./cases.ts";
import { fixture } from "./pnm_reader.ts";
import { chunk, makePng } from "./png_maker.ts";
import { deflateSync } from "node:zlib";

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Mean squared difference of two pictures of 8 bits. */
function distance(a: Image, b: Image): number {
  assertEquals([a.width, a.height, a.channels], [b.width, b.height, b.channels]);
  return Array.from(a.samples, (value, i) => (value - b.samples[i]!) ** 2).reduce((x, y) => x + y) / a.samples.length;
}

Deno.test("writeImage() writes what the ending says; better quality is nearer and larger", () =>
  inFolder(async (folder) => {
    const picture = await readImage(casePath("common/good64.png"));
    for (const [ending, format] of [["jpg", "jpeg"], ["JPEG", "jpeg"], ["webp", "webp"], ["png", "png"]] as const) {
      assertEquals(await writeImage(`${folder}/a.${ending}`, picture), []);
      const back = await readImage(`${folder}/a.${ending}`);
      assertEquals([back.format, ...back.warnings], [format]);
      assertLess(distance(back, picture), format === "png" ? 1e-9 : 40);
    }
    for (const ending of ["jpg", "webp"]) {
      const [low, high] = [`${folder}/low.${ending}`, `${folder}/high.${ending}`];
      await writeImage(low, picture, { quality: 30 });
      await writeImage(high, picture, { quality: 95 });
      assertLess(distance(await readImage(high), picture), distance(await readImage(low), picture) / 2);
      assertLess((await Deno.stat(low)).size, (await Deno.stat(high)).size);
    }
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.filter((name) => name.endsWith(".tmp")), []);
  }));

Deno.test("writeImage() keeps gray gray, and says what a format cannot hold", () =>
  inFolder(async (folder) => {
    const gray = await readImage(casePath("gray-stays-gray/gray64.png"));
    for (const ending of ["jpg", "webp"]) {
      await writeImage(`${folder}/gray.${ending}`, gray);
      const back = await readImage(`${folder}/gray.${ending}`);
      assertEquals(back.channels, 1);
      assertLess(distance(back, gray), 10);
    }
    assertEquals((await readImage(`${folder}/gray.jpg`)).jpeg!.color, "gray");
    const clear: Image = {
      ...{ width: 16, height: 16, channels: 1, bitDepth: 16 },
      samples: new Uint16Array(256),
      alpha: new Uint16Array(256).fill(65535, 0, 128),
    };
    const notes = await writeImage(`${folder}/clear.jpg`, clear);
    assertStringIncludes(notes.join(), "JPEG has 8 bits a sample");
    assertStringIncludes(notes.join(), "no transparency: the picture is laid on white");
    const { samples } = await readImage(`${folder}/clear.jpg`);
    assert(samples[0]! < 10 && samples[255]! > 245);
    await writeImage(`${folder}/clear.webp`, clear);
    const { alpha } = await readImage(`${folder}/clear.webp`);
    assertEquals([alpha![0], alpha![255]], [255, 0]);
  }));

Deno.test("writeImage() refuses other endings, impossible qualities and sides", () =>
  inFolder(async (folder) => {
    const picture = await readImage(casePath("common/small16.png"));
    await assertRejects(
      () => writeImage(`${folder}/a.gif`, picture),
      FileError,
      "must end in .png, .jpg, .jpeg or .webp",
    );
    await assertRejects(() => writeImage(`${folder}/png`, picture), FileError, "must end in");
    await assertRejects(
      () => writeImage(`${folder}/a.jpg`, picture, { quality: 0 }),
      RangeError,
      "quality 0: 1 to 100",
    );
    const long: Image = { width: 16384, height: 1, channels: 1, bitDepth: 8, samples: new Uint8Array(16384) };
    await assertRejects(() => writeImage(`${folder}/a.webp`, long), FileError, "WebP has at most 16383 pixels a side");
    await assertRejects(() => writeImage(`${folder}/none/a.jpg`, picture), FileError, "does not exist");
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 0);
  }));

Deno.test("date, copyright and density go from a photo into every format, upright", () =>
  inFolder(async (folder) => {
    const photo = await readImage(casePath("metadata/dated.jpg"));
    assertEquals(photo.metadata!.density, [23622, 23622]);
    const before = await ExifReader.load(
      await Deno.readFile(casePath("metadata/dated.jpg")).then(({ buffer }) => buffer),
    );
    const kept = ["DateTime", "DateTimeOriginal", "Copyright", "Artist", "Make", "Model"].filter((name) =>
      before[name]
    );
    assert(kept.length >= 2, `${kept}`);
    for (const ending of ["png", "jpg", "webp"]) {
      const path = `${folder}/a.${ending}`;
      await writeImage(path, photo, { metadata: photo.metadata });
      const after = await ExifReader.load((await Deno.readFile(path)).buffer);
      for (const name of kept) {
        assertEquals(after[name]?.description, before[name]?.description, `${name} in ${ending}`);
      }
      const back = await readImage(path);
      assertEquals(back.orientation, 1);
      const density = ending === "webp"
        ? Number(after["XResolution"]?.description) / 0.0254
        : back.metadata!.density![0];
      assert(Math.abs(density - 23622) < 30, `${ending}: ${density}`);
    }
  }));

Deno.test("an orientation that was applied is not stated again, and the thumbnail of the old picture is gone", () =>
  inFolder(async (folder) => {
    for (const from of ["jpeg-orientations/orientation6.jpg", "png-kinds/exif-orientation6.png"]) {
      const turned = await readImage(casePath(from));
      for (const ending of ["png", "jpg", "webp"]) {
        await writeImage(`${folder}/a.${ending}`, turned, { metadata: turned.metadata });
        const back = await readImage(`${folder}/a.${ending}`);
        assertEquals([back.orientation, back.width, back.height], [1, turned.width, turned.height]);
      }
    }
    // Two directories: orientation and a width of 9 in the first, a thumbnail of 4 bytes in the second.
    const entry = (tag: number, type: number, value: number): number[] => [
      ...[tag >> 8, tag & 255, 0, type, 0, 0, 0, 1],
      ...(type === 3 ? [0, value, 0, 0] : [0, 0, 0, value]),
    ];
    const first = [0, 2, ...entry(0x0112, 3, 6), ...entry(0xa002, 4, 9), 0, 0, 0, 38];
    const second = [0, 2, ...entry(0x0201, 4, 68), ...entry(0x0202, 4, 4), 0, 0, 0, 0];
    const block = Uint8Array.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, ...first, ...second, 1, 2, 3, 4]);
    const renewed = renewedExif(block, { width: 77, height: 5 })!;
    assertEquals(renewed.length, 68);
    assertEquals([...renewed.subarray(0, 38)], [
      ...block.subarray(0, 8),
      ...[0, 2, ...entry(0x0112, 3, 1), ...entry(0xa002, 4, 77), 0, 0, 0, 0],
    ]);
    assert(renewed.subarray(38).every((byte) => byte === 0));
    for (let length = 0; length < 38; length++) {
      assertEquals(renewedExif(block.slice(0, length), { width: 1, height: 1 }), undefined);
    }
    assertEquals([...block.subarray(10, 20)], entry(0x0112, 3, 6).slice(0, 10), "the source is not changed");
    assertEquals([block, renewed, block.slice(0, 20)].map(statedOrientation), [6, 1, 1]);
    // Little-endian, and a number that stands for no orientation.
    const turned = Uint8Array.of(0x49, 0x49, 42, 0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0);
    assertEquals([turned, turned.with(18, 9), turned.with(2, 43)].map(statedOrientation), [8, 1, 1]);
  }));

Deno.test("an sRGB profile is kept in every format; one that was converted is not", () =>
  inFolder(async (folder) => {
    const srgb = await readImage(fixture("profile_srgb.png").pathname);
    const { icc } = srgb.metadata!;
    assert(icc!.length > 100);
    const colour = await readImage(casePath("common/good64.png"));
    for (const ending of ["png", "jpg", "webp"]) {
      await writeImage(`${folder}/a.${ending}`, colour, { metadata: srgb.metadata });
      assertEquals((await readImage(`${folder}/a.${ending}`)).metadata!.icc, icc, ending);
    }
    const profile = await Deno.readFile(fixture("display_p3.icc"));
    const iccp = chunk("iCCP", [80, 51, 0, 0, ...deflateSync(profile)]);
    const wide = makePng({
      width: 2,
      height: 1,
      bitDepth: 8,
      colorType: 2,
      sample: (x, _, c) => [[200, 30, 40], [40, 180, 60]][x]![c]!,
      chunks: [iccp],
    });
    await Deno.writeFile(`${folder}/wide.png`, wide);
    const converted = await readImage(`${folder}/wide.png`);
    assertEquals([...converted.samples], [218, 0, 27, 0, 183, 30]);
    assertEquals(converted.metadata, undefined);
  }));

Deno.test("a profile larger than a segment is put together again from its parts", () =>
  inFolder(async (folder) => {
    const icc = new Uint8Array(150_000).map((_, i) => i * 7);
    icc.set(new TextEncoder().encode("RGB "), 16);
    const metadata: PictureMetadata = { icc };
    const picture = await readImage(casePath("common/small16.png"));
    await writeImage(`${folder}/a.jpg`, picture, { metadata });
    assertEquals((await readImage(`${folder}/a.jpg`)).metadata!.icc, icc);
  }));

Deno.test("texts of a PNG file are read back: Latin-1, UTF-8, compressed", () =>
  inFolder(async (folder) => {
    const picture = await readImage(casePath("common/small16.png"));
    const text = { Software: "caf\u00e9 \u0085", parameters: '{"σ": 0.1, "task": "sr4 → 2"}' };
    await writeImage(`${folder}/a.png`, picture, { text });
    assertEquals(await readTexts(`${folder}/a.png`), text);
    const latin = (value: string): number[] => [...value].map((letter) => letter.charCodeAt(0));
    const chunks = [
      chunk("zTXt", [...latin("a"), 0, 0, ...deflateSync(Uint8Array.from(latin("x\u00e9")))]),
      chunk("iTXt", [...latin("b"), 0, 1, 0, ...latin("de"), 0, 0, ...deflateSync(new TextEncoder().encode("→"))]),
      chunk("tEXt", [...latin("a"), 0, ...latin("second")]),
    ];
    await Deno.writeFile(
      `${folder}/b.png`,
      makePng({
        width: 1,
        height: 1,
        bitDepth: 8,
        colorType: 0,
        sample: () => 0,
        chunks,
      }),
    );
    assertEquals(await readTexts(`${folder}/b.png`), { a: "x\u00e9", b: "→" });
  }));

Deno.test("JPEG and WebP files keep texts in an XMP packet, beside tags, profile and density", () =>
  inFolder(async (folder) => {
    const { metadata } = await readImage(casePath("metadata/dated.jpg"));
    const { icc } = (await readImage(fixture("profile_srgb.png").pathname)).metadata!;
    const picture = await readImage(casePath("common/small16.png"));
    const text = { Software: "caf\u00e9", parameters: '{"σ": 0.1,\r\n"task": "a<b> & c \\u0000"}', "<a&b>": "" };
    for (const ending of ["jpg", "webp"]) {
      const [plain, named] = [`${folder}/plain.${ending}`, `${folder}/named.${ending}`];
      const all = { ...metadata, icc: icc! };
      assertEquals(await writeImage(plain, picture, { metadata: all }), []);
      assertEquals(await writeImage(named, picture, { metadata: all, text }), []);
      assertEquals(await readTexts(named), text, ending);
      assertEquals(await readTexts(plain), {}, ending);
      assertEquals(await readImage(named), await readImage(plain), "nothing else is another");
      // The packet alone makes an extended WebP file, too.
      await writeImage(named, picture, { text });
      assertEquals([await readTexts(named), (await readImage(named)).warnings], [text, []], ending);
    }
    const long = { a: "0123456789".repeat(7000) };
    const notes = await writeImage(`${folder}/long.jpg`, picture, { text: long });
    assertStringIncludes(notes.join(), "JPEG has at most 65504 bytes for texts");
    assertEquals(await readTexts(`${folder}/long.jpg`), {});
    assertEquals(await writeImage(`${folder}/long.webp`, picture, { text: long }), []);
    assertEquals(await readTexts(`${folder}/long.webp`), long);
    await assertRejects(
      () => writeImage(`${folder}/a.webp`, picture, { text: { a: "\u0001" } }),
      RangeError,
      "XML has no control characters",
    );
    await assertRejects(() => readTexts(fixture("lossy.avif").pathname), Error, "it is an AVIF file");
  }));

Deno.test("texts of a packet that another program wrote anew are read; one without them has none", () => {
  const rewritten = `<?xpacket begin='' id='x'?><rdf:RDF><rdf:Description xmlns:ns1='urn:shortcut:text#'>
    <rdf:li rdf:parseType='Resource'>
      <ns1:keyword>a</ns1:keyword>
      <ns1:value>&#x22;1&#34; &lt;&apos;&unknown;</ns1:value>
    </rdf:li></rdf:Description></rdf:RDF>`;
  const bytes = new TextEncoder().encode(rewritten);
  assertEquals(xmpTexts(bytes), { a: '"1" <\'&unknown;' });
  assertEquals(xmpTexts(new TextEncoder().encode(rewritten.replace("shortcut", "other"))), {});
});
