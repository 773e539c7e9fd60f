/** Samplers that make their list of noise levels themselves, against second implementations in states without scale. */
import { assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../../engine/mod.ts";
import { noiseLevelProcess, type NoiseModel } from "../../../models/mod.ts";
import { PLAIN_SAMPLERS, SAMPLERS, seededNoise } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { countingModel, denseOperator, drawn } from "./harness.ts";
import { compareLevels } from "./level_runs.ts";
import {
  type Churn,
  churnedLevel,
  firstOrder,
  grid,
  type LevelSampling,
  multistep,
  secondLevel,
  secondOrder,
  straight,
} from "./noise_levels.ts";
import { difference, sum, times as product } from "./plain_arrays.ts";
import { LINEAR } from "./schedule.ts";

const RANGE = { sigmaMin: 0.03, sigmaMax: 9, rho: 5 };

Deno.test("heun and dpm make the states of the published algorithm with any fresh noise", async () => {
  const churns: readonly Churn[] = [
    { amount: 0, least: 0, most: Infinity, deviation: 1 },
    { amount: 1.5, least: 0, most: Infinity, deviation: 1.01 },
    { amount: 40, least: 0.1, most: 3, deviation: 0.9 },
  ];
  for (const name of ["heun", "dpm"] as const) {
    const form = name === "heun" ? "heun" : "midpoint";
    for (const steps of [1, 2, 6]) {
      for (const churn of churns) {
        for (const clip of [true, false]) {
          const sigmas = grid(steps, RANGE.sigmaMin, RANGE.sigmaMax, RANGE.rho);
          const calls = sigmas.slice(0, -1).flatMap((sigma, i) => {
            const from = churnedLevel(sigma, steps, churn);
            return [from, secondLevel(form, from, sigmas[i + 1]!)];
          }).filter((sigma) => sigma > 0);
          const options = {
            ...{ ...RANGE, steps, clipDenoised: clip, sChurn: churn.amount, sTmin: churn.least },
            ...(churn.most < Infinity ? { sTmax: churn.most } : {}),
            sNoise: churn.deviation,
          };
          await compareLevels(
            `${name}, ${JSON.stringify(options)}`,
            calls,
            (runtime, model, noise) => PLAIN_SAMPLERS[name].sample(runtime, { model }, { ...options, noise }),
            (sampling) => secondOrder({ ...sampling, clip }, sigmas, form, churn),
          );
          assertEquals(PLAIN_SAMPLERS[name].evaluations(options).actual, calls.length);
        }
      }
    }
  }
});

Deno.test("euler and euler-ancestral make the states of the published rules", async () => {
  for (const name of ["euler", "euler_ancestral"] as const) {
    for (const steps of [1, 2, 7]) {
      for (const clipDenoised of [true, false]) {
        const sigmas = grid(steps, RANGE.sigmaMin, RANGE.sigmaMax, RANGE.rho);
        const options = { ...RANGE, steps, clipDenoised };
        await compareLevels(
          `${name}, ${JSON.stringify(options)}`,
          sigmas.slice(0, -1),
          (runtime, model, noise) => PLAIN_SAMPLERS[name].sample(runtime, { model }, { ...options, noise }),
          (sampling) => firstOrder({ ...sampling, clip: clipDenoised }, sigmas, name === "euler_ancestral"),
        );
      }
    }
  }
  const sigmas = grid(5, RANGE.sigmaMin, RANGE.sigmaMax, RANGE.rho).slice(0, -1);
  const options = { ...RANGE, steps: 4, keepsLeast: true, clipDenoised: false };
  await compareLevels(
    "euler that keeps the least noise",
    sigmas.slice(0, -1),
    (runtime, model, noise) => PLAIN_SAMPLERS.euler.sample(runtime, { model }, { ...options, noise }),
    (sampling) => firstOrder({ ...sampling, clip: false }, sigmas, false),
  );
});

Deno.test("consistency makes the states of the published algorithm, over places of a grid or even levels", async () => {
  const { sigmaMin: least, sigmaMax: most, rho } = RANGE;
  const nine = grid(9, least, most, rho);
  const cases = [
    [{ steps: 1 }, [most, least]],
    [{ steps: 3 }, grid(4, least, most, rho).slice(0, -1)],
    [{ ts: "0,5,8", grid: 9 }, [0, 5, 8].map((place) => nine[place]!)],
    [{ ts: "1, 2, 6", grid: 9 }, [1, 2, 6].map((place) => nine[place]!)],
  ] as const;
  for (const [given, sigmas] of cases) {
    for (const clipDenoised of [true, false]) {
      const options = { ...RANGE, ...given, clipDenoised };
      await compareLevels(
        `consistency, ${JSON.stringify(options)}`,
        sigmas.slice(0, -1),
        (runtime, model, noise) => PLAIN_SAMPLERS.consistency.sample(runtime, { model }, { ...options, noise }),
        (sampling) =>
          multistep({ ...sampling, clip: clipDenoised }, sigmas, { least, start: "start", draw: (i) => `gen.${i}` }),
      );
      assertEquals(PLAIN_SAMPLERS.consistency.evaluations(options).actual, sigmas.length - 1);
    }
  }
});

Deno.test("consistency-editing replaces what is measured of every image", async () => {
  const { sigmaMin: least, sigmaMax: most, rho } = RANGE;
  const { operator, dense } = denseOperator();
  const y = drawn("y");
  const sigmas = grid(5, least, most, rho).slice(0, -1);
  for (const clipDenoised of [true, false]) {
    const options = { ...RANGE, steps: 4, clipDenoised };
    await compareLevels(
      `consistency-editing, clamp ${clipDenoised}`,
      sigmas.slice(0, -1),
      (runtime, model, noise) => {
        const measured = runtime.upload(Float32Array.from(y), [1, ...operator.measurementShape]);
        const problem = { model, operator, y: measured, sigmaY: 0 };
        return SAMPLERS.consistency_editing.restore(runtime, problem, { ...options, noise });
      },
      (sampling) => {
        const edit: LevelSampling["edit"] = (x0) =>
          sum([1, x0], [1, product(dense.pseudoInverse, difference(y, product(dense.a, x0)))]);
        return multistep({ ...sampling, edit, clip: clipDenoised }, sigmas, { least, start: "xT", draw: String });
      },
    );
  }
});

Deno.test("flow-euler goes along straight paths, from the greatest noise that the network knows", async () => {
  const known = Math.sqrt((1 - LINEAR.at(-1)!) / LINEAR.at(-1)!);
  const most = known / (1 + known);
  for (const shift of [1, 3]) {
    const shifted = (t: number): number => shift * t / (1 + (shift - 1) * t);
    // What is shifted to the greatest noise, and the least time shifted once before the list is.
    const [first, last] = [most / (shift - (shift - 1) * most), shifted(0.001)];
    const times = [...[0, 1, 2, 3].map((k) => shifted(first + k / 3 * (last - first))), 0];
    await compareLevels(
      `flow-euler, shift ${shift}`,
      times.slice(0, -1).map((t) => t / (1 - t)),
      (runtime, model, noise) => PLAIN_SAMPLERS.flow_euler.sample(runtime, { model }, { steps: 4, shift, noise }),
      (sampling) => straight({ ...sampling, clip: false }, times),
    );
  }
});

Deno.test("a run goes over the noise levels of the network's training unless others are given", async () => {
  const levelsSeen = async (range: object, ends: readonly [number, number]): Promise<readonly number[]> => {
    let seen: readonly number[] = [];
    const { model } = countingModel(LINEAR);
    const withLevels = (levels: Float64Array): NoiseModel => {
      seen = Array.from(levels, (alphaBar) => Math.sqrt((1 - alphaBar) / alphaBar));
      return model.withLevels!(levels);
    };
    const process = { ...noiseLevelProcess("edm"), range: ends };
    const runtime = new ReferenceRuntime();
    const noise = seededNoise([1]);
    const given = { ...range, steps: 3, noise };
    const run = PLAIN_SAMPLERS.euler.sample(runtime, { model: { ...model, process, withLevels } }, given);
    while (!(await run.next()).done);
    return [seen[0]!, seen.at(-1)!];
  };
  assertClose(await levelsSeen({}, [0.004, 50]), [50, 0.004], 1e-9, "the network's");
  assertClose(await levelsSeen({}, [0, Infinity]), [80, 0.002], 1e-9, "of EDM networks");
  assertClose(await levelsSeen({ sigmaMax: 7, sigmaMin: 0.5 }, [0, Infinity]), [7, 0.5], 1e-9, "those given");
});

Deno.test("ranges that do not go up, places off the grid, classifiers and models of one list are refused", () => {
  const runtime = new ReferenceRuntime();
  const { model } = countingModel(LINEAR);
  const noise = seededNoise([1]);
  const { heun, consistency } = PLAIN_SAMPLERS;
  const range = { sigmaMin: 2, sigmaMax: 1, noise };
  assertThrows(() => heun.sample(runtime, { model }, range), RangeError, "from sigmaMin 2 to sigmaMax 1");
  for (const ts of ["0", "0,5,5", "0,40", "0,x", "-1,3", "0,,3"]) {
    const start = (): unknown => consistency.sample(runtime, { model }, { ts, noise });
    assertThrows(start, RangeError, `ts is "${ts}", at least two ascending integers within 0..39`);
  }
  const guidance = { logits: () => model.predictEps(undefined as never, 0), label: 0, scale: 1 };
  for (const name of ["heun", "euler", "consistency", "flow_euler"] as const) {
    const start = (): unknown => PLAIN_SAMPLERS[name].sample(runtime, { model, guidance }, { noise });
    assertThrows(start, TypeError, `Cannot run ${name} with a classifier`);
  }
  const { withLevels: _, ...fixed } = model;
  assertThrows(() => heun.sample(runtime, { model: fixed }, { noise }), TypeError, "a model with withLevels is needed");
});
