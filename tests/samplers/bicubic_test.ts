import { assertThrows } from "@std/assert";
import { elementCount, hostTensor } from "../../engine/mod.ts";
import { type Raster, resize } from "../../raster/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { assertClose } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { restored, start } from "./few_steps.ts";
import { gaussianModel } from "./gaussian_model.ts";

for (const [height, width, channels, scale] of [[12, 20, 3, 4], [9, 15, 1, 3], [8, 24, 3, 8]] as const) {
  Deno.test(`bicubic enlarges ${channels} channels to ${height} x ${width} like a resized picture`, async () => {
    const shape = [height, width, channels];
    const operator = createOperator("sr_average", shape, { scale });
    const y = randomValues(2 * elementCount(operator.measurementShape), 3);
    const model = gaussianModel(new Float32Array(elementCount(shape)), 0.2, shape);
    const found = await restored({ name: "bicubic", model, operator, y, seeds: [0, 1] });
    const expected = [y.slice(0, y.length / 2), y.slice(y.length / 2)].flatMap((data) => {
      const small: Raster = { width: width / scale, height: height / scale, channels, data };
      return Array.from(resize(small, { width, height }).data);
    });
    assertClose(found, Float32Array.from(expected), 1e-6, "bicubic");
  });
}

Deno.test("bicubic knows that sr_kernel keeps the first pixel of each block: a ramp comes back where nothing is cut", async () => {
  const [shape, scale] = [[16, 24, 1], 4];
  const operator = createOperator("sr_kernel", shape, { scale, psf: hostTensor(new Float32Array([1]), [1, 1]) });
  const ramp = Float32Array.from({ length: 16 * 24 }, (_, i) => Math.floor(i / 24) / 16 - (i % 24) / 30);
  const y = ramp.filter((_, i) => Math.floor(i / 24) % scale === 0 && (i % 24) % scale === 0);
  const model = gaussianModel(new Float32Array(ramp.length), 0.2, shape);
  const found = await restored({ name: "bicubic", model, operator, y, seeds: [0] });
  const isInside = (i: number): boolean =>
    Math.floor(i / 24) >= 4 && Math.floor(i / 24) < 8 && i % 24 >= 4 && i % 24 < 16;
  assertClose(found.filter((_, i) => isInside(i)), ramp.filter((_, i) => isInside(i)), 1e-6, "ramp");
});

Deno.test("bicubic refuses what is no smaller picture, and names the operators that are", () => {
  const shape = [8, 8, 3];
  const model = gaussianModel(new Float32Array(192), 0.2, shape);
  const operator = createOperator("deblur_gauss", shape, { taps: 3, sigma: 1 });
  assertThrows(
    () => start({ name: "bicubic", model, operator, y: new Float32Array(192), seeds: [0] }),
    TypeError,
    'Cannot run bicubic on "deblur_gauss": its measurement is no smaller picture; the operators that work are ' +
      "sr_average, sr_area, sr_bicubic, sr_kernel",
  );
});
