/** What `verify` says about one quantity of a reference file, and how numbers are compared. */
import { formatShape, sameShape, type Shape } from "../engine/mod.ts";
import { relativeError } from "../metrics/mod.ts";

/** Outcome of one comparison; `unused` is an input of the file on which nothing that was compared depends. */
export type Status = "ok" | "FAILED" | "not supported" | "unused";

/** The outcome for one quantity of a file. */
export interface Finding {
  /** Name of the tensor or metadata entry, or `file` for the file as a whole. */
  readonly quantity: string;
  /** How it went. */
  readonly status: Status;
  /** Relative L2 error, where there was something to compare. */
  readonly error?: number;
  /** Largest error that counts as equal; 0 for lists of integers. */
  readonly limit?: number;
  /** Why the quantity failed or cannot be compared. */
  readonly reason?: string;
}

/** A finding together with the file it is about. */
export interface Row extends Finding {
  /** Path of the file. */
  readonly file: string;
}

/** Numbers with their shape, channels last as in the engine. */
export interface Values {
  readonly data: ArrayLike<number>;
  readonly shape: Shape;
}

/** Raised where a quantity belongs to something that the engine does not do; the message is the reason. */
export class NotSupportedError extends Error {
  override readonly name = "NotSupportedError";
}

/** The finding of something that went wrong: "not supported" for a `NotSupportedError`, otherwise a failure. */
export function refusal(quantity: string, error: unknown): Finding {
  const status = error instanceof NotSupportedError ? "not supported" : "FAILED";
  return { quantity, status, reason: error instanceof Error ? error.message : String(error) };
}

/** The finding of an input that no computation has read. */
export function unusedInput(quantity: string): Finding {
  return { quantity, status: "unused", reason: "nothing that was computed depends on it" };
}

/** The finding of a measured error. */
export function measured(quantity: string, error: number, limit: number): Finding {
  if (!Number.isFinite(error)) return { quantity, status: "FAILED", limit, reason: "a value is not finite" };
  return { quantity, error, limit, status: error <= limit ? "ok" : "FAILED" };
}

/** Compares numbers of one shape; another shape is a failure. */
export function compare(quantity: string, actual: Values, expected: Values, limit: number): Finding {
  if (!sameShape(actual.shape, expected.shape)) {
    const reason = `the engine gives ${formatShape(actual.shape)}, the file holds ${formatShape(expected.shape)}`;
    return { quantity, status: "FAILED", limit, reason };
  }
  return measured(quantity, relativeError(actual.data, expected.data), limit);
}

/** Compares a list of numbers, such as a schedule; lists of integers have the limit 0. */
export function compareList(
  quantity: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  limit: number,
): Finding {
  const values = (data: ArrayLike<number>): Values => ({ data, shape: [data.length] });
  return compare(quantity, values(actual), values(expected), limit);
}
