import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { describePickleValue, PickleDict, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";
import { TensorView } from "./pytorch_objects.ts";

/** The tensors of one network in a file. */
export interface StateDict {
  /** Where it is: "" for all of the file, else such as `state_dict`, `model.ema` or `[0]`. */
  readonly path: string;
  /** By name, without a `module.` that all of them began with. */
  readonly tensors: ReadonlyMap<string, TensorView>;
}

/** How deep dicts and lists are searched. */
const DEEPEST = 6;

/** State dicts that a message lists. */
const SHOWN = 8;

/** What `DataParallel` puts before every name. */
const WRAPPER = "module.";

/**
 * Finds the network in what a file holds: the only dict with names and at least one matrix among its tensors (if there
 * is none, the only one with tensors), at the top, in other dicts, or in lists. Optimizer states are passed over. What a
 * dict holds beside tensors is left out. Which one is meant is never guessed.
 * @param root the value of the pickle
 * @param fileName what messages call the file
 * @param wanted path of the state dict that is meant, needed where there are several
 * @throws {CheckpointError} if there is none, or several and none is named, listing them
 */
export function findStateDict(root: PickleValue, fileName: string, wanted?: string): StateDict {
  const found = search(root);
  const named = found.filter(({ path }) => path === wanted);
  const networks = found.filter(({ tensors }) => [...tensors.values()].some(({ shape }) => shape.length >= 2));
  const choice = wanted !== undefined ? named : networks.length > 0 ? networks : found;
  const [only] = choice;
  if (choice.length === 1 && only !== undefined) return { path: only.path, tensors: withoutWrapper(only.tensors) };
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot load ${quoteName(fileName)}: ${reason}`);
  if (found.length === 0) throw refuse(`it holds ${describePickleValue(root)} without a state dict, one is needed`);
  const listed = found.slice(0, SHOWN).map(({ path, tensors }) => `${quoteName(path)} (${tensors.size} tensors)`);
  const list = `${listed.join(", ")}${found.length > SHOWN ? ", ..." : ""}`;
  if (wanted !== undefined) throw refuse(`it has no state dict ${quoteName(wanted)}, one of these is needed: ${list}`);
  throw refuse(`it has ${choice.length} state dicts, one must be named: ${list}`);
}

/** Every dict that has tensors under names. */
function search(root: PickleValue): StateDict[] {
  const found: StateDict[] = [];
  const seen = new Set<PickleValue>();
  const visit = (value: Container, path: string, depth: number): void => {
    seen.add(value);
    if (value instanceof PickleDict && value.entries.has("param_groups")) return;
    const tensors = new Map<string, TensorView>();
    const isDict = value instanceof PickleDict;
    for (const [key, item] of (isDict ? value.entries : value.items).entries()) {
      if (isDict && typeof key !== "string") continue;
      if (isDict && item instanceof TensorView) tensors.set(key as string, item);
      else if (isContainer(item) && depth < DEEPEST && !seen.has(item)) {
        visit(item, isDict ? (path === "" ? String(key) : `${path}.${key}`) : `${path}[${key}]`, depth + 1);
      }
    }
    if (tensors.size > 0) found.push({ path, tensors });
  };
  if (isContainer(root)) visit(root, "", 0);
  return found;
}

type Container = PickleDict | PickleList | PickleTuple;

function isContainer(value: PickleValue): value is Container {
  return value instanceof PickleDict || value instanceof PickleList || value instanceof PickleTuple;
}

function withoutWrapper(tensors: ReadonlyMap<string, TensorView>): ReadonlyMap<string, TensorView> {
  if (![...tensors.keys()].every((name) => name.startsWith(WRAPPER))) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name.slice(WRAPPER.length), tensor]));
}
