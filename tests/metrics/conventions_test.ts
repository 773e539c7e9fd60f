import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  type ComparisonOptions,
  type ConventionName,
  CONVENTIONS,
  imageQuality,
  psnr,
  ssim,
} from "../../metrics/mod.ts";
import { rampImage, rampImageWithError, SHAPE, signed, steepImage, steepImageWithError } from "./images.ts";
import { RECORDED } from "./recorded.ts";

const BYTES = { shape: SHAPE, range: [0, 255] } as const;
const LUMA = { ...BYTES, channels: "luma", border: 2 } as const;
const ROUNDED = { ...BYTES, channels: "rounded-luma", border: 2 } as const;

const IMAGES = {
  steep: [steepImage(), steepImageWithError()],
  ramp: [rampImage(), rampImageWithError()],
} as const;

for (const [name, [a, b]] of Object.entries(IMAGES) as [keyof typeof IMAGES, readonly [Float32Array, Float32Array]][]) {
  const expected = RECORDED.images[name];
  const equal = (value: number, key: string): void => assertAlmostEquals(value, expected[key]!, 1e-10, key);

  Deno.test(`psnr() equals scikit-image with borders, luma and stretched values (${name})`, () => {
    equal(psnr(a, b, BYTES), "psnr");
    equal(psnr(a, b, { ...BYTES, border: 4 }), "psnrBorder4");
    equal(psnr(a, b, { ...BYTES, stretch: true }), "psnrStretched");
    equal(psnr(a, b, LUMA), "lumaPsnr");
    equal(psnr(a, b, ROUNDED), "roundedLumaPsnr");
  });

  Deno.test(`ssim() equals scikit-image and SciPy with every window, covariance and border (${name})`, () => {
    equal(ssim(a, b, BYTES), "uniform");
    equal(ssim(a, b, { ...BYTES, covariance: "population" }), "uniformPopulation");
    equal(ssim(a, b, { ...BYTES, border: 4 }), "uniformBorder4");
    equal(ssim(a, b, { ...BYTES, edges: "zero" }), "uniformZeroEdges");
    equal(ssim(a, b, { ...BYTES, window: "gaussian" }), "gaussian");
    equal(ssim(a, b, { ...BYTES, window: "gaussian", covariance: "sample" }), "gaussianSample");
    equal(ssim(a, b, { ...BYTES, window: "gaussian", edges: "zero" }), "gaussianZeroEdges");
    equal(ssim(a, b, { ...LUMA, window: "gaussian" }), "lumaSsim");
    equal(ssim(a, b, { ...ROUNDED, window: "gaussian" }), "roundedLumaSsim");
  });

  Deno.test(`imageQuality() by name gives the recorded values of images in [-1, 1] (${name})`, () => {
    const [x, y] = [signed(a), signed(b)];
    const quality = (convention: ConventionName, scale = 1): readonly number[] => {
      const { psnr, ssim } = imageQuality(convention, x, y, { shape: SHAPE, scale });
      return [psnr, ssim!];
    };
    const check = ([p, s]: readonly number[], psnrKey: string, ssimKey: string, tolerance = 1e-10): void => {
      assertAlmostEquals(p!, expected[psnrKey]!, tolerance, psnrKey);
      assertAlmostEquals(s!, expected[ssimKey]!, tolerance, ssimKey);
    };
    check(quality("skimage"), "psnr", "uniform");
    check(quality("ssd"), "psnr", "uniform");
    check(quality("ddnm"), "psnr", "uniform", 1e-5);
    check(quality("dmps"), "psnr", "uniform", 1e-5);
    check(quality("float"), "psnr", "gaussian", 1e-5);
    check(quality("diffpir"), "psnr", "gaussian");
    check(quality("basicsr-y", 2), "lumaPsnr", "lumaSsim");
    check(quality("matlab-y", 2), "roundedLumaPsnr", "roundedLumaSsim");
    assertAlmostEquals(quality("dps")[0]!, expected.psnrStretched!, 1e-5);
    assertAlmostEquals(quality("diffpir", 4)[0]!, expected.psnrBorder4!, 1e-10);
    assertAlmostEquals(quality("basicsr", 4)[0]!, expected.psnrBorder4!, 1e-10);
  });
}

Deno.test("cutting fractions off keeps every 8-bit value that a file held", () => {
  const all = Float32Array.from({ length: 256 }, (_, k) => 2 * k / 255 - 1);
  const bytes = Float32Array.from({ length: 256 }, (_, k) => k);
  const shape = [256, 1, 1] as const;
  for (const rounding of ["round", "half-even", "floor"] as const) {
    const back = psnr(all, signed(bytes), { shape, rounding });
    assertEquals(back, Infinity, rounding);
    const black = Float32Array.from(all, () => -1);
    // The squares of 0..255 have the mean 21717.5.
    assertAlmostEquals(psnr(all, black, { shape, rounding }), 10 * Math.log10(255 ** 2 / 21717.5), 1e-12, rounding);
  }
});

Deno.test("ties go up, to even or down, by the rounding", () => {
  const halves = Float32Array.of(0.5, 1.5, 2.5, 254.5);
  const is = (rounding: NonNullable<ComparisonOptions["rounding"]>, whole: readonly number[]): void => {
    const options = { shape: [4, 1, 1], range: [0, 255], rounding } as const;
    assertEquals(psnr(halves, Float32Array.from(whole), options), Infinity, rounding);
  };
  is("round", [1, 2, 3, 255]);
  is("half-even", [0, 2, 2, 254]);
  is("floor", [0, 1, 2, 254]);
});

Deno.test("values outside the range count unless they are limited", () => {
  const [outside, white] = [Float32Array.of(1.5), Float32Array.of(1)];
  assertAlmostEquals(psnr(outside, white, { shape: [1, 1, 1] }), 10 * Math.log10(4 / 0.25), 1e-12);
  assertEquals(psnr(outside, white, { shape: [1, 1, 1], clamp: true }), Infinity);
});

Deno.test("gray pictures have no other luma, small ones no SSIM, and two channels no luma", () => {
  const gray = Float32Array.from({ length: 64 }, (_, i) => Math.sin(i));
  const other = gray.map((v) => v / 2);
  const options = { shape: [8, 8, 1] } as const;
  assertEquals(psnr(gray, other, { ...options, channels: "luma" }), psnr(gray, other, options));
  const { ssim: small } = imageQuality("skimage", gray, other, { shape: [4, 16, 1] });
  assertEquals(small, undefined);
  assert(imageQuality("skimage", gray, other, options).ssim !== undefined);
  assertThrows(() => psnr(gray, other, { shape: [4, 8, 2], channels: "luma" }), TypeError, "luma is asked for of 2");
  for (const { description } of Object.values(CONVENTIONS)) assert(description.length > 20);
});
