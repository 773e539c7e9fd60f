import { assert, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime, type Shape, type Tensor } from "../../engine/mod.ts";
import { type ComplexArray, complexMul, fourier, hadamard, hostFourier } from "../../kernels/mod.ts";
import { relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { build, runOnce, values } from "./run_once.ts";

/** Runs a function of random values of a shape. */
async function run(runtime: Runtime, shape: Shape, body: (x: Tensor) => Tensor): Promise<Float32Array> {
  return await runOnce(runtime, [values(shape, 5)], (x) => body(x!));
}

/** The sum of the definition at one frequency of one channel. */
function definition(
  x: ComplexArray,
  [, height, width, channels]: readonly number[],
  [image, p, q, channel]: readonly [number, number, number, number],
): readonly [re: number, im: number] {
  let [re, im] = [0, 0];
  for (let h = 0; h < height!; h++) {
    for (let w = 0; w < width!; w++) {
      const angle = -2 * Math.PI * (h * p / height! + w * q / width!);
      const at = ((image * height! + h) * width! + w) * channels! + channel;
      re += x.re[at]! * Math.cos(angle) - x.im[at]! * Math.sin(angle);
      im += x.re[at]! * Math.sin(angle) + x.im[at]! * Math.cos(angle);
    }
  }
  return [re / Math.sqrt(height! * width!), im / Math.sqrt(height! * width!)];
}

Deno.test("hostFourier() is the sum of its definition for lengths of all factors, and its inverse undoes it", () => {
  for (const shape of [[1, 6, 7, 1], [2, 12, 10, 3], [1, 16, 8, 2], [1, 1, 97, 1], [1, 20, 18, 1]] as const) {
    const [images, height, width, channels] = shape;
    const count = images * height * width * channels;
    const x = { re: Float64Array.from(randomValues(count, 1)), im: Float64Array.from(randomValues(count, 2)) };
    const y = hostFourier(x, shape);
    for (let at = 0; at < count; at++) {
      const pixel = Math.floor(at / channels);
      const place = [
        Math.floor(pixel / (height * width)),
        Math.floor(pixel / width) % height,
        pixel % width,
        at % channels,
      ] as const;
      const [re, im] = definition(x, shape, place);
      assert(Math.hypot(y.re[at]! - re, y.im[at]! - im) < 1e-12, `[${shape}] at [${place}]`);
    }
    const back = hostFourier(y, shape, true);
    assert(back.re.every((value, i) => Math.hypot(value - x.re[i]!, back.im[i]! - x.im[i]!) < 1e-12), `[${shape}]`);
  }
});

gpuTest("fourier() is exact to 1e-6 for every size up to 40, for large primes and for 320", async (runtime) => {
  const sizes = [...Array.from({ length: 40 }, (_, k) => k + 1), 97, 251, 320];
  for (const size of sizes) {
    const shape = [1, 1, size, 2];
    const [actual, expected] = await Promise.all(
      [runtime, new ReferenceRuntime()].map((each) => run(each, shape, (x) => fourier(x))),
    );
    const error = relativeError(actual!, expected!);
    assert(error < 1e-6, `${size}: ${error}`);
  }
});

gpuTest("fourier() and its inverse give the picture back, complex or real", async (runtime) => {
  const shape = [2, 24, 30, 3];
  const pictures = randomValues(2 * 24 * 30 * 3, 5);
  const there = (x: Tensor): Tensor => fourier(x, { fromReal: true });
  const back = await run(runtime, shape, (x) => fourier(there(x), { inverse: true, toReal: true }));
  assert(relativeError(back, pictures) < 1e-6);
});

gpuTest("hadamard() twice gives the picture back", async (runtime) => {
  const shape = [2, 64, 128, 3];
  const back = await run(runtime, shape, (x) => hadamard(hadamard(x)));
  assert(relativeError(back, randomValues(2 * 64 * 128 * 3, 5)) < 1e-6);
});

Deno.test("transforms refuse shapes that they are not made for", () => {
  const refused = (shapes: readonly Shape[], body: (...x: Tensor[]) => Tensor, part: string): void => {
    assertThrows(() => build(shapes, body), Error, part);
  };
  refused([[1, 4, 4, 3]], (x) => fourier(x!), "an even number of channels");
  refused([[4, 4]], (x) => fourier(x!), "[N, H, W, C] is needed");
  refused([[1, 3, 4, 1]], (x) => hadamard(x!), "a power of two");
  refused([[4, 4]], (x) => hadamard(x!), "[N, ..., C] is needed");
  refused([[1, 4, 6], [4, 4]], (a, b) => complexMul(a!, b!), "the trailing part");
});
