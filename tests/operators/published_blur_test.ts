import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { gaussianKernel } from "../../operators/blur/gaussian_blur.ts";
import { createOperator, type OperatorOptions } from "../../operators/mod.ts";
import { relativeError } from "../support/close.ts";
import { randomValues } from "../support/random.ts";
import { apply } from "./laws.ts";

/** A blur of `published/blurs.json`: the picture drawn from a seed, and each stride-th number of what becomes of it. */
interface Recorded {
  readonly kernel: "gauss" | "uniform" | "aniso";
  readonly size: number;
  readonly seed: number;
  readonly stride: number;
  readonly Ax: readonly number[];
  readonly pinvY: readonly number[];
}

const KERNELS: Readonly<Record<Recorded["kernel"], OperatorOptions>> = {
  gauss: {},
  uniform: { kernel: new Array<number>(9).fill(1 / 9) },
  aniso: { kernel: gaussianKernel(9, 1), kernelWidth: gaussianKernel(9, 20) },
};

const recorded: readonly Recorded[] = JSON.parse(
  await Deno.readTextFile(new URL("published/blurs.json", import.meta.url)),
);

for (const size of [32, 64, 256]) {
  Deno.test(`deblur_gauss published by itself is the published blur at ${size}x${size}, for all of its kernels`, async () => {
    const cases = recorded.filter((recording) => recording.size === size);
    assertEquals(cases.map(({ kernel }) => kernel), ["gauss", "uniform", "aniso"]);
    for (const { kernel, seed, stride, Ax, pinvY } of cases) {
      const operator = createOperator("deblur_gauss", [size, size, 3], { variant: "published", ...KERNELS[kernel] });
      const picture = randomValues(size * size * 3, seed);
      const found = await apply(new ReferenceRuntime(), operator, picture, picture, (x, y) => ({
        Ax: operator.forward(x),
        pinvY: operator.pseudoInverse(y),
      }));
      const sampled = (values: Float32Array): Float32Array => values.filter((_, i) => i % stride === 0);
      assertEquals(sampled(found.Ax).length, Ax.length);
      const errors = [relativeError(sampled(found.Ax), Ax), relativeError(sampled(found.pinvY), pinvY)];
      assert(errors[0]! <= 1e-5 && errors[1]! <= 1e-4, `${kernel}: ${errors.join(", ")}`);
    }
  });
}
