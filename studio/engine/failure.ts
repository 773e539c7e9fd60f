/** What went wrong, as it crosses to the page. */
import { DeviceLimitError, DeviceLostError, NoAdapterError } from "../../engine/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import type { StudioFailure } from "../protocol.ts";

/** `stop` was called. */
export class Stopped extends Error {
  /** Name of the class. */
  override readonly name = "Stopped";

  constructor() {
    super("The restoration was stopped");
  }
}

/** What each class of error is to the page; any other is a failure. */
const KINDS: readonly (readonly [new (...args: never[]) => Error, StudioFailure["kind"]])[] = [
  [Stopped, "stopped"],
  [UsageError, "usage"],
  [DeviceLostError, "lost"],
  [DeviceLimitError, "memory"],
  [NoAdapterError, "missing"],
];

/** An error as plain data: options keep the names that they have on a command line. */
export function failureOf(error: unknown): StudioFailure {
  const kind = KINDS.find(([type]) => error instanceof type)?.[1] ?? "failure";
  return { kind, message: error instanceof Error ? error.message : String(error) };
}
