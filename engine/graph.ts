/** Recording: while the body of a stage runs, every operation it calls is written down here. */
import type { Application, Call, Counted, OpDef, Recomputation } from "./op.ts";
import { type DeviceTensor, formatShape, type HostTensor, type Shape, type Tensor, type TensorType } from "./tensor.ts";

/** Where a constant's elements come from: already on a device, or on the host. */
export type ConstantSource = DeviceTensor | HostTensor;

/** A finished recording: a list of calls in the order they were made. */
export interface Graph {
  /** Name of the stage. */
  readonly name: string;
  /** What is given at each run, by name. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Tensor id -> source. */
  readonly constants: ReadonlyMap<number, ConstantSource>;
  /** In the order they were made. */
  readonly calls: readonly Call[];
  /** What a run gives, by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
}

/** A checkpointed run of calls: from `start` to before `end`, with the segments inside it at the same count. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  readonly inner: readonly Segment[];
}

/** What the reverse pass sees of the trace that is being recorded. */
export interface Recording {
  readonly constants: ReadonlyMap<number, ConstantSource>;
  readonly calls: readonly Call[];
  readonly segments: readonly Segment[];
  /** Records again what a call computes, from other inputs, at the place that `within` names. */
  repeat(call: Call, inputs: readonly Tensor[]): readonly Tensor[];
  /** Runs `body` with a scope in place of the open ones, and marks what it records. */
  within<T>(place: RecordingPlace, body: () => T): T;
  /** A number that no recomputation of the trace has yet. */
  nextRecomputation(): number;
  /** An application that the trace does not have yet. */
  newApplication(what: Counted, samples: number): Application;
}

/** Where calls are recorded that no body asks for. */
export interface RecordingPlace {
  readonly scope: string;
  /** The recomputation that they are part of. */
  readonly recomputation?: Recomputation;
  /** The application that they are part of, unless one is open: the outermost one counts. */
  readonly application?: Application | undefined;
}

class Recorder implements Recording {
  readonly constants = new Map<number, ConstantSource>();
  readonly calls: Call[] = [];
  scopes: string[] = [];
  /** The segments of the open one, or of the trace. */
  segments: Segment[] = [];
  #recomputation: Recomputation | undefined;
  #recomputations = 0;
  #application: Application | undefined;
  #applications = 0;
  readonly #constantIds = new Map<ConstantSource, Tensor>();
  readonly #known = new Set<number>();
  #nextId = 0;

  tensor({ shape, dtype }: TensorType): Tensor {
    const id = this.#nextId++;
    this.#known.add(id);
    return { id, shape, dtype };
  }

  constant(source: ConstantSource): Tensor {
    const known = this.#constantIds.get(source);
    if (known) return known;
    const tensor = this.tensor(source);
    this.constants.set(tensor.id, source);
    this.#constantIds.set(source, tensor);
    return tensor;
  }

  record<A>(op: OpDef<A>, inputs: readonly Tensor[], attrs: A): readonly Tensor[] {
    const scope = this.scopes.join(".");
    for (const input of inputs) {
      if (!this.#known.has(input.id)) {
        throw new Error(`Cannot record ${op.name} at "${scope}": an input belongs to another trace`);
      }
    }
    let types: readonly TensorType[];
    try {
      types = op.infer(inputs, attrs);
    } catch (error) {
      if (!(error instanceof Error) || scope === "") throw error;
      const located = error.message.replace(/^Cannot build (\w+)/, (head) => `${head} at "${scope}"`);
      throw error instanceof RangeError ? new RangeError(located) : new TypeError(located);
    }
    const outputs = types.map((type) => this.tensor(type));
    const marks = {
      ...(this.#recomputation && { recomputation: this.#recomputation }),
      ...(this.#application && { application: this.#application }),
    };
    this.calls.push({ op: op as OpDef<unknown>, inputs, outputs, attrs, scope, ...marks });
    return outputs;
  }

  repeat(call: Call, inputs: readonly Tensor[]): readonly Tensor[] {
    return this.record(call.op, inputs, call.attrs);
  }

  checkpoint<T>(body: () => T): T {
    const [around, start] = [this.segments, this.calls.length];
    this.segments = [];
    try {
      return body();
    } finally {
      around.push({ start, end: this.calls.length, inner: this.segments });
      this.segments = around;
    }
  }

  within<T>(place: RecordingPlace, body: () => T): T {
    const [scopes, recomputation, application] = [this.scopes, this.#recomputation, this.#application];
    this.scopes = place.scope === "" ? [] : [place.scope];
    this.#recomputation = place.recomputation ?? recomputation;
    this.#application = application ?? place.application;
    try {
      return body();
    } finally {
      [this.scopes, this.#recomputation, this.#application] = [scopes, recomputation, application];
    }
  }

  counted<T>(what: Counted, samples: number, body: () => T): T {
    if (this.#application) return body();
    this.#application = this.newApplication(what, samples);
    try {
      return body();
    } finally {
      this.#application = undefined;
    }
  }

  newApplication({ name, reverse }: Counted, samples: number): Application {
    return { id: this.#applications++, name, reverse, samples };
  }

  nextRecomputation(): number {
    return this.#recomputations++;
  }
}

/** The one piece of global state: set only while the synchronous body of a stage runs. */
let recorder: Recorder | undefined;

function current(action: string): Recorder {
  if (!recorder) throw new Error(`Cannot ${action} outside a trace: call it inside the body of a stage`);
  return recorder;
}

/**
 * Runs `body` and records the operations it calls.
 * @param name name of the stage, for listings and errors
 * @param inputs types of the inputs by name
 * @throws {Error} if a trace is being recorded already; whatever `body` throws
 */
export function trace(
  name: string,
  inputs: Readonly<Record<string, TensorType>>,
  body: (inputs: Record<string, Tensor>) => Record<string, Tensor>,
): Graph {
  if (recorder) throw new Error(`Cannot trace "${name}": another trace is being recorded; stages do not nest`);
  recorder = new Recorder();
  try {
    const own = recorder;
    const tensors = Object.fromEntries(Object.entries(inputs).map(([key, type]) => [key, own.tensor(type)]));
    const outputs = body(tensors);
    return {
      name,
      inputs: new Map(Object.entries(tensors)),
      constants: own.constants,
      calls: own.calls,
      outputs: new Map(Object.entries(outputs)),
    };
  } finally {
    recorder = undefined;
  }
}

/** A recording function together with its definition, as `defineOp` returns it. */
export interface Op<A> {
  (inputs: readonly Tensor[], attrs: A): readonly Tensor[];
  /** What it records. */
  readonly definition: OpDef<A>;
}

/**
 * Turns a definition into a function that records a call in the trace.
 * @throws {TypeError | RangeError} from the shape rule, naming the scope; {Error} outside a trace
 */
export function defineOp<A>(definition: OpDef<A>): Op<A> {
  const op = (inputs: readonly Tensor[], attrs: A): readonly Tensor[] =>
    current(`record ${definition.name}`).record(definition, inputs, attrs);
  return Object.assign(op, { definition });
}

/** A tensor whose value is the same in every run: weights, masks, blur matrices. The same source gives one tensor. */
export function constant(source: ConstantSource): Tensor {
  return current("use a constant").constant(source);
}

/** Where the elements of a constant of the trace come from; undefined for a tensor that is none. */
export function constantSource(tensor: Tensor): ConstantSource | undefined {
  return current("look up a constant").constants.get(tensor.id);
}

/**
 * Takes the constants that the trace has so far from elsewhere.
 * @param of gives the source in place of another, or the same
 */
export function replaceConstants(of: (source: ConstantSource) => ConstantSource): void {
  const { constants } = current("replace constants");
  for (const [id, source] of constants) constants.set(id, of(source));
}

/** Names what `body` records: scopes nest, joined by dots, and appear in profiles and errors. */
export function scope<T>(name: string, body: () => T): T {
  const own = current(`open scope "${name}"`);
  own.scopes.push(name);
  try {
    return body();
  } finally {
    own.scopes.pop();
  }
}

/**
 * Counts what `body` records as one application of something. Inside another application it is part of that one.
 * @param samples items of the batch that it is applied to
 */
export function counted<T>(what: Counted, samples: number, body: () => T): T {
  return current(`count an application of "${what.name}"`).counted(what, samples, body);
}

/**
 * Has a reverse pass compute the values inside `body` again, from what enters it, instead of keeping them since the
 * forward pass: memory for about one more forward pass of the body. Checkpoints nest.
 * @param body records the segment and returns what it computes, in any form
 * @returns what `body` returns
 */
export function checkpoint<T>(body: () => T): T {
  return current("open a checkpoint").checkpoint(body);
}

/** The trace that is being recorded, for the reverse pass. */
export function recording(action: string): Recording {
  return current(action);
}

/** A graph as text, one call a line: `%12 [1, 64, 64, 128] = conv2d(%9, %10, %11) at input_blocks.0.0`. */
export function printGraph(graph: Graph): string {
  const name = (id: number): string => `%${id}`;
  const type = (shape: Shape): string => formatShape(shape);
  const lines = [`stage ${graph.name}`];
  for (const [key, tensor] of graph.inputs) lines.push(`  ${name(tensor.id)} ${type(tensor.shape)} = input "${key}"`);
  lines.push(`  ${graph.constants.size} constants`);
  for (const call of graph.calls) {
    const results = call.outputs.map((t) => `${name(t.id)} ${type(t.shape)}`).join(", ");
    const place = (call.recomputation ? " again" : "") + (call.scope ? ` at ${call.scope}` : "");
    lines.push(`  ${results} = ${call.op.name}(${call.inputs.map((t) => name(t.id)).join(", ")})${place}`);
  }
  for (const [key, tensor] of graph.outputs) lines.push(`  output "${key}" = ${name(tensor.id)}`);
  return lines.join("\n");
}
