import { assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../../engine/mod.ts";
import { SAMPLERS, seededNoise } from "../../../samplers/mod.ts";
import { type Coefficients, ddnm, ddnmPlus, mixedDdnm } from "./ddnm.ts";
import { compare, countingModel, PAIRS, spectralPairs } from "./harness.ts";
import { LINEAR, MILD } from "./schedule.ts";

const STRAIGHT = { steps: 5, eta: 0.85, travelLength: 1, travelRepeat: 1 };

/** Walks: straight, with jumps over one level and over several, and a number of steps that does not divide T. */
const WALKS = [
  STRAIGHT,
  { ...STRAIGHT, steps: 7, eta: 0.3 },
  { ...STRAIGHT, eta: 0, travelRepeat: 2 },
  { ...STRAIGHT, steps: 6, eta: 1, travelLength: 2, travelRepeat: 3 },
  { ...STRAIGHT, steps: 1 },
];

for (const update of ["eta_mix", "posterior"]) {
  Deno.test(`ddnm with update ${update} makes the states of the published rule`, async () => {
    for (const pair of PAIRS) {
      for (const options of WALKS) await compare("ddnm", { ...options, update }, { pair, abar: MILD, sigmaY: 0 }, ddnm);
    }
  });
}

for (const form of ["simplified", "posterior", "spectral", "published_simplified", "published_spectral"]) {
  Deno.test(`ddnm_plus with form ${form} makes the states of the published rule`, async () => {
    const pairs = form === "published_spectral" ? [PAIRS[0]!, ...await spectralPairs()] : PAIRS;
    // The noise is less than that of the state, more, or either by the singular value and the step.
    for (const sigmaY of [0, 0.05, 0.4, 2]) {
      for (const pair of pairs) {
        for (const options of WALKS.slice(0, 4)) {
          await compare("ddnm_plus", { ...options, form }, { pair, abar: MILD, sigmaY }, ddnmPlus);
        }
      }
    }
  });
}

Deno.test("ddnm and ddnm_plus make the same states on the schedule of 1000 steps", async () => {
  for (const pair of PAIRS.slice(0, 2)) {
    await compare("ddnm", { ...STRAIGHT, steps: 9, update: "eta_mix" }, { pair, abar: LINEAR, sigmaY: 0 }, ddnm);
    const options = { ...STRAIGHT, steps: 9, form: "spectral" };
    await compare("ddnm_plus", options, { pair, abar: LINEAR, sigmaY: 0.1 }, ddnmPlus);
  }
});

Deno.test("ddnm_plus weighs the coefficients of a blur, of which some are lost", async () => {
  const pairs = await spectralPairs();
  for (const form of ["spectral", "simplified"]) {
    for (const pair of pairs) {
      for (const sigmaY of [0, 0.1, 1]) {
        await compare("ddnm_plus", { ...STRAIGHT, form }, { pair, abar: MILD, sigmaY }, ddnmPlus);
      }
    }
  }
});

/** Some coefficients for a number of steps. */
function coefficients(steps: number): Coefficients {
  const lists = (shift: number): readonly (readonly number[])[] =>
    Array.from({ length: steps }, (_, k) => Array.from({ length: k + 1 }, (_, j) => Math.sin(3 * k + 5 * j + shift)));
  return { observed: lists(1), free: lists(2) };
}

Deno.test("ddnm with extrapolation mixes every prediction with the mixtures before", async () => {
  for (const pair of PAIRS) {
    for (const [steps, eta] of [[1, 0.5], [5, 0.85]] as const) {
      const options = { ...STRAIGHT, steps, eta, extrapolation: coefficients(steps) };
      await compare("ddnm", options, { pair, abar: MILD, sigmaY: 0 }, mixedDdnm);
    }
  }
});

Deno.test("ddnm refuses coefficients that are not those of its steps", () => {
  const [runtime, { operator }] = [new ReferenceRuntime(), PAIRS[1]!];
  const size = operator.measurementShape.reduce((product, extent) => product * extent, 1);
  const y = runtime.upload(new Float32Array(size), [1, ...operator.measurementShape]);
  const problem = { model: countingModel(MILD).model, operator, y, sigmaY: 0 };
  const good = coefficients(3);
  const cases = [
    [{ extrapolation: coefficients(2) }, "list 2 of the observed coefficients is missing, 3 lists"],
    [{ extrapolation: coefficients(4) }, "list 3 of the observed coefficients is 4 numbers long, 3 lists"],
    [{ extrapolation: { ...good, free: [[1], [1], [1, 1, 1]] } }, "list 1 of the free coefficients is 1 numbers long"],
    [{ extrapolation: good, travelRepeat: 2 }, "travelRepeat is 2, 1 is needed"],
  ] as const;
  for (const [options, message] of cases) {
    const noise = seededNoise([1]);
    assertThrows(() => SAMPLERS.ddnm.restore(runtime, problem, { steps: 3, ...options, noise }), RangeError, message);
  }
});
