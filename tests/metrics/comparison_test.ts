/** How images become numbers, where habits differ. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type ConventionName, imageQuality, psnr, relativeError } from "../../metrics/mod.ts";
import { studentQuantile } from "../../metrics/student_t.ts";
import { squareFactor } from "../../metrics/symmetric_matrix.ts";

const SHAPE = [2, 2, 1] as const;

/** PSNR by a convention of two flat gray images. */
function flatPsnr(convention: ConventionName, a: number, b: number): number {
  const flat = (value: number): Float32Array => new Float32Array(4).fill(value);
  return imageQuality(convention, flat(a), flat(b), { shape: SHAPE }).psnr;
}

/** A value of [-1, 1] that stands for a number of 0 to 255. */
const of255 = (value: number): number => 2 * value / 255 - 1;

Deno.test("conventions cut fractions off, round them, or keep them", () => {
  const [a, b] = [of255(100.75), of255(100)];
  assertEquals(flatPsnr("ssd", a, b), Infinity);
  assertAlmostEquals(flatPsnr("skimage", a, b), 20 * Math.log10(255), 1e-6);
  assertAlmostEquals(flatPsnr("ddnm", a, b), 20 * Math.log10(255 / 0.75), 1e-3);
  // Ties go to the even number, or up.
  assertEquals(flatPsnr("diffpir", of255(100.5), b), Infinity);
});

Deno.test("conventions limit values to the range, or take them as they are", () => {
  for (const convention of ["ddnm", "float", "skimage", "ssd"] as const) {
    assertEquals(flatPsnr(convention, 1.5, 1), Infinity, convention);
  }
  assertAlmostEquals(flatPsnr("dmps", 1.5, 1), 20 * Math.log10(2 / 0.5), 1e-6);
});

Deno.test("a flat image that is stretched is black", () => {
  assertEquals(flatPsnr("dps", 0.25, -0.75), Infinity);
  const rising = Float32Array.of(-0.5, 0, 0, 0.5);
  const { psnr: found } = imageQuality("dps", new Float32Array(4), rising, { shape: SHAPE });
  // Stretched, the other image is 0, 1/2, 1/2, 1.
  assertAlmostEquals(found, 10 * Math.log10(1 / (1.5 / 4)), 1e-6);
});

Deno.test("luma reaches from 16 to 235 of 255, whatever the range of the colours is", () => {
  const [black, white] = [new Float32Array(12).fill(0), new Float32Array(12).fill(1)];
  const found = psnr(black, white, { shape: [2, 2, 3], range: [0, 1], channels: "luma" });
  assertAlmostEquals(found, 20 * Math.log10(255 / 219), 1e-6);
});

Deno.test("relativeError() of lists of other lengths is no number", () => {
  assertEquals(relativeError([1, 2], [1, 2, 3]), NaN);
  assertEquals(relativeError([1, 2, 3], [1, 2]), NaN);
});

Deno.test("squareFactor() begins with the largest of the diagonal, so that zeros before it are left out", () => {
  const { rows, rank } = squareFactor(Float64Array.of(0, 0, 0, 0, 4, 2, 0, 2, 1), 3);
  assertEquals([rank, [...rows]], [1, [0, 2, 1]]);
});

Deno.test("studentQuantile() is exact near the mean, where one and two degrees have a closed form", () => {
  const confidence = 0.01;
  assertAlmostEquals(studentQuantile(1, confidence), Math.tan(Math.PI * confidence / 2), 1e-12);
  assertAlmostEquals(studentQuantile(2, confidence), confidence * Math.sqrt(2 / (1 - confidence ** 2)), 1e-12);
});
