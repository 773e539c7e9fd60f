/** What both runtimes do alike: trace a stage at its first call with inputs of new shapes, then reuse it. */
import { type Graph, trace } from "./graph.ts";
import type { StageBody } from "./runtime.ts";
import { simplify } from "./simplify.ts";
import { applicationsOf, type Tally } from "./tally.ts";
import type { DeviceTensor, Scalar, Tensor, TensorType } from "./tensor.ts";

/** Arguments of one run of a stage: tensors and numbers by name. */
export type StageArguments = readonly [
  inputs: Readonly<Record<string, TensorType>>,
  scalars: Readonly<Record<string, number>>,
];

/** What a stage is built for, as a text: input names, shapes, types, and scalar names. */
export function stageSignature(...[inputs, scalars]: StageArguments): string {
  return JSON.stringify([
    Object.entries(inputs).map(([name, { shape, dtype }]) => [name, shape, dtype]),
    Object.keys(scalars),
  ]);
}

/** Records what a stage does with such arguments. */
export function traceStage(
  { name, body }: { readonly name: string; readonly body: StageBody<string, string, string> },
  ...[inputs, scalars]: StageArguments
): Graph {
  const symbols: Record<string, Scalar> = Object.fromEntries(Object.keys(scalars).map((key) => [key, { scalar: key }]));
  return trace(name, inputs, (tensors: Record<string, Tensor>) => ({ ...body(tensors, symbols) }));
}

/**
 * Remembers one built form of a stage per signature.
 * @param build makes the runnable form of a simplified trace
 */
export class StageCache<Built> {
  readonly #built = new Map<string, { readonly built: Built; readonly applications: ReadonlyMap<string, number> }>();

  /** @param tally what each run of the stage is added to */
  constructor(
    readonly name: string,
    readonly body: StageBody<string, string, string>,
    readonly build: (graph: Graph) => Promise<Built>,
    readonly tally: Tally,
  ) {}

  /** Forgets all built forms and returns them. */
  clear(): readonly Built[] {
    const built = Array.from(this.#built.values(), (each) => each.built);
    this.#built.clear();
    return built;
  }

  /** The built form for a run with these arguments, traced now if it is new; the run is counted. */
  async get(inputs: Readonly<Record<string, DeviceTensor>>, scalars: Readonly<Record<string, number>>): Promise<Built> {
    const signature = stageSignature(inputs, scalars);
    let form = this.#built.get(signature);
    if (!form) {
      const graph = simplify(traceStage(this, inputs, scalars));
      form = { built: await this.build(graph), applications: applicationsOf(graph) };
      this.#built.set(signature, form);
    }
    this.tally.add(form.applications);
    return form.built;
  }
}
