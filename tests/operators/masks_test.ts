import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { hostTensor } from "../../engine/mod.ts";
import { boxMask, pictureMask, randomMask } from "../../operators/mod.ts";

function missing(data: ArrayLike<number>): number[] {
  return Array.from(data).flatMap((value, i) => value === 0 ? [i] : []);
}

Deno.test("boxMask() clears the pixels of the box and no others", () => {
  const { shape, data } = boxMask(4, 5, { top: 1, left: 2, height: 2, width: 3 }, 0);
  assertEquals(shape, [4, 5]);
  assertEquals(missing(data), [7, 8, 9, 12, 13, 14]);
});

Deno.test("boxMask() draws a corner that was not given, the same for the same seed, anywhere inside", () => {
  const corners = new Set<number>();
  for (let seed = 0; seed < 200; seed++) {
    const pixels = missing(boxMask(5, 6, { height: 3, width: 4 }, seed).data);
    assertEquals(pixels.length, 12);
    assertEquals(pixels, missing(boxMask(5, 6, { height: 3, width: 4 }, seed).data));
    corners.add(pixels[0]!);
  }
  assertEquals(Array.from(corners).sort((a, b) => a - b), [0, 1, 2, 6, 7, 8, 12, 13, 14]);
});

Deno.test("boxMask() refuses a box outside the picture", () => {
  assertThrows(() => boxMask(4, 5, { height: 5, width: 1 }, 0), RangeError, "rows 0 to 4");
  assertThrows(() => boxMask(4, 5, { height: 1, width: 2, left: 4 }, 0), RangeError, "columns 4 to 5");
  assertThrows(() => boxMask(4, 5, { height: 1, width: 2, top: -1 }, 0), RangeError, "rows -1 to -1");
  assertThrows(() => boxMask(4, 5, { height: 0, width: 2 }, 0), RangeError, "rows");
  assertThrows(() => boxMask(4, 5, { height: 1.5, width: 2 }, 0), RangeError, "rows");
  assertThrows(() => boxMask(4, 0, { height: 1, width: 1 }, 0), RangeError, "4 x 0");
});

Deno.test("randomMask() clears exactly the share, reproducibly and differently for other seeds", () => {
  for (const [share, count] of [[0, 0], [0.5, 17], [0.92, 32], [1, 35]] as const) {
    assertEquals(missing(randomMask(7, 5, share, 3).data).length, count);
  }
  assertEquals(randomMask(7, 5, 0.5, 3), randomMask(7, 5, 0.5, 3));
  assertNotEquals(randomMask(7, 5, 0.5, 3), randomMask(7, 5, 0.5, 4));
});

Deno.test("randomMask() keeps its numbers: the mask of a seed never changes", () => {
  assertEquals(missing(randomMask(4, 4, 0.5, 42).data), [2, 3, 6, 7, 8, 9, 11, 13]);
});

Deno.test("randomMask() clears every pixel equally often", () => {
  const counts = new Array<number>(12).fill(0);
  for (let seed = 0; seed < 3000; seed++) {
    for (const pixel of missing(randomMask(3, 4, 0.25, seed).data)) counts[pixel]!++;
  }
  // 750 expected with standard deviation 24.
  for (const count of counts) assert(Math.abs(count - 750) < 120, counts.join(", "));
});

Deno.test("randomMask() refuses shares and seeds out of range", () => {
  assertThrows(() => randomMask(4, 4, 1.5, 0), RangeError, "share is 1.5");
  assertThrows(() => randomMask(4, 4, NaN, 0), RangeError, "share is NaN");
  assertThrows(() => randomMask(4, 4, 0.5, -1), RangeError, "seed is -1");
  assertThrows(() => randomMask(4, 4, 0.5, 2 ** 32), RangeError, "seed is 4294967296");
});

Deno.test("pictureMask() keeps the white or the black pixels of the first channel", () => {
  const picture = hostTensor(Float32Array.of(1, -1, -1, 1, 0, -1, -0.1, 1), [2, 2, 2]);
  assertEquals(Array.from(pictureMask(picture, "white").data), [1, 0, 1, 0]);
  assertEquals(Array.from(pictureMask(picture, "black").data), [0, 1, 0, 1]);
  assertThrows(() => pictureMask(hostTensor(new Float32Array(4), [2, 2]), "white"), TypeError, "2 dimensions");
});
