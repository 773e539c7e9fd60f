import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { drawnSigma } from "../../evaluation/drawn_noise.ts";
import { evaluate, readStudy, type Results } from "../../evaluation/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { MemoryStore } from "./memory_store.ts";
import { TENTH_NETWORK } from "../support/tenth_network.ts";

const PICTURES = [0, 1].map((k) => ({
  name: `${k}`,
  sha256: `${k}`,
  read: () =>
    Promise.resolve({
      width: 8,
      height: 8,
      channels: 3,
      data: Float32Array.from({ length: 192 }, (_, at) => Math.sin(at + k) / 2),
    }),
}));

async function run(tasks: string, seeds: string, batch: number): Promise<Results> {
  const study = readStudy({ tasks, seeds, methods: "pseudo-inverse, ddrm steps=3, ddrm steps=3 noise-level=0.3" });
  const identity = { name: "tenth", sha256: "0", known: [] };
  const store = new MemoryStore();
  return (await evaluate(new ReferenceRuntime(), TENTH_NETWORK, study, { store, pictures: PICTURES, identity, batch }))
    .results;
}

/** PSNR by method, then by picture and seed. */
const psnrOf = ({ cells }: Results): readonly (readonly (number | undefined)[])[] =>
  cells.map(({ values }) => Array.from(values, ({ metrics }) => metrics.psnr));

Deno.test("sigma-y-most draws the noise of each seed, which methods reckon with unless they are told another", async () => {
  for (const seed of [5, 9]) {
    const drawn = await run("denoise sigma-y-most=0.4", String(seed), 1);
    assertEquals(psnrOf(drawn), psnrOf(await run(`denoise sigma-y=${drawnSigma(0.4, seed)}`, String(seed), 1)));
    const [, reckoned, told] = psnrOf(drawn);
    assert(reckoned![0] !== told![0]);
  }
});

Deno.test("pictures with seeds of their own have noise of their own, in a batch or not", async () => {
  const single = await run("denoise sigma-y-most=0.4", "each", 1);
  assertEquals(psnrOf(await run("denoise sigma-y-most=0.4", "each", 8)), psnrOf(single));
  const [noisy] = psnrOf(single);
  [0, 1].forEach((seed) => {
    // A^+ y is y, whose distance from the picture is that of the noise; 192 values, none clamped but by far ones.
    assertAlmostEquals(noisy![seed]!, -20 * Math.log10(drawnSigma(0.4, seed) / 2), 1.5);
  });
  const idsOf = async ({ plan }: Results): Promise<readonly string[]> =>
    await Array.fromAsync(plan.units, ({ id }) => id);
  const [id, other] = [await idsOf(single), await idsOf(await run("denoise sigma-y-most=0.3", "each", 1))];
  assert(id[0] !== other[0]);
});

Deno.test("drawnSigma() is even from 0 to the most", () => {
  const found = Array.from({ length: 4000 }, (_, seed) => drawnSigma(0.2, seed));
  assert(found.every((sigma) => sigma > 0 && sigma < 0.2));
  assertAlmostEquals(found.reduce((sum, sigma) => sum + sigma, 0) / 4000, 0.1, 0.004);
  assertAlmostEquals(found.reduce((sum, sigma) => sum + (sigma - 0.1) ** 2, 0) / 4000, 0.2 ** 2 / 12, 2e-4);
  assertEquals(new Set(found).size, 4000);
});

Deno.test("drawn noise and another one exclude each other", async () => {
  await assertRejects(() => run("sr2 sigma-y-most=0.2 jpeg-quality=60", "0", 1), UsageError, "exclude each other");
});
