/** Whatever is killed at random moments, the tables are those of one process. */
import { assert, assertEquals } from "@std/assert";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { killAtRandom } from "./kills.ts";
import { natsTest } from "./nats_server.ts";
import { bench, expectedTables, pass, serveAt, tablesOf, workAt } from "./setting.ts";

natsTest("workers, the server and the coordinator are killed at random moments", async (test) => {
  const tally = await killAtRandom(test, { kills: 12, seed: 3 });
  for (const [victim, count] of Object.entries(tally)) assert(count > 0, `${victim}: ${JSON.stringify(tally)}`);
});

natsTest("the server is killed, and comes back once with what it had and once with nothing", async ({ server }) => {
  const store = new MemoryStore();
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const serving = serveAt(server.host, { store, note });
  const working = workAt(server.host, { note, open: () => Promise.resolve(bench(() => pass(120))) });
  await pass(1500 + 500 * Math.random());
  await server.restart({ away: 300 * Math.random() });
  await pass(1500 + 500 * Math.random());
  await server.restart({ isEmptied: true });
  const [served] = await Promise.all([serving, working]);
  assert(
    notes.some((text) => text.includes("is lost")) && notes.some((text) => text.includes("is back")),
    notes.join("\n"),
  );
  assertEquals([served.failures, served.differences], [[], []]);
  assertEquals(await tablesOf(store), await expectedTables());
});
