/** A worker in a process of its own: `worker.ts HOST MILLISECONDS`, which every chunk takes longer. */
import { bench, pass, workAt } from "../setting.ts";

const [host, delay] = Deno.args;
await workAt(host!, { open: () => Promise.resolve(bench(() => pass(Number(delay)))) });
