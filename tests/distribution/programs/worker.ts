/**
 * A worker in a process of its own: `worker.ts HOST MILLISECONDS`, which every chunk takes longer. It prints the time by its
 * clock and the number of units for each chunk.
 */
import { bench, pass, workAt } from "../setting.ts";

const [host, delay] = Deno.args;
const slow = bench(async (units) => {
  await pass(Number(delay));
  // deno-lint-ignore no-console -- it is read by the test
  console.log(`${new Date().toISOString()} ${units.length}`);
});
await workAt(host!, { open: () => Promise.resolve(slow) });
