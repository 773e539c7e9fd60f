import { assert, assertAlmostEquals, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { openLpips } from "../../metrics/mod.ts";
import { CheckpointError, perceptualNetwork, type PerceptualNetworkName } from "../../models/mod.ts";
import { linearTensors, perceptualTensors } from "../models/feature_files.ts";
import { fileOf } from "../models/random_checkpoint.ts";
import { openRecorded } from "../models/recording.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const FEATURES = { seed: 5, divisor: 16 } as const;
const LINEAR = { seed: 6, divisor: 16 } as const;

/** [4, 3, H, W] drawn as the recording drew it, channels last: the first two are compared with the last two. */
function drawnPairs(height: number, width: number): readonly [Float32Array, Float32Array] {
  const pixels = height * width;
  const planes = randomValues(4 * 3 * pixels, 1);
  const images = Float32Array.from(planes, (_, i) => {
    const [image, pixel] = [Math.floor(i / (3 * pixels)), Math.floor(i / 3) % pixels];
    return planes[(image * 3 + i % 3) * pixels + pixel]!;
  });
  return [images.slice(0, 6 * pixels), images.slice(6 * pixels)];
}

async function check(runtime: Runtime, network: PerceptualNetworkName): Promise<void> {
  const recording = await openRecorded(`lpips-${network}`);
  const [height, width] = await recording.readFloat32("size") as unknown as [number, number];
  const lpips = await openLpips(runtime, {
    features: await fileOf(perceptualTensors(network, FEATURES)),
    linear: await fileOf(linearTensors(network, LINEAR)),
    divisor: 16,
  });
  assertEquals(lpips.network, network);
  const [a, b] = drawnPairs(height, width);
  const found = await lpips.distances(a, b, [2, height, width, 3]);
  assertClose(found.flatMap(({ layers }) => layers), await recording.readFloat32("layers"), 2e-6, "layers");
  assertClose(found.map(({ distance }) => distance), await recording.readFloat32("distance"), 2e-6, "distance");
  // One pair by itself, of another shape of batch, and a picture against itself.
  const [single] = await lpips.distances(a.slice(0, a.length / 2), b.slice(0, b.length / 2), [1, height, width, 3]);
  assertAlmostEquals(single!.distance, found[0]!.distance, 1e-6);
  const [same] = await lpips.distances(a.slice(0, a.length / 2), a.slice(0, a.length / 2), [1, height, width, 3]);
  assertEquals(same, { distance: 0, layers: [0, 0, 0, 0, 0] });
  lpips.free();
}

for (const network of ["vgg", "alex"] as const) {
  gpuTest(
    `openLpips() reproduces what PyTorch makes of ${network}, layer by layer`,
    (runtime) => check(runtime, network),
  );
  Deno.test(`openLpips() reproduces ${network} on the CPU`, () => check(new ReferenceRuntime(), network));
}

Deno.test("the networks of LPIPS have the published parameters", () => {
  const count = (name: PerceptualNetworkName): number =>
    [...perceptualNetwork(name).parameters.values()].reduce(
      (sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1),
      0,
    );
  // Convolutions of torchvision's vgg16 and alexnet.
  assertEquals(count("vgg"), 14_714_688);
  assertEquals(count("alex"), 2_469_696);
  assertEquals(perceptualNetwork("vgg").channels, [64, 128, 256, 512, 512]);
  assertEquals(perceptualNetwork("alex").channels, [64, 192, 384, 256, 256]);
  assertEquals([...perceptualNetwork("vgg").parameters.keys()].at(-1), "28.bias");
  assertEquals([...perceptualNetwork("alex").parameters.keys()].at(-2), "10.weight");
});

Deno.test("openLpips() says which file does not fit", async () => {
  const runtime = new ReferenceRuntime();
  const [vgg, alex] = [perceptualTensors("vgg", FEATURES), perceptualTensors("alex", FEATURES)];
  const linear = await fileOf(linearTensors("vgg", LINEAR));
  const open = async (tensors: typeof vgg, options: Record<string, unknown> = {}): Promise<unknown> =>
    await openLpips(runtime, { features: await fileOf(tensors), linear, divisor: 16, ...options });
  const missing = await assertRejects(
    () => open(vgg.filter(({ name }) => name !== "features.28.bias")),
    CheckpointError,
  );
  assertStringIncludes(missing.message, '1 parameter is missing (first "features.28.bias" [32])');
  const swapped = await assertRejects(() => open(alex), CheckpointError);
  assertStringIncludes(swapped.message, '"lin1.model.1.weight" [1, 8, 1, 1], [1, 12, 1, 1] is needed');
  await assertRejects(() => open(alex, { network: "vgg" }), CheckpointError, "have another shape");
  await assertRejects(() => open([]), CheckpointError, '"features.0.weight" is missing, [64, 3, 3, 3]');
});

Deno.test("one file may hold features and linear weights, and small or ill-shaped images are refused", async () => {
  const file = await fileOf([...perceptualTensors("alex", FEATURES), ...linearTensors("alex", LINEAR)]);
  const lpips = await openLpips(new ReferenceRuntime(), { features: file, linear: file, divisor: 16 });
  const side = lpips.leastSide;
  const image = randomValues(side * side * 3, 3);
  const [found] = await lpips.distances(image, image.map((v) => -v), [1, side, side, 3]);
  assert(Number.isFinite(found!.distance) && found!.distance !== 0);
  const small = new Float32Array(30 * 31 * 3);
  await assertRejects(() => lpips.distances(small, small, [1, 30, 31, 3]), TypeError, "at least 31 x 31 pixels");
  await assertRejects(() => lpips.distances(image, small, [1, side, side, 3]), TypeError, "2883 and 2790 values");
});
