/** How a queue is filled: no further than is needed, and with all that is missing, whatever is lost on the way. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Chunk } from "../../distribution/chunks.ts";
import { Filling } from "../../distribution/filling.ts";
import { Ledger } from "../../distribution/ledger.ts";
import type { PlannedPair, PlannedUnit } from "../../evaluation/mod.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";
import { expectedTables, openQueue, pass, serveAt, tablesOf, workAt } from "./setting.ts";

/** 20 units of each of two pairs, of 1 and 3 evaluations. */
const UNITS: readonly PlannedUnit[] = Array.from({ length: 40 }, (_, at) => ({
  id: `${at}`.padStart(64, "0"),
  task: 0,
  method: Math.floor(at / 20),
  image: at % 20,
  seed: 0,
}));

const PAIRS: readonly PlannedPair[] = [1, 3].map((actual, method) => ({
  task: 0,
  method,
  evaluations: { nominal: actual, actual },
}));

function ledger(): Ledger {
  return new Ledger({ units: [...UNITS, UNITS[0]!], pairs: PAIRS });
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
    return this.chunks.flatMap(({ chunk }) => chunk.units.map(({ id }) => Number(id))).sort((a, b) => a - b);
  }
}

function filling(queue: Kept, own: Ledger, ahead: number): Filling {
  return new Filling(queue, { plan: "p", size: 3, ahead, ledger: own, check: () => Promise.resolve() });
}

const ALL = UNITS.map((_, at) => at);

Deno.test("Ledger counts units once, with their evaluations, and knows what was given up", () => {
  const own = ledger();
  assertEquals([own.missing, own.units.size, own.evaluations, own.evaluationsLeft], [40, 40, 80, 80]);
  assertEquals([own.store(UNITS[0]!.id), own.store(UNITS[0]!.id), own.store("x")], [true, false, false]);
  own.giveUp(UNITS[39]!.id, "broken");
  own.giveUp(UNITS[0]!.id, "stored already");
  own.giveUp("x", "of another plan");
  assertEquals([own.missing, own.failed, own.evaluationsLeft], [38, 1, 76]);
  assertEquals(own.failures, [{ unit: UNITS[39]!, reason: "broken", isDeviceLimit: false }]);
  assertEquals(own.store(UNITS[39]!.id), true, "another machine has made it after all");
  assertEquals([own.missing, own.failed, own.evaluationsLeft], [38, 0, 76]);
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
  assertEquals(queue.units, ALL);
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
  assertEquals(queue.units, ALL, "what could not be put there is not left out");
  const names = new Set(queue.chunks.map(({ chunk: { id } }) => id));
  queue.chunks.length = 0;
  for (const { id } of UNITS.slice(0, 5)) own.store(id);
  await all.refill();
  assertEquals(queue.units, ALL.slice(5));
  assertEquals(queue.chunks.every(({ chunk: { id } }) => names.has(id)), true, "also those that are in part there");
  assertEquals([...new Set(queue.chunks.map(({ attempt }) => attempt))], [".1"], "a server takes them for new ones");
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
