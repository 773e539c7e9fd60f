import { assertEquals, assertThrows } from "@std/assert";
import { centre, crop, padReflect, type Raster } from "../../raster/mod.ts";

function numbered(width: number, height: number, channels = 1): Raster {
  return { width, height, channels, data: Float32Array.from({ length: width * height * channels }, (_, i) => i) };
}

function rows({ data, width, channels }: Raster): number[][] {
  const values = [...data];
  return Array.from(
    { length: values.length / (width * channels) },
    (_, y) => values.splice(0, width * channels + 0 * y),
  );
}

Deno.test("crop() keeps a rectangle with all channels", () => {
  const part = crop(numbered(4, 3, 2), { x: 1, y: 1, width: 2, height: 2 });
  assertEquals([part.width, part.height, part.channels], [2, 2, 2]);
  assertEquals(rows(part), [[10, 11, 12, 13], [18, 19, 20, 21]]);
});

Deno.test("crop() refuses rectangles outside the picture, empty ones and fractions", () => {
  const raster = numbered(4, 3);
  for (
    const [x, y, width, height] of [[-1, 0, 2, 2], [3, 0, 2, 1], [0, 2, 1, 2], [0, 0, 0, 1], [0.5, 0, 1, 1]] as const
  ) {
    assertThrows(() => crop(raster, { x, y, width, height }), RangeError, "the picture has 4 x 3");
  }
});

Deno.test("centre() leaves an odd remainder to the right and bottom, and refuses what does not fit", () => {
  assertEquals(centre({ width: 7, height: 4 }, { width: 2, height: 4 }), { x: 2, y: 0, width: 2, height: 4 });
  assertThrows(() => centre({ width: 7, height: 4 }, { width: 8, height: 1 }), RangeError, "they do not fit");
});

Deno.test("padReflect() mirrors without repeating the border pixel, as often as needed", () => {
  const line = numbered(3, 1);
  const place = { x: 5, y: 0, width: 3, height: 1 };
  assertEquals([...padReflect(line, { width: 12, height: 1 }, place).data], [1, 0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]);
  assertEquals([...padReflect(numbered(1, 1), { width: 2, height: 2 }).data], [0, 0, 0, 0]);
  assertEquals(rows(padReflect(numbered(2, 2), { width: 4, height: 3 })), [[1, 0, 1, 0], [3, 2, 3, 2], [1, 0, 1, 0]]);
});

Deno.test("crop() undoes padReflect()", () => {
  const raster = numbered(5, 3, 3);
  const size = { width: 16, height: 8 };
  assertEquals(crop(padReflect(raster, size), centre(size, raster)), raster);
});

Deno.test("padReflect() refuses a size or place that does not hold the picture", () => {
  assertThrows(() => padReflect(numbered(3, 3), { width: 2, height: 5 }), RangeError);
  const place = { x: 2, y: 0, width: 3, height: 3 };
  assertThrows(() => padReflect(numbered(3, 3), { width: 4, height: 5 }, place), RangeError, "do not fit at (2, 0)");
});
