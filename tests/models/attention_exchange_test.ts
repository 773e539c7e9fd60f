import { assertEquals } from "@std/assert";
import { ReferenceRuntime, type Tensors } from "../../engine/mod.ts";
import { attention, type HeadOrder } from "../../kernels/mod.ts";
import { exchangeQueriesAndKeys } from "../../models/attention_exchange.ts";
import { randomValues } from "../support/random.ts";

const [BATCH, TOKENS, HEADS, WIDTH] = [2, 5, 2, 4];
const CHANNELS = HEADS * WIDTH;

/** Whether channel k of the 3C holds values, in the layout of an order. */
function isValue(order: HeadOrder, k: number): boolean {
  return order === "new" ? k >= 2 * CHANNELS : k % (3 * WIDTH) >= 2 * WIDTH;
}

for (const order of ["legacy", "new"] as const) {
  Deno.test(`an attention of ${order} order can use the queries and keys of another`, async () => {
    const runtime = new ReferenceRuntime();
    const shape = [BATCH, TOKENS, 3 * CHANNELS];
    const [own, other] = [1, 2].map((seed) => randomValues(BATCH * TOKENS * 3 * CHANNELS, seed)) as [
      Float32Array,
      Float32Array,
    ];
    const mixed = own.map((value, i) => isValue(order, i % (3 * CHANNELS)) ? value : other[i]!);
    const layout = { heads: HEADS, order };
    const shown = runtime.stage("shown", ({ x }: Tensors<"x">) => {
      let queriesAndKeys = x;
      exchangeQueriesAndKeys(x, layout, (given) => queriesAndKeys = given);
      return { queriesAndKeys };
    });
    const { queriesAndKeys } = await shown({ x: runtime.upload(other, shape) }, {});
    const injected = runtime.stage("injected", ({ x, given }: Tensors<"x" | "given">) => ({
      y: attention(exchangeQueriesAndKeys(x, layout, () => given), layout),
    }));
    const plain = runtime.stage("plain", ({ x }: Tensors<"x">) => ({ y: attention(x, layout) }));
    const { y } = await injected({ x: runtime.upload(own, shape), given: queriesAndKeys }, {});
    assertEquals(await y.read(), await (await plain({ x: runtime.upload(mixed, shape) }, {})).y.read());
  });
}
