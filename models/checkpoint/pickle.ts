import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { OP, opcodeName } from "./pickle_opcodes.ts";
import {
  describePickleValue,
  type PickleContext,
  PickleDict,
  PickleFunction,
  PickleList,
  type PickleRefusal,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";

/** Bytes of one pickle; that of a checkpoint with optimizer state has a few. */
export const MAX_PICKLE_BYTES = 16 * 1024 * 1024;

/** Values that a pickle may have waiting; writers flush lists and dicts every 1000 items. */
export const MAX_PICKLE_STACK = 50_000;

/** Marks that may be open at the same time: how deep containers are nested. */
export const MAX_PICKLE_MARKS = 500;

/** Memo entries; a writer makes about 15 per tensor. */
export const MAX_PICKLE_MEMO = 1_000_000;

/** Items in all lists, tuples and dicts together. */
export const MAX_PICKLE_ITEMS = 2_000_000;

/** Bytes of a module's or a function's name. */
const MAX_GLOBAL_BYTES = 256;

/** Says that the bytes given end inside a pickle, so that more of the file is needed. */
export class PickleEndError extends CheckpointError {}

/** The result of reading a pickle. */
export interface Unpickled {
  readonly value: PickleValue;
  /** One past the STOP opcode. */
  readonly end: number;
}

/** Where a pickle stands, for messages. */
export interface PicklePlace {
  /** The file. */
  readonly fileName: string;
  /** The part of the file, such as `data.pkl`. */
  readonly part: string;
}

/**
 * Reads one pickle of protocol 2 without running anything: a machine that knows the opcodes of state dicts only. Global
 * names and persistent ids have the meaning that the context gives them, and no other. Limits are checked before memory
 * is taken; nesting takes no call stack.
 * @param bytes the pickle, and anything behind it
 * @param begin where it begins
 * @param place how messages call it
 * @param context what it may refer to
 * @returns its value, and where it ended
 * @throws {PickleEndError} if the bytes end inside the pickle
 * @throws {CheckpointError} naming the opcode and the byte of the first violation
 */
export function unpickle(bytes: Uint8Array, begin: number, place: PicklePlace, context: PickleContext): Unpickled {
  return new Machine(bytes, begin, place, context).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: PicklePlace;
  readonly #context: PickleContext;
  readonly #stack: PickleValue[] = [];
  /** For every open mark the height of the stack below it. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #begin: number;
  readonly #refuse: PickleRefusal = (found, needed) => this.#error(found, needed);
  #at: number;
  #opcodeAt: number;
  #items = 0;

  constructor(bytes: Uint8Array, begin: number, place: PicklePlace, context: PickleContext) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#place = place;
    this.#context = context;
    this.#begin = begin;
    this.#at = begin;
    this.#opcodeAt = begin;
  }

  run(): Unpickled {
    const first = this.#bytes[this.#take(1)];
    if (first !== OP.PROTO) throw this.#error("another first opcode", "a pickle that begins with PROTO is needed");
    this.#protocol();
    for (;;) {
      this.#opcodeAt = this.#at;
      const opcode = this.#bytes[this.#take(1)]!;
      if (opcode === OP.STOP) break;
      this.#step(opcode);
    }
    if (this.#stack.length !== 1 || this.#marks.length > 0) {
      throw this.#error(
        `${this.#stack.length} values and ${this.#marks.length} marks at the end`,
        "one value is needed",
      );
    }
    return { value: this.#stack[0] as PickleValue, end: this.#at };
  }

  #step(opcode: number): void {
    switch (opcode) {
      case OP.PROTO:
        return this.#protocol();
      case OP.NONE:
        return this.#push(null);
      case OP.NEWTRUE:
        return this.#push(true);
      case OP.NEWFALSE:
        return this.#push(false);
      case OP.BININT:
        return this.#push(this.#view.getInt32(this.#take(4), true));
      case OP.BININT1:
        return this.#push(this.#bytes[this.#take(1)]!);
      case OP.BININT2:
        return this.#push(this.#view.getUint16(this.#take(2), true));
      case OP.LONG1:
        return this.#push(this.#long(this.#bytes[this.#take(1)]!));
      case OP.BINFLOAT:
        return this.#push(this.#view.getFloat64(this.#take(8), false));
      case OP.BINUNICODE:
      case OP.BINSTRING:
        return this.#push(this.#text(this.#view.getUint32(this.#take(4), true)));
      case OP.SHORT_BINSTRING:
        return this.#push(this.#text(this.#bytes[this.#take(1)]!));
      case OP.EMPTY_TUPLE:
        return this.#push(new PickleTuple([]));
      case OP.EMPTY_LIST:
        return this.#push(new PickleList());
      case OP.EMPTY_DICT:
        return this.#push(new PickleDict());
      case OP.MARK:
        return this.#mark();
      case OP.TUPLE:
        return this.#push(this.#tuple(this.#popToMark()));
      case OP.TUPLE1:
      case OP.TUPLE2:
      case OP.TUPLE3:
        return this.#push(this.#tuple(this.#popMany(opcode - OP.TUPLE1 + 1)));
      case OP.APPEND:
        return this.#append([this.#pop()]);
      case OP.APPENDS:
        return this.#append(this.#popToMark());
      case OP.SETITEM:
        return this.#setItems(this.#popMany(2));
      case OP.SETITEMS:
        return this.#setItems(this.#popToMark());
      case OP.BINPUT:
        return this.#put(this.#bytes[this.#take(1)]!);
      case OP.LONG_BINPUT:
        return this.#put(this.#view.getUint32(this.#take(4), true));
      case OP.BINGET:
        return this.#get(this.#bytes[this.#take(1)]!);
      case OP.LONG_BINGET:
        return this.#get(this.#view.getUint32(this.#take(4), true));
      case OP.GLOBAL:
        return this.#global();
      case OP.BINPERSID:
        return this.#push(this.#context.persistent(this.#pop(), this.#refuse));
      case OP.REDUCE:
        return this.#reduce();
      case OP.BUILD:
        return this.#build();
    }
    throw this.#error("an opcode that no state dict has", "only those of a state dict are allowed");
  }

  #protocol(): void {
    const version = this.#bytes[this.#take(1)]!;
    if (version === 2) return;
    throw this.#error(`protocol ${version}`, "protocol 2 is needed; load the file in PyTorch and save it again");
  }

  /** Moves over bytes that must be there. */
  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at || at + count - this.#begin > MAX_PICKLE_BYTES) {
      const { fileName, part } = this.#place;
      if (at + count - this.#begin > MAX_PICKLE_BYTES) {
        throw this.#error(`more than ${MAX_PICKLE_BYTES} bytes`, `at most ${MAX_PICKLE_BYTES} are allowed`);
      }
      throw new PickleEndError(
        `Cannot load ${
          quoteName(fileName)
        }: ${part} ends at byte ${this.#bytes.length}, ${count} bytes at byte ${at} ` +
          "are needed; the file is cut off, download it again",
      );
    }
    this.#at += count;
    return at;
  }

  #long(length: number): number | bigint {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]!);
    value = BigInt.asIntN(8 * length, value);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #text(length: number): string {
    const at = this.#take(length);
    try {
      return this.#decoder.decode(this.#bytes.subarray(at, at + length));
    } catch {
      throw this.#error("text that is not UTF-8", "UTF-8 is needed");
    }
  }

  /** A name up to the line's end. */
  #line(): string {
    const end = this.#bytes.subarray(this.#at, this.#at + MAX_GLOBAL_BYTES + 1).indexOf(0x0a);
    if (end >= 0) {
      const name = this.#text(end);
      this.#take(1);
      return name;
    }
    this.#take(MAX_GLOBAL_BYTES + 1);
    throw this.#error(`a name of more than ${MAX_GLOBAL_BYTES} bytes`, `at most ${MAX_GLOBAL_BYTES} are allowed`);
  }

  #push(value: PickleValue): void {
    if (this.#stack.length === MAX_PICKLE_STACK) {
      throw this.#error(`more than ${MAX_PICKLE_STACK} values on the stack`, `at most ${MAX_PICKLE_STACK} are allowed`);
    }
    this.#stack.push(value);
  }

  #mark(): void {
    if (this.#marks.length === MAX_PICKLE_MARKS) {
      throw this.#error(`more than ${MAX_PICKLE_MARKS} open marks`, `at most ${MAX_PICKLE_MARKS} are allowed`);
    }
    this.#marks.push(this.#stack.length);
  }

  /** Values above the innermost mark. */
  get #available(): number {
    return this.#stack.length - (this.#marks.at(-1) ?? 0);
  }

  #pop(): PickleValue {
    if (this.#available === 0) throw this.#error("an empty stack", "a value is needed");
    return this.#stack.pop() as PickleValue;
  }

  #popMany(count: number): PickleValue[] {
    if (this.#available < count) throw this.#error(`${this.#available} values on the stack`, `${count} are needed`);
    return this.#stack.splice(this.#stack.length - count);
  }

  #popToMark(): PickleValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.#error("no mark on the stack", "one is needed");
    return this.#stack.splice(height);
  }

  #top(): PickleValue {
    if (this.#available === 0) throw this.#error("an empty stack", "a value is needed");
    return this.#stack.at(-1) as PickleValue;
  }

  #countItems(count: number): void {
    this.#items += count;
    if (this.#items > MAX_PICKLE_ITEMS) {
      throw this.#error(`more than ${MAX_PICKLE_ITEMS} items`, `at most ${MAX_PICKLE_ITEMS} are allowed`);
    }
  }

  #tuple(items: readonly PickleValue[]): PickleTuple {
    this.#countItems(items.length);
    return new PickleTuple(items);
  }

  #append(items: readonly PickleValue[]): void {
    this.#countItems(items.length);
    const list = this.#top();
    if (!(list instanceof PickleList)) throw this.#error(describePickleValue(list), "a list to append to is needed");
    for (const item of items) list.items.push(item);
  }

  #setItems(items: readonly PickleValue[]): void {
    this.#countItems(items.length);
    const dict = this.#top();
    if (!(dict instanceof PickleDict)) throw this.#error(describePickleValue(dict), "a dict to fill is needed");
    if (items.length % 2 !== 0) throw this.#error(`${items.length} values`, "pairs of key and value are needed");
    for (let i = 0; i < items.length; i += 2) this.#setItem(dict, items[i] as PickleValue, items[i + 1] as PickleValue);
  }

  #setItem({ entries }: PickleDict, key: PickleValue, value: PickleValue): void {
    if (typeof key === "object" && key !== null && !(key instanceof PickleTuple)) {
      throw this.#error(`${describePickleValue(key)} as a key`, "a string, a number or a tuple is needed");
    }
    if (entries.has(key)) {
      const shown = typeof key === "string" ? quoteName(key) : describePickleValue(key);
      throw this.#error(`key ${shown} a second time`, "every key once is needed");
    }
    entries.set(key, value);
  }

  #put(index: number): void {
    if (index >= MAX_PICKLE_MEMO) {
      throw this.#error(`memo entry ${index}`, `entries below ${MAX_PICKLE_MEMO} are allowed`);
    }
    this.#memo.set(index, this.#top());
  }

  #get(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#error(`memo entry ${index}`, "one that was stored before is needed");
    this.#push(value);
  }

  #global(): void {
    const module = this.#line();
    const name = this.#line();
    const value = this.#context.global(module, name);
    if (value === undefined) {
      throw this.#error(
        `global ${quoteName(`${module}.${name}`)}`,
        "only what tensors and their dicts are made of is allowed, and nothing was run; if you trust the file, load it " +
          "in PyTorch and save only the state_dict() of the network",
      );
    }
    this.#push(value);
  }

  #reduce(): void {
    const [callee, args] = this.#popMany(2) as [PickleValue, PickleValue];
    if (!(callee instanceof PickleFunction)) {
      throw this.#error(
        `a call of ${describePickleValue(callee)}`,
        "a function that builds tensors or dicts is needed",
      );
    }
    if (!(args instanceof PickleTuple)) {
      throw this.#error(`${describePickleValue(args)} as arguments of ${callee.label}`, "a tuple is needed");
    }
    this.#push(callee.call(args.items, this.#refuse));
  }

  /** Attributes of a dict, such as the module versions of `state_dict()`, say nothing about its tensors. */
  #build(): void {
    const state = this.#pop();
    const target = this.#top();
    if (!(target instanceof PickleDict)) {
      throw this.#error(`attributes for ${describePickleValue(target)}`, "only dicts may have them");
    }
    if (!(state instanceof PickleDict)) {
      throw this.#error(`${describePickleValue(state)} as attributes`, "a dict of them is needed");
    }
  }

  #error(found: string, needed: string): CheckpointError {
    const { fileName, part } = this.#place;
    const opcode = opcodeName(this.#bytes[this.#opcodeAt] ?? 0);
    return new CheckpointError(
      `Cannot load ${quoteName(fileName)}: ${opcode} at byte ${this.#opcodeAt} of ${part} gives ${found}, ${needed}`,
    );
  }
}
