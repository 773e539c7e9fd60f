/** What the product promises of UNet-64 on a software adapter with two cores. */
import type { NetworkRow } from "./row.ts";

/** The measurement that the bounds speak of. */
export const BOUNDED_RUN = { network: "unet-64", batch: 1, height: 64, width: 64 } as const;

/** One bound and what was found. */
export interface BoundResult {
  readonly quantity: string;
  readonly found: number;
  /** What is found must be less. */
  readonly limit: number;
  readonly unit: string;
  readonly ok: boolean;
}

/** Compares a row of UNet-64 at 64x64, batch 1, with the bounds. */
export function checkBounds(row: NetworkRow): readonly BoundResult[] {
  const { nfeMilliseconds, coldStartMilliseconds, peakProcessBytes, hostMilliseconds } = row;
  return [
    bound("time per evaluation", nfeMilliseconds.median / 1000, 1, "s"),
    bound("cold start", coldStartMilliseconds.total / 1000, 16, "s"),
    bound("peak memory of the process", peakProcessBytes / 1e6, 560, "MB"),
    bound("host time per replay", hostMilliseconds.median, 5, "ms"),
  ];
}

function bound(quantity: string, found: number, limit: number, unit: string): BoundResult {
  return { quantity, found, limit, unit, ok: found < limit };
}
