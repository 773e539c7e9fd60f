import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Shape, type Tensors } from "../../engine/mod.ts";
import { sampleNormal } from "../../kernels/mod.ts";
import { givenNoise, type NoiseSource, seededNoise } from "../../samplers/mod.ts";

const runtime = new ReferenceRuntime();
const SHAPE: Shape = [2, 3, 5, 1];
const ITEM = 15;

/** What a source gives a stage for one draw. */
async function drawn(source: NoiseSource, name: string, ordinal: number, shape: Shape = SHAPE): Promise<Float32Array> {
  const stage = runtime.stage("draw", (inputs: Tensors<string>) => ({ z: source.normal(shape, inputs) }));
  const { inputs, scalars } = source.supply({ name, ordinal });
  return (await stage(inputs, scalars)).z.read();
}

Deno.test("seededNoise() draws number seed * 2^21 + ordinal for each sample", async () => {
  const noise = await drawn(seededNoise([7, 4294967295]), "gen.3", 9);
  assertEquals(noise.slice(0, ITEM), sampleNormal(7 * 2 ** 21 + 9, ITEM));
  assertEquals(noise.slice(ITEM), sampleNormal(4294967295 * 2 ** 21 + 9, ITEM));
});

Deno.test("the last draw of the last seed is a safe integer", () => {
  const { scalars } = seededNoise([2 ** 32 - 1]).supply({ name: "last", ordinal: 2 ** 21 - 1 });
  assertEquals(Object.values(scalars), [Number.MAX_SAFE_INTEGER]);
});

Deno.test("seededNoise() refuses seeds, ordinals and sample counts out of range", async () => {
  for (const seed of [-1, 2 ** 32, 0.5, NaN]) {
    assertThrows(() => seededNoise([0, seed]), RangeError, `seed ${seed}: an integer within 0..4294967295 is needed`);
  }
  assertThrows(() => seededNoise([]), RangeError, "no seed was given");
  assertThrows(() => seededNoise([0]).supply({ name: "x", ordinal: 2 ** 21 }), RangeError, "draws 0..2097151");
  await assertRejects(() => drawn(seededNoise([1]), "inv.0", 0), TypeError, "1 seeds were given");
});

Deno.test("givenNoise() hands over the tensor of that name", async () => {
  const [first, second] = [new Float32Array(30).fill(1), new Float32Array(30).fill(2)];
  const source = givenNoise(
    new Map([["inv.0", runtime.upload(first, SHAPE)], ["gen.0", runtime.upload(second, SHAPE)]]),
  );
  assertEquals(await drawn(source, "gen.0", 0), second);
  assertEquals(await drawn(source, "inv.0", 1), first);
});

Deno.test("givenNoise() names a missing draw and a wrong shape", async () => {
  const source = givenNoise(new Map([["inv.0", runtime.upload(new Float32Array(30), SHAPE)]]));
  assertThrows(() => source.supply({ name: "inv.1", ordinal: 1 }), RangeError, 'noise "inv.1": the given noise holds');
  await assertRejects(() => drawn(source, "inv.0", 0, [1, 3, 5, 1]), TypeError, "it has shape [2, 3, 5, 1]");
});
