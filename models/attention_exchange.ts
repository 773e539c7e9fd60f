/**
 * What attentions look at, taken out of one evaluation of a network and put into another. A map of attention is
 * softmax(q k^T), so queries and keys stand for it: T rows of 2C numbers instead of T^2 weights for each head.
 */
import type { Tensor } from "../engine/mod.ts";
import { concatChannels, type HeadOrder, reshape, sliceChannels } from "../kernels/mod.ts";

/**
 * Called as each attention is recorded.
 * @param module name of the attention's module
 * @param queriesAndKeys [N, rows, width], laid out in one way for one network
 * @returns the queries and keys that it is to use, of the same shape
 */
export type AttentionExchange = (module: string, queriesAndKeys: Tensor) => Tensor;

/**
 * Puts what `exchange` returns for queries and keys before the values of an attention.
 * @param qkv [N, T, 3C], see `attention`
 * @param options heads and their layout
 * @param exchange is given the queries and keys alone
 * @returns [N, T, 3C]
 */
export function exchangeQueriesAndKeys(
  qkv: Tensor,
  { heads, order }: { readonly heads: number; readonly order: HeadOrder },
  exchange: (queriesAndKeys: Tensor) => Tensor,
): Tensor {
  const [batch, tokens, channels] = qkv.shape as readonly [number, number, number];
  // The legacy layout has queries, keys and values of each head next to each other.
  const rows = order === "legacy" ? heads : 1;
  const width = channels / rows;
  const split = reshape(qkv, [batch, tokens * rows, width]);
  const values = sliceChannels(split, 2 * width / 3, width);
  return reshape(concatChannels(exchange(sliceChannels(split, 0, 2 * width / 3)), values), qkv.shape);
}
