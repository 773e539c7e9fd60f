/** When the state of a run is saved, by a clock that the test moves. */
import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../parameters/mod.ts";
import { saveEvery, SaveTimes } from "../../restoration/mod.ts";

/** The steps behind which a run is saved. */
function savedSteps(times: SaveTimes, steps: number, secondsAt: (step: number) => number): readonly number[] {
  const saved: number[] = [];
  for (let step = 1; step <= steps; step++) {
    times.see({ step, steps }, 1000 + secondsAt(step));
    if (!times.isDue) continue;
    times.save();
    saved.push(step);
  }
  return saved;
}

Deno.test("a run of more than ten minutes is saved every minute, one of less is not", () => {
  // The first step takes 20 seconds more, as it compiles.
  const at = (pace: number) => (step: number): number => 20 + pace * step;
  assertEquals(savedSteps(new SaveTimes(undefined, 1000), 20, at(25)), []);
  assertEquals(savedSteps(new SaveTimes(undefined, 1000), 20, at(30)).slice(0, 4), [2, 4, 6, 8]);
  assertEquals(savedSteps(new SaveTimes(undefined, 1000), 1000, at(0.7)).slice(0, 2), [58, 144]);
});

Deno.test("a run that becomes long is saved from then on, and one that goes on counts what it took before", () => {
  const slowing = (step: number): number => step < 50 ? step : 50 + 40 * (step - 50);
  assertEquals(savedSteps(new SaveTimes(undefined, 1000), 100, slowing).slice(0, 3), [58, 60, 62]);
  const steady = (step: number): number => 10 * step;
  assertEquals(savedSteps(new SaveTimes(undefined, 1000), 20, steady), []);
  const resumed = new SaveTimes(undefined, 1000, 500);
  assertEquals(savedSteps(resumed, 20, steady), [6, 12, 18]);
  assertEquals(resumed.seconds, 700);
});

Deno.test("a run is saved as often as is said, however short it is", () => {
  assertEquals(savedSteps(new SaveTimes(0, 1000), 4, (step) => step / 100), [1, 2, 3, 4]);
  assertEquals(savedSteps(new SaveTimes(2.5, 1000), 9, (step) => step), [3, 6, 9]);
});

Deno.test("--save-every does not go with --trace", () => {
  assertEquals(saveEvery({ "save-every": 5 }), 5);
  assertEquals(saveEvery({ trace: "t.safetensors" }), undefined);
  assertThrows(
    () => saveEvery({ "save-every": 5, trace: "t.safetensors" }),
    UsageError,
    "--trace, which holds all steps",
  );
});
