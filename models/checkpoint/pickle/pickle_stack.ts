/** The memory of the machine that reads pickles: stack, marks and memo, with their limits. */
import { quoteName } from "../checkpoint_error.ts";
import {
  describePickleValue,
  PickleDict,
  PickleForeign,
  PickleList,
  type PickleRefusal,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";

/** Values that a pickle may have waiting; writers flush lists and dicts every 1000 items. */
export const MAX_PICKLE_STACK = 50_000;

/** Marks that may be open at the same time: how deep containers are nested. */
export const MAX_PICKLE_MARKS = 500;

/** Memo entries; a writer makes about 15 per tensor. */
export const MAX_PICKLE_MEMO = 1_000_000;

/** Items in all lists, tuples, sets and dicts together. */
export const MAX_PICKLE_ITEMS = 2_000_000;

/** Stack, marks and memo. Every method throws what `refuse` makes where a pickle asks for what is not there, or too much. */
export class PickleStack {
  readonly #values: PickleValue[] = [];
  /** For every open mark the height of the stack below it. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #refuse: PickleRefusal;
  #items = 0;

  /**
   * Begins empty.
   * @param refuse makes the errors
   */
  constructor(refuse: PickleRefusal) {
    this.#refuse = refuse;
  }

  /** The only value that is left. */
  result(): PickleValue {
    if (this.#values.length === 1 && this.#marks.length === 0) return this.#values[0] as PickleValue;
    throw this.#refuse(
      `${this.#values.length} values and ${this.#marks.length} marks at the end`,
      "one value is needed",
    );
  }

  /** Number of values in the memo. */
  get memoSize(): number {
    return this.#memo.size;
  }

  /** Puts a value on top. */
  push(value: PickleValue): true {
    if (this.#values.length === MAX_PICKLE_STACK) {
      throw this.#refuse(
        `more than ${MAX_PICKLE_STACK} values on the stack`,
        `at most ${MAX_PICKLE_STACK} are allowed`,
      );
    }
    this.#values.push(value);
    return true;
  }

  /** Begins what a later opcode takes together. */
  mark(): true {
    if (this.#marks.length === MAX_PICKLE_MARKS) {
      throw this.#refuse(`more than ${MAX_PICKLE_MARKS} open marks`, `at most ${MAX_PICKLE_MARKS} are allowed`);
    }
    this.#marks.push(this.#values.length);
    return true;
  }

  /** Values above the innermost mark. */
  get #available(): number {
    return this.#values.length - (this.#marks.at(-1) ?? 0);
  }

  /** Takes the top off. */
  pop(): PickleValue {
    if (this.#available === 0) throw this.#refuse("an empty stack", "a value is needed");
    return this.#values.pop() as PickleValue;
  }

  /** Takes the top off, or the mark where nothing stands above it. */
  popValueOrMark(): true {
    if (this.#available > 0 || this.#marks.pop() === undefined) this.pop();
    return true;
  }

  /** Takes the topmost values off, the lowest first. */
  popMany(count: number): PickleValue[] {
    if (this.#available < count) throw this.#refuse(`${this.#available} values on the stack`, `${count} are needed`);
    return this.#values.splice(this.#values.length - count);
  }

  /** Takes off all values above the innermost mark, and the mark. */
  popToMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.#refuse("no mark on the stack", "one is needed");
    return this.#values.splice(height);
  }

  /** The value on top. */
  top(): PickleValue {
    if (this.#available === 0) throw this.#refuse("an empty stack", "a value is needed");
    return this.#values.at(-1) as PickleValue;
  }

  /** Adds to the number of items in all containers. */
  countItems(count: number): void {
    this.#items += count;
    if (this.#items > MAX_PICKLE_ITEMS) {
      throw this.#refuse(`more than ${MAX_PICKLE_ITEMS} items`, `at most ${MAX_PICKLE_ITEMS} are allowed`);
    }
  }

  /** A tuple. */
  tuple(items: readonly PickleValue[]): PickleTuple {
    this.countItems(items.length);
    return new PickleTuple(items);
  }

  /** Puts a container on top with what stands above the mark. */
  fill(container: PickleList | PickleSet): true {
    const items = this.popToMark();
    this.push(container);
    return this.append(items);
  }

  /** Adds items to the container on top. */
  append(items: readonly PickleValue[]): true {
    this.countItems(items.length);
    const list = this.top();
    if (!(list instanceof PickleList || list instanceof PickleSet || list instanceof PickleForeign)) {
      throw this.#refuse(describePickleValue(list), "a list to append to is needed");
    }
    for (const item of items) list.items.push(item);
    return true;
  }

  /** Adds pairs of key and value to the dict on top. */
  setItems(items: readonly PickleValue[]): true {
    this.countItems(items.length);
    const dict = this.top();
    if (items.length % 2 !== 0) throw this.#refuse(`${items.length} values`, "pairs of key and value are needed");
    if (dict instanceof PickleForeign) {
      for (const item of items) dict.items.push(item);
      return true;
    }
    if (!(dict instanceof PickleDict)) throw this.#refuse(describePickleValue(dict), "a dict to fill is needed");
    for (let i = 0; i < items.length; i += 2) this.#setItem(dict, items[i] as PickleValue, items[i + 1] as PickleValue);
    return true;
  }

  #setItem({ entries }: PickleDict, key: PickleValue, value: PickleValue): void {
    if (key instanceof PickleList || key instanceof PickleDict) {
      throw this.#refuse(`${describePickleValue(key)} as a key`, "a string, a number or a tuple is needed");
    }
    if (entries.has(key)) {
      const shown = typeof key === "string" ? quoteName(key) : describePickleValue(key);
      throw this.#refuse(`key ${shown} a second time`, "every key once is needed");
    }
    entries.set(key, value);
  }

  /** Stores the value on top under a number. */
  put(index: PickleValue): true {
    if (typeof index !== "number" || !(index >= 0 && index < MAX_PICKLE_MEMO)) {
      throw this.#refuse(`memo entry ${shownIndex(index)}`, `entries below ${MAX_PICKLE_MEMO} are allowed`);
    }
    this.#memo.set(index, this.top());
    return true;
  }

  /** Puts a stored value on top. */
  get(index: PickleValue): true {
    const value = typeof index === "number" ? this.#memo.get(index) : undefined;
    if (value === undefined) {
      throw this.#refuse(`memo entry ${shownIndex(index)}`, "one that was stored before is needed");
    }
    return this.push(value);
  }
}

function shownIndex(index: PickleValue): string {
  return typeof index === "number" || typeof index === "bigint"
    ? String(index).slice(0, 40)
    : describePickleValue(index);
}
