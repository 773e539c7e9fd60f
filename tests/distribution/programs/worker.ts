/** A worker in a process of its own: `worker.ts HOST MILLISECONDS`, which every chunk takes longer; a line for each. */
import { bench, pass, workAt } from "../setting.ts";

const [host, delay] = Deno.args;
const slow = bench(async () => {
  // deno-lint-ignore no-console -- it is read by the test
  console.log("chunk");
  await pass(Number(delay));
});
await workAt(host!, { open: () => Promise.resolve(slow) });
