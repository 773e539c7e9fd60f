/** The loop where the time of a kernel goes. */

/** A basic block of a listing. */
export interface Block {
  /** Its number in the listing. */
  readonly number: number;
  /** Instructions in it. */
  readonly instructions: number;
  /** Numbers of the blocks that may follow, as far as the listing tells. */
  readonly next: readonly number[];
}

/**
 * Instructions in the largest loop that holds no other. A loop is what stands from a block to one that jumps back to it.
 * @param blocks in the order of the listing
 * @returns undefined if there is no loop
 */
export function hotLoop(blocks: readonly Block[]): number | undefined {
  const places = new Map(blocks.map(({ number }, place) => [number, place]));
  const loops: { readonly first: number; readonly last: number }[] = [];
  for (const [last, { next }] of blocks.entries()) {
    for (const number of next) {
      const first = places.get(number);
      if (first !== undefined && first <= last) loops.push({ first, last });
    }
  }
  const innermost = loops.filter((outer) => !loops.some((inner) => isWithin(inner, outer) && !isWithin(outer, inner)));
  const sizes = innermost.map(({ first, last }) =>
    blocks.slice(first, last + 1).reduce((sum, { instructions }) => sum + instructions, 0)
  );
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

interface Span {
  readonly first: number;
  readonly last: number;
}

function isWithin(inner: Span, outer: Span): boolean {
  return inner.first >= outer.first && inner.last <= outer.last;
}
