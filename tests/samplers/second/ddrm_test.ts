import { ddrm } from "./ddrm.ts";
import { compare, PAIRS, spectralPairs } from "./harness.ts";
import { LINEAR, MILD } from "./schedule.ts";

/** All three shares differ, so that none can stand for another. */
const OPTIONS = [
  { steps: 5, eta: 0.85, etaA: 0.6, etaB: 1 },
  { steps: 6, eta: 0.2, etaA: 0.95, etaB: 0.4 },
  { steps: 4, eta: 1, etaA: 0, etaB: 0.7 },
  { steps: 3, eta: 0, etaA: 1, etaB: 0 },
];

Deno.test("ddrm makes the states of the published rule where the measurement is better, worse and silent", async () => {
  for (const sigmaY of [0, 0.03, 0.3, 2]) {
    for (const pair of PAIRS) {
      for (const options of OPTIONS) await compare("ddrm", options, { pair, abar: MILD, sigmaY }, ddrm);
    }
  }
});

Deno.test("ddrm makes the same states on the schedule of 1000 steps, with one step more where they do not divide it", async () => {
  for (const steps of [9, 30]) {
    await compare("ddrm", { ...OPTIONS[0]!, steps }, { pair: PAIRS[0]!, abar: LINEAR, sigmaY: 0.1 }, ddrm);
  }
});

Deno.test("ddrm samples the coefficients of a blur, of which some are lost", async () => {
  for (const pair of await spectralPairs()) {
    for (const sigmaY of [0, 0.1, 1]) {
      for (const options of OPTIONS) await compare("ddrm", options, { pair, abar: MILD, sigmaY }, ddrm);
    }
  }
});
