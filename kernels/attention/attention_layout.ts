/** Where q, k and v of a head stand in the channels of an attention call. */

/**
 * How the 3C channels of q, k and v are arranged: `legacy` has heads outermost (head, q|k|v, channel), `new` has
 * q, k and v outermost (q|k|v, head, channel).
 */
export type HeadOrder = "legacy" | "new";

/** Attributes of an attention call. */
export interface AttentionAttrs {
  /** Number of heads. */
  readonly heads: number;
  /** How q, k and v stand in the channels. */
  readonly order: HeadOrder;
  /** Factor of q . k. */
  readonly scale: number;
}

/** Sizes of an attention call and where q, k and v stand in the 3C channels of a position. */
export interface AttentionLayout {
  readonly images: number;
  /** Positions, T. */
  readonly length: number;
  readonly channels: number;
  readonly heads: number;
  /** Channels of one head. */
  readonly head: number;
  /** Channels from one head to the next. */
  readonly headPitch: number;
  /** Channels from q to k, and from k to v. */
  readonly partPitch: number;
  readonly scale: number;
}

/** Widest head whose query and result fit in the registers of one invocation. */
export const WIDEST_IN_REGISTERS = 64;

/** Sizes and places of an attention call on qkv [N, T, 3C]. */
export function layoutOf(
  [images, length, width]: readonly number[],
  { heads, order, scale }: AttentionAttrs,
): AttentionLayout {
  const channels = width! / 3;
  const head = channels / heads;
  return {
    images: images!,
    length: length!,
    channels,
    heads,
    head,
    headPitch: order === "legacy" ? 3 * head : head,
    partPitch: order === "legacy" ? head : channels,
    scale,
  };
}

/**
 * Visits every head of every image, on the host.
 * @param visit takes where vector 0 (q), 1 (k) or 2 (v) of a position begins in qkv, and where its result begins
 */
export function eachHead(
  { images, length, channels, heads, head, headPitch, partPitch }: AttentionLayout,
  visit: (row: (position: number, vector: number) => number, result: (position: number) => number) => void,
): void {
  for (let image = 0; image < images; image++) {
    for (let h = 0; h < heads; h++) {
      visit(
        (t, vector) => (image * length + t) * 3 * channels + h * headPitch + vector * partPitch,
        (t) => (image * length + t) * channels + h * head,
      );
    }
  }
}
