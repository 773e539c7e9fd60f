/** An evaluation on several machines, each in this process: tables and files are those of a run on one. */
import { assert, assertEquals } from "@std/assert";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";
import { expectedTables, openQueue, plannedUnits, serveAt, tablesOf, workAt } from "./setting.ts";

natsTest("two workers give the tables of one process, and nothing stays in the queue", async ({ server: { host } }) => {
  const store = new MemoryStore();
  const [served, ...worked] = await Promise.all([serveAt(host, { store }), workAt(host), workAt(host)]);
  const units = await plannedUnits();
  assertEquals([served.restored, served.failures, served.differences], [units.length, [], []]);
  assertEquals(worked.reduce((sum, { units }) => sum + units, 0), units.length);
  for (const { units: share } of worked) assert(share > 0, "both have worked");
  assertEquals(await tablesOf(store), await expectedTables());
  const queue = await openQueue(host);
  assertEquals(await queue.waiting(), undefined);
  assertEquals((await Array.fromAsync(queue.jsm.streams.list())).length, 0);
  await queue.connection.close();
});
