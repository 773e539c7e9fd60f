import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { readStudy } from "../../evaluation/mod.ts";
import { type Measured, standingUnits, summarizeDifferences, summarizePictures } from "../../evaluation/statistics.ts";
import { UsageError } from "../../parameters/mod.ts";

/** Two pictures with three seeds each. */
function measured(psnr: readonly (readonly number[])[], lpips: readonly (readonly number[])[]): readonly Measured[] {
  return psnr.flatMap((values, image) =>
    values.map((value, seed) => ({
      unit: { image, seed },
      metrics: { psnr: value, lpips: lpips[image]![seed]!, faithfulness: value },
    }))
  );
}

const FIRST = measured([[10, 30, 20], [40, 10, 10]], [[0.3, 0.2, 0.1], [0.4, 0.9, 0.5]]);
const SECOND = measured([[12, 15, 33], [20, 20, 50]], [[0.2, 0.2, 0.2], [0.6, 0.6, 0.3]]);
const MEAN = { confidence: 0.95 };
const BEST = { confidence: 0.95, bestOfSeeds: true };

Deno.test("a picture counts with the mean of its seeds, or with the best by the direction of each quantity", () => {
  assertEquals(summarizePictures(FIRST, "psnr", MEAN)!.mean, (20 + 20) / 2);
  assertEquals(summarizePictures(FIRST, "psnr", BEST)!.mean, (30 + 40) / 2);
  assertEquals(summarizePictures(FIRST, "lpips", BEST)!.mean, (0.1 + 0.4) / 2);
  assertEquals(summarizePictures(FIRST, "faithfulness", BEST)!.mean, 20, "no direction is better: the mean");
});

Deno.test("where the best of the seeds counts, the difference of two methods is that of both best", () => {
  assertEquals(summarizeDifferences(FIRST, SECOND, "psnr", MEAN)!.mean, (0 + 10) / 2);
  const { mean, count } = summarizeDifferences(FIRST, SECOND, "psnr", BEST)!;
  assertEquals([mean, count], [(33 - 30 + 50 - 40) / 2, 2]);
  const equal = measured([[Infinity, 1, 2], [1, 2, 3]], [[0, 0, 0], [0, 0, 0]]);
  const { infinite, mean: finite } = summarizeDifferences(equal, equal, "psnr", BEST)!;
  assertEquals([infinite, finite], [0, 0], "two exact results differ by nothing");
});

Deno.test("the unit of greatest PSNR stands for a picture where the best of the seeds counts, else all do", () => {
  const units = [[0, 3], [0, 7], [1, 5], [0, Infinity], [1, 4]].map(([image, psnr]) => ({
    image: image!,
    psnr: psnr!,
  }));
  assertEquals(standingUnits(units, ({ psnr }) => psnr, {}), units);
  assertEquals(standingUnits(units, ({ psnr }) => psnr, BEST).map(({ psnr }) => psnr), [Infinity, 5]);
});

Deno.test("the best of the seeds is refused where a picture has one seed", () => {
  for (const seeds of ["each", [3]]) {
    const error = assertThrows(() => readStudy({ tasks: ["sr4"], seeds, "best-of-seeds": true }), UsageError);
    assertStringIncludes(error.message, "best-of-seeds needs several seeds of each picture");
  }
  assertEquals(readStudy({ seeds: "0-3", "best-of-seeds": true }).options, { "best-of-seeds": true });
});
