import { assert, assertEquals, assertRejects } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { readImage, readPicture, writePicture } from "../../io/mod.ts";
import { casePath } from "./cases.ts";
import { withFolder } from "../cli/run_command.ts";

const ramp = (width: number): (x: number, y: number, c: number) => number => (x, y, c) =>
  (x + y * width + 40 * c) % 256;

Deno.test("readPicture() gives three colours in [-1, 1] at the picture's own size", () =>
  withFolder(async (folder) => {
    const path = folder.picture("a.png", { width: 6, height: 4, sample: ramp(6) });
    const { shape, data } = await readPicture(path);
    assertEquals(shape, [4, 6, 3]);
    assertEquals(data[(2 * 6 + 3) * 3 + 1], Math.fround((15 + 40) / 127.5 - 1));
    const gray = folder.picture("gray.png", { width: 6, height: 4, colorType: 0, sample: ramp(6) });
    const three = await readPicture(gray);
    assertEquals(three.shape, [4, 6, 3]);
    assertEquals(three.data.slice(0, 3), new Float32Array(3).fill(-1));
  }));

Deno.test("readPicture() with a side makes a square of the middle, by means of areas", () =>
  withFolder(async (folder) => {
    const path = folder.picture("wide.png", { width: 10, height: 4, sample: (x, y) => 10 * x + y });
    const { shape, data } = await readPicture(path, { side: 2 });
    assertEquals(shape, [2, 2, 3]);
    const mean = (10 * 3 + 10 * 4) / 2 + 0.5;
    assert(Math.abs(data[0]! - (mean / 127.5 - 1)) < 1e-6, `${data[0]}`);
    for (const side of [0, 1.5]) await assertRejects(() => readPicture(path, { side }), RangeError, `side ${side}`);
  }));

Deno.test("writePicture() clamps, and writes one picture with or without a first dimension", () =>
  withFolder(async (folder) => {
    const data = new Float32Array([-2, 0, 2, 1, -1, 0.5]);
    for (const shape of [[1, 2, 3], [1, 1, 2, 3]]) {
      await writePicture(folder.path("out.png"), hostTensor(data, shape));
      const { samples, width, height, channels } = await readImage(folder.path("out.png"));
      assertEquals([width, height, channels], [2, 1, 3]);
      assertEquals([...samples].map((value) => Math.abs(value - 127.5) < 1 ? 128 : value), [0, 128, 255, 255, 0, 191]);
    }
    await assertRejects(
      () => writePicture(folder.path("two.png"), hostTensor(new Float32Array(6), [2, 1, 1, 3])),
      TypeError,
      "one of [H, W, 1] or [H, W, 3] is needed",
    );
    assertEquals(folder.list(), ["out.png"]);
  }));

Deno.test("pictures are written by the ending of their name, and read from arrays", () =>
  withFolder(async (folder) => {
    const { shape, data } = await readPicture(casePath("arrays/picture.npy"));
    assertEquals(shape, [64, 64, 3]);
    await writePicture(folder.path("out.webp"), hostTensor(data, shape), { quality: 95 });
    const back = await readImage(folder.path("out.webp"));
    assertEquals([back.format, back.width, back.height], ["webp", 64, 64]);
    await assertRejects(() => writePicture(folder.path("out.bmp"), hostTensor(data, shape)), Error, "must end in .png");
  }));
