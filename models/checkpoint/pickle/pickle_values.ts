import { quoteName } from "../checkpoint_error.ts";

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

/** A list or a deque, which may hold itself. */
export class PickleList {
  /** The items in order. */
  readonly items: PickleValue[] = [];
}

/** A dict of any class, in the order of insertion. */
export class PickleDict {
  /** Keys that are tuples or objects are equal only to themselves. */
  readonly entries: Map<PickleValue, PickleValue> = new Map();
}

/** A value that only the reader of a certain format knows, such as a tensor. */
export abstract class PickleObject {
  /** What messages call it: `a tensor`. */
  abstract readonly kind: string;

  /**
   * Takes the state that BUILD hands over.
   * @param _state what the object is to be filled from
   * @returns false if such an object has no state
   */
  build(_state: PickleValue): boolean {
    return false;
  }
}

/** A set or a frozenset. */
export class PickleSet extends PickleObject {
  override readonly kind = "a set";
  /** The items in the order of insertion. */
  readonly items: PickleValue[] = [];
}

/** Bytes inside a pickle. */
export class PickleBytes extends PickleObject {
  override readonly kind = "bytes";
  readonly #data: Uint8Array | string;

  /**
   * Wraps the bytes, without a copy.
   * @param data the bytes, or text of one character up to U+00FF per byte, as protocol 2 writes them
   */
  constructor(data: Uint8Array | string) {
    super();
    this.#data = data;
  }

  /** Number of bytes. */
  get length(): number {
    return this.#data.length;
  }

  /**
   * The bytes themselves; those from text are made anew.
   * @returns undefined if a character of the text is beyond U+00FF
   */
  bytes(): Uint8Array | undefined {
    const data = this.#data;
    if (typeof data !== "string") return data;
    const bytes = new Uint8Array(data.length);
    for (let i = 0; i < data.length; i++) {
      const code = data.charCodeAt(i);
      if (code > 0xff) return undefined;
      bytes[i] = code;
    }
    return bytes;
  }
}

/**
 * What a class or a function that is not known here stands for, or what it would have made. Nothing was imported or
 * called: it only keeps what it would have been made from.
 */
export class PickleForeign extends PickleObject {
  /** Items that were appended or set afterwards, keys and values in turn. */
  readonly items: PickleValue[] = [];
  /** What its attributes were to be filled from. */
  state: PickleValue | undefined;

  /**
   * Keeps what is known.
   * @param label name of the class or function in Python
   * @param role whether it is the class or function itself, the result of a call, or an object of the class
   * @param args what it would have been made from
   */
  constructor(
    readonly label: string,
    readonly role: "global" | "call" | "object",
    readonly args: readonly PickleValue[] = [],
  ) {
    super();
  }

  override get kind(): string {
    const name = quoteName(this.label);
    if (this.role === "global") return `the Python name ${name}`;
    return this.role === "call" ? `a call of ${name}` : `an object of ${name}`;
  }

  override build(state: PickleValue): boolean {
    this.state = state;
    return true;
  }
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

  override build(): boolean {
    return true;
  }
}

/** What a pickle may refer to outside itself. */
export interface PickleContext {
  /** The value of a global name; a `PickleForeign` for one that is not known. */
  global(module: string, name: string): PickleValue;
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

/**
 * The values of a list or a tuple, for what takes either.
 * @param value any
 * @returns undefined for another value
 */
export function sequenceItems(value: PickleValue | undefined): readonly PickleValue[] | undefined {
  return value instanceof PickleList || value instanceof PickleTuple ? value.items : undefined;
}
