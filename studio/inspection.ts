/** What the worker tells the page of its adapter: whether it computes correctly, and where the time goes. */

/** One quantity that another program has recorded, computed here. */
export interface CheckedQuantity {
  /** Its name in the file. */
  readonly name: string;
  /** Whether the error is within the bound; what the engine does not do, and inputs of a file, are not compared. */
  readonly outcome: "equal" | "different" | "not compared";
  /** Relative L2 error; null where there is nothing to compare. */
  readonly error: number | null;
  /** The largest error that counts as equal, 0 for integers; null where there is none. */
  readonly bound: number | null;
  /** Why it differs or was not compared; null where the error says it. */
  readonly reason: string | null;
}

/** What came of a reference file. */
export interface CheckedFile {
  /** Its name. */
  readonly file: string;
  /** What it holds, in a line. */
  readonly about: string;
  /** Which file, from 1. */
  readonly number: number;
  /** How many files there are. */
  readonly files: number;
  /** In the order of the file. */
  readonly quantities: readonly CheckedQuantity[];
}

/** Told after every reference file. */
export type OnChecked = (file: CheckedFile) => void | Promise<void>;

/** What several dispatches of a step cost together. */
export interface ProfileRow {
  /** Of the stage, kernel or block. */
  readonly name: string;
  /** How many dispatches. */
  readonly dispatches: number;
  /** Time of all of them. */
  readonly milliseconds: number;
  /** Part of the step's time, 0 to 1. */
  readonly share: number;
  /** Operations of the direct algorithm by time. */
  readonly gflopPerSecond: number;
  /** Least bytes that must move by time. */
  readonly gigabytesPerSecond: number;
  /** Part of the operations that this adapter reaches at most, 0 to 1. */
  readonly ofCompute: number;
  /** Part of the bytes that this adapter moves at most, 0 to 1. */
  readonly ofMemory: number;
}

/** A scope of a step or a kernel in it, in the flame view. */
export interface ProfileBox {
  /** Last level of the scope, or the label of the kernel. */
  readonly name: string;
  /** What it is and what it costs, in a line. */
  readonly title: string;
  /** Where it begins, as part of the whole time, 0 to 1. */
  readonly start: number;
  /** Its time as part of the whole, 0 to 1. */
  readonly width: number;
  /** How deep it lies; 0 is the whole. */
  readonly depth: number;
  /** Number of its colour for a kernel, 0 to 7; null for a scope. */
  readonly colour: number | null;
}

/** Where the time of a step goes on this adapter. */
export interface Profile {
  /** What was measured, in a line. */
  readonly title: string;
  /** How times were taken, as a sentence. */
  readonly method: string;
  /** How the dispatches make up the time of the step, as sentences. */
  readonly notes: readonly string[];
  /** What this adapter reaches at most. */
  readonly ceilings: { readonly gflopPerSecond: number; readonly gigabytesPerSecond: number };
  /** Sums by what their rows are called, the longest first. */
  readonly tables: readonly { readonly what: string; readonly rows: readonly ProfileRow[] }[];
  /** The flame view: a box before those in it. */
  readonly boxes: readonly ProfileBox[];
  /** The colours of kernels: operations with their times, the longest first. */
  readonly operations: readonly { readonly name: string; readonly colour: number; readonly milliseconds: number }[];
  /** The report as a page of its own, HTML. */
  readonly page: string;
  /** All rows as JSON, as the command `profile` compares them. */
  readonly data: string;
}
