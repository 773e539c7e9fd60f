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
