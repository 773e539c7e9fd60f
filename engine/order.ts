/** The order of execution: a topological order with a low peak of live bytes. */
import type { Graph } from "./graph.ts";
import type { Call } from "./op.ts";
import { aliasRoots } from "./simplify.ts";
import { byteLength } from "./tensor.ts";

/**
 * Orders the calls of a graph. A greedy order takes the ready call that leaves the fewest bytes live (ties in the
 * order of the trace); the order of the trace is kept where it peaks lower. In both, a recomputation waits for its
 * cotangents.
 */
export function orderCalls(graph: Graph): readonly Call[] {
  const greedy = greedyOrder(graph);
  return peakBytes(graph, greedy) < peakBytes(graph, graph.calls) ? greedy : graph.calls;
}

/** Most bytes that are live at once when the calls of a graph run in this order, constants and inputs left out. */
export function peakBytes(graph: Graph, calls: readonly Call[]): number {
  const ledger = new Ledger(graph);
  let peak = 0;
  for (const call of calls) {
    peak = Math.max(peak, ledger.live + ledger.allocated(call));
    ledger.run(call);
  }
  return peak;
}

/** Counts live bytes while calls run: a value lives from its call to its last reader, outputs to the end. */
class Ledger {
  live = 0;
  readonly #root: (id: number) => number;
  readonly #readersLeft = new Map<number, number>();
  readonly #bytes = new Map<number, number>();

  constructor(graph: Graph) {
    this.#root = aliasRoots(graph.calls);
    for (const call of graph.calls) {
      for (const id of this.#distinctInputs(call)) this.#readersLeft.set(id, (this.#readersLeft.get(id) ?? 0) + 1);
      if (call.op.alias) continue;
      for (const output of call.outputs) this.#bytes.set(output.id, byteLength(output));
    }
    for (const output of graph.outputs.values()) this.#readersLeft.set(this.#root(output.id), Infinity);
  }

  #distinctInputs(call: Call): Set<number> {
    return new Set(call.inputs.map((t) => this.#root(t.id)));
  }

  allocated(call: Call): number {
    return call.op.alias ? 0 : call.outputs.reduce((sum, t) => sum + byteLength(t), 0);
  }

  /** Bytes that become free after the call, as it is the last reader of some of its inputs. */
  released(call: Call): number {
    let sum = 0;
    for (const id of this.#distinctInputs(call)) {
      if (this.#readersLeft.get(id) === 1) sum += this.#bytes.get(id) ?? 0;
    }
    return sum;
  }

  run(call: Call): void {
    this.live += this.allocated(call) - this.released(call);
    for (const id of this.#distinctInputs(call)) {
      this.#readersLeft.set(id, (this.#readersLeft.get(id) ?? 0) - 1);
    }
  }
}

function greedyOrder(graph: Graph): readonly Call[] {
  const ledger = new Ledger(graph);
  const producer = new Map<number, Call>();
  for (const call of graph.calls) call.outputs.forEach((t) => producer.set(t.id, call));
  const waitingFor = new Map<Call, number>();
  const readers = new Map<Call, Call[]>();
  const ready: Call[] = [];
  for (const call of graph.calls) {
    const needed = [...call.inputs, ...(call.recomputation?.after ?? [])];
    const sources = new Set(needed.map((t) => producer.get(t.id)).filter((c) => c !== undefined));
    waitingFor.set(call, sources.size);
    if (sources.size === 0) ready.push(call);
    for (const source of sources) readers.set(source, [...(readers.get(source) ?? []), call]);
  }
  const position = new Map(graph.calls.map((call, index) => [call, index]));
  const order: Call[] = [];
  while (ready.length > 0) {
    let best = 0;
    let bestGrowth = Infinity;
    ready.forEach((call, index) => {
      const growth = ledger.allocated(call) - ledger.released(call);
      const earlier = (position.get(call) ?? 0) < (position.get(ready[best] as Call) ?? 0);
      if (growth < bestGrowth || (growth === bestGrowth && earlier)) [best, bestGrowth] = [index, growth];
    });
    const [call] = ready.splice(best, 1) as [Call];
    ledger.run(call);
    order.push(call);
    for (const reader of readers.get(call) ?? []) {
      const left = (waitingFor.get(reader) ?? 0) - 1;
      waitingFor.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  return order;
}
