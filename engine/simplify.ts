/** Passes over a trace: drop calls nobody uses, merge equal calls, find calls on constants alone. */
import type { Graph } from "./graph.ts";
import { type Call, scalarsOf } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Removes unused calls and merges calls of equal operation, inputs and attributes, except that a recomputation stays
 * apart from what it computes again. The result computes the same.
 */
export function simplify(graph: Graph): Graph {
  const merged = mergeEqualCalls(graph);
  const calls = dropUnusedCalls(merged.calls, [...merged.outputs.values()]);
  return { ...merged, calls };
}

function mergeEqualCalls(graph: Graph): Graph {
  const replacement = new Map<number, Tensor>();
  const seen = new Map<string, Call>();
  const calls: Call[] = [];
  const resolve = (tensor: Tensor): Tensor => replacement.get(tensor.id) ?? tensor;
  for (const call of graph.calls) {
    const inputs = call.inputs.map(resolve);
    const recomputation = call.recomputation &&
      { id: call.recomputation.id, after: call.recomputation.after.map(resolve) };
    const key = `${recomputation?.id ?? ""}${call.op.name}(${inputs.map((t) => t.id)})${JSON.stringify(call.attrs)}`;
    const known = seen.get(key);
    if (known) {
      call.outputs.forEach((output, index) => replacement.set(output.id, known.outputs[index] as Tensor));
    } else {
      const kept: Call = recomputation ? { ...call, inputs, recomputation } : { ...call, inputs };
      seen.set(key, kept);
      calls.push(kept);
    }
  }
  const outputs = new Map([...graph.outputs].map(([name, tensor]) => [name, resolve(tensor)]));
  return { ...graph, calls, outputs };
}

function dropUnusedCalls(calls: readonly Call[], outputs: readonly Tensor[]): readonly Call[] {
  const used = new Set(outputs.map((t) => t.id));
  const kept: Call[] = [];
  for (const call of calls.toReversed()) {
    if (!call.outputs.some((t) => used.has(t.id))) continue;
    call.inputs.forEach((t) => used.add(t.id));
    kept.push(call);
  }
  return kept.reverse();
}

/** A graph cut in two: what depends on constants alone, and the rest. */
export interface ConstantSplit {
  /** Calls that give the same result in every run; they run once, when the stage is built. Reshapes stand in both. */
  readonly prologue: readonly Call[];
  readonly body: readonly Call[];
  /** Results of the prologue that the body or the outputs use. */
  readonly folded: readonly Tensor[];
}

/** Finds the calls whose inputs are constants or results of such calls, and that name no scalar. */
export function splitConstantCalls(graph: Graph): ConstantSplit {
  const fixed = new Set(graph.constants.keys());
  const prologue: Call[] = [];
  const body: Call[] = [];
  for (const call of graph.calls) {
    const isFixed = call.inputs.length > 0 && call.inputs.every((t) => fixed.has(t.id)) &&
      scalarsOf(call.attrs).length === 0;
    if (isFixed) call.outputs.forEach((t) => fixed.add(t.id));
    if (isFixed) prologue.push(call);
    if (!isFixed || call.op.alias) body.push(call);
  }
  const needed = new Set([...body.flatMap((call) => call.inputs), ...graph.outputs.values()].map((t) => t.id));
  const computed = prologue.filter((call) => !call.op.alias).flatMap((call) => call.outputs);
  const folded = computed.filter((t) => needed.has(t.id));
  return { prologue, body, folded };
}

/** Maps a tensor to the one whose memory it shares: through reshapes to the value that was computed. */
export function aliasRoots(calls: readonly Call[]): (id: number) => number {
  const roots = new Map<number, number>();
  for (const { op, inputs: [source], outputs: [view] } of calls) {
    if (op.alias && source && view) roots.set(view.id, roots.get(source.id) ?? source.id);
  }
  return (id) => roots.get(id) ?? id;
}
