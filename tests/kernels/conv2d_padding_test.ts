/** Convolutions padded by another number of pixels at every side, with kernels that only move the picture. */
import { assert, assertEquals } from "@std/assert";
import { constant, hostTensor, ReferenceRuntime, type Runtime, type Tensors } from "../../engine/mod.ts";
import { conv2d, gradient, sampleDot } from "../../kernels/mod.ts";
import { gpuTest } from "../support/gpu.ts";

/** One side alone, all apart, and none. */
const PADDINGS = [
  { top: 2, left: 0, bottom: 0, right: 0 },
  { top: 0, left: 2, bottom: 0, right: 0 },
  { top: 0, left: 0, bottom: 2, right: 0 },
  { top: 0, left: 0, bottom: 0, right: 2 },
  { top: 0, left: 1, bottom: 2, right: 3 },
  { top: 3, left: 0, bottom: 1, right: 2 },
  { top: 0, left: 0, bottom: 0, right: 0 },
] as const;

const [HEIGHT, WIDTH] = [6, 9];

/** Fails unless a kernel with a single 1 moves every pixel to its place, and the gradient moves it back. */
async function assertMoves(runtime: Runtime, channels: number, outChannels: number, side: number): Promise<void> {
  // Every pixel and channel has its own number, none of them 0.
  const x = Float32Array.from({ length: HEIGHT * WIDTH * channels }, (_, i) => 1 + i);
  for (const padding of PADDINGS) {
    const { top, left, bottom, right } = padding;
    const [rows, columns] = [HEIGHT + top + bottom - side + 1, WIDTH + left + right - side + 1];
    for (const [ky, kx] of [[0, 0], [0, side - 1], [side - 1, 0]] as const) {
      const weights = new Float32Array(side * side * channels * outChannels);
      const moved = Math.min(channels, outChannels);
      for (let c = 0; c < moved; c++) weights[((ky * side + kx) * channels + c) * outChannels + c] = 1;
      const weight = hostTensor(weights, [side, side, channels, outChannels]);
      const dy = Float32Array.from({ length: rows * columns * outChannels }, (_, i) => 1 + i);
      const stage = runtime.stage(
        `padded by ${Object.values(padding).join(", ")} for ${ky}, ${kx} of ${outChannels} channels`,
        ({ x, dy }: Tensors<"x" | "dy">) => {
          const y = conv2d(x, constant(weight), { padding });
          return { y, dx: gradient(sampleDot(y, dy), [x])[0]! };
        },
      );
      const inputs = {
        x: runtime.upload(x, [1, HEIGHT, WIDTH, channels]),
        dy: runtime.upload(dy, [1, rows, columns, outChannels]),
      };
      const out = await stage(inputs, {});
      assertEquals(out.y.shape, [1, rows, columns, outChannels]);
      const what = `${JSON.stringify(padding)}, tap ${ky}, ${kx}`;
      (await out.y.read()).forEach((value, i) => {
        const c = i % outChannels;
        const row = Math.floor(i / outChannels / columns) + ky - top;
        const column = Math.floor(i / outChannels) % columns + kx - left;
        const inside = c < moved && row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH;
        const expected = inside ? x[(row * WIDTH + column) * channels + c]! : 0;
        assert(Math.abs(value - expected) < 0.01, `${what}: y is ${value} at ${i}, not ${expected}`);
      });
      (await out.dx.read()).forEach((value, i) => {
        const c = i % channels;
        const row = Math.floor(i / channels / WIDTH) - ky + top;
        const column = Math.floor(i / channels) % WIDTH - kx + left;
        const inside = c < moved && row >= 0 && row < rows && column >= 0 && column < columns;
        const expected = inside ? dy[(row * columns + column) * outChannels + c]! : 0;
        assert(Math.abs(value - expected) < 0.01, `${what}: dx is ${value} at ${i}, not ${expected}`);
      });
      inputs.x.free();
      inputs.dy.free();
      stage.release();
    }
  }
}

Deno.test("conv2d pads each side by its own number of zeros, as does its gradient", async () => {
  await assertMoves(new ReferenceRuntime(), 2, 3, 3);
});

for (const [channels, outChannels, side] of [[8, 16, 3], [3, 4, 3], [4, 8, 5]] as const) {
  gpuTest(
    `conv2d pads each side by its own number of zeros on the GPU, ${side} x ${side} taps of ${channels} channels`,
    async (runtime) => {
      await assertMoves(runtime, channels, outChannels, side);
    },
  );
}
