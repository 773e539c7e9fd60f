import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decodePng } from "../../io/codecs/png_file.ts";
import { readImage } from "../../io/mod.ts";
import { openModel, type Runtime, SAMPLERS } from "../../mod.ts";
import { toImage } from "../../raster/mod.ts";
import {
  chooseMethod,
  finishPicture,
  pictureSource,
  preparePicture,
  restoreBy,
  taskNamed,
} from "../../restoration/mod.ts";
import { sharedRuntime } from "../support/gpu.ts";
import { browserTest, INSECURE_HOST, openEngine } from "./chromium.ts";

const SAMPLE = new URL("../../models/default/sample.png", import.meta.url).pathname;

/** Few steps of a method that takes fresh noise. */
const OPTIONS = { task: "sr4", method: "ddrm", steps: 3 };

/** What Deno restores of the sample, by other ways than the page. */
async function restoredHere(
  runtime: Runtime,
): Promise<{ readonly values: Float32Array; readonly samples: Uint8Array }> {
  const task = taskNamed(OPTIONS.task);
  const image = await readImage(SAMPLE);
  const setting = { name: "sample.png", task, options: {}, isTruth: true, files: {} };
  const model = await openModel(runtime);
  try {
    const picture = await preparePicture(runtime, model, {
      source: pictureSource(image, setting),
      task,
      options: {},
      noise: { kind: "gaussian", sigma: 0 },
      seed: 5,
      size: model.config.imageSize,
    });
    const method = chooseMethod({ method: OPTIONS.method, steps: OPTIONS.steps }, task);
    const problem = { ...picture.problem, sigmaY: 0 };
    const { data } = await restoreBy(runtime, method, problem, { seed: 5 });
    const { raster } = await finishPicture(runtime, picture, Float32Array.from(data));
    picture.problem.y.free();
    return { values: raster.data, samples: Uint8Array.from(toImage(raster).samples) };
  } finally {
    model.free();
  }
}

function greatestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** What the program in the page gives back of the first run. */
interface Run {
  readonly values: readonly number[];
  readonly png: readonly number[];
  readonly steps: readonly (readonly [name: string, step: number, sides: string, pixels: number])[];
  readonly plan: { readonly evaluations: number; readonly milliseconds: number; readonly deviceBytes: number };
  readonly command: string;
  readonly again: { readonly options: object; readonly seed: number; readonly notes: readonly string[] };
  readonly stopped: { readonly kind: string };
  readonly stepsWhenStopped: number;
  readonly second: readonly number[];
  readonly wrong: { readonly kind: string; readonly message: string };
}

/** The page's program: plan, restore, save, read again; stop; restore again. */
const PROGRAM = `(async () => {
  const { proxy } = comlink;
  const sample = await engine.read("portrait");
  const request = { picture: sample.id, options: ${
  JSON.stringify({ ...OPTIONS, degrade: true })
}, seed: 5, samples: 1 };
  const plan = await engine.plan(request);
  const steps = [];
  const restored = await engine.restore(request, proxy(({ name, step, picture: { width, height, rgba } }) => {
    steps.push([name, step, width + "x" + height, rgba.length]);
  }));
  const [picture] = restored.pictures;
  const png = await engine.save(picture.id);
  const again = (await engine.read(new File([png], "again.png"))).parameters;
  let stepsWhenStopped = 0;
  const long = { ...request, options: { ...request.options, steps: 50 } };
  const stopped = await engine.restore(long, proxy(async () => {
    if (++stepsWhenStopped === 2) await engine.stop();
  })).catch((failure) => failure);
  const second = await engine.restore(request);
  const wrong = await engine.restore({ ...request, options: { task: "sr5000", degrade: true } }).catch((failure) => failure);
  return {
    values: Array.from(picture.values), png: Array.from(png), steps, plan, again, stopped, stepsWhenStopped, wrong,
    second: Array.from(second.pictures[0].values), command: await engine.commandLine(request),
  };
})()`;

browserTest(
  "the sample is restored in Chromium as in Deno, stops within a step, and is restored again",
  async (opened) => {
    const page = await opened.page();
    await openEngine(page, `http://localhost:${opened.port}/`);
    const run = await page.evaluate(PROGRAM) as Run;
    const here = await restoredHere(await sharedRuntime());
    assert(greatestDifference(run.values, here.values) < 1e-5);
    const { image } = await decodePng(Uint8Array.from(run.png), 1e6);
    assertEquals([image.width, image.height, image.channels], [64, 64, 3]);
    assert(greatestDifference(image.samples, here.samples) <= 1);
    assertEquals(run.steps.map(([, step]) => step), Array.from(run.steps.keys(), (index) => index + 1));
    assertEquals(run.steps.length, run.plan.evaluations);
    for (const [, , sides, pixels] of run.steps) assertEquals([sides, pixels], ["64x64", 4 * 64 * 64]);
    assertEquals(run.plan.evaluations, SAMPLERS.ddrm.evaluations({ steps: 3 }).actual);
    assert(run.plan.milliseconds > 0 && run.plan.deviceBytes > 4e6);
    assertEquals(run.command, "deno task restore --task sr4 --method ddrm --steps 3 --seed 5");
    assertEquals(run.again, { options: { ...OPTIONS, degrade: true }, seed: 5, notes: [] });
    assertEquals([run.stopped.kind, run.stepsWhenStopped], ["stopped", 2]);
    assertEquals(run.second, run.values);
    assertEquals(run.wrong.kind, "usage");
    assertStringIncludes(run.wrong.message, 'there is no task "sr5000"');

    const insecure = await opened.page();
    await openEngine(insecure, `http://${INSECURE_HOST}:${opened.port}/`);
    const facts = await insecure.evaluate("engine.facts()") as { readonly missing: { readonly reason: string } };
    assertEquals(facts.missing.reason, "insecure-origin");
  },
);

browserTest("without WebGPU the engine says so, and tells the tasks all the same", async ({ page, port }) => {
  const opened = await page();
  await openEngine(opened, `http://localhost:${port}/`);
  const [facts, tasks, failure] = await opened.evaluate(`(async () => [
    await engine.facts(),
    await engine.tasks(),
    await engine.openModel("prior").catch((failure) => failure),
  ])()`) as [
    { adapter: unknown; missing: { reason: string; message: string } },
    { tasks: unknown[] },
    { kind: string },
  ];
  assertEquals(facts.adapter, null);
  assert(["no-interface", "no-adapter"].includes(facts.missing.reason));
  assertStringIncludes(facts.missing.message, "Cannot compute");
  assert(tasks.tasks.length > 20);
  assertEquals(failure.kind, "missing");
}, { hasGpu: false });
