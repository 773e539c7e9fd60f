/** Recording: while the body of a stage runs, every operation it calls is written down here. */
import type { Call, OpDef } from "./op.ts";
import { type DeviceTensor, formatShape, type HostTensor, type Shape, type Tensor, type TensorType } from "./tensor.ts";

/** Where a constant's elements come from: already on a device, or on the host. */
export type ConstantSource = DeviceTensor | HostTensor;

/** A finished recording: a list of calls in the order they were made. */
export interface Graph {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Tensor id -> source. */
  readonly constants: ReadonlyMap<number, ConstantSource>;
  readonly calls: readonly Call[];
  readonly outputs: ReadonlyMap<string, Tensor>;
}

class Recorder {
  readonly constants = new Map<number, ConstantSource>();
  readonly calls: Call[] = [];
  readonly scopes: string[] = [];
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

  knows(tensor: Tensor): boolean {
    return this.#known.has(tensor.id);
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
  readonly definition: OpDef<A>;
}

/**
 * Turns a definition into a function that records a call in the trace.
 * @throws {TypeError | RangeError} from the shape rule, naming the scope; {Error} outside a trace
 */
export function defineOp<A>(definition: OpDef<A>): Op<A> {
  const op = (inputs: readonly Tensor[], attrs: A): readonly Tensor[] => record(definition, inputs, attrs);
  return Object.assign(op, { definition });
}

function record<A>(op: OpDef<A>, inputs: readonly Tensor[], attrs: A): readonly Tensor[] {
  const own = current(`record ${op.name}`);
  const scope = own.scopes.join(".");
  for (const input of inputs) {
    if (!own.knows(input)) {
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
  const outputs = types.map((type) => own.tensor(type));
  own.calls.push({ op: op as OpDef<unknown>, inputs, outputs, attrs, scope });
  return outputs;
}

/** A tensor whose value is the same in every run: weights, masks, blur matrices. The same source gives one tensor. */
export function constant(source: ConstantSource): Tensor {
  return current("use a constant").constant(source);
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

/** A graph as text, one call a line: `%12 [1, 64, 64, 128] = conv2d(%9, %10, %11) at input_blocks.0.0`. */
export function printGraph(graph: Graph): string {
  const name = (id: number): string => `%${id}`;
  const type = (shape: Shape): string => formatShape(shape);
  const lines = [`stage ${graph.name}`];
  for (const [key, tensor] of graph.inputs) lines.push(`  ${name(tensor.id)} ${type(tensor.shape)} = input "${key}"`);
  lines.push(`  ${graph.constants.size} constants`);
  for (const call of graph.calls) {
    const results = call.outputs.map((t) => `${name(t.id)} ${type(t.shape)}`).join(", ");
    const place = call.scope ? ` at ${call.scope}` : "";
    lines.push(`  ${results} = ${call.op.name}(${call.inputs.map((t) => name(t.id)).join(", ")})${place}`);
  }
  for (const [key, tensor] of graph.outputs) lines.push(`  output "${key}" = ${name(tensor.id)}`);
  return lines.join("\n");
}
