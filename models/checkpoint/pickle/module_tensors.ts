/** The state dict of a pickled network, whose class is neither known nor needed. */
import { describePickleValue, PickleDict, PickleForeign, PickleSet, type PickleValue } from "./pickle_values.ts";
import { tensorOf } from "./pickled_tensor.ts";
import type { TensorView } from "./pytorch_objects.ts";
import { MAX_TENSORS } from "../safetensors_dtype.ts";

/** How deep networks are nested in one another. */
const DEEPEST = 100;

/** What a dict of names holds. */
export interface NamedTensors {
  /** The tensors by name. */
  readonly tensors: Map<string, TensorView>;
  /** What stands beside them and is no tensor, by name: what it is. */
  readonly leftOut: Map<string, string>;
}

/**
 * The attributes of an object, if it is a network of `torch.nn`.
 * @param value the object, or its attributes
 * @returns undefined for anything else
 */
export function moduleAttributes(value: PickleValue | undefined): PickleDict | undefined {
  const attributes = value instanceof PickleForeign ? value.state : value;
  if (!(attributes instanceof PickleDict)) return undefined;
  const isModule = ["_parameters", "_buffers", "_modules"].every((name) =>
    attributes.entries.get(name) instanceof PickleDict
  );
  return isModule ? attributes : undefined;
}

/** Reads networks; those of one file together may have as many tensors as one file. */
export class ModuleReader {
  #visited = 0;

  /**
   * What `state_dict()` would return: parameters and buffers of a network and of the networks inside it, names joined by
   * ".", buffers that are not to be saved left out.
   * @param attributes as `moduleAttributes` returns it
   * @returns undefined if it is nested too deep or too large to be a network
   */
  read(attributes: PickleDict): NamedTensors | undefined {
    const found: NamedTensors = { tensors: new Map(), leftOut: new Map() };
    return this.#visit(attributes, "", 0, found) ? found : undefined;
  }

  #visit({ entries }: PickleDict, prefix: string, depth: number, found: NamedTensors): boolean {
    if (depth > DEEPEST) return false;
    const passing = entries.get("_non_persistent_buffers_set");
    const passed = new Set(passing instanceof PickleSet ? passing.items : []);
    for (const part of ["_parameters", "_buffers"]) {
      for (const [name, value] of (entries.get(part) as PickleDict).entries) {
        if (++this.#visited > MAX_TENSORS) return false;
        if (typeof name !== "string" || value === null || (part === "_buffers" && passed.has(name))) continue;
        const tensor = tensorOf(value);
        if (tensor !== undefined) found.tensors.set(prefix + name, tensor);
        else found.leftOut.set(prefix + name, describePickleValue(value));
      }
    }
    for (const [name, value] of (entries.get("_modules") as PickleDict).entries) {
      if (++this.#visited > MAX_TENSORS) return false;
      const inner = moduleAttributes(value);
      if (typeof name === "string" && inner && !this.#visit(inner, `${prefix}${name}.`, depth + 1, found)) return false;
    }
    return true;
  }
}
