/** Where in the value of a pickle tensors stand under names. */
import { moduleAttributes, ModuleReader, type NamedTensors } from "./pickle/module_tensors.ts";
import {
  describePickleValue,
  PickleDict,
  PickleForeign,
  PickleList,
  PickleObject,
  PickleTuple,
  type PickleValue,
  sequenceItems,
} from "./pickle/pickle_values.ts";
import { tensorOf } from "./pickle/pickled_tensor.ts";
import { TensorView } from "./pickle/pytorch_objects.ts";

/** A dict that may be the network. */
export interface Candidate extends NamedTensors {
  /** Where it is: "" for all of the file, else such as `state_dict`, `model.ema` or `[0]`. */
  readonly path: string;
  /** 0 for tensors in plain dicts, more the further they are from what a state dict is. */
  readonly rank: number;
  /** What it depends on that is not known here, so that it cannot be read. */
  readonly depends: string | undefined;
}

/** What a search found. */
export interface Found {
  /** In the order of the file. */
  readonly candidates: readonly Candidate[];
  /** Paths of the states of optimizers. */
  readonly optimizers: readonly string[];
}

/** How deep dicts, lists and objects are searched. */
const DEEPEST = 6;

/** Ranks of what lies inside an object of a class that is not known, and of arrays of NumPy. */
const INSIDE = 1;
const NUMPY = 2;

/** Rank of what has no names at all. */
const UNNAMED = 4;

/** Lists of tensors that are looked at, and dicts whose names they may take. */
const MOST_LISTS = 8;
const MOST_NAMED = 64;

/** How lists of averaged parameters are called. */
const AVERAGE_LIST = /shadow|average|ema/i;

/**
 * Finds every dict that has tensors under names: in dicts and lists, networks that were pickled whole, and what objects of
 * other classes hold. States of optimizers are passed over.
 * @param root the value of a pickle
 */
export function searchStateDicts(root: PickleValue): Found {
  const search = new Search();
  search.visit(root, "", 0, 0);
  return { candidates: [...search.candidates, ...averagesByOrder(search)], optimizers: search.optimizers };
}

type Entry = readonly [key: PickleValue, value: PickleValue];

class Search {
  readonly candidates: Candidate[] = [];
  readonly optimizers: string[] = [];
  /** Lists of tensors without names, by path. */
  readonly lists = new Map<string, readonly TensorView[]>();
  readonly #modules = new ModuleReader();
  readonly #seen = new Set<unknown>();

  visit(value: PickleValue, path: string, depth: number, rank: number): void {
    const isContainer = value instanceof PickleDict || value instanceof PickleForeign ||
      sequenceItems(value) !== undefined;
    if (!isContainer || depth > DEEPEST || !this.#isNew(value)) return;
    const attributes = moduleAttributes(value);
    if (attributes !== undefined) {
      const found = this.#isNew(attributes) ? this.#modules.read(attributes) : undefined;
      if (found && found.tensors.size > 0) this.candidates.push({ path, ...found, rank, depends: undefined });
    } else if (value instanceof PickleForeign) {
      this.#visitForeign(value, path, depth);
    } else if (value instanceof PickleDict) {
      if (value.entries.has("param_groups")) this.optimizers.push(path);
      else this.#visitEntries(value.entries, path, depth, rank);
    } else {
      this.#visitList(value as PickleList | PickleTuple, path, depth, rank);
    }
  }

  #visitList({ items }: PickleList | PickleTuple, path: string, depth: number, rank: number): void {
    if (AVERAGE_LIST.test(path) && items.length > 0 && items.every((item) => item instanceof TensorView)) {
      this.lists.set(path, items as readonly TensorView[]);
      return;
    }
    for (const [i, item] of items.entries()) this.visit(item, `${path}[${i}]`, depth + 1, rank);
  }

  /** Attributes, arguments and items of an object of a class that is not known. */
  #visitForeign({ state, args, items, kind }: PickleForeign, path: string, depth: number): void {
    for (const part of sequenceItems(state) ?? [state ?? null]) {
      if (!(part instanceof PickleDict) || !this.#isNew(part)) continue;
      if (part.entries.has("param_groups")) this.optimizers.push(path);
      else this.#visitEntries(part.entries, path, depth, INSIDE, kind);
    }
    if (this.#isNew(args)) {
      for (const [i, item] of args.entries()) this.visit(item, `${path}(${i})`, depth + 1, INSIDE);
    }
    const entries = items.flatMap((key, i): Entry[] => i % 2 === 0 ? [[key, items[i + 1] ?? null]] : []);
    this.#visitEntries(entries, path, depth, INSIDE, kind);
  }

  /** Values are shared, and looked at once. */
  #isNew(value: unknown): boolean {
    if (this.#seen.has(value)) return false;
    this.#seen.add(value);
    return true;
  }

  #visitEntries(entries: Iterable<Entry>, path: string, depth: number, rank: number, holder?: string): void {
    const named: NamedTensors = { tensors: new Map(), leftOut: new Map() };
    let depends = holder === undefined ? undefined : `its tensors are held by ${holder}`;
    let isNumpy = true;
    let isNamed = false;
    for (const [key, value] of entries) {
      const tensor = tensorOf(value);
      if (typeof key !== "string") {
        if (tensor === undefined || !(key instanceof PickleObject)) continue;
        depends ??= `a name among its tensors is ${describePickleValue(key)}`;
        named.tensors.set(`(${named.tensors.size})`, tensor);
      } else if (tensor !== undefined) {
        named.tensors.set(key, tensor);
        isNamed = true;
        isNumpy &&= !(value instanceof TensorView);
      } else {
        named.leftOut.set(key, describePickleValue(value));
        this.visit(value, path === "" ? key : `${path}.${key}`, depth + 1, rank);
      }
    }
    if (named.tensors.size === 0) return;
    const added = isNamed ? (isNumpy ? NUMPY : 0) : UNNAMED;
    this.candidates.push({ path, ...named, rank: rank + added, depends });
  }
}

/** Tensors that count the batches of a training or average over them; no parameters. */
const STATISTIC = /(^|\.)(running_mean|running_var|num_batches_tracked)$/;

/**
 * Moving averages that are saved as lists in the order of the parameters: the same shapes as those of a dict, whose names
 * they take, and whose other tensors stay.
 */
function averagesByOrder({ candidates, lists }: Search): Candidate[] {
  const found: Candidate[] = [];
  for (const [path, items] of lists.entries().take(MOST_LISTS)) {
    for (const { tensors, leftOut, depends } of candidates.slice(0, MOST_NAMED)) {
      const names = [...tensors.keys()];
      const order = [names, names.filter((name) => !STATISTIC.test(name))].find((some) =>
        some.length === items.length && some.every((name, i) => sameShape(tensors.get(name)!, items[i]!))
      );
      if (order === undefined) continue;
      const averaged = new Map([...tensors, ...order.map((name, i) => [name, items[i]!] as const)]);
      found.push({ path, tensors: averaged, leftOut, rank: 0, depends });
      break;
    }
  }
  return found;
}

function sameShape({ shape: a }: TensorView, { shape: b }: TensorView): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
