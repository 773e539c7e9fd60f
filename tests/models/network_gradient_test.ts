/** Gradients of whole networks: on the GPU, with every block computed again, and on the CPU against differences. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime, type Runtime } from "../../engine/mod.ts";
import { gradient, reshape, sampleDot } from "../../kernels/mod.ts";
import { loadWeights } from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { readChannelsLast } from "./golden_file.ts";
import { drawnParameters, openRecorded, planOf } from "./recording.ts";

/**
 * Recorded networks, and whether slopes jump inside: differences take a smaller step there, and are less accurate. They
 * are not taken where the gradient itself is recorded, which `verify` compares.
 */
const NETWORKS = [
  ["classifier-adaptive", "smooth"],
  ["classifier-attention", "smooth"],
  ["classifier-spatial", "with ReLU"],
  ["classifier-spatial-v2", "smooth"],
  ["ddpm-pooled", "smooth"],
  ["../../golden/unet-guided-a-tiny", "recorded"],
] as const;

/** What a recorded network gives for a cotangent v of its output. */
interface Evaluation {
  /** v . output for each image. */
  readonly loss: Float32Array;
  /** Its gradient with respect to the image. */
  readonly dx: Float32Array;
}

/** Evaluates a recorded network at its recorded image, moved by `step` along a seeded direction. */
async function evaluate(
  runtime: Runtime,
  name: string,
  { checkpoint = false, step = 0 }: { readonly checkpoint?: boolean; readonly step?: number } = {},
): Promise<Evaluation> {
  const recording = await openRecorded(name);
  const plan = planOf(recording);
  const drawn = !recording.tensors.keys().some((key) => key.startsWith("model."));
  const weights = await loadWeights(runtime, drawn ? await drawnParameters(recording) : recording, plan.parameters, {
    prefix: drawn ? "" : "model.",
  });
  const network = plan.build(weights);
  const image = await readChannelsLast(recording, "input.x");
  const along = directionOf(image.data.length);
  const rows = network.timestepTable(await recording.readFloat32("input.t"));
  const labels = recording.tensors.has("input.y") ? await recording.readIntegers("input.y") : undefined;
  const stage = runtime.stage<"x" | "rows" | "v", never, "loss" | "dx">("network", ({ x, rows, v }) => {
    const output = network.forward(x, { timestepRows: rows, checkpoint, ...(labels ? { labels } : {}) });
    const [images, count] = [output.shape[0]!, v.shape[1]!];
    const flat = reshape(output, [images, count]);
    const loss = sampleDot(flat, v);
    return { loss, dx: gradient(loss, [x])[0]! };
  });
  const [images] = image.shape as readonly [number];
  const outputs = (await outputCount(recording)) / images;
  const results = await stage({
    x: runtime.upload(image.data.map((value, i) => value + step * along[i]!), image.shape),
    rows: runtime.upload(rows.data, rows.shape),
    v: runtime.upload(randomValues(images * outputs, 11), [images, outputs]),
  }, {});
  const evaluation = { loss: await results.loss.read(), dx: await results.dx.read() };
  weights.free();
  return evaluation;
}

async function outputCount(recording: Awaited<ReturnType<typeof openRecorded>>): Promise<number> {
  return (await recording.readFloat32("output")).length;
}

function directionOf(count: number): Float32Array {
  return randomValues(count, 12);
}

for (const [path, kind] of NETWORKS) {
  const name = path.split("/").at(-1)!;
  gpuTest(
    `the gradient of ${name} is the reference's, and the same bits with blocks computed again`,
    async (runtime) => {
      const plain = await evaluate(runtime, path);
      assert(plain.dx.some((value) => value !== 0));
      assertEquals((await evaluate(runtime, path, { checkpoint: true })).dx, plain.dx);
      assertClose(plain.dx, (await evaluate(new ReferenceRuntime(), path)).dx, 1e-5);
    },
  );

  if (kind === "recorded") continue;
  Deno.test(`the gradient of ${name} is what differences along a direction show`, async () => {
    const runtime = new ReferenceRuntime();
    const { dx } = await evaluate(runtime, path);
    const along = directionOf(dx.length);
    const step = kind === "smooth" ? 1 / 128 : 1 / 512;
    const lossAt = async (factor: number): Promise<number> =>
      (await evaluate(runtime, path, { step: factor * step })).loss.reduce((sum, value) => sum + value, 0);
    const [near, far] = [await lossAt(1) - await lossAt(-1), await lossAt(2) - await lossAt(-2)];
    const slope = (8 * near - far) / (12 * step);
    const expected = dx.reduce((sum, value, i) => sum + value * along[i]!, 0);
    const limit = kind === "smooth" ? 3e-5 : 3e-4;
    const scale = Math.hypot(...dx) * Math.hypot(...along);
    assert(Math.abs(slope - expected) <= limit * scale, `${expected} is stated, ${slope} found, of ${scale}`);
  });
}
