/** Ctrl-C: work stops at its next step, removes what it had begun to write, and exits with code 130. */

/** The user asked to stop. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** Exit code of a command that the user stopped: 128 + SIGINT. */
export const INTERRUPTED_EXIT = 130;

/** Notices Ctrl-C while it is in use: `using interrupt = new Interrupt()`. */
export class Interrupt {
  #requested = false;
  readonly #listener = (): void => {
    // The second time the process ends at once.
    if (this.#requested) Deno.exit(INTERRUPTED_EXIT);
    this.#requested = true;
  };

  constructor() {
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  /** @throws {InterruptedError} if the user has asked to stop */
  check(): void {
    if (this.#requested) throw new InterruptedError("stopped; nothing was written");
  }

  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}
