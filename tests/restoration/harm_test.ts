/** What is said of a result, from values alone. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { judge, type Judged } from "../../restoration/mod.ts";
import { type Raster, resize } from "../../raster/mod.ts";

function waves(phase: number, side = 16): Raster {
  const data = Float32Array.from({ length: side * side * 3 }, (_, i) => 0.6 * Math.sin(i / 5 + phase));
  return { width: side, height: side, channels: 3, data };
}

/** What is said of a result of which nothing bad is known, but for some parts. */
function said(parts: Partial<Judged>): readonly [text: string, isHarm: boolean] {
  const { text, isHarm } = judge({ result: waves(0), clipped: 0, ...parts });
  return [text, isHarm];
}

Deno.test("a result of which nothing bad is found has a sentence too", () => {
  assertEquals(said({}), ["Check: nothing speaks against the result", false]);
  const other = { input: waves(1), pseudoInverse: waves(2), small: waves(0, 8), clipped: 0.05 };
  assertEquals(said({ ...other, psnr: { result: 30, pseudoInverse: 29 } })[1], false);
});

Deno.test("a result that is equal to the input is said to be", () => {
  const near = { ...waves(0), data: waves(0).data.map((value) => value + 0.9 / 255) };
  assertEquals(said({ input: near }), ["Warning: the result is equal to the input: nothing was restored", true]);
  const far = { ...waves(0), data: waves(0).data.map((value) => value + 1.1 / 255) };
  assertEquals(said({ input: far })[1], false);
});

Deno.test("a result within 40 dB of bicubic or A^+ y is no better than it", () => {
  const small = waves(0, 8);
  const [text, isHarm] = said({ result: resize(small, { width: 16, height: 16 }), small });
  assertStringIncludes(text, "Warning: the result is no better than bicubic enlargement: they differ by Infinity dB");
  assertEquals(isHarm, true);
  // 40 dB of a peak of 2 is a difference of 0.02.
  const shifted = (by: number): Raster => ({ ...waves(0), data: waves(0).data.map((value) => value + by) });
  assertStringIncludes(said({ pseudoInverse: shifted(0.019) })[0], "no better than A^+ y: they differ by 40.4 dB");
  assertEquals(said({ pseudoInverse: shifted(0.021) })[1], false);
});

Deno.test("more than a twentieth of clipped values is said", () => {
  assertEquals(said({ clipped: 0.05 })[1], false);
  assertStringIncludes(said({ clipped: 0.37 })[0], "Warning: 37 % of the values were out of range and are clipped");
});

Deno.test("how much of the picture was replaced is said, and is a warning where it is most of it", () => {
  assertEquals(said({ replaced: 0.123 }), ["Check: 12 % of the picture was replaced", false]);
  assertEquals(said({ replaced: 0.88 }), ["Warning: 88 % of the picture was replaced", true]);
});

Deno.test("with the truth known, a result that is worse than A^+ y is said to be", () => {
  const [text, isHarm] = said({ psnr: { result: 20, pseudoInverse: 21.5 } });
  assertEquals([text, isHarm], ["Warning: the result is worse than A^+ y alone: 20.00 dB against 21.50", true]);
});

Deno.test("a measurement that is not met is said, and is a warning where it is far from met", () => {
  const level = 1 / 127.5;
  const exact = (rms: number): ReturnType<typeof said> =>
    said({ misfit: { rms: rms * level, greatest: 4 * level, sigmaY: 0 } });
  assertEquals(exact(0.99)[0], "Check: nothing speaks against the result");
  const [text] = exact(2.5);
  assertEquals(text, "Check: the measurement is not met: A x is 2.5 levels of 255 from it (rms), at most 4.0");
  assertEquals([exact(7.9)[1], exact(8.1)[1]], [false, true]);
  const noisy = (rms: number): ReturnType<typeof said> => said({ misfit: { rms, greatest: 1, sigmaY: 0.2 } });
  assertEquals(noisy(0.29)[0], "Check: nothing speaks against the result");
  assertStringIncludes(
    noisy(0.4)[0],
    "A x is 51.0 levels of 255 from it (rms), at most 127.5, where its noise is 25.5",
  );
  assertEquals([noisy(0.59)[1], noisy(0.61)[1]], [false, true]);
  // Values that are no picture have no levels.
  const values = (rms: number): ReturnType<typeof said> => said({ misfit: { rms, greatest: 3, sigmaY: 0, size: 10 } });
  assertEquals(values(0.19)[0], "Check: nothing speaks against the result");
  assertStringIncludes(values(0.5)[0], "A x is 5.0 % of its size from it (rms), at most 30.0");
  assertEquals([values(1.9)[1], values(2.1)[1]], [false, true]);
});

Deno.test("a result of one colour, or without finite values, is said to be", () => {
  const flat: Raster = { ...waves(0), data: waves(0).data.map((_, i) => [0.5, 0.1, 0.2][i % 3]!) };
  assertEquals(said({ result: flat, pseudoInverse: waves(0) })[1], true);
  assertEquals(said({ result: flat })[1], false);
  const near = { ...flat, data: flat.data.map((value, i) => value + (i % 2) / 1000) };
  assertStringIncludes(said({ result: near, small: waves(0, 8) })[0], "the result is of one colour");
  const broken = { ...waves(0), data: waves(0).data.map((value, i) => i === 7 ? NaN : value) };
  assertEquals(said({ result: broken }), ["Warning: the result holds values that are no finite numbers", true]);
});
