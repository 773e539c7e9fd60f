import { ddnm, ddnmPlus } from "./ddnm.ts";
import { compare, PAIRS, spectralPairs } from "./harness.ts";
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
