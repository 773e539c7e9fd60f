/** Runs samplers that make their list of noise levels themselves beside second implementations in states without scale. */
import { assertEquals } from "@std/assert";
import { type DeviceTensor, ReferenceRuntime } from "../../../engine/mod.ts";
import type { NoiseModel } from "../../../models/mod.ts";
import type { NoiseSource, Progress } from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { analyticEps, countingModel, drawn, recordedNoise } from "./harness.ts";
import type { LevelSampling, LevelState } from "./noise_levels.ts";
import { LINEAR } from "./schedule.ts";

/** Relative error that a state may have: some hundred roundings of f32. */
const LIMIT = 1e-5;

/**
 * Runs both over the levels of all calls: states, draws, and the places that the network is asked for.
 * @param calls sigma of the list
 * @param places of the list in the order of the calls; by default one after the other
 */
export async function compareLevels(
  what: string,
  calls: readonly number[],
  start: (runtime: ReferenceRuntime, model: NoiseModel, noise: NoiseSource) => AsyncGenerator<Progress, DeviceTensor>,
  second: (sampling: Omit<LevelSampling, "clip">) => Iterable<LevelState>,
  places: readonly number[] = calls.map((_, call) => call),
): Promise<void> {
  const runtime = new ReferenceRuntime();
  const { model, seen } = countingModel(LINEAR);
  const { noise, draws } = recordedNoise(runtime);
  const names: string[] = [];
  const eps = analyticEps(calls.map((sigma) => 1 / (1 + sigma * sigma)));
  const expected = [...second({ eps, z: (name) => (names.push(name), drawn(name)) })];
  const run = start(runtime, model, noise);
  let k = 0;
  for (let next = await run.next();; next = await run.next(), k++) {
    const { x, x0, sigma } = expected[Math.min(k, expected.length - 1)]!;
    const state = x.map((value) => value / Math.sqrt(1 + sigma * sigma));
    if (next.done) {
      assertClose(await next.value.read(), state, LIMIT, `${what}, image`);
      break;
    }
    assertClose(await next.value.x0.read(), x0, LIMIT, `${what}, x0 of step ${k}`);
    assertClose(await next.value.xt.read(), state, LIMIT, `${what}, state of step ${k}`);
    assertEquals([next.value.step, next.value.steps], [k + 1, expected.length], what);
  }
  assertEquals(k, expected.length, `${what}: number of steps`);
  assertEquals(seen, places, `${what}: calls`);
  assertEquals(draws.map(({ name }) => name), names, `${what}: draws`);
}
