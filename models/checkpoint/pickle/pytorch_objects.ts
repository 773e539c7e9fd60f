/** Storages and tensors as a pickle describes them. */
import { quoteName } from "../checkpoint_error.ts";
import {
  describePickleValue,
  PickleDict,
  PickleForeign,
  PickleLeaf,
  PickleObject,
  type PickleRefusal,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";
import { type Storage, storageWidth } from "./pytorch_types.ts";
import { DTYPE_BITS, MAX_RANK, type SafetensorsDtype, tensorBytes } from "../safetensors_dtype.ts";

/** A storage, or a part of one, as a pickle holds it. */
export class StorageView extends PickleObject {
  override readonly kind = "a storage";

  /**
   * Keeps the part.
   * @param storage the whole
   * @param begin first element
   * @param length number of elements
   */
  constructor(readonly storage: Storage, readonly begin: number, readonly length: number) {
    super();
  }
}

/** A class of storages. */
export class StorageClass extends PickleObject {
  override readonly kind = "a storage type";

  /**
   * Keeps the class.
   * @param name such as `FloatStorage`
   * @param dtype type of its elements; undefined if they are not read
   */
  constructor(readonly name: string, readonly dtype: SafetensorsDtype | undefined) {
    super();
  }
}

/** An element type as a value. */
export class ElementType extends PickleObject {
  override readonly kind = "an element type";

  /**
   * Keeps the type.
   * @param name in PyTorch
   * @param dtype its name in safetensors; undefined if there is none
   */
  constructor(readonly name: string, readonly dtype: SafetensorsDtype | undefined) {
    super();
  }
}

/** A tensor as a pickle describes it; every element has been checked to lie inside the storage. */
export class TensorView extends PickleObject {
  override readonly kind = "a tensor";

  /**
   * Keeps the description.
   * @param storage where the elements are
   * @param dtype type of the elements
   * @param offset index in the storage of the element [0, ..., 0]
   * @param shape outermost first
   * @param stride elements from one index to the next, per dimension, at least 0
   */
  constructor(
    readonly storage: Storage,
    readonly dtype: SafetensorsDtype,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly stride: readonly number[],
  ) {
    super();
  }

  /** Attributes of a tensor say nothing about its numbers; another state would give it others. */
  override build(state: PickleValue): boolean {
    return state instanceof PickleDict;
  }
}

/**
 * The storage that a persistent id stands for: `("storage", class, key, device, elements)`, in old files with the part
 * that is meant at the end. A class of networks that stands with its source code is the class; any other id is a leaf.
 * @param id what the pickle gives
 * @param storages those that were named before, by key; the new one is added
 * @param refuse makes the error for a malformed storage
 */
export function persistentValue(id: PickleValue, storages: Map<string, Storage>, refuse: PickleRefusal): PickleValue {
  const items = id instanceof PickleTuple ? id.items : [];
  const [tag, type, key, device, length, part] = items;
  if (tag === "module" && type instanceof PickleForeign) return type;
  if (tag !== "storage") return new PickleLeaf("a persistent id that is no storage");
  const fault = (found: string): Error =>
    refuse(found, `a persistent id ("storage", type, key, device, number of elements) is needed`);
  if (items.length < 5 || items.length > 6) throw fault(`a persistent id of ${items.length} items`);
  if (!(type instanceof StorageClass || type instanceof PickleForeign)) {
    throw fault(`${describePickleValue(type!)} as the type of a storage`);
  }
  if (typeof key !== "string") throw fault(`${describePickleValue(key!)} as the key of a storage`);
  if (typeof device !== "string") throw fault(`${describePickleValue(device!)} as the device of a storage`);
  const name = type instanceof StorageClass ? type.name : type.label;
  const width = storageWidth(name);
  if (!isCount(length!) || !Number.isSafeInteger(length * 8 * (width ?? 1))) {
    throw fault(`${describePickleValue(length!)} as the number of elements of a storage`);
  }
  const dtype = type instanceof StorageClass ? type.dtype : undefined;
  const storage = storages.get(key) ?? { key, dtype, type: name, length, width };
  if (storage.type !== name || storage.length !== length) {
    throw refuse(
      `storage ${quoteName(key)} as ${length} elements of ${shownType(dtype, name)} after ${storage.length} of ` +
        shownType(storage.dtype, storage.type),
      "the same every time is needed",
    );
  }
  storages.set(key, storage);
  return part === undefined || part === null ? new StorageView(storage, 0, length) : partOf(storage, part, refuse);
}

function shownType(dtype: SafetensorsDtype | undefined, name: string): string {
  return dtype ?? quoteName(name);
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

/**
 * Whether a value is an integer from 0 to 2^53 - 1.
 * @param value any
 */
export function isCount(value: PickleValue): value is number {
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

/** What is made of arguments of which one is not known here; undefined if all are. */
function inertTensor(label: string, args: readonly PickleValue[]): PickleForeign | undefined {
  const isInert = (value: PickleValue): boolean => value instanceof PickleForeign || value instanceof PickleLeaf;
  const depends = args.slice(0, 4).some((value) =>
    isInert(value) || (value instanceof PickleTuple && value.items.length <= MAX_RANK && value.items.some(isInert))
  );
  return depends ? new PickleForeign(label, "call", args) : undefined;
}

/**
 * `torch._utils._rebuild_tensor(storage, offset, sizes, strides)`.
 * @param args these
 * @param refuse makes the error where an element would lie outside the storage
 * @param dtype type of the elements, where it is not that of the storage
 * @returns a `PickleForeign` if something in the arguments is inert, or the numbers mean nothing by themselves
 */
export function rebuildTensor(
  args: readonly PickleValue[],
  refuse: PickleRefusal,
  dtype?: SafetensorsDtype,
): TensorView | PickleForeign {
  const inert = inertTensor("torch._utils._rebuild_tensor", args);
  if (inert !== undefined) return inert;
  const [view, offset] = args;
  if (!(view instanceof StorageView)) {
    throw refuse(`a tensor from ${view === undefined ? "nothing" : describePickleValue(view)}`, "a storage is needed");
  }
  const type = dtype ?? view.storage.dtype;
  if (type === undefined) return new PickleForeign(`torch.${view.storage.type}`, "object", args);
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
  return tensorView(view, { dtype: type, offset, shape, stride }, refuse);
}

/** The tensor, if all its elements lie in the storage. */
function tensorView(
  { storage, begin, length: stored }: StorageView,
  { dtype, offset, shape, stride }: Pick<TensorView, "dtype" | "offset" | "shape" | "stride">,
  refuse: PickleRefusal,
): TensorView {
  const width = DTYPE_BITS[dtype] / 8;
  const length = Math.floor(stored * storage.width! / width);
  const type = `a tensor of ${dtype} [${shape.join(", ")}]`;
  if (tensorBytes(dtype, shape) === "overflow") {
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
  return new TensorView(storage, dtype, begin * storage.width! / width + offset, shape, stride);
}

/** Flags that a tensor may have; two are known. */
const MOST_FLAGS = 16;

/** Flags of a tensor whose stored numbers are not its own. */
function requirePlain(flags: PickleValue | undefined, refuse: PickleRefusal): void {
  const values = flags instanceof PickleDict ? flags.entries.values().take(MOST_FLAGS + 1).toArray() : [flags ?? null];
  if (values.length > MOST_FLAGS || values.some((flag) => flag !== false && flag !== null)) {
    throw refuse("a tensor whose values are to be conjugated or negated", "a plain one is needed");
  }
}

/**
 * `_rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks, metadata)`, the last one optional.
 * @param args these
 * @param refuse as for `rebuildTensor`
 */
export function rebuildTensorV2(args: readonly PickleValue[], refuse: PickleRefusal): TensorView | PickleForeign {
  if (args.length < 6 || args.length > 7) throw refuse(`a tensor from ${args.length} arguments`, "6 or 7 are needed");
  requirePlain(args[6], refuse);
  return rebuildTensor(args, refuse);
}

/**
 * `_rebuild_tensor_v3(storage, offset, sizes, strides, requires_grad, hooks, dtype, metadata)`, the last one optional:
 * how types are written that have no class of storages.
 * @param args these
 * @param refuse as for `rebuildTensor`
 */
export function rebuildTensorV3(args: readonly PickleValue[], refuse: PickleRefusal): TensorView | PickleForeign {
  if (args.length < 7 || args.length > 8) throw refuse(`a tensor from ${args.length} arguments`, "7 or 8 are needed");
  requirePlain(args[7], refuse);
  const type = args[6];
  if (!(type instanceof ElementType) || type.dtype === undefined) {
    return new PickleForeign("torch._utils._rebuild_tensor_v3", "call", args);
  }
  const [view] = args;
  if (view instanceof StorageView && view.begin * (view.storage.width ?? 0) % (DTYPE_BITS[type.dtype] / 8) !== 0) {
    throw refuse(`a tensor of ${type.dtype} from the middle of an element`, "a whole number of elements is needed");
  }
  return rebuildTensor(args, refuse, type.dtype);
}

/**
 * `_rebuild_parameter(tensor, requires_grad, hooks)`.
 * @param args these
 * @param refuse makes the error for what is no tensor
 */
export function rebuildParameter(args: readonly PickleValue[], refuse: PickleRefusal): PickleValue {
  const [tensor] = args;
  if (tensor instanceof TensorView || tensor instanceof PickleForeign) return tensor;
  throw refuse(
    `a parameter from ${tensor === undefined ? "nothing" : describePickleValue(tensor)}`,
    "a tensor is needed",
  );
}
