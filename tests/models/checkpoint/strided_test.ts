import { assert, assertEquals } from "@std/assert";
import {
  copyStrided,
  isContiguous,
  memoryRange,
  mergeDimensions,
  type StridedView,
} from "../../../models/checkpoint/strided.ts";
import { randomIntegers } from "../../support/random.ts";

/** Index in memory of every element, in order. */
function addresses({ shape, stride }: StridedView): number[] {
  let found = [0];
  shape.forEach((size, i) => {
    found = found.flatMap((base) => Array.from({ length: size }, (_, k) => base + k * stride[i]!));
  });
  return found;
}

/** Views of up to five dimensions, many of which can be merged. */
function randomViews(count: number): StridedView[] {
  const random = randomIntegers(7);
  return Array.from({ length: count }, () => {
    const shape = Array.from({ length: random(6) }, () => 1 + random(4));
    const stride = shape.map((_, i) => shape.slice(i + 1).reduce((product, size) => product * size, 1));
    for (let i = 0; i < shape.length; i++) if (random(4) === 0) stride[i] = random(7);
    const order = shape.map((_, i) => i);
    if (random(2) === 0) order.sort(() => random(3) - 1);
    return { shape: order.map((i) => shape[i]!), stride: order.map((i) => stride[i]!) };
  });
}

Deno.test("mergeDimensions() keeps the elements and their order", () => {
  for (const view of randomViews(500)) {
    const merged = mergeDimensions(view);
    assertEquals(addresses(merged), addresses(view));
    assert(merged.shape.every((size) => size > 1));
    assertEquals(isContiguous(merged), addresses(view).every((address, i) => address === i));
  }
});

Deno.test("mergeDimensions() finds the fewest dimensions", () => {
  assertEquals(mergeDimensions({ shape: [2, 3, 4], stride: [12, 4, 1] }), { shape: [24], stride: [1] });
  assertEquals(mergeDimensions({ shape: [2, 1, 4], stride: [4, 99, 1] }), { shape: [8], stride: [1] });
  assertEquals(mergeDimensions({ shape: [4, 3, 3, 2], stride: [18, 1, 6, 3] }), {
    shape: [4, 3, 6],
    stride: [18, 1, 3],
  });
  assertEquals(mergeDimensions({ shape: [1, 1], stride: [5, 7] }), { shape: [], stride: [] });
});

Deno.test("memoryRange() covers the elements of every run", () => {
  const random = randomIntegers(3);
  for (const view of randomViews(300).map(mergeDimensions).filter(({ shape }) => shape.length > 0)) {
    const all = addresses(view);
    const first = random(all.length);
    const count = 1 + random(all.length - first);
    const [begin, end] = memoryRange(view, first, count);
    const run = all.slice(first, first + count);
    assert(run.every((address) => address >= begin && address < end));
    assert(end <= Math.max(...all) + 1);
  }
});

Deno.test("copyStrided() copies every run of elements, also through windows that split it", () => {
  const random = randomIntegers(5);
  const memory = Uint32Array.from({ length: 20_000 }, (_, i) => i + 1000);
  for (const view of randomViews(500).map(mergeDimensions).filter(({ shape }) => shape.length > 0)) {
    const all = addresses(view);
    const first = random(all.length);
    const target = new Uint32Array(1 + random(all.length - first));
    const [begin, end] = memoryRange(view, first, target.length);
    const step = 1 + random(end - begin);
    for (let at = begin; at < end; at += step) {
      copyStrided(target, view, first, { begin: at, words: memory.subarray(at, Math.min(at + step, end)) });
    }
    assertEquals([...target], all.slice(first, first + target.length).map((address) => address + 1000));
  }
});

Deno.test("copyStrided() copies long runs of neighbours at once", () => {
  const view = { shape: [3, 40], stride: [50, 1] };
  const words = Uint16Array.from({ length: 140 }, (_, i) => i);
  const target = new Uint16Array(120);
  copyStrided(target, view, 0, { begin: 0, words });
  assertEquals([...target], addresses(view));
});
