/** At which size a picture is restored, how the network sees it, and what that is said to take. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import {
  blobByteSource,
  type NoiseModel,
  type OpenedModel,
  openModel,
  openSafetensors,
  planDescription,
  safetensorsBytes,
} from "../../models/mod.ts";
import {
  chooseMethod,
  defaultWindow,
  type Method,
  type PictureInput,
  planRestoration,
  planSize,
  preparePicture,
  restoreBy,
  TASKS,
  type WindowSetting,
} from "../../restoration/mod.ts";
import { largestSize } from "../../restoration/plan/plan_size.ts";
import { openModel as openEmbedded } from "../../io/mod.ts";
import { evaluationOf } from "../../restoration/plan/network_view.ts";
import { TINY } from "../cli/options/materials.ts";
import { randomTensorsOf } from "../models/random_checkpoint.ts";
import { gpuTest, sharedRuntime } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

/** A network of one multiplication. */
function plainModel(imageSize: number): OpenedModel {
  const alphaBar = Float64Array.from({ length: 1000 }, (_, k) => 0.999 ** (k + 1));
  return {
    downsampling: 8,
    config: { imageSize, inChannels: 3, modelChannels: 8 },
    noiseModel: ({ height = imageSize, width = imageSize } = {}): NoiseModel => ({
      imageShape: [height, width, 3],
      alphaBar,
      predictEps: (xt) => weightedSum([[0.5, xt]]),
    }),
  } as unknown as OpenedModel;
}

function inputOf(width: number, height: number, rest: Partial<PictureInput> = {}, task = "sr4"): PictureInput {
  const data = Float32Array.from(randomValues(width * height * 3, 1), (value) => value / 4);
  const source = { name: "x.png", channels: 3, bitDepth: 8, colour: { width, height, channels: 3, data } } as const;
  return { source, task: TASKS.get(task)!, options: {}, seed: 0, ...rest };
}

/** The published method for super-resolution, or one that asks the network another number of times. */
function methodOf(actual?: number): Method {
  const method = chooseMethod({}, TASKS.get("sr4")!);
  return actual === undefined ? method : { ...method, evaluations: { nominal: actual, actual } };
}

/** What is settled for a picture. */
async function settled(
  input: PictureInput,
  { imageSize = 64, actual, window }: {
    readonly imageSize?: number;
    readonly actual?: number;
    readonly window?: WindowSetting;
  } = {},
): Promise<{ readonly size: number | undefined; readonly window: string; readonly notes: string }> {
  const request = { method: methodOf(actual), window };
  const found = await planSize(new ReferenceRuntime(), plainModel(imageSize), input, request);
  assert("source" in found.input);
  const { side, form } = found.setting.window ?? { side: 0, form: "whole" };
  return { size: found.input.size, window: `${form} ${side}`, notes: (found.input.source.notes ?? []).join("\n") };
}

Deno.test("the embedded prior sees pictures whole where windows compute no less, and beyond in overlapping windows", async () => {
  const model = await openEmbedded(new ReferenceRuntime());
  assertEquals(defaultWindow(model, [256, 256, 3]), undefined);
  const shape = [512, 512, 3];
  const window = defaultWindow(model, shape)!;
  assertEquals(window, { side: 64, form: "overlapping" });
  assert(evaluationOf(model, shape, {}, window).flops < 0.5 * evaluationOf(model, shape).flops);
  assertEquals(defaultWindow(model, shape, undefined, { needsContext: true }), undefined);
});

Deno.test("pictures beyond a bound of memory are seen in windows of the training size, at least 64 pixels", () => {
  const sides = (imageSize: number, shapes: readonly (readonly [number, number])[]): readonly unknown[] =>
    shapes.map(([height, width]) => defaultWindow(plainModel(imageSize), [height, width, 3])?.side);
  assertEquals(sides(64, [[64, 64], [512, 512], [520, 512], [48, 6000]]), [undefined, undefined, 64, 64]);
  assertEquals(sides(24, [[72, 72], [528, 528], [536, 528], [40, 9000]]), [undefined, undefined, 72, 48]);
  assertEquals(sides(256, [[512, 512], [520, 512]]), [undefined, 256]);
});

Deno.test("where holes or colours need context, windows are of near 256 pixels", () => {
  const sides = (imageSize: number, shapes: readonly (readonly [number, number])[]): readonly unknown[] =>
    shapes.map(([height, width]) =>
      defaultWindow(plainModel(imageSize), [height, width, 3], undefined, { needsContext: true })?.side
    );
  assertEquals(sides(64, [[256, 256], [512, 512], [520, 512], [100, 3000], [3000, 100]]), [
    undefined,
    undefined,
    256,
    128,
    128,
  ]);
  assertEquals(sides(96, [[768, 768], [288, 288]]), [288, undefined]);
  assertEquals(sides(512, [[1024, 1024], [1032, 1024]]), [undefined, 512]);
});

Deno.test("a picture is restored at its own size where that is quick, else at the largest that is", async () => {
  assertEquals(await settled(inputOf(16, 16)), { size: 64, window: "whole 0", notes: "" });
  assertEquals(await settled(inputOf(80, 80), { actual: 1 }), { size: 320, window: "whole 0", notes: "" });
  const slow = await settled(inputOf(200, 100), { actual: 1e12 });
  assertEquals([slow.size, slow.window], [256, "whole 0"]);
  assertMatch(
    slow.notes,
    /^Restoring the whole picture at 800x400 takes about \d+ days, at 256 pixels about \d+ days; --size 800 restores it whole$/,
  );
  // What fits one window is restored at its own size however long it takes, and nothing is measured.
  assertEquals(await settled(inputOf(64, 64), { actual: 1e12 }), { size: 256, window: "whole 0", notes: "" });
  const coloured = await settled(inputOf(1024, 1024, { size: 1024 }, "colorize"));
  assertEquals(coloured.window, "overlapping 256");
});

Deno.test("a size or windows that are given hold", async () => {
  assertEquals(await settled(inputOf(200, 100, { size: 400 }), { actual: 1e12 }), {
    size: 400,
    window: "whole 0",
    notes: "",
  });
  assertEquals((await settled(inputOf(400, 400, { size: 1600 }), { actual: 1e12 })).window, "overlapping 64");
  const window = { side: 64, form: "overlapping" } as const;
  assertEquals(await settled(inputOf(200, 100), { actual: 1e12, window }), {
    size: Infinity,
    window: "overlapping 64",
    notes: "",
  });
});

Deno.test("a size below that of a small picture limits the windows, and never below the training size", async () => {
  const small = await settled(inputOf(16, 16, { size: 32 }));
  assertEquals([small.size, small.window], [64, "overlapping 64"]);
  assertStringIncludes(small.notes, "64x64 is not made smaller: --size 32 limits the windows");
  assertEquals((await settled(inputOf(60, 50, { size: 130 }))).window, "overlapping 128");
  // A good picture is made smaller before it is degraded: nothing is lost.
  assertEquals((await settled(inputOf(64, 64, { size: 32, noise: { kind: "none" } }))).size, 32);
});

Deno.test("the largest size is a multiple of the step, or the least", () => {
  const quick = (most: number) => ({ least: 256, step: 64, isQuick: (size: number) => size <= most });
  assertEquals([100, 383, 384, 500, 5000].map((most) => largestSize(1000, quick(most))), [256, 320, 384, 448, 960]);
});

gpuTest("a plan tells windows, and the memory of a run within a tenth", async () => {
  const runtime = await sharedRuntime();
  const tensors = randomTensorsOf(planDescription(TINY).plan.parameters, 1);
  const metadata = new Map([["config", JSON.stringify(TINY)]]);
  const file = new Blob([Uint8Array.from(await safetensorsBytes({ tensors, metadata }))]);
  const model = await openModel(runtime, await openSafetensors(blobByteSource(file, "tiny.safetensors")));
  const method = chooseMethod({ method: "ddnm", steps: 2 }, TASKS.get("sr4")!);
  const request = { method, window: { side: 16, form: "shifted" } as const };
  const size = await planSize(runtime, model, inputOf(20, 10), request);
  const plan = await planRestoration(runtime, model, size, method);
  assertEquals([plan.restored, plan.windows], ["80x40", { count: 24, side: 16, form: "shifted" }]);
  assert(plan.seconds! > 0);
  const picture = await preparePicture(runtime, model, size.input, size.setting);
  let most = 0;
  const steps = restoreBy(runtime, method, { ...picture.problem, sigmaY: 0 }, { seed: 0 });
  for await (const _ of steps) most = Math.max(most, runtime.statistics().deviceBytes);
  picture.problem.y.free();
  assert(Math.abs(plan.deviceBytes! / most - 1) < 0.1, `${plan.deviceBytes} bytes planned, ${most} found`);
  model.free();
});
