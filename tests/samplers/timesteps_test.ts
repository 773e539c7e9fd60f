import { assertEquals, assertThrows } from "@std/assert";
import { spaceTimesteps, ssdTimesteps } from "../../samplers/mod.ts";
import { openGolden } from "../models/golden_file.ts";

Deno.test("ssdTimesteps() gives the lists of the published settings", () => {
  assertEquals(ssdTimesteps(550, 5), [0, 137, 274, 412, 549]);
  assertEquals(ssdTimesteps(750, 5), [0, 187, 374, 562, 749]);
  const lists: Record<string, readonly number[]> = {
    "550 15": [0, 39, 78, 118, 157, 196, 235, 274, 314, 353, 392, 431, 471, 510, 549],
    "750 15": [0, 54, 107, 160, 214, 268, 321, 374, 428, 482, 535, 588, 642, 696, 749],
    // deno-fmt-ignore
    "550 25": [
      0, 23, 46, 69, 92, 114, 137, 160, 183, 206, 229, 252, 274, 297, 320, 343, 366, 389, 412, 435, 458, 480, 503, 526,
      549,
    ],
    // deno-fmt-ignore
    "750 25": [
      0, 31, 62, 94, 125, 156, 187, 218, 250, 281, 312, 343, 374, 406, 437, 468, 499, 531, 562, 593, 624, 655, 687, 718,
      749,
    ],
  };
  for (const [setting, list] of Object.entries(lists)) {
    const [t0, count] = setting.split(" ").map(Number);
    assertEquals(ssdTimesteps(t0 as number, count as number), list, setting);
  }
  assertEquals(ssdTimesteps(550, 85).slice(0, 6), [0, 7, 13, 20, 26, 33]);
  assertEquals(ssdTimesteps(550, 85).slice(-4), [529, 536, 542, 549]);
  assertEquals(ssdTimesteps(750, 85).slice(0, 6), [0, 9, 18, 27, 36, 45]);
  assertEquals(ssdTimesteps(750, 85).slice(-4), [722, 731, 740, 749]);
});

Deno.test("ssdTimesteps() equals the recorded schedules", async () => {
  const file = await openGolden("schedule-1000");
  const configs = JSON.parse(file.metadata.get("configs") as string) as Record<
    string,
    { forward_steps: number; backward_steps: number }
  >;
  for (const [name, config] of Object.entries(configs)) {
    const t0 = Number(/_t(\d+)$/.exec(name)?.[1]);
    const forward = await file.readIntegers(`${name}.forward.timestep_map`);
    const backward = await file.readIntegers(`${name}.backward.timestep_map`);
    assertEquals(ssdTimesteps(t0, config.forward_steps), forward, name);
    assertEquals(ssdTimesteps(t0, config.backward_steps), backward, name);
  }
});

Deno.test("ssdTimesteps() ends at t0 - 1 for every count and never repeats", () => {
  for (const t0 of [2, 3, 10, 97, 550]) {
    for (let count = 2; count <= t0; count++) {
      const list = ssdTimesteps(t0, count);
      assertEquals([list.length, list[0], list.at(-1)], [count, 0, t0 - 1], `t0 ${t0}, count ${count}`);
    }
  }
});

Deno.test("ssdTimesteps() refuses counts and shortcuts out of range", () => {
  assertThrows(() => ssdTimesteps(1, 2), RangeError, "t0 is 1");
  assertThrows(() => ssdTimesteps(10.5, 2), RangeError, "t0 is 10.5");
  assertThrows(() => ssdTimesteps(10, 1), RangeError, "1 steps were asked for, 2..10 are possible");
  assertThrows(() => ssdTimesteps(10, 11), RangeError, "11 steps were asked for");
});

Deno.test("spaceTimesteps() equals the recorded respacings", async () => {
  const file = await openGolden("schedule-1000");
  for (const rule of JSON.parse(file.metadata.get("respacings") as string) as string[]) {
    const recorded = await file.readIntegers(`respace_${rule.replaceAll(",", "-")}.timestep_map`);
    assertEquals(spaceTimesteps(1000, rule), recorded, rule);
  }
});

Deno.test("spaceTimesteps() makes the first sections longer and takes single values from their start", () => {
  assertEquals(spaceTimesteps(11, "2,1,3"), [0, 3, 4, 8, 9, 10]);
  assertEquals(spaceTimesteps(10, "1"), [0]);
});

Deno.test("spaceTimesteps() takes the smallest stride that gives the count", () => {
  assertEquals(spaceTimesteps(10, "ddim4"), [0, 3, 6, 9]);
  assertEquals(spaceTimesteps(1000, "ddim50").at(-1), 980);
});

Deno.test("spaceTimesteps() refuses rules that it cannot follow", () => {
  assertThrows(() => spaceTimesteps(10, "ddim7"), RangeError, "no integer stride gives 7 of 10");
  assertThrows(() => spaceTimesteps(10, "4,8"), RangeError, "section 1 has 5 timesteps, not 8");
  assertThrows(() => spaceTimesteps(10, "4,,8"), RangeError, 'by "4,,8"');
  assertThrows(() => spaceTimesteps(10, "fast"), RangeError, 'by "fast"');
});
