/** The comparison as a table for people. */
import type { PeerRow } from "./peer_row.ts";

const HEAD = [
  "case",
  "peer",
  "peer ms",
  "ours ms",
  "ratio",
  "peer less wait",
  "ours less wait",
  "ratio",
  "error",
];

/**
 * A line for each case and peer: medians with readback and their ratio peer / ours, then the same less the empty round
 * trip, then the distance of the results.
 * @param rows what was measured
 */
export function formatPeerRows(rows: readonly PeerRow[]): string {
  const order = [...new Set(rows.map((row) => row.case))];
  const sorted = rows.toSorted((a, b) => order.indexOf(a.case) - order.indexOf(b.case));
  const cells = [HEAD, ...sorted.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row.map((cell, column) => pad(cell, widths[column]!, column)).join("  ")
      .trimEnd()
  )
    .join("\n");
}

function cellsOf(row: PeerRow): readonly string[] {
  const {
    peerMilliseconds: { median: peer },
    oursMilliseconds: { median: ours },
    roundTripMilliseconds: wait,
  } = row;
  return [
    row.case,
    `${row.peer} ${row.backend}`,
    peer.toFixed(1),
    ours.toFixed(1),
    times(row.ratio.withReadback),
    (row.backend === "webgpu" ? peer - wait : peer).toFixed(1),
    (ours - wait).toFixed(1),
    times(row.ratio.withoutReadback),
    row.error.toExponential(1),
  ];
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)} x`;
}

/** Words to the left, numbers to the right. */
function pad(cell: string, width: number, column: number): string {
  return column < 2 ? cell.padEnd(width) : cell.padStart(width);
}
