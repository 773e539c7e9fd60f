/** Ctrl-C: work stops at its next step, removes what it had begun to write, and exits with code 130. */

/** The user asked to stop. */
export class InterruptedError extends Error {
  /** Name of the class. */
  override readonly name = "InterruptedError";
}

/** Exit code of a command that the user stopped: 128 + SIGINT. */
export const INTERRUPTED_EXIT = 130;

/** Notices Ctrl-C while it is in use: `using interrupt = new Interrupt()`. The second Ctrl-C ends the process at once. */
export class Interrupt {
  #requested = false;
  #holding = false;
  readonly #listener = (): void => {
    if (this.#requested && !this.#holding) Deno.exit(INTERRUPTED_EXIT);
    this.#requested = true;
  };

  constructor() {
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  /**
   * Lets a Ctrl-C in, and stops if there was one.
   * @param last what is done before that, whatever the user presses
   * @throws {InterruptedError} if the user has asked to stop
   */
  async check(last?: () => Promise<void>): Promise<void> {
    // Signals are delivered between turns of the event loop.
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (this.#requested && last) await this.hold(last);
    this.checkNow();
  }

  /**
   * Stops if a Ctrl-C was let in already.
   * @throws {InterruptedError} if the user has asked to stop
   */
  checkNow(): void {
    if (this.#requested) throw new InterruptedError("stopped by Ctrl-C; nothing was left half-written");
  }

  /** Finishes work that would leave temporary files behind, such as writing results, whatever the user presses. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#holding = true;
    try {
      return await work();
    } finally {
      this.#holding = false;
    }
  }

  /** Gives Ctrl-C its usual meaning back. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}

/** Milliseconds between two looks whether the user has pressed Ctrl-C. */
const LOOK = 100;

/**
 * Runs work that Ctrl-C stops also while it waits for something.
 * @param work what stops on the signal
 * @param message what the user is told then
 * @throws {InterruptedError} if the user has asked to stop, as the reason of the signal
 */
export async function untilInterrupted<T>(
  interrupt: Interrupt,
  message: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setInterval(() => {
    try {
      interrupt.checkNow();
    } catch {
      controller.abort(new InterruptedError(message));
    }
  }, LOOK);
  try {
    return await work(controller.signal);
  } finally {
    clearInterval(timer);
  }
}
