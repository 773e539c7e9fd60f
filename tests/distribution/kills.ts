/** Ends workers, the server and the coordinator at random moments, as a power cut would, while they evaluate. */
import { assertEquals } from "@std/assert";
import { FolderStore } from "../../io/mod.ts";
import { randomIntegers } from "../support/random.ts";
import type { NatsTest } from "./nats_server.ts";
import { Program } from "./program.ts";
import { expectedTables, pass, tablesOf } from "./setting.ts";

/** What can be killed. */
const VICTIMS = ["worker", "server", "coordinator"] as const;

/** Milliseconds between two kills, at most. */
const PAUSE = 1500;

/** Milliseconds that every chunk takes longer, so that kills meet workers at work. */
const DELAY = 80;

/** Milliseconds after which an evaluation that nobody kills any more must be over. */
const LIMIT = 60_000;

/** How often each was killed, and during how many evaluations. */
export type Tally = Record<typeof VICTIMS[number], number> & {
  /** Evaluations whose tables were compared. */
  evaluations: number;
};

/**
 * Evaluates again and again with two workers, kills something every few hundred milliseconds, and compares the tables of
 * every evaluation with those of one process.
 * @param kills how many there are in all
 * @param seed decides what is killed, and how long after the kill before
 */
export async function killAtRandom(
  { server, folder }: NatsTest,
  { kills, seed }: { readonly kills: number; readonly seed: number },
): Promise<Tally> {
  const below = randomIntegers(seed);
  const expected = await expectedTables();
  const tally: Tally = { worker: 0, server: 0, coordinator: 0, evaluations: 0 };
  const count = (): number => VICTIMS.reduce((sum, victim) => sum + tally[victim], 0);
  const workers = [0, 1].map(() => new Program("worker", server.host, `${DELAY}`));
  try {
    while (count() < kills) {
      const out = `${folder}/out-${tally.evaluations}`;
      await using coordinator = new Program("coordinator", server.host, out);
      for (const program of [...workers, coordinator]) program.start();
      let last = performance.now();
      while (!coordinator.isOver) {
        await Promise.race([pass(below(PAUSE)), coordinator.over()]);
        if (performance.now() - last > LIMIT) throw new Error(`${out} is not over after ${LIMIT} ms without a kill`);
        if (coordinator.isOver || count() >= kills) continue;
        const victim = VICTIMS[below(VICTIMS.length)]!;
        if (victim === "server") await server.restart({ away: below(200) });
        else await (victim === "worker" ? workers[below(workers.length)]! : coordinator).killAndStart();
        tally[victim]++;
        last = performance.now();
      }
      using store = await FolderStore.writing(out);
      assertEquals(await tablesOf(store), expected, `after ${JSON.stringify(tally)}`);
      tally.evaluations++;
    }
    return tally;
  } finally {
    for (const worker of workers) await worker[Symbol.asyncDispose]();
  }
}
