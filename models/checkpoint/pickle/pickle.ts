import { MAX_GLOBAL_BYTES, PickleInput, type PicklePlace } from "./pickle_input.ts";
import { OP } from "./pickle_opcodes.ts";
import { PickleStack } from "./pickle_stack.ts";
import { unescapeString, unescapeUnicode } from "./pickle_text.ts";
import {
  describePickleValue,
  PickleBytes,
  type PickleContext,
  PickleDict,
  PickleForeign,
  PickleFunction,
  PickleList,
  PickleObject,
  type PickleRefusal,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";

export { MAX_PICKLE_BYTES, PickleEndError, type PicklePlace } from "./pickle_input.ts";
export { MAX_PICKLE_ITEMS, MAX_PICKLE_MARKS, MAX_PICKLE_MEMO, MAX_PICKLE_STACK } from "./pickle_stack.ts";

/** Newest protocol that is known. */
const NEWEST_PROTOCOL = 5;

/** Functions of Python that make an object of the class that is their first argument. */
const CONSTRUCTORS: ReadonlySet<string> = new Set(
  ["copyreg", "copy_reg"].flatMap((module) =>
    ["_reconstructor", "__newobj__", "__newobj_ex__"].map((name) => `${module}.${name}`)
  ),
);

/** Names of classes that can be made empty. */
const CONTAINERS = /^(collections|builtins|__builtin__)\./;

/** The result of reading a pickle. */
export interface Unpickled {
  readonly value: PickleValue;
  /** One past the STOP opcode. */
  readonly end: number;
}

/**
 * Reads one pickle of any protocol without running anything. Global names and persistent ids have the meaning that the
 * context gives them, and no other; what a name stands for that the context does not know, and what would be made with
 * it, becomes an inert `PickleForeign`. Limits are checked before memory is taken; nesting takes no call stack.
 * @param bytes the pickle, and anything behind it
 * @param begin where it begins
 * @param place how messages call it
 * @param context what it may refer to
 * @returns its value, and where it ended
 * @throws {PickleEndError} if the bytes end inside the pickle
 * @throws {CheckpointError} naming the opcode and the byte of the first violation
 */
export function unpickle(bytes: Uint8Array, begin: number, place: PicklePlace, context: PickleContext): Unpickled {
  return new Machine(new PickleInput(bytes, begin, place), context).run();
}

class Machine {
  readonly #input: PickleInput;
  readonly #context: PickleContext;
  readonly #refuse: PickleRefusal = (found, needed) => this.#input.error(found, needed);
  readonly #stack = new PickleStack(this.#refuse);

  constructor(input: PickleInput, context: PickleContext) {
    this.#input = input;
    this.#context = context;
  }

  run(): Unpickled {
    for (;;) {
      const opcode = this.#input.opcode();
      if (opcode === OP.STOP) break;
      if (!this.#plain(opcode) && !this.#container(opcode)) this.#object(opcode);
    }
    return { value: this.#stack.result(), end: this.#input.position };
  }

  /** Numbers, texts and bytes. */
  #plain(opcode: number): boolean {
    const input = this.#input;
    switch (opcode) {
      case OP.NONE:
        return this.#stack.push(null);
      case OP.NEWTRUE:
      case OP.NEWFALSE:
        return this.#stack.push(opcode === OP.NEWTRUE);
      case OP.BININT:
        return this.#stack.push(input.i32());
      case OP.BININT1:
        return this.#stack.push(input.u8());
      case OP.BININT2:
        return this.#stack.push(input.u16());
      case OP.LONG1:
        return this.#stack.push(input.integer(input.u8()));
      case OP.LONG4:
        return this.#stack.push(input.integer(input.u32()));
      case OP.BINFLOAT:
        return this.#stack.push(input.f64());
      case OP.INT:
      case OP.LONG:
      case OP.FLOAT:
        return this.#stack.push(input.number());
      case OP.SHORT_BINUNICODE:
        return this.#stack.push(input.text(input.u8()));
      case OP.BINUNICODE:
        return this.#stack.push(input.text(input.u32()));
      case OP.BINUNICODE8:
        return this.#stack.push(input.text(input.u64()));
      case OP.UNICODE:
        return this.#stack.push(unescapeUnicode(input.line()));
      case OP.SHORT_BINSTRING:
        return this.#stack.push(input.string(input.u8()));
      case OP.BINSTRING:
        return this.#stack.push(input.string(input.u32()));
      case OP.STRING:
        return this.#stack.push(unescapeString(input.line(), this.#refuse));
      case OP.SHORT_BINBYTES:
        return this.#stack.push(input.bytes(input.u8()));
      case OP.BINBYTES:
        return this.#stack.push(input.bytes(input.u32()));
      case OP.BINBYTES8:
      case OP.BYTEARRAY8:
        return this.#stack.push(input.bytes(input.u64()));
    }
    return false;
  }

  /** Containers, marks and the memo. */
  #container(opcode: number): boolean {
    const input = this.#input;
    switch (opcode) {
      case OP.EMPTY_TUPLE:
        return this.#stack.push(new PickleTuple([]));
      case OP.EMPTY_LIST:
        return this.#stack.push(new PickleList());
      case OP.EMPTY_DICT:
        return this.#stack.push(new PickleDict());
      case OP.EMPTY_SET:
        return this.#stack.push(new PickleSet());
      case OP.MARK:
        return this.#stack.mark();
      case OP.TUPLE:
        return this.#stack.push(this.#stack.tuple(this.#stack.popToMark()));
      case OP.TUPLE1:
      case OP.TUPLE2:
      case OP.TUPLE3:
        return this.#stack.push(this.#stack.tuple(this.#stack.popMany(opcode - OP.TUPLE1 + 1)));
      case OP.LIST:
        return this.#stack.fill(new PickleList());
      case OP.FROZENSET:
        return this.#stack.fill(new PickleSet());
      case OP.DICT: {
        const items = this.#stack.popToMark();
        this.#stack.push(new PickleDict());
        return this.#stack.setItems(items);
      }
      case OP.APPEND:
        return this.#stack.append([this.#stack.pop()]);
      case OP.APPENDS:
      case OP.ADDITEMS:
        return this.#stack.append(this.#stack.popToMark());
      case OP.SETITEM:
        return this.#stack.setItems(this.#stack.popMany(2));
      case OP.SETITEMS:
        return this.#stack.setItems(this.#stack.popToMark());
      case OP.POP:
        return this.#stack.popValueOrMark();
      case OP.POP_MARK:
        return this.#stack.popToMark() !== undefined;
      case OP.DUP:
        return this.#stack.push(this.#stack.top());
      case OP.BINPUT:
        return this.#stack.put(input.u8());
      case OP.LONG_BINPUT:
        return this.#stack.put(input.u32());
      case OP.PUT:
        return this.#stack.put(input.number());
      case OP.MEMOIZE:
        return this.#stack.put(this.#stack.memoSize);
      case OP.BINGET:
        return this.#stack.get(input.u8());
      case OP.LONG_BINGET:
        return this.#stack.get(input.u32());
      case OP.GET:
        return this.#stack.get(input.number());
    }
    return false;
  }

  /** Names, what is made with them, and what frames a pickle. */
  #object(opcode: number): void {
    const input = this.#input;
    switch (opcode) {
      case OP.PROTO:
        return this.#protocol(input.u8());
      case OP.FRAME:
        return input.skip(8);
      case OP.GLOBAL:
        return void this.#stack.push(this.#global(input.name(), input.name()));
      case OP.STACK_GLOBAL:
        return this.#stackGlobal();
      case OP.PERSID:
        return void this.#stack.push(this.#context.persistent(input.line(), this.#refuse));
      case OP.BINPERSID:
        return void this.#stack.push(this.#context.persistent(this.#stack.pop(), this.#refuse));
      case OP.REDUCE:
        return this.#reduce();
      case OP.NEWOBJ:
        return this.#newObject(2);
      case OP.NEWOBJ_EX:
        return this.#newObject(3);
      case OP.INST:
        return this.#instance(this.#global(input.name(), input.name()), this.#stack.popToMark());
      case OP.OBJ: {
        const [callee, ...args] = this.#stack.popToMark();
        return this.#instance(callee ?? null, args);
      }
      case OP.BUILD:
        return this.#build();
      case OP.EXT1:
      case OP.EXT2:
      case OP.EXT4:
        throw this.#refuse("a number of Python's extension registry", "which only the writer has; names are needed");
      case OP.NEXT_BUFFER:
      case OP.READONLY_BUFFER:
        throw this.#refuse("a buffer outside the pickle", "all bytes must be inside it; save the file again");
    }
    throw this.#refuse("an opcode that no protocol has", "only those of Python's pickles are allowed");
  }

  #protocol(version: number): void {
    if (version <= NEWEST_PROTOCOL) return;
    throw this.#refuse(`protocol ${version}`, `one up to ${NEWEST_PROTOCOL} is needed; save the file in an older one`);
  }

  #global(module: string, name: string): PickleValue {
    return this.#context.global(module, name);
  }

  #stackGlobal(): void {
    const [module, name] = this.#stack.popMany(2);
    if (typeof module !== "string" || typeof name !== "string") {
      const odd = typeof module === "string" ? name : module;
      throw this.#refuse(`${describePickleValue(odd!)} as a part of a name`, "a string is needed");
    }
    if (module.length > MAX_GLOBAL_BYTES || name.length > MAX_GLOBAL_BYTES) {
      throw this.#refuse(
        `a name of more than ${MAX_GLOBAL_BYTES} characters`,
        `at most ${MAX_GLOBAL_BYTES} are allowed`,
      );
    }
    this.#stack.push(this.#global(module, name));
  }

  #reduce(): void {
    const [callee, args] = this.#stack.popMany(2) as [PickleValue, PickleValue];
    if (!(callee instanceof PickleObject) || callee instanceof PickleBytes || callee instanceof PickleSet) {
      throw this.#refuse(`a call of ${describePickleValue(callee)}`, "a function or a class is needed");
    }
    if (callee instanceof PickleFunction && args instanceof PickleTuple) {
      const made = callee.call(args.items, this.#refuse);
      this.#stack.countItems(itemCount(made));
      this.#stack.push(made);
    } else if (args instanceof PickleTuple) {
      const [made] = args.items;
      const isObject = callee instanceof PickleForeign && CONSTRUCTORS.has(callee.label) && made !== undefined;
      this.#stack.push(isObject ? inert(made, args.items, "object") : inert(callee, args.items, "call"));
    } else {
      throw this.#refuse(`${describePickleValue(args)} as arguments of ${labelOf(callee)}`, "a tuple is needed");
    }
  }

  /** `class.__new__(class, *args)`, with a dict of more arguments where there are three values. */
  #newObject(count: number): void {
    const [callee, args] = this.#stack.popMany(count) as [PickleValue, PickleValue];
    if (!(args instanceof PickleTuple)) {
      throw this.#refuse(`${describePickleValue(args)} as arguments of ${labelOf(callee)}`, "a tuple is needed");
    }
    this.#instance(callee, args.items);
  }

  /** An object of a class; of the classes that are known only those that begin empty are made so. */
  #instance(callee: PickleValue, args: readonly PickleValue[]): void {
    if (!(callee instanceof PickleObject)) {
      throw this.#refuse(`an object of ${describePickleValue(callee)}`, "a class is needed");
    }
    this.#stack.countItems(args.length);
    const isKnown = callee instanceof PickleFunction && args.length === 0 && CONTAINERS.test(callee.label);
    this.#stack.push(isKnown ? callee.call(args, this.#refuse) : inert(callee, args, "object"));
  }

  /** Attributes of dicts and lists, such as the module versions of `state_dict()`, say nothing about their tensors. */
  #build(): void {
    const state = this.#stack.pop();
    const target = this.#stack.top();
    if (target instanceof PickleDict || target instanceof PickleList) return;
    if (target instanceof PickleObject && target.build(state)) return;
    throw this.#refuse(`attributes for ${describePickleValue(target)}`, "no such object may have them");
  }
}

/** Items that a function may have copied into what it made. */
function itemCount(made: PickleValue): number {
  if (made instanceof PickleDict) return made.entries.size;
  return made instanceof PickleList || made instanceof PickleSet ? made.items.length : 0;
}

/** What a call of a value that is not known would have made. */
function inert(callee: PickleValue, args: readonly PickleValue[], role: "call" | "object"): PickleForeign {
  return new PickleForeign(labelOf(callee), role, args);
}

function labelOf(callee: PickleValue): string {
  return callee instanceof PickleForeign || callee instanceof PickleFunction
    ? callee.label
    : describePickleValue(callee);
}
