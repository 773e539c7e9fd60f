/** What both runtimes do alike: trace a stage at its first call with inputs of new shapes, then reuse it. */
import { type Graph, trace } from "./graph.ts";
import type { StageBody } from "./runtime.ts";
import { simplify } from "./simplify.ts";
import type { DeviceTensor, Scalar, Tensor } from "./tensor.ts";

/**
 * Remembers one built form of a stage per signature: input names, shapes, types, and scalar names.
 * @param build makes the runnable form of a simplified trace
 */
export class StageCache<Built> {
  readonly #built = new Map<string, Built>();

  constructor(
    readonly name: string,
    readonly body: StageBody<string, string, string>,
    readonly build: (graph: Graph) => Promise<Built>,
  ) {}

  /** Forgets all built forms and returns them. */
  clear(): readonly Built[] {
    const built = [...this.#built.values()];
    this.#built.clear();
    return built;
  }

  /** The built form for these arguments, traced now if it is new. */
  async get(inputs: Readonly<Record<string, DeviceTensor>>, scalars: Readonly<Record<string, number>>): Promise<Built> {
    const signature = JSON.stringify([
      Object.entries(inputs).map(([name, { shape, dtype }]) => [name, shape, dtype]),
      Object.keys(scalars),
    ]);
    const known = this.#built.get(signature);
    if (known) return known;
    const symbols: Record<string, Scalar> = Object.fromEntries(
      Object.keys(scalars).map((key) => [key, { scalar: key }]),
    );
    const graph = trace(
      this.name,
      inputs,
      (tensors: Record<string, Tensor>) => ({ ...this.body(tensors, symbols) }),
    );
    const built = await this.build(simplify(graph));
    this.#built.set(signature, built);
    return built;
  }
}
