/** What a pickle can say here; nothing of it runs code. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleObject;

/** A tuple. */
export class PickleTuple {
  /**
   * Wraps the items.
   * @param items they are not changed any more
   */
  constructor(readonly items: readonly PickleValue[]) {}
}

/** A list, which may hold itself. */
export class PickleList {
  /** The items in order. */
  readonly items: PickleValue[] = [];
}

/** A dict of any class, in the order of insertion. */
export class PickleDict {
  /** Keys that are tuples are equal only to themselves. */
  readonly entries: Map<PickleValue, PickleValue> = new Map();
}

/** A value that only the reader of a certain format knows, such as a tensor. */
export abstract class PickleObject {
  /** What messages call it: `a tensor`. */
  abstract readonly kind: string;
}

/** Makes the error for a violation: what was found, and what is needed. */
export type PickleRefusal = (found: string, needed: string) => Error;

/** A function that a pickle may ask for by its global name; it only builds values. */
export class PickleFunction extends PickleObject {
  override readonly kind = "a function";

  /**
   * Wraps the function.
   * @param label its name in Python, for messages
   * @param call makes the result from the arguments, or throws what `refuse` makes
   */
  constructor(
    readonly label: string,
    readonly call: (args: readonly PickleValue[], refuse: PickleRefusal) => PickleValue,
  ) {
    super();
  }
}

/** A value that is kept as a leaf and never looked at. */
export class PickleLeaf extends PickleObject {
  /**
   * Wraps the name.
   * @param kind what messages call it
   */
  constructor(override readonly kind: string) {
    super();
  }
}

/** What a pickle may refer to outside itself. */
export interface PickleContext {
  /**
   * The value of a global name.
   * @returns undefined if the name is not allowed
   */
  global(module: string, name: string): PickleValue | undefined;
  /** The value of a persistent id, or throws what `refuse` makes. */
  persistent(id: PickleValue, refuse: PickleRefusal): PickleValue;
}

/**
 * What a value is, for messages.
 * @param value any value
 * @returns such as `a list of 3 items` or `the number 5`
 */
export function describePickleValue(value: PickleValue): string {
  if (value === null) return "None";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return `the boolean ${value}`;
  if (typeof value !== "object") return `the number ${String(value).slice(0, 40)}`;
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length} items`;
  if (value instanceof PickleList) return `a list of ${value.items.length} items`;
  if (value instanceof PickleDict) return `a dict of ${value.entries.size} items`;
  return value.kind;
}
