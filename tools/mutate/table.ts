/** The share of mutants that tests noticed, per room. */
import { type Mutant, roomOf } from "./mutant.ts";
import { isNoticed, type Trial } from "./trial.ts";

/** What a room's tests noticed. */
export interface RoomShare {
  readonly room: string;
  readonly noticed: number;
  readonly tried: number;
  /** Mutants that change no result: not tried, and not in the share. */
  readonly equivalent: number;
}

/** The shares of the rooms, in the order in which they first appear. */
export function roomShares(trials: readonly Trial[], equivalent: readonly Mutant[]): readonly RoomShare[] {
  const rooms = [...new Set([...trials.map(({ mutant }) => mutant), ...equivalent].map(roomOf))];
  return rooms.map((room) => {
    const own = trials.filter(({ mutant }) => roomOf(mutant) === room);
    return {
      room,
      noticed: own.filter(isNoticed).length,
      tried: own.length,
      equivalent: equivalent.filter((mutant) => roomOf(mutant) === room).length,
    };
  });
}

/** The shares as a Markdown table with a row for all rooms together. */
export function shareTable(shares: readonly RoomShare[]): string {
  const sum = (key: "noticed" | "tried" | "equivalent"): number => shares.reduce((total, row) => total + row[key], 0);
  const all = { room: "all", noticed: sum("noticed"), tried: sum("tried"), equivalent: sum("equivalent") };
  const rows = [...shares, all].map(({ room, noticed, tried, equivalent }) => [
    room,
    `${noticed} of ${tried}`,
    tried === 0 ? "-" : `${(100 * noticed / tried).toFixed(1)} %`,
    `${equivalent}`,
  ]);
  const cells = [["room", "noticed", "share", "equivalent"], ...rows];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string => `| ${row.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = cells;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)].join("\n");
}
