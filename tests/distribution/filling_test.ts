/** How a queue is filled: no further than is needed, and with all that is missing, whatever is lost on the way. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Chunk } from "../../distribution/chunks.ts";
import { Filling, type FillingOptions } from "../../distribution/filling.ts";
import { Ledger } from "../../distribution/ledger.ts";
import { type PlannedPair, type PlannedUnit, PlanUnits, UNIT_FILES, writeText } from "../../evaluation/mod.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";
import { expectedTables, openQueue, pass, serveAt, tablesOf, workAt } from "./setting.ts";

/** Two pairs of 1 and 3 evaluations, and the first of them once more. */
const PAIRS: readonly PlannedPair[] = [1, 3, 1].map((actual, method) => ({
  task: 0,
  method,
  evaluations: { nominal: actual, actual },
}));

/** Units of each pair: so many pictures, each with so many seeds. */
function unitsOf(pictures: number, seeds: number): PlanUnits {
  const images = Array.from({ length: pictures }, (_, image) => ({ sha256: `${image}` }));
  return new PlanUnits(PAIRS.map((pair) => ({ ...pair, key: { nfe: pair.evaluations.actual } })), images, [
    ...Array(seeds).keys(),
  ]);
}

/** 20 units of each pair: 40 results. */
const ALL = unitsOf(20, 1);

const UNITS: readonly PlannedUnit[] = await Array.fromAsync(ALL);

function ledger(): Ledger {
  return new Ledger(ALL, { pairs: PAIRS });
}

/** A queue that keeps what is put there. */
class Kept {
  readonly chunks: { readonly chunk: Chunk; readonly attempt: string }[] = [];
  isAway = false;

  addChunk(_plan: string, chunk: Chunk, attempt: string): Promise<void> {
    if (this.isAway) return Promise.reject(new Error("away"));
    this.chunks.push({ chunk, attempt });
    return Promise.resolve();
  }

  get units(): readonly number[] {
    return this.chunks.flatMap(({ chunk }) => chunk.units.map((unit) => ALL.indexOf(unit))).sort((a, b) => a - b);
  }
}

function filling(queue: Kept, own: Ledger, ahead: number, changed: Partial<FillingOptions> = {}): Filling {
  const options = { plan: "p", units: ALL, store: new MemoryStore(), size: 3, ahead, ledger: own, ...changed };
  return new Filling(queue, { ...options, check: () => Promise.resolve() });
}

const PLACES = Array.from({ length: 40 }, (_, at) => at);

Deno.test("Ledger counts results once, with their evaluations, and knows what was given up", () => {
  const own = ledger();
  assertEquals([own.missing, own.size, own.evaluations, own.evaluationsLeft], [40, 40, 80, 80]);
  assertEquals([own.store(0), own.store(0), own.store(40)], [true, false, false], "unit 40 is unit 0 once more");
  assertEquals([own.giveUp(39, UNITS[39]!, "broken"), own.giveUp(0, UNITS[0]!, "stored already")], [true, false]);
  assertEquals([own.missing, own.failed, own.evaluationsLeft], [38, 1, 76]);
  assertEquals(own.failures, [{ unit: UNITS[39]!, reason: "broken", isDeviceLimit: false }]);
  assertEquals(own.store(39), true, "another machine has made it after all");
  assertEquals([own.missing, own.failed, own.evaluationsLeft], [38, 0, 76]);
  assertEquals(PLACES.filter((index) => !own.isMissing(index)), [0, 39]);
});

Deno.test("a queue is filled up to a bound, again when it is half empty, and never with the same twice", async () => {
  const queue = new Kept();
  const own = filling(queue, ledger(), 4);
  await own.fill();
  await own.fill();
  assertEquals(queue.chunks.length, 4);
  own.done();
  await own.fill();
  assertEquals(queue.chunks.length, 4, "more than half is there");
  own.done();
  await own.fill();
  assertEquals(queue.chunks.length, 6);
  for (let done = 0; done < 20; done++) {
    own.done();
    await own.fill();
    assert(queue.chunks.length <= done + 1 + 2 + 4, "no more than the bound is ahead");
  }
  assertEquals(queue.units, PLACES);
  // 20 units in chunks of 3, of one pair each.
  assertEquals(queue.chunks.length, 14);
});

Deno.test("what the queue has lost, or could not take, is put there once more, by the same names", async () => {
  const queue = new Kept();
  const own = ledger();
  const all = filling(queue, own, 1000);
  queue.isAway = true;
  await assertRejects(() => all.fill(), Error, "away");
  queue.isAway = false;
  await all.fill();
  assertEquals(queue.units, PLACES, "what could not be put there is not left out");
  const names = new Set(queue.chunks.map(({ chunk: { id } }) => id));
  queue.chunks.length = 0;
  for (const index of PLACES.slice(0, 5)) own.store(index);
  await all.refill();
  assertEquals(queue.units, PLACES.slice(5));
  assertEquals(queue.chunks.every(({ chunk: { id } }) => names.has(id)), true, "also those that are in part there");
  assertEquals([...new Set(queue.chunks.map(({ attempt }) => attempt))], [".1"], "a server takes them for new ones");
});

Deno.test("what the store has is left out on the way, and the ledger knows it then", async () => {
  const store = new MemoryStore();
  const queue = new Kept();
  const own = ledger();
  for (const { id } of UNITS.slice(0, 7)) {
    await writeText(store, UNIT_FILES.record(id), { id });
    await store.write(UNIT_FILES.picture(id), new Uint8Array());
  }
  const all = filling(queue, own, 4, { store });
  assertEquals(own.missing, 40, "nothing is looked for before");
  await all.fill();
  assertEquals([own.missing, queue.units[0], queue.chunks.length], [33, 7, 4]);
});

Deno.test("of ten million units a coordinator makes those alone that are on their way", async () => {
  const units = unitsOf(1000, 5000);
  let made = 0;
  const at = units.at.bind(units);
  const counted = Object.assign(units, { at: (index: number) => (made++, at(index)) });
  const own = new Ledger(counted, { pairs: PAIRS });
  const queue = new Kept();
  const all = filling(queue, own, 10, { units: counted, ledger: own });
  await all.fill();
  assertEquals([own.size, own.missing, made], [10_000_000, 10_000_000, 30]);
  for (let done = 0; done < 5; done++) all.done();
  await all.fill();
  assertEquals(made, 45);
});

natsTest("a coordinator that keeps two chunks ahead gives the tables of one process", async ({ server: { host } }) => {
  const store = new MemoryStore();
  const queue = await openQueue(host);
  let isOver = false;
  let most = 0;
  const serving = serveAt(host, { store, ahead: 2 });
  void serving.finally(() => isOver = true);
  const working = [0, 1].map(() => workAt(host));
  while (!isOver) {
    most = Math.max(most, (await queue.waiting().catch(() => undefined))?.chunks ?? 0);
    await pass(5);
  }
  await Promise.all([serving, ...working]);
  // A worker lets go of its chunk after the coordinator has been told of the result.
  assert(most > 0 && most <= 2 + working.length, `${most} chunks were there at once`);
  assertEquals(await tablesOf(store), await expectedTables());
  await queue.connection.close();
});
