/** What restoring a picture costs, as units record it. */
import type { RunCounts } from "../restoration/mod.ts";
import type { UnitRecord } from "./store.ts";

/** Name of a cost. */
export type CostName = keyof RunCounts | "seconds" | "bytes";

/** A cost of tables. */
export interface Cost {
  /** Heading of its column. */
  readonly title: string;
  /** What it is, in a line. */
  readonly meaning: string;
  /** Heading of its column in files. */
  readonly column: string;
  /** What a unit says of it; undefined where it was not recorded. */
  of(record: UnitRecord): number | undefined;
}

function counted(name: keyof RunCounts, title: string, column: string, meaning: string): Cost {
  return { title, meaning, column, of: ({ counts }) => counts?.[name] };
}

/** The costs of a picture by name, in the order of columns. */
export const COSTS: Readonly<Record<CostName, Cost>> = {
  nfe: { ...counted("nfe", "NFE", "nfe", "network evaluations"), of: ({ nfe }) => nfe },
  vjp: counted("vjp", "VJP", "vjp", "vector-Jacobian products with the network"),
  forward: counted("forward", "A", "forward", "applications of A"),
  adjoint: counted("adjoint", "Aᵀ", "adjoint", "applications of Aᵀ, vector-Jacobian products with A among them"),
  pseudoInverse: counted("pseudoInverse", "A⁺", "pseudo-inverse", "applications of A⁺, or of what stands for it"),
  spectral: counted("spectral", "U, V", "spectral", "applications of U, Uᵀ, V and Vᵀ of the decomposition of A"),
  seconds: {
    title: "Seconds",
    meaning: "wall time without tracing and compiling",
    column: "seconds",
    of: ({ time }) => time.steadySeconds,
  },
  bytes: {
    title: "Memory",
    meaning: "most bytes on the device, weights among them, of all pictures that are restored at once",
    column: "peak bytes",
    of: ({ peakDeviceBytes }) => peakDeviceBytes,
  },
};

/** Names in the order of columns. */
export const COST_NAMES = Object.keys(COSTS) as readonly CostName[];

/** What of the costs is no time or memory: the same for equal units. */
export const COUNTED_NAMES: readonly CostName[] = COST_NAMES.filter((name) => name !== "seconds" && name !== "bytes");

/** What of a cell says what it cost. */
export interface Costly {
  /** Means over the units that recorded them. */
  readonly costs: Readonly<Partial<Record<CostName, number>>>;
}

/** The mean of a cost over the units of a cell that recorded it; NaN where none did. */
export function costOf({ costs }: Costly, name: CostName): number {
  return costs[name] ?? NaN;
}

/** The costs that some cell has more than nothing of, in the order of columns. */
export function knownCosts(cells: readonly Costly[]): readonly CostName[] {
  return COST_NAMES.filter((name) => cells.some((cell) => costOf(cell, name) > 0));
}
