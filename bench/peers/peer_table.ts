/** The comparison as a table for people. */
import { textColumns } from "../../report/mod.ts";
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
  return textColumns([HEAD, ...sorted.map(cellsOf)], 2);
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
