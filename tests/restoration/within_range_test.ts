/** Pictures brought into range that stay true to their measurement. */
import { assert, assertEquals } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import { createOperator, type OperatorValues } from "../../operators/mod.ts";
import { applyOperator } from "../../restoration/mod.ts";
import { type Comparer, comparer, withinRange } from "../../restoration/within_range.ts";
import { randomValues } from "../support/random.ts";

const SHAPE = [8, 8, 3];
const LEVEL = 2 / 255;

/** A picture brought into range. */
interface Fitted {
  readonly x: Float32Array;
  /** Before. */
  readonly start: Float32Array<ArrayBuffer>;
  /** Largest |A x - y|. */
  readonly misfit: number;
  /** How often the picture was held against the measurement. */
  readonly asked: number;
}

/**
 * Brings a picture into range that was made of a measurement.
 * @param change of the picture before; in the end it is made true to the measurement, if that is asked for
 */
async function fitted(
  [name, options]: readonly [name: string, options: OperatorValues],
  truth: Float32Array<ArrayBuffer>,
  change: (value: number, index: number) => number,
  isTrue = true,
): Promise<Fitted> {
  const cpu = new ReferenceRuntime();
  const operator = createOperator(name, SHAPE, options);
  const y = await applyOperator(cpu, operator, "forward", cpu.upload(truth, [1, ...SHAPE]));
  using real = comparer(cpu, operator, y);
  const changed = truth.map(change);
  const correction = (await real.correction(changed))!;
  const start = isTrue ? changed.map((value, i) => value + correction[i]!) : changed;
  let asked = 0;
  const counted: Comparer = { ...real, correction: (x) => (asked++, real.correction(x)) };
  const x = await withinRange(counted, start, true);
  return { x, start, asked, misfit: greatest(await real.residual(x)) };
}

function greatest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

const clamp = (value: number): number => Math.min(1, Math.max(-1, value));

/** A picture with blocks of 4 x 4 pixels, one of each value per channel. */
function blocks(values: readonly number[]): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: 8 * 8 * 3 }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return values[2 * (pixel >> 5) + ((pixel % 8) >> 2)]!;
  });
}

const SR4 = ["sr_average", { scale: 4 }] as const;

Deno.test("means of saturated blocks are met, however few of their pixels are in range", async () => {
  const truth = blocks([1, -1, 0.99, 0.3]);
  // Of a block one pixel is far inside, fifteen are beyond the mean.
  const { x, start, misfit } = await fitted(SR4, truth, (value, i) => {
    const pixel = Math.floor(i / 3);
    const isInside = pixel % 4 === 1 && (pixel >> 3) % 4 === 2;
    return value + Math.sign(value) * (isInside ? -1.5 : 0.1);
  });
  assert(greatest(start) > 1.1);
  assert(misfit <= LEVEL / 2, `${misfit / LEVEL} levels`);
  assert(x.every((value) => Math.abs(value) <= 1));
  assert(x.every((value, i) => truth[i] !== 1 || value > 1 - 3 * LEVEL), "what makes white is white");
});

Deno.test("a picture is nearer to what was measured, and to the truth, than one that is clamped", async () => {
  const length = SHAPE.reduce((product, extent) => product * extent, 1);
  const [noise, wild] = [randomValues(length, 4), randomValues(length, 5)];
  const truth = Float32Array.from(noise, (value) => clamp(1.4 * value));
  for (const each of [SR4, ["colorize", {}], ["deblur_motion", {}]] as const) {
    const { x, start, misfit } = await fitted(each, truth, (value, i) => value + wild[i]!);
    const off = (from: ArrayLike<number>): number => truth.reduce((sum, value, i) => sum + (value - from[i]!) ** 2, 0);
    const clampedOnly = await fitted(each, truth, (_, i) => clamp(start[i]!), false);
    assertEquals(clampedOnly.x, start.map(clamp), each[0]);
    assert(misfit < clampedOnly.misfit / 4, `${each[0]}: ${misfit}, ${clampedOnly.misfit}`);
    assert(off(x) < off(clampedOnly.x), `${each[0]}: ${off(x)}, ${off(clampedOnly.x)}`);
  }
});

Deno.test("what was not true to the measurement before is clamped alone", async () => {
  const { x, start, asked } = await fitted(SR4, blocks([1, -1, 0.99, 0.3]), (value) => 1.1 * value, false);
  assertEquals([x, asked], [start.map(clamp), 1]);
});

Deno.test("a picture in range keeps its bits, and nothing is computed", async () => {
  const { x, start, asked } = await fitted(SR4, blocks([0.5, -0.5, 1, -1]), (value) => value / 2);
  assertEquals([x, asked], [start, 0]);
});

Deno.test("of a noisy measurement, and of an operator that is not linear, a picture is clamped alone", async () => {
  const never: Comparer = {
    residual: () => Promise.reject(new Error("not asked")),
    correction: () => Promise.resolve(undefined),
    [Symbol.dispose]: () => {},
  };
  const x = Float32Array.of(1.5, 0.25, -3);
  assertEquals(await withinRange(never, x, true), Float32Array.of(1, 0.25, -1));
  const refuses = { ...never, correction: never.residual };
  assertEquals(await withinRange(refuses, x, false), Float32Array.of(1, 0.25, -1));
});
