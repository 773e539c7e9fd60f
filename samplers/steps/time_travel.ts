/** Trajectories over noise levels that go back up now and then, so that late steps can correct early ones (RePaint, DDNM). */

/** One move between kept levels, counted from the least noisy: down by one, to -1 (clean) in the end, or up by one. */
export interface Move {
  /** The level that is left. */
  readonly from: number;
  /** The level that is reached, -1 for the clean image. */
  readonly to: number;
}

/** When a trajectory goes back. */
export interface TravelOptions {
  /** Levels that a jump goes up, 1..the number of levels. */
  readonly travelLength: number;
  /** How often each stretch of `travelLength` levels is gone down; 1 means straight down. */
  readonly travelRepeat: number;
}

/**
 * The trajectory from pure noise to the clean image: t goes down; whenever it reaches a multiple of `travelLength` below
 * count - travelLength, it jumps `travelLength` levels up, travelRepeat - 1 times for each such level (Lugmayr et al.,
 * RePaint, appendix).
 * @param count number of levels
 * @returns the moves; the first starts at level count - 1, the last ends at -1
 */
export function travelMoves(count: number, { travelLength, travelRepeat }: TravelOptions): readonly Move[] {
  const jumps = new Map<number, number>();
  for (let t = 0; t < count - travelLength; t += travelLength) jumps.set(t, travelRepeat - 1);
  const places: number[] = [];
  for (let t = count; t >= 1;) {
    places.push(--t);
    const left = jumps.get(t) ?? 0;
    if (left === 0) continue;
    jumps.set(t, left - 1);
    for (let up = 0; up < travelLength; up++) places.push(++t);
  }
  places.push(-1);
  return places.slice(1).map((to, k) => ({ from: places[k] as number, to }));
}

/** Number of moves down, each with one network evaluation. */
export function downMoves(moves: readonly Move[]): number {
  return moves.filter(({ from, to }) => to < from).length;
}
