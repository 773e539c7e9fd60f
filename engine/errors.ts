/** Errors of the engine that callers catch by class. */

/** A tensor or a kernel needs more than the device offers; the message names both. */
export class DeviceLimitError extends Error {
  /** Name of the class. */
  override readonly name = "DeviceLimitError";
}

/** The device went away (driver reset, watchdog, or `destroy`); nothing on it can be read any more. */
export class DeviceLostError extends Error {
  /** Name of the class. */
  override readonly name = "DeviceLostError";
}

/** No WebGPU adapter could be had. */
export class NoAdapterError extends Error {
  /** Name of the class. */
  override readonly name = "NoAdapterError";
}

/** The result of a stage was read after the stage had run again and overwritten it, or after it was freed. */
export class StaleTensorError extends Error {
  /** Name of the class. */
  override readonly name = "StaleTensorError";
}

/** A value of a stage was NaN or infinite; the message names the first scope and kernel where it happened. */
export class NonFiniteError extends Error {
  /** Name of the class. */
  override readonly name = "NonFiniteError";
}

/** That a result cannot be read or used any more. */
export function staleResult(action: "read" | "use", stage: string): StaleTensorError {
  return new StaleTensorError(
    `Cannot ${action} a result of stage "${stage}": the stage has run again or was released; read it earlier or keep() it`,
  );
}
