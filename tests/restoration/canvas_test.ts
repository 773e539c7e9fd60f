import { leastCommonMultiple } from "../../operators/mod.ts";
import { assert, assertEquals } from "@std/assert";
import { describeCanvas, isShrunk, offCanvas, ontoCanvas, planCanvas } from "../../restoration/canvas.ts";
import type { Raster } from "../../raster/mod.ts";

/** Every pixel its own value. */
function numbered(width: number, height: number): Raster {
  return { width, height, channels: 1, data: Float32Array.from({ length: width * height }, (_, i) => i) };
}

Deno.test("leastCommonMultiple() is the least number that both divide", () => {
  assertEquals([[8, 4], [8, 12], [1, 7], [6, 6]].map(([a, b]) => leastCommonMultiple(a!, b!)), [8, 24, 7, 6]);
});

Deno.test("a picture laid on the canvas and cut out again is the same, for every size and scale", () => {
  for (const scale of [1, 2, 4]) {
    for (let width = 1; width <= 40; width++) {
      for (let height = 1; height <= 40; height++) {
        const raster = numbered(width, height);
        const canvas = planCanvas(raster, { multiple: 8, longest: 40 * scale, scale });
        const { padded, place, natural } = canvas;
        assertEquals(natural, { width: width * scale, height: height * scale });
        assert(!isShrunk(canvas));
        for (const side of ["width", "height"] as const) {
          assertEquals(padded[side] % 8, 0);
          assert(padded[side] - natural[side] < leastCommonMultiple(8, scale), "no more is padded than needed");
          assertEquals(place[side], natural[side]);
        }
        const laid = ontoCanvas(raster, canvas);
        assertEquals([laid.width * scale, laid.height * scale], [padded.width, padded.height]);
        assertEquals(offCanvas(laid, canvas, scale), raster);
      }
    }
  }
});

/** Pixels beyond each side, and the picture mirrored there without its edge pixels. */
const SIDES = [
  // 5 x 7 pixels lie on 8 x 8: 3 columns and 1 row are added, the odd one at the right and at the bottom.
  { width: 5, height: 7, multiple: 8, scale: 1, left: 1, right: 2, top: 0, bottom: 1 },
  { width: 7, height: 5, multiple: 8, scale: 1, left: 0, right: 1, top: 1, bottom: 2 },
  { width: 10, height: 13, multiple: 16, scale: 1, left: 3, right: 3, top: 1, bottom: 2 },
  // In pixels of a measurement half or a quarter as large, of which a multiple has 8 / 2 or 16 / 4.
  { width: 5, height: 6, multiple: 8, scale: 2, left: 1, right: 2, top: 1, bottom: 1 },
  { width: 7, height: 5, multiple: 16, scale: 4, left: 0, right: 1, top: 1, bottom: 2 },
] as const;

Deno.test("each side is padded by its own number of pixels, which mirror what lies at that side", () => {
  for (const { width, height, multiple, scale, left, right, top, bottom } of SIDES) {
    const raster: Raster = {
      width,
      height,
      channels: 2,
      data: Float32Array.from({ length: width * height * 2 }, (_, i) => {
        const pixel = Math.floor(i / 2);
        return (i % 2 === 0 ? 1 : -1) * (100 * (1 + Math.floor(pixel / width)) + 1 + pixel % width);
      }),
    };
    const canvas = planCanvas(raster, { multiple, longest: 999, scale });
    const { place, padded } = canvas;
    assertEquals([place.x, place.y], [left * scale, top * scale], "left and top");
    assertEquals(padded.width - place.x - place.width, right * scale, "right");
    assertEquals(padded.height - place.y - place.height, bottom * scale, "bottom");
    const laid = ontoCanvas(raster, canvas);
    assertEquals([laid.width, laid.height], [left + width + right, top + height + bottom]);
    const value = (row: number, column: number): readonly number[] => {
      const at = (row * laid.width + column) * 2;
      return [laid.data[at]!, laid.data[at + 1]!];
    };
    const pixel = (row: number, column: number): readonly number[] => {
      const number = 100 * (1 + row) + 1 + column;
      return [number, -number];
    };
    for (let row = 0; row < height; row++) {
      for (let k = 1; k <= left; k++) assertEquals(value(top + row, left - k), pixel(row, k), "left");
      for (let k = 1; k <= right; k++) {
        assertEquals(value(top + row, left + width - 1 + k), pixel(row, width - 1 - k), "right");
      }
    }
    for (let column = 0; column < width; column++) {
      for (let k = 1; k <= top; k++) assertEquals(value(top - k, left + column), pixel(k, column), "top");
      for (let k = 1; k <= bottom; k++) {
        assertEquals(value(top + height - 1 + k, left + column), pixel(height - 1 - k, column), "bottom");
      }
    }
    // A corner is mirrored both ways.
    assertEquals(
      value(top + height - 1 + bottom, left + width - 1 + right),
      pixel(height - 1 - bottom, width - 1 - right),
      "corner",
    );
  }
});

Deno.test("the place of the picture is whole pixels of the measurement, so that nothing shifts", () => {
  for (const scale of [2, 3, 4]) {
    for (let side = 1; side <= 40; side++) {
      const { place, padded } = planCanvas({ width: side, height: 41 - side }, { multiple: 8, longest: 999, scale });
      assertEquals([place.x % scale, place.y % scale], [0, 0]);
      assert(place.x + place.width <= padded.width && place.y + place.height <= padded.height);
    }
  }
});

Deno.test("a picture beyond the limit is made smaller in proportion, and its natural size is kept in mind", () => {
  const canvas = planCanvas({ width: 400, height: 300 }, { multiple: 8, longest: 256, scale: 1 });
  assertEquals(canvas.natural, { width: 400, height: 300 });
  assertEquals(canvas.working, { width: 256, height: 192 });
  assert(isShrunk(canvas));
  const enlarged = planCanvas({ width: 100, height: 75 }, { multiple: 8, longest: 256, scale: 4 });
  assertEquals(enlarged.natural, { width: 400, height: 300 });
  assertEquals(enlarged.working, { width: 256, height: 192 });
  const thin = planCanvas({ width: 5000, height: 3 }, { multiple: 8, longest: 256, scale: 1 });
  assertEquals([thin.working, thin.padded], [{ width: 256, height: 1 }, { width: 256, height: 8 }]);
});

Deno.test("a picture at the limit is restored at its own size", () => {
  const canvas = planCanvas({ width: 256, height: 256 }, { multiple: 8, longest: 256, scale: 1 });
  assert(!isShrunk(canvas));
  assertEquals(describeCanvas(canvas), []);
});

Deno.test("offCanvas() keeps measurement pixels that the picture covers in part", () => {
  const canvas = planCanvas({ width: 10, height: 6 }, { multiple: 8, longest: 64, scale: 1 });
  assertEquals(canvas.place, { x: 3, y: 1, width: 10, height: 6 });
  const small = offCanvas(numbered(4, 2), canvas, 4);
  assertEquals([small.width, small.height], [4, 2]);
});

Deno.test("describeCanvas() says what was done", () => {
  const sentences = describeCanvas(planCanvas({ width: 300, height: 100 }, { multiple: 8, longest: 64, scale: 1 }));
  assertEquals(sentences.length, 2);
  assertEquals(sentences[0], "The picture is restored at 64x21 instead of 300x100; --size sets the limit");
  assertEquals(sentences[1], "64x21 is padded by reflection to 64x24, as the network needs, and cropped afterwards");
});

Deno.test("a canvas reaches beyond a picture by its border, which shrinks with it", () => {
  const border = { rows: 3, columns: 5 };
  const own = planCanvas({ width: 30, height: 20 }, { multiple: 8, longest: 64, scale: 1, border });
  assertEquals(own.padded, { width: 40, height: 32 });
  assertEquals(own.place, { x: 5, y: 6, width: 30, height: 20 });
  const small = planCanvas({ width: 60, height: 40 }, { multiple: 1, longest: 30, scale: 1, border });
  assertEquals([small.working, small.padded], [{ width: 30, height: 20 }, { width: 36, height: 24 }]);
  const [said] = describeCanvas(own, true);
  assertEquals(
    said,
    "What lies beyond the borders is not known: 30x20 are restored within 40x32 and cut out afterwards",
  );
});
