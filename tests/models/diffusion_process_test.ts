import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  alphaBarOf,
  type DiffusionProcess,
  listedProcess,
  noiseLevelProcess,
  noiseSchedule,
  type OutputWeights,
  PUBLISHED_LEVELS,
  scheduleFromBetas,
  sigmaOf,
  timestepOf,
  zeroTerminalSnr,
} from "../../models/mod.ts";
import { assertClose } from "../support/close.ts";
import { openGolden } from "./golden_file.ts";

const LINEAR = noiseSchedule("linear");

/** The recorded kinds, and what their networks give by the names of the file. */
const KINDS: readonly (readonly [string, DiffusionProcess, string])[] = [
  ["VP-eps", listedProcess(LINEAR), "eps"],
  ["VP-v", listedProcess(LINEAR, "v_prediction"), "v"],
  ["VP-x0", listedProcess(LINEAR, "sample"), "x0"],
  ["VE", noiseLevelProcess("ve"), "-eps"],
  ["EDM", noiseLevelProcess("edm", { noiseInput: "nvlabs" }), "edm_F"],
  ["CM", noiseLevelProcess("consistency"), "cm_F"],
  ["RF", noiseLevelProcess("flow"), "u"],
];

Deno.test("the weights of every kind are those of the recorded formulas, and give noise and image back", async () => {
  const file = await openGolden("parametrisations/linear");
  const read = async (name: string): Promise<readonly number[]> => [...await file.readFloat64(name)];
  const [abar, image, noise, states] = await Promise.all(["abar", "x0", "eps", "x_vp"].map(read));
  for (const [name, process, output] of KINDS) {
    const recorded = await read(`eps_form.${name}`);
    const given = await read(output.replace("-", ""));
    const sign = output.startsWith("-") ? -1 : 1;
    for (const [k, level] of abar!.entries()) {
      const weights = process.at(level);
      const { input, epsFromXt, epsFromOutput } = weights;
      const found = [input, epsFromXt, epsFromOutput, weights.noise];
      assertClose(found, recorded.slice(4 * k, 4 * k + 4), 1e-9, `${name} at ${level}`);
      for (let i = 0; i < 6; i++) {
        const x = states![6 * k + i]!;
        // What does not depend on the level is recorded once.
        const F = sign * given[given.length === 6 ? i : 6 * k + i]!;
        assertClose([epsFromXt * x + epsFromOutput * F], [noise![i]!], 1e-9, `eps of ${name} at ${level}`);
        assertClose([weights.x0FromXt * x + weights.x0FromOutput * F], [image![i]!], 1e-9, `x0 of ${name} at ${level}`);
      }
    }
  }
  const sigmas = await read("lookup.sigma");
  assertClose(sigmas.map((sigma) => timestepOf(LINEAR, sigma)), await read("lookup.t"), 1e-9);
});

Deno.test("a timestep of the list is whole, one between is between, and the ends stand for what is beyond them", () => {
  for (const t of [0, 1, 549, 998, 999]) assertEquals(timestepOf(LINEAR, sigmaOf(PUBLISHED_LEVELS[t]!)), t);
  assertEquals([timestepOf(LINEAR, 1e-9), timestepOf(LINEAR, Infinity)], [0, 999]);
  assertClose([timestepOf(LINEAR, 1)], [258.093020], 1e-8);
  const thinned = scheduleFromBetas(Float64Array.of(0.1, 0.2), [0, 500]);
  const middle = Math.sqrt(sigmaOf(thinned.alphaBar[0]!) * sigmaOf(thinned.alphaBar[1]!));
  assertClose([timestepOf(thinned, middle)], [250], 1e-9);
});

Deno.test("a network of noise levels is told the nearest end of its training beyond it", () => {
  const edm = noiseLevelProcess("edm");
  const told = (sigma: number): number => edm.at(alphaBarOf(sigma)).noise;
  assertClose([told(80), told(150), told(1e-3)], [250 * Math.log(80), 250 * Math.log(80), 250 * Math.log(0.002)], 1e-9);
  // The input still has the scale of the true level.
  assert(edm.at(alphaBarOf(150)).input !== edm.at(alphaBarOf(80)).input);
});

Deno.test("at pure noise v, image and velocity still say what the image is, and noise does not", () => {
  const ended = zeroTerminalSnr(LINEAR);
  assertEquals(ended.alphaBar[999], 0);
  assertClose([ended.alphaBar[0]!], [LINEAR.alphaBar[0]!], 1e-12);
  const finite = (weights: OutputWeights): boolean => Object.values(weights).every(Number.isFinite);
  for (const type of ["v_prediction", "sample"] as const) assert(finite(listedProcess(ended, type).at(0)), type);
  const { x0FromXt, x0FromOutput, noise } = listedProcess(ended, "v_prediction").at(0);
  assertEquals([x0FromXt, x0FromOutput, noise], [0, -1, 999]);
  assertEquals(noiseLevelProcess("flow").at(0).noise, 1000);
  assertThrows(() => listedProcess(ended), RangeError, "v_prediction or sample is needed");
});

Deno.test("processes of the wrong kind or with impossible constants are refused", () => {
  assertThrows(() => listedProcess(LINEAR, "edm"), RangeError, "one of epsilon, v_prediction, sample is needed");
  assertThrows(() => noiseLevelProcess("epsilon"), RangeError, "one of ve, edm, consistency, flow is needed");
  assertThrows(() => noiseLevelProcess("edm", { sigmaData: 0 }), RangeError, "sigmaData is 0");
  assertThrows(() => noiseLevelProcess("edm", { sigmaMin: 90 }), RangeError, "from 90 to 80");
});

Deno.test("curves with given ends are not scaled by the number of steps", () => {
  const range = { first: 0.0001, last: 0.02 };
  assertClose(noiseSchedule("linear", 10, range).betas.filter((_, k) => k === 0 || k === 9), [1e-4, 0.02], 1e-12);
  const scaled = noiseSchedule("scaled_linear", 3, { first: 0.00085, last: 0.012 }).betas;
  assertClose(scaled, [0.00085, ((Math.sqrt(0.00085) + Math.sqrt(0.012)) / 2) ** 2, 0.012], 1e-12);
  const sigmoid = noiseSchedule("sigmoid", 3, range).betas;
  assertClose(sigmoid, [-6, 0, 6].map((s) => 1e-4 + 0.0199 / (1 + Math.exp(-s))), 1e-12);
});
