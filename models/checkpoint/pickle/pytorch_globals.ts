/** What the pickle of a PyTorch file may name, and what each name makes. */
import { NUMPY_FUNCTIONS } from "./numpy_objects.ts";
import {
  describePickleValue,
  PickleBytes,
  type PickleContext,
  PickleDict,
  PickleForeign,
  PickleFunction,
  PickleLeaf,
  PickleList,
  type PickleRefusal,
  PickleSet,
  PickleTuple,
  type PickleValue,
  sequenceItems,
} from "./pickle_values.ts";
import {
  ElementType,
  persistentValue,
  rebuildParameter,
  rebuildTensor,
  rebuildTensorV2,
  rebuildTensorV3,
  StorageClass,
} from "./pytorch_objects.ts";
import { ELEMENT_DTYPES, OPAQUE_STORAGES, type Storage, STORAGE_DTYPES } from "./pytorch_types.ts";

type Call = PickleFunction["call"];

/** What the pickle of a PyTorch file may refer to, and the storages that it did refer to. */
export class PytorchContext implements PickleContext {
  /** By key. */
  readonly storages: Map<string, Storage> = new Map();

  /** The value of one of the few names that tensors and their dicts are made with; an inert one for any other. */
  global(module: string, name: string): PickleValue {
    const label = `${module}.${name}`;
    return GLOBALS.get(label) ?? new PickleForeign(label, "global");
  }

  /** A storage, a class of networks, or a leaf. */
  persistent(id: PickleValue, refuse: PickleRefusal): PickleValue {
    return persistentValue(id, this.storages, refuse);
  }
}

/** `OrderedDict()`, as Python 2 wrote it with a list of `[key, value]`. */
function orderedDict(args: readonly PickleValue[], refuse: PickleRefusal): PickleValue {
  const dict = new PickleDict();
  const [items = new PickleList()] = args;
  if (items instanceof PickleForeign) return new PickleForeign("collections.OrderedDict", "call", args);
  if (args.length > 1 || !(items instanceof PickleList)) {
    throw refuse("an OrderedDict from other arguments", "none, or a list of pairs is needed");
  }
  for (const item of items.items) {
    const pair = sequenceItems(item) ?? [];
    const [key, value] = pair;
    if (pair.length !== 2 || key instanceof PickleList || key instanceof PickleDict || dict.entries.has(key!)) {
      throw refuse(`${describePickleValue(item)} as an item of an OrderedDict`, "a new name with its value is needed");
    }
    dict.entries.set(key!, value as PickleValue);
  }
  return dict;
}

/** `Counter(dict)`, which learning-rate schedules hold. */
function counter(args: readonly PickleValue[], refuse: PickleRefusal): PickleValue {
  const [dict = new PickleDict()] = args;
  if (args.length <= 1 && dict instanceof PickleDict) return dict;
  if (dict instanceof PickleForeign) return new PickleForeign("collections.Counter", "call", args);
  throw refuse("a Counter from other arguments", "none, or a dict is needed");
}

/** `set(items)` and its kin. */
function set(args: readonly PickleValue[]): PickleValue {
  const made = new PickleSet();
  for (const item of sequenceItems(args[0]) ?? []) made.items.push(item);
  return made;
}

/** `deque(items, longest)`. */
function deque(args: readonly PickleValue[]): PickleValue {
  const made = new PickleList();
  for (const item of sequenceItems(args[0]) ?? []) made.items.push(item);
  return made;
}

/** `torch.Size(sizes)`. */
function size(args: readonly PickleValue[], refuse: PickleRefusal): PickleValue {
  const [sizes] = args;
  if (args.length === 1 && sizes instanceof PickleTuple) return sizes;
  if (sizes instanceof PickleForeign) return new PickleForeign("torch.Size", "call", args);
  throw refuse("a torch.Size from other arguments", "a tuple of sizes is needed");
}

/** `_rebuild_from_type_v2(function, type, arguments, attributes)`: a tensor of a class of its own, or with attributes. */
function rebuildFromType(args: readonly PickleValue[], refuse: PickleRefusal): PickleValue {
  const [callee, , items] = args;
  const isTensor = callee instanceof PickleFunction && TENSORS.has(callee.label) && items instanceof PickleTuple;
  if (isTensor) return callee.call(items.items, refuse);
  return new PickleForeign("torch._tensor._rebuild_from_type_v2", "call", args);
}

const TENSOR_FUNCTIONS: Readonly<Record<string, Call>> = {
  "torch._utils._rebuild_tensor": (args, refuse) => rebuildTensor(args, refuse),
  "torch._utils._rebuild_tensor_v2": rebuildTensorV2,
  "torch._utils._rebuild_tensor_v3": rebuildTensorV3,
  "torch._utils._rebuild_parameter": rebuildParameter,
  "torch._utils._rebuild_parameter_with_state": rebuildParameter,
};

const TENSORS: ReadonlySet<string> = new Set(Object.keys(TENSOR_FUNCTIONS));

const FUNCTIONS: Readonly<Record<string, Call>> = {
  ...TENSOR_FUNCTIONS,
  ...NUMPY_FUNCTIONS,
  "torch._tensor._rebuild_from_type_v2": rebuildFromType,
  "torch.Size": size,
  "torch.device": () => new PickleLeaf("a device"),
  "collections.OrderedDict": orderedDict,
  "collections.Counter": counter,
  "collections.defaultdict": () => new PickleDict(),
  "collections.deque": deque,
  ...Object.fromEntries(["builtins", "__builtin__"].flatMap((module): [string, Call][] => [
    [`${module}.set`, set],
    [`${module}.frozenset`, set],
    [`${module}.bytes`, (args) => bytes(`${module}.bytes`, args)],
    [`${module}.dict`, (args, refuse) => orderedDict(args, refuse)],
  ])),
};

/** `bytes()`, which protocol 2 writes for none. */
function bytes(label: string, args: readonly PickleValue[]): PickleValue {
  return args.length === 0 ? new PickleBytes("") : new PickleForeign(label, "call", args);
}

/** Everything that a pickle may name. */
const GLOBALS: ReadonlyMap<string, PickleValue> = new Map<string, PickleValue>([
  ...Object.entries(FUNCTIONS).map(([label, call]) => [label, new PickleFunction(label, call)] as const),
  ...[...Object.entries(STORAGE_DTYPES), ...Object.keys(OPAQUE_STORAGES).map((name) => [name, undefined] as const)]
    .map(([name, dtype]) => [`torch.${name}`, new StorageClass(name, dtype)] as const),
  ["torch.storage.UntypedStorage", new StorageClass("UntypedStorage", STORAGE_DTYPES.UntypedStorage)],
  ...ELEMENT_DTYPES.map(([name, dtype]) => [`torch.${name}`, new ElementType(name, dtype)] as const),
]);
