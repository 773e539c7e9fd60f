/** Counting what stages apply, such as networks: known from the trace, added up on the host at every run. */
import type { Graph } from "./graph.ts";
import type { Application } from "./op.ts";
import { splitConstantCalls } from "./simplify.ts";

/**
 * What one run of a simplified trace applies, by name, in items of a batch. Counted is what is computed: an application
 * of which nothing is used, that equals another one, or that depends on constants alone is none.
 */
export function applicationsOf(graph: Graph): ReadonlyMap<string, number> {
  const found = new Map<number, Application>();
  for (const { op, application } of splitConstantCalls(graph).body) {
    if (application && !op.alias) found.set(application.id, application);
  }
  const counts = new Map<string, number>();
  for (const { name, samples } of found.values()) counts.set(name, (counts.get(name) ?? 0) + samples);
  return counts;
}

/** What the stages of a runtime have applied so far. */
export class Tally {
  readonly #counts = new Map<string, number>();

  /** Adds a run. */
  add(applications: ReadonlyMap<string, number>): void {
    for (const [name, samples] of applications) this.#counts.set(name, (this.#counts.get(name) ?? 0) + samples);
  }

  /** The counts as they are now, by name. */
  get counts(): ReadonlyMap<string, number> {
    return new Map(this.#counts);
  }
}
