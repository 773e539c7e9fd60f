/** Schedules, lists of timesteps and respaced tables against their second implementation. */
import { assertEquals } from "@std/assert";
import { noiseSchedule } from "../../../models/mod.ts";
import {
  ddnmTimesteps,
  respace,
  spaceTimesteps,
  ssdTimesteps,
  strideTimesteps,
  travelMoves,
} from "../../../samplers/mod.ts";
import { assertClose } from "../../support/close.ts";
import { cumulative, ddnmList, LINEAR, places, spaced, strideList, walk } from "./schedule.ts";

Deno.test("the linear schedule is the product of evenly spaced betas, as published", () => {
  assertClose(noiseSchedule("linear").alphaBar, LINEAR, 1e-12);
  const published = [[0, 0.9999], [100, 0.89514159], [300, 0.39401112], [549, 0.04624744], [999, 4.035830e-5]] as const;
  for (const [t, value] of published) assertClose([LINEAR[t]!], [value], 1e-6, `abar at ${t}`);
});

Deno.test("the cosine schedule takes the ratios of a squared cosine, as published", () => {
  const g = (u: number): number => Math.cos((u + 0.008) / 1.008 * Math.PI / 2) ** 2;
  const betas = Array.from({ length: 1000 }, (_, t) => Math.min(1 - g((t + 1) / 1000) / g(t / 1000), 0.999));
  const { alphaBar } = noiseSchedule("cosine");
  assertClose(alphaBar, cumulative(betas), 1e-9);
  assertClose([betas[0]!, betas[999]!, alphaBar[500]!], [4.128422e-5, 0.999, 0.492285], 1e-6);
});

Deno.test("spaced lists are those of running sums rounded half to even, for every length below 80 and the published ones", () => {
  for (let end = 2; end <= 80; end++) {
    for (let count = 2; count <= end; count++) {
      assertEquals(ssdTimesteps(end, count), spaced(end, count), `${count} below ${end}`);
      assertEquals(spaceTimesteps(end, String(count)), spaced(end, count), `${count} of ${end}`);
      assertEquals(spaced(end, count).length, count, `${count} below ${end} are all different`);
    }
  }
  for (
    const [end, count] of [[550, 5], [550, 15], [550, 25], [550, 85], [750, 25], [750, 85], [1000, 250], [1000, 20]]
  ) {
    assertEquals(ssdTimesteps(end!, count!), spaced(end!, count!));
  }
  assertEquals(spaced(550, 15), [0, 39, 78, 118, 157, 196, 235, 274, 314, 353, 392, 431, 471, 510, 549]);
  assertEquals(spaced(750, 5), [0, 187, 374, 562, 749]);
});

Deno.test("lists of equal strides are those of DDNM and of DDRM, for every number of steps", () => {
  for (const total of [40, 97, 1000]) {
    for (let steps = 1; steps <= total; steps += total > 100 ? 7 : 1) {
      assertEquals(ddnmTimesteps(total, steps), ddnmList(total, steps), `${steps} of ${total}`);
      assertEquals(strideTimesteps(total, steps), strideList(total, steps), `about ${steps} of ${total}`);
    }
  }
  assertEquals([ddnmList(1000, 30).at(-1), strideList(1000, 30).at(-1), strideList(1000, 30).length], [957, 990, 31]);
});

Deno.test("respaced tables keep abar and take beta between the kept timesteps", () => {
  const alphaBar = Float64Array.from(LINEAR);
  for (const list of [spaced(550, 5), spaced(1000, 25), strideList(1000, 30), ddnmList(1000, 7)]) {
    const levels = respace(alphaBar, list);
    const expected = places(LINEAR, list);
    for (const [i, { timestep, ...level }] of levels.entries()) {
      const { t, abar, below, beta } = expected[i]!;
      assertEquals(timestep, t);
      assertClose([level.alphaBar, level.alphaBarPrevious, level.beta], [abar, below, beta], 1e-12, `place ${i}`);
    }
  }
});

Deno.test("walks go back where RePaint goes back, for every length and number of repetitions", () => {
  for (let count = 1; count <= 12; count++) {
    for (let travelLength = 1; travelLength <= count; travelLength++) {
      for (const travelRepeat of [1, 2, 3, 5]) {
        const moves = travelMoves(count, { travelLength, travelRepeat });
        assertEquals(moves, walk(count, travelLength, travelRepeat), `${count}, ${travelLength}, ${travelRepeat}`);
      }
    }
  }
  const ups = walk(250, 10, 10).filter(({ from, to }) => to > from).length;
  assertEquals([walk(250, 10, 10).length - ups, ups], [2410, 2160]);
});
