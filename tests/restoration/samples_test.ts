/** Several answers to one question, taken together. */
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  checkSamples,
  combinedReport,
  combineSamples,
  deviationMap,
  judge,
  ResultCombiner,
} from "../../restoration/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import type { Result } from "../../restoration/mod.ts";
import { ReferenceRuntime } from "../../engine/mod.ts";
import type { Raster } from "../../raster/mod.ts";
import { preparePicture, TASKS } from "../../restoration/mod.ts";
import type { OpenedModel } from "../../models/mod.ts";
import { randomValues } from "../support/random.ts";

function raster(...data: readonly number[]): Raster {
  return { width: 1, height: 1, channels: data.length, data: Float32Array.from(data) };
}

Deno.test("samples have their mean, and their deviation with n - 1, its square averaged over the channels", () => {
  const { count, mean, deviation } = combineSamples([raster(0.5, 0, 1), raster(-0.5, 0, 0.25), raster(0.75, 0, 0.25)]);
  assertEquals([count, mean.channels, deviation.channels], [3, 3, 1]);
  assertEquals([...mean.data], [0.25, 0, 0.5]);
  // Squares about the mean: 0.0625 + 0.5625 + 0.25, none, 0.25 + 0.0625 + 0.0625.
  assertAlmostEquals(deviation.data[0]!, Math.sqrt((0.875 + 0.375) / 2 / 3), 1e-7);
  const a = raster(...randomValues(48, 1));
  assert(combineSamples([a, a, a]).deviation.data.every((value) => value === 0));
});

Deno.test("each sample has a seed of 32 bits, and files of one run are of one sample alone", () => {
  checkSamples({ trace: "t.safetensors" }, { seed: 2 ** 32 - 1, samples: 1 });
  checkSamples({}, { seed: 2 ** 32 - 2, samples: 2 });
  const seeds = "--seed 4294967295 leaves too few seeds for 2 samples, the last one is 4294967295";
  assertThrows(() => checkSamples({}, { seed: 2 ** 32 - 1, samples: 2 }), UsageError, seeds);
  for (const option of ["trace", "noise"]) {
    const text = `--${option} needs a single sample; leave --samples out`;
    assertThrows(() => checkSamples({ [option]: "f" }, { seed: 0, samples: 2 }), UsageError, text);
  }
});

Deno.test("samples of another shape, and fewer than two, are refused", () => {
  assertThrows(() => combineSamples([raster(1), raster(1, 2)]), TypeError, "1 x 1 pixels and 2 channels");
  assertThrows(() => combineSamples([raster(1)]), RangeError, "there are 1, at least 2 are needed");
  assertThrows(() => combineSamples([]), RangeError, "there are 0");
});

Deno.test("on the map of a deviation a level of 255 is four gray values, and 64 are white", () => {
  const { data } = deviationMap(raster(0, 1 / 127.5, 0.25, 0.5, 0.75));
  const gray = [...data].map((value) => Math.round((value + 1) * 127.5));
  assertEquals(gray, [0, 4, 128, 255, 255]);
  assertEquals([...deviationMap(raster(0.25), 0.25).data], [1]);
});

Deno.test("what samples are together is compared with the truth, and judged", async () => {
  const model = {
    downsampling: 1,
    config: { imageSize: 8, inChannels: 3 },
    noiseModel: () => ({ imageShape: [8, 8, 3] }),
  } as unknown as OpenedModel;
  const truth: Raster = { width: 8, height: 8, channels: 3, data: randomValues(192, 3).map((value) => value / 4) };
  const picture = await preparePicture(new ReferenceRuntime(), model, {
    source: { name: "x.png", channels: 3, bitDepth: 8, colour: truth },
    task: TASKS.get("denoise")!,
    options: {},
    noise: { kind: "gaussian", sigma: 0 },
    seed: 0,
  });
  const combiner = new ResultCombiner(picture);
  for (const sign of [1, -1]) {
    const result: Result = {
      raster: { ...truth, data: truth.data.map((value, i) => value + sign * (i % 2 ? 0.1 : -0.1)) },
      alpha: undefined,
      bitDepth: 16,
      sheet: [],
      comparison: { result: { psnr: 26, ssim: undefined }, pseudoInverse: { psnr: 30, ssim: 1 } },
      verdict: judge({ result: truth, clipped: 0 }),
      misfit: undefined,
    };
    combiner.add(result);
  }
  const all = combiner.combined();
  assert(all.quality!.mean.psnr > 120, "what they are off by is opposite");
  assertEquals([all.quality!.samples, all.bitDepth, all.count], [{ psnr: 26, ssim: undefined }, 16, 2]);
  assertAlmostEquals(all.deviation.rms, Math.sqrt(2) / 10, 1e-6);
  assertEquals(all.verdict.isHarm, false);
  assertStringIncludes(all.verdict.text, "deviate by 18.0 levels of 255 (rms), at most 18.0");
  const { samples, metrics, ...rest } = combinedReport(
    { task: "t", seed: 8, verdict: {}, metrics: { definition: "d", consistency: {} }, timings: {}, memory: {} },
    all,
    7,
  );
  assertEquals(samples, { count: 2, seeds: [7, 8] });
  assertEquals((metrics as { samples: unknown }).samples, { psnr: 26, ssim: null });
  assertEquals(Object.keys(rest), ["task", "verdict", "evaluations", "deviation"]);
  const equal = new ResultCombiner(picture);
  for (let k = 0; k < 2; k++) equal.add({ raster: truth, alpha: undefined, bitDepth: 8 } as unknown as Result);
  assertStringIncludes(equal.combined().verdict.text, "the samples are equal");
});
