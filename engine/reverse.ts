/** The reverse pass: appends to the trace being recorded the calls that give the gradient of a loss. */
import { type Recording, recording, type Segment } from "./graph.ts";
import { type Application, type Call, scalarsOf } from "./op.ts";
import { formatShape, sameShape, type Shape, type Tensor } from "./tensor.ts";

/** The operations that the pass itself needs, as the engine names none. */
export interface ReverseTools {
  /** The sum of two tensors of one shape. */
  add(a: Tensor, b: Tensor): Tensor;
  /** A tensor of one number. */
  fill(shape: Shape, value: number): Tensor;
}

/** A run of calls with the checkpointed segments in it. */
interface Stretch {
  readonly calls: readonly Call[];
  /** Positions count from the first of the calls. */
  readonly segments: readonly Segment[];
}

/**
 * Records the gradient of the sum of all elements of a loss. Only calls that depend on `wrt` are walked, last first,
 * each by the `vjp` of its operation, at its own scope followed by `.backward`; a checkpointed segment is first recorded
 * again, at its scope followed by `.recomputed`.
 * @param loss any shape, f32
 * @param wrt the tensors to differentiate by, f32
 * @param tools the operations that the pass needs
 * @param held values that count as fixed, though they may depend on `wrt`
 * @returns d loss / d wrt, each of the shape of its tensor; zeros where the loss does not depend on it
 * @throws {TypeError} if an operation on the way has no `vjp`; {Error} outside a trace
 */
export function reverse(
  loss: Tensor,
  wrt: readonly Tensor[],
  tools: ReverseTools,
  held: readonly Tensor[] = [],
): readonly Tensor[] {
  const trace = recording("differentiate");
  const pass = new ReversePass(trace, wrt, tools, new Set(held.map(({ id }) => id)));
  return trace.within({ scope: "backward" }, () => {
    pass.start(loss);
    return wrt.map((tensor) => pass.cotangent(tensor) ?? tools.fill(tensor.shape, 0));
  });
}

class ReversePass {
  readonly #trace: Recording;
  readonly #tools: ReverseTools;
  readonly #wrt: ReadonlySet<number>;
  /** What depends on `wrt`. */
  readonly #dependent: Set<number>;
  /** What depends on constants alone: computed once when the stage is built, so never again. */
  readonly #fixed: Set<number>;
  readonly #cotangents = new Map<number, Tensor>();
  /** The passes back through applications, by the id of these. */
  readonly #passes = new Map<number, Application>();

  constructor(trace: Recording, wrt: readonly Tensor[], tools: ReverseTools, held: ReadonlySet<number>) {
    [this.#trace, this.#tools] = [trace, tools];
    this.#wrt = new Set(wrt.map(({ id }) => id));
    this.#dependent = new Set(this.#wrt);
    this.#fixed = new Set(trace.constants.keys());
    for (const { inputs, outputs, attrs } of trace.calls) {
      const isFixed = inputs.length > 0 && inputs.every(({ id }) => this.#fixed.has(id)) &&
        scalarsOf(attrs).length === 0;
      if (isFixed) outputs.forEach(({ id }) => this.#fixed.add(id));
      if (!inputs.some(({ id }) => this.#dependent.has(id))) continue;
      for (const { id, dtype } of outputs) if (dtype === "f32" && !held.has(id)) this.#dependent.add(id);
    }
  }

  start(loss: Tensor): void {
    const { calls, segments } = this.#trace;
    const recorded = { calls: [...calls], segments: [...segments] };
    if (!this.#dependent.has(loss.id)) return;
    this.#cotangents.set(loss.id, this.#tools.fill(loss.shape, 1));
    this.#walk(recorded, new Set());
  }

  cotangent(tensor: Tensor): Tensor | undefined {
    return this.#cotangents.get(tensor.id);
  }

  /** @param read what calls after the stretch take as inputs */
  #walk({ calls, segments }: Stretch, read: ReadonlySet<number>): void {
    let end = calls.length;
    const later = new Set(read);
    for (const segment of segments.toReversed()) {
      this.#walkCalls(calls.slice(segment.end, end));
      for (const { inputs } of calls.slice(segment.end, end)) inputs.forEach(({ id }) => later.add(id));
      const own = calls.slice(segment.start, segment.end);
      this.#walkSegment(own, segment, later);
      for (const { inputs } of own) inputs.forEach(({ id }) => later.add(id));
      end = segment.start;
    }
    this.#walkCalls(calls.slice(0, end));
  }

  #walkCalls(calls: readonly Call[]): void {
    for (const call of calls.toReversed()) this.#walkCall(call);
  }

  #walkCall(call: Call): void {
    const { op, inputs, outputs, scope } = call;
    const wanted = inputs.map(({ id }) => this.#dependent.has(id));
    const cotangents = outputs.map(({ id }) => this.#cotangents.get(id));
    if (!wanted.includes(true) || cotangents.every((given) => given === undefined)) return;
    const place = scope === "" ? "" : ` at "${scope}"`;
    if (!op.vjp) {
      throw new TypeError(
        `Cannot differentiate ${op.name}${place}: it has no gradient; add a vjp to its definition, ` +
          `or keep what is differentiated from passing through it`,
      );
    }
    const vjp = op.vjp.bind(op);
    const application = call.application && this.#passThrough(call.application);
    this.#trace.within({ scope: joined(scope, "backward"), application }, () => {
      const given = vjp(call, cotangents, wanted);
      for (const [index, input] of inputs.entries()) {
        const part = given[index];
        if (!part || !wanted[index]) continue;
        if (!sameShape(part.shape, input.shape)) {
          throw new TypeError(
            `Cannot differentiate ${op.name}${place}: its vjp gave ${formatShape(part.shape)} for input ${index}, ` +
              `which has shape ${formatShape(input.shape)}`,
          );
        }
        const known = this.#cotangents.get(input.id);
        this.#cotangents.set(input.id, known ? this.#tools.add(known, part) : part);
      }
    });
  }

  #passThrough({ id, reverse, samples }: Application): Application {
    const known = this.#passes.get(id) ?? this.#trace.newApplication({ name: reverse, reverse }, samples);
    this.#passes.set(id, known);
    return known;
  }

  /**
   * Records the calls of a segment again and walks those, so that nothing is kept from the first time but what leaves the
   * segment, which later calls need in any case.
   * @param later what calls after the segment take as inputs
   */
  #walkSegment(calls: readonly Call[], { start, inner }: Segment, later: ReadonlySet<number>): void {
    const after = calls.flatMap(({ outputs }) => outputs).map((t) => this.#cotangents.get(t.id))
      .filter((t) => t !== undefined);
    if (after.length === 0) return;
    const recomputation = { id: this.#trace.nextRecomputation(), after };
    const copies = new Map<number, Tensor>();
    const repeated = calls.map((call): Call => {
      if (call.outputs.every(({ id }) => this.#fixed.has(id))) return call;
      const inputs = call.inputs.map((t) => copies.get(t.id) ?? t);
      if (call.outputs.every(({ id }) => later.has(id))) return { ...call, inputs };
      const { application } = call;
      const place = { scope: joined(call.scope, "recomputed"), recomputation, application };
      const outputs = this.#trace.within(place, () => this.#trace.repeat(call, inputs));
      for (const [index, { id }] of call.outputs.entries()) {
        const copy = outputs[index]!;
        copies.set(id, copy);
        if (this.#dependent.has(id)) this.#dependent.add(copy.id);
        const given = this.#cotangents.get(id);
        if (given) this.#cotangents.set(copy.id, given);
      }
      return { ...call, inputs, outputs };
    });
    const segments = inner.map((segment) => shifted(segment, start));
    this.#trace.within({ scope: "", recomputation }, () => this.#walk({ calls: repeated, segments }, later));
    for (const id of this.#wrt) {
      const copy = copies.get(id);
      const given = copy && this.#cotangents.get(copy.id);
      if (given) this.#cotangents.set(id, given);
    }
  }
}

function joined(scope: string, last: string): string {
  return scope === "" ? last : `${scope}.${last}`;
}

function shifted({ start, end, inner }: Segment, by: number): Segment {
  return { start: start - by, end: end - by, inner: inner.map((segment) => shifted(segment, by)) };
}
