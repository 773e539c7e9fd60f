/** Rows of the comparison: one case in one peer, with our times of the same minutes. */
import type { PeerBackend } from "./peer.ts";
import type { Origin } from "../row.ts";
import { type Spread, spreadOf } from "../statistics.ts";

/** What was measured of a case in a peer and, in turn with it, in our engine. */
export interface PeerTimes {
  /** Milliseconds of each run of the peer, result read back to the host. */
  readonly peer: readonly number[];
  /** Likewise of ours. */
  readonly ours: readonly number[];
  /** Milliseconds of empty round trips to the device, which every readback from WebGPU contains. */
  readonly roundTrips: readonly number[];
}

/** The comparison of one case with one peer. */
export interface PeerComparison {
  readonly peerMilliseconds: Spread;
  readonly oursMilliseconds: Spread;
  /** Median of an empty round trip. */
  readonly roundTripMilliseconds: number;
  /** Medians, peer over ours: as measured, and less the empty round trip where the backend is WebGPU. */
  readonly ratio: {
    readonly withReadback: number;
    readonly withoutReadback: number;
  };
}

/** A row of the results. */
export interface PeerRow extends Origin, PeerComparison {
  readonly kind: "peer";
  readonly case: string;
  /** Package and version. */
  readonly peer: string;
  readonly backend: PeerBackend;
  /** Relative L2 distance of the peer's result from ours. */
  readonly error: number;
  /** The peer's time to load the case, and of its first run, in which some compile. */
  readonly loadMilliseconds: number;
  readonly firstMilliseconds: number;
  /** Most memory that the peer's process had held until then, in all its cases. */
  readonly peakProcessBytes: number;
}

/**
 * Medians and ratios.
 * @param times what was measured, at least one time each
 * @param backend what the peer computes on; ours computes on WebGPU
 */
export function compare(
  times: PeerTimes,
  backend: PeerBackend,
): PeerComparison {
  const [peer, ours] = [spreadOf(times.peer), spreadOf(times.ours)];
  const roundTrip = spreadOf(times.roundTrips).median;
  const peerAlone = backend === "webgpu" ? peer.median - roundTrip : peer.median;
  return {
    peerMilliseconds: peer,
    oursMilliseconds: ours,
    roundTripMilliseconds: roundTrip,
    ratio: {
      withReadback: peer.median / ours.median,
      withoutReadback: peerAlone / (ours.median - roundTrip),
    },
  };
}
