import { quoteName } from "./checkpoint_error.ts";
import {
  describePickleValue,
  type PickleContext,
  PickleDict,
  PickleFunction,
  PickleLeaf,
  PickleList,
  PickleObject,
  type PickleRefusal,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";
import { DTYPE_BITS, MAX_RANK, type SafetensorsDtype, tensorBytes } from "./safetensors_dtype.ts";

/** Element types by the names of PyTorch's storage classes. */
const STORAGE_DTYPES: Readonly<Record<string, SafetensorsDtype>> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};

/** Element types as values of their own, which stand beside a network in its options. */
const DTYPE_NAMES: readonly string[] = [
  ...["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"],
  ...["double", "float", "half", "long", "int", "short"],
];

/** One block of numbers in a file; tensors are views of it. */
export interface Storage {
  /** Its name in the file. */
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  /** Number of elements. */
  readonly length: number;
}

/** A storage, or a part of one, as a pickle holds it. */
class StorageView extends PickleObject {
  override readonly kind = "a storage";

  constructor(readonly storage: Storage, readonly begin: number, readonly length: number) {
    super();
  }
}

class StorageClass extends PickleObject {
  override readonly kind = "a storage type";

  constructor(readonly dtype: SafetensorsDtype) {
    super();
  }
}

/** A tensor as a pickle describes it; every element has been checked to lie inside the storage. */
export class TensorView extends PickleObject {
  override readonly kind = "a tensor";

  /**
   * Keeps the description.
   * @param storage where the elements are
   * @param offset index in the storage of the element [0, ..., 0]
   * @param shape outermost first
   * @param stride elements from one index to the next, per dimension, at least 0
   */
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {
    super();
  }
}

/** What the pickle of a PyTorch file may refer to, and the storages that it did refer to. */
export class PytorchContext implements PickleContext {
  /** By key. */
  readonly storages: Map<string, Storage> = new Map();

  /** The value of one of the few global names of a state dict. */
  global(module: string, name: string): PickleValue | undefined {
    return GLOBALS.get(`${module}.${name}`);
  }

  /** A storage: `("storage", class, key, device, elements)`, in old files with the part that is meant at the end. */
  persistent(id: PickleValue, refuse: PickleRefusal): PickleValue {
    const fault = (found: string): Error =>
      refuse(found, `a persistent id ("storage", type, key, device, number of elements) is needed`);
    if (!(id instanceof PickleTuple)) throw fault(`${describePickleValue(id)} as a persistent id`);
    const [tag, type, key, device, length, part] = id.items;
    if (tag !== "storage") {
      const shown = typeof tag === "string" ? quoteName(tag) : tag === undefined ? "nothing" : describePickleValue(tag);
      throw fault(`a persistent id of ${shown}`);
    }
    if (id.items.length < 5 || id.items.length > 6) throw fault(`a persistent id of ${id.items.length} items`);
    if (!(type instanceof StorageClass)) throw fault(`${describePickleValue(type!)} as the type of a storage`);
    if (typeof key !== "string") throw fault(`${describePickleValue(key!)} as the key of a storage`);
    if (typeof device !== "string") throw fault(`${describePickleValue(device!)} as the device of a storage`);
    if (!isCount(length!) || tensorBytes(type.dtype, [length]) === "overflow") {
      throw fault(`${describePickleValue(length!)} as the number of elements of a storage`);
    }
    const known = this.storages.get(key);
    const storage = known ?? { key, dtype: type.dtype, length };
    if (storage.dtype !== type.dtype || storage.length !== length) {
      throw refuse(
        `storage ${quoteName(key)} as ${length} elements of ${type.dtype} after ${storage.length} of ${storage.dtype}`,
        "the same every time is needed",
      );
    }
    this.storages.set(key, storage);
    return part === undefined || part === null ? new StorageView(storage, 0, length) : partOf(storage, part, refuse);
  }
}

/** A part of a storage: `(key of the part, first element, elements)`. */
function partOf(storage: Storage, part: PickleValue, refuse: PickleRefusal): StorageView {
  const [, begin, length] = part instanceof PickleTuple ? part.items : [];
  const fits = part instanceof PickleTuple && part.items.length === 3 && isCount(begin!) && isCount(length!) &&
    begin + length <= storage.length;
  if (!fits) {
    throw refuse(
      `${describePickleValue(part)} as a part of storage ${quoteName(storage.key)}`,
      `(key, first element, elements) within its ${storage.length} elements is needed`,
    );
  }
  return new StorageView(storage, begin, length);
}

/** An integer from 0 to 2^53 - 1. */
function isCount(value: PickleValue): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

/** The sizes or strides of a tensor. */
function counts(value: PickleValue | undefined, what: string, refuse: PickleRefusal): number[] {
  const items = value instanceof PickleTuple ? value.items : undefined;
  if (items !== undefined && items.length <= MAX_RANK && items.every(isCount)) return items as number[];
  const odd = items?.find((item) => !isCount(item));
  const found = odd === undefined ? describePickleValue(value ?? null) : `a tuple with ${describePickleValue(odd)}`;
  throw refuse(`${found} as the ${what} of a tensor`, `at most ${MAX_RANK} integers from 0 to 2^53 - 1 are needed`);
}

/** `torch._utils._rebuild_tensor(storage, offset, sizes, strides)`. */
function rebuildTensor(args: readonly PickleValue[], refuse: PickleRefusal): TensorView {
  const [view, offset] = args;
  if (!(view instanceof StorageView)) {
    throw refuse(`a tensor from ${view === undefined ? "nothing" : describePickleValue(view)}`, "a storage is needed");
  }
  if (offset === undefined || !isCount(offset)) {
    throw refuse(
      `${offset === undefined ? "nothing" : describePickleValue(offset)} as the offset of a tensor`,
      "an integer from 0 to 2^53 - 1 is needed",
    );
  }
  const shape = counts(args[2], "sizes", refuse);
  const stride = counts(args[3], "strides", refuse);
  if (shape.length !== stride.length) {
    throw refuse(`a tensor of ${shape.length} sizes and ${stride.length} strides`, "as many of each are needed");
  }
  const { storage, begin, length } = view;
  const type = `a tensor of ${storage.dtype} [${shape.join(", ")}]`;
  if (tensorBytes(storage.dtype, shape) === "overflow") {
    throw refuse(`${type}, which overflows`, "a size below 2^53 bits is needed");
  }
  const empty = shape.includes(0);
  let last = offset;
  for (let i = 0; i < shape.length && !empty; i++) last += (shape[i]! - 1) * stride[i]!;
  // Beyond 2^53 a sum of positive numbers is rounded, but never back to the length of a storage.
  if (empty ? offset > length : last >= length) {
    throw refuse(
      `${type} at offset ${offset} with strides [${stride.join(", ")}], whose last element is ${last}`,
      `one of the ${length} elements of storage ${quoteName(storage.key)} is needed`,
    );
  }
  return new TensorView(storage, begin + offset, shape, stride);
}

/** `_rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks, metadata)`, the last one optional. */
function rebuildTensorV2(args: readonly PickleValue[], refuse: PickleRefusal): TensorView {
  if (args.length < 6 || args.length > 7) throw refuse(`a tensor from ${args.length} arguments`, "6 or 7 are needed");
  const flags = args[6] instanceof PickleDict ? [...args[6].entries.values()] : args[6] === undefined ? [] : [args[6]];
  if (flags.some((flag) => flag !== false && flag !== null)) {
    throw refuse("a tensor whose values are to be conjugated or negated", "a plain one is needed");
  }
  return rebuildTensor(args, refuse);
}

/** `_rebuild_parameter(tensor, requires_grad, hooks)`. */
function rebuildParameter([tensor]: readonly PickleValue[], refuse: PickleRefusal): TensorView {
  if (tensor instanceof TensorView) return tensor;
  throw refuse(
    `a parameter from ${tensor === undefined ? "nothing" : describePickleValue(tensor)}`,
    "a tensor is needed",
  );
}

/** `OrderedDict()`, as Python 2 wrote it with a list of `[key, value]`. */
function orderedDict(args: readonly PickleValue[], refuse: PickleRefusal): PickleDict {
  const dict = new PickleDict();
  const [items = new PickleList()] = args;
  if (args.length > 1 || !(items instanceof PickleList)) {
    throw refuse("an OrderedDict from other arguments", "none, or a list of pairs is needed");
  }
  for (const item of items.items) {
    const pair = item instanceof PickleList || item instanceof PickleTuple ? item.items : [];
    const [key, value] = pair;
    if (pair.length !== 2 || typeof key !== "string" || dict.entries.has(key)) {
      throw refuse(`${describePickleValue(item)} as an item of an OrderedDict`, "a new name with its value is needed");
    }
    dict.entries.set(key, value as PickleValue);
  }
  return dict;
}

/** `Counter(dict)`, which learning-rate schedules hold. */
function counter(args: readonly PickleValue[], refuse: PickleRefusal): PickleDict {
  const [dict = new PickleDict()] = args;
  if (args.length <= 1 && dict instanceof PickleDict) return dict;
  throw refuse("a Counter from other arguments", "none, or a dict is needed");
}

/** `torch.Size(sizes)`. */
function size(args: readonly PickleValue[], refuse: PickleRefusal): PickleTuple {
  const [sizes] = args;
  if (args.length === 1 && sizes instanceof PickleTuple) return sizes;
  throw refuse("a torch.Size from other arguments", "a tuple of sizes is needed");
}

/** `torch.device(type, index)`. */
function device(): PickleLeaf {
  return new PickleLeaf("a device");
}

const FUNCTIONS: Readonly<Record<string, PickleFunction["call"]>> = {
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensorV2,
  "torch._utils._rebuild_parameter": rebuildParameter,
  "torch._utils._rebuild_parameter_with_state": rebuildParameter,
  "collections.OrderedDict": orderedDict,
  "collections.Counter": counter,
  "torch.Size": size,
  "torch.device": device,
};

/** Everything that a pickle may name. */
const GLOBALS: ReadonlyMap<string, PickleValue> = new Map<string, PickleValue>([
  ...Object.entries(FUNCTIONS).map(([label, call]) => [label, new PickleFunction(label, call)] as const),
  ...Object.entries(STORAGE_DTYPES).map(([name, dtype]) => [`torch.${name}`, new StorageClass(dtype)] as const),
  ...DTYPE_NAMES.map((name) => [`torch.${name}`, new PickleLeaf("an element type")] as const),
]);

/**
 * Bytes of a storage.
 * @param storage any
 * @returns number of elements times bytes per element
 */
export function storageBytes({ dtype, length }: Storage): number {
  return length * DTYPE_BITS[dtype] / 8;
}
