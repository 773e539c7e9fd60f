import { compare, PAIRS } from "./harness.ts";
import { LINEAR, MILD } from "./schedule.ts";
import { ssd, type SsdParameters } from "./ssd.ts";

const OPTIONS: SsdParameters = {
  t0: 110,
  inversionSteps: 4,
  generationSteps: 6,
  inversion: "da",
  eta: 0.4,
  useDdim: true,
  ddimEta: 0.8,
  clipDenoised: true,
  injectedSteps: 0,
};

/** Every option away from the published value, alone and with others. */
const VARIANTS: readonly Partial<SsdParameters>[] = [
  {},
  { inversion: "ddim" },
  { inversion: "ddpm" },
  { clipDenoised: false },
  { eta: 0, ddimEta: 0 },
  { eta: 1, ddimEta: 1 },
  { eta: 0.8, t0: 150, inversionSteps: 5, generationSteps: 4 },
  { useDdim: false },
  { useDdim: false, inversion: "ddpm", clipDenoised: false, t0: 200 },
  { inversion: "ddim", clipDenoised: false, inversionSteps: 2, generationSteps: 9, t0: 37 },
];

Deno.test("ssd makes the states of the published rule with every inversion, update and share of noise", async () => {
  for (const pair of PAIRS) {
    for (const sigmaY of [0, 0.2]) {
      for (const variant of VARIANTS) {
        await compare("ssd", { ...OPTIONS, ...variant }, { pair, abar: MILD, sigmaY }, ssd);
      }
    }
  }
});

Deno.test("ssd_plus makes the same states and stops projecting at the published step", async () => {
  for (const pair of PAIRS.slice(0, 2)) {
    for (const tStop of [0, 40, 56, 110]) {
      for (const variant of [{}, { useDdim: false, generationSteps: 7 }, { inversion: "ddpm", generationSteps: 11 }]) {
        const options = { ...OPTIONS, ...variant as Partial<SsdParameters>, tStop };
        await compare("ssd_plus", options, { pair, abar: MILD, sigmaY: 0.2 }, ssd);
      }
    }
  }
});

Deno.test("ssd and ssd_plus make the same states with the published shortcuts on the schedule of 1000 steps", async () => {
  const published = { ...OPTIONS, t0: 550, inversionSteps: 5, generationSteps: 25 };
  for (const variant of [{}, { t0: 750, eta: 0.8 }, { t0: 550, inversionSteps: 15, generationSteps: 85 }]) {
    const options = { ...published, ...variant };
    await compare("ssd", options, { pair: PAIRS[1]!, abar: LINEAR, sigmaY: 0 }, ssd);
    await compare("ssd_plus", { ...options, tStop: 200 }, { pair: PAIRS[2]!, abar: LINEAR, sigmaY: 0.1 }, ssd);
  }
});

Deno.test("ssd and ssd_plus let the first steps down look where the last steps up looked, the last first", async () => {
  for (const injectedSteps of [1, 2, 3]) {
    for (const pair of PAIRS.slice(0, 2)) {
      const setting = { pair, abar: MILD, sigmaY: 0.1, isAttentive: true };
      await compare("ssd", { ...OPTIONS, injectedSteps }, setting, ssd);
      await compare("ssd_plus", { ...OPTIONS, injectedSteps, tStop: 40, clipDenoised: false }, setting, ssd);
    }
  }
});
