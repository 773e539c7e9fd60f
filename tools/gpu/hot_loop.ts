/** The loop where the time of a kernel goes. */

/** A basic block of a listing. */
export interface Block {
  /** Its number in the listing. */
  readonly number: number;
  /** Instructions in it. */
  readonly instructions: number;
  /** Numbers of the blocks that may follow. */
  readonly next: readonly number[];
}

/**
 * Instructions in the largest loop that holds no other. A loop is a block that control enters it by, and all blocks from
 * which control comes back to that one without leaving by it.
 * @param blocks in the order of the listing; the kernel begins with the first
 * @returns undefined if there is no loop
 */
export function hotLoop(blocks: readonly Block[]): number | undefined {
  const places = new Map(blocks.map(({ number }, place) => [number, place]));
  const next = blocks.map((block) => block.next.flatMap((number) => places.get(number) ?? []));
  const before = blocks.map((_, place) => [...next.keys()].filter((from) => next[from]!.includes(place)));
  const loops = new Map<number, Set<number>>();
  for (const last of reached(next)) {
    for (const first of next[last]!) {
      const body = bodyOf(first, last, before);
      if (body) loops.set(first, loops.get(first)?.union(body) ?? body);
    }
  }
  const innermost = [...loops].filter(([first, body]) =>
    !loops.keys().some((other) => other !== first && body.has(other))
  );
  const sizes = innermost.map(([, body]) => body.values().reduce((sum, place) => sum + blocks[place]!.instructions, 0));
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

/** The places of the blocks that control can come to. */
function reached(next: readonly (readonly number[])[]): ReadonlySet<number> {
  const found = new Set<number>();
  const open = [0];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (found.has(place) || place >= next.length) continue;
    found.add(place);
    open.push(...next[place]!);
  }
  return found;
}

/**
 * The blocks of a loop that is entered by its first block; undefined if control can reach the last one without that: then
 * what leads from the last to the first is no way back, wherever they stand in the listing.
 */
function bodyOf(first: number, last: number, before: readonly (readonly number[])[]): Set<number> | undefined {
  const body = new Set([first]);
  const open = [last];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (body.has(place)) continue;
    if (place === 0) return undefined;
    body.add(place);
    open.push(...before[place]!);
  }
  return body;
}
