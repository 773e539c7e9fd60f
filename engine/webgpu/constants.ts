/** Which constants the built stages of a device read, so that what was made of an array of the host is let go in time. */
import type { ConstantSource } from "../graph.ts";

/** Numbers constants, and counts the stages that read each; shared by the runtimes of a device. */
export class ConstantUse {
  readonly #numbers = new Map<ConstantSource, number>();
  readonly #stages = new Map<ConstantSource, number>();
  readonly #listeners = new Set<(source: ConstantSource, number: number) => void>();
  #next = 0;

  /** A number that no other constant has or had. */
  numberOf(source: ConstantSource): number {
    const known = this.#numbers.get(source);
    if (known !== undefined) return known;
    this.#numbers.set(source, this.#next);
    return this.#next++;
  }

  /** A stage that reads these constants is going to be built. */
  begin(sources: Iterable<ConstantSource>): void {
    for (const source of sources) this.#stages.set(source, (this.#stages.get(source) ?? 0) + 1);
  }

  /**
   * A stage that read these constants is no more. Listeners hear of each array of the host that no stage reads now: its
   * owner cannot free what the device holds of it. Tensors of the device belong to whoever uploaded them.
   */
  end(sources: Iterable<ConstantSource>): void {
    for (const source of sources) {
      const left = (this.#stages.get(source) ?? 0) - 1;
      if (left > 0) {
        this.#stages.set(source, left);
        continue;
      }
      this.#stages.delete(source);
      if (!("data" in source)) continue;
      const number = this.numberOf(source);
      this.#numbers.delete(source);
      for (const listener of this.#listeners) listener(source, number);
    }
  }

  /** Calls `listener` for every array of the host that no stage reads any more. @returns ends this */
  onUnused(listener: (source: ConstantSource, number: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
