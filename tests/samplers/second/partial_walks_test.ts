import { compare, PAIRS } from "./harness.ts";
import { ccdf, sdedit } from "./partial_walks.ts";
import { LINEAR, MILD } from "./schedule.ts";

Deno.test("sdedit makes the states of ancestral steps from a noised image, pass after pass", async () => {
  for (const pair of PAIRS) {
    for (const clipDenoised of [false, true]) {
      for (const walk of [{ t0: 90, steps: 4, repeats: 1 }, { t0: 61, steps: 3, repeats: 3 }]) {
        await compare(
          "sdedit",
          { ...walk, clipDenoised, fixedVariance: "small" },
          { pair, abar: MILD, sigmaY: 0.1 },
          sdedit,
        );
      }
    }
  }
});

Deno.test("sdedit takes the variance of the posterior even where the network has learned one", async () => {
  const options = { t0: 500, steps: 5, repeats: 2, clipDenoised: false, fixedVariance: "small" };
  await compare("sdedit", options, { pair: PAIRS[1]!, abar: LINEAR, sigmaY: 0, learnsVariance: true }, sdedit);
});

for (const learnsVariance of [false, true]) {
  Deno.test(`ccdf makes the states of the published rule, ${learnsVariance ? "learned" : "posterior"} variance`, async () => {
    for (const pair of PAIRS) {
      for (const level of ["current", "next"] as const) {
        for (const noiseIn of ["image", "measurement"] as const) {
          for (const sigmaY of [0, 0.2]) {
            const shapeOf = (name: string): readonly number[] =>
              noiseIn === "measurement" && name.startsWith("known")
                ? pair.operator.measurementShape
                : pair.operator.imageShape;
            const options = { t0: 90, steps: 4, clipDenoised: sigmaY === 0, fixedVariance: "small", level, noiseIn };
            await compare("ccdf", options, { pair, abar: MILD, sigmaY, learnsVariance, shapeOf }, ccdf);
          }
        }
      }
    }
  });
}

Deno.test("ccdf makes the same states with the published start on the schedule of 1000 steps", async () => {
  const options = {
    t0: 200,
    steps: 200,
    clipDenoised: true,
    fixedVariance: "small",
    level: "next",
    noiseIn: "image",
  } as const;
  await compare("ccdf", options, { pair: PAIRS[1]!, abar: LINEAR, sigmaY: 0 }, ccdf);
});
