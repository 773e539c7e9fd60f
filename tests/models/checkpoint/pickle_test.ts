import { assert, assertEquals, assertInstanceOf, assertStringIncludes, assertThrows } from "@std/assert";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import {
  MAX_PICKLE_BYTES,
  MAX_PICKLE_ITEMS,
  MAX_PICKLE_MARKS,
  MAX_PICKLE_MEMO,
  MAX_PICKLE_STACK,
  PickleEndError,
  unpickle,
} from "../../../models/checkpoint/pickle/pickle.ts";
import {
  describePickleValue,
  PickleDict,
  PickleList,
  PickleSet,
  PickleTuple,
  type PickleValue,
} from "../../../models/checkpoint/pickle/pickle_values.ts";
import { PytorchContext } from "../../../models/checkpoint/pickle/pytorch_globals.ts";
import {
  ascii,
  call,
  type Code,
  dict,
  EMPTY_DICT,
  EMPTY_LIST,
  EMPTY_TUPLE,
  global,
  int,
  list,
  MARK,
  NONE,
  pickle,
  REDUCE,
  text,
  tuple,
  u32,
} from "./handmade_pickle.ts";

function read(bytes: Uint8Array, begin = 0): PickleValue {
  return unpickle(bytes, begin, { fileName: "test.pt", part: "data.pkl" }, new PytorchContext()).value;
}

/** A value as JSON would have it. */
function plain(value: PickleValue): unknown {
  if (value instanceof PickleSet) return value.items.map(plain);
  if (value instanceof PickleTuple) return value.items.map(plain);
  if (value instanceof PickleList) return value.items.map(plain);
  if (value instanceof PickleDict) return Object.fromEntries([...value.entries].map(([k, v]) => [String(k), plain(v)]));
  return value;
}

Deno.test("unpickle() reads numbers of every kind", () => {
  const cases: [Code, unknown][] = [
    [[0x4b, 255], 255],
    [[0x4d, 1, 2], 513],
    [int(-5), -5],
    [int(2 ** 31 - 1), 2 ** 31 - 1],
    [int(2 ** 40), 2 ** 40],
    [int(-(2n ** 70n)), -(2n ** 70n)],
    [int(2n ** 63n), 2n ** 63n],
    [[0x8a, 0], 0],
    [[0x8a, 1, 0xff], -1],
    [[0x8a, 2, 0xff, 0], 255],
    [[0x47, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    [[0x88], true],
    [[0x89], false],
    [NONE, null],
    [[0x8b, ...u32(2), 0xff, 0], 255],
    [[0x49, ...ascii("-12\n")], -12],
    [[0x49, ...ascii("01\n")], true],
    [[0x49, ...ascii("00\n")], false],
    [[0x4c, ...ascii("36893488147419103232L\n")], 2n ** 65n],
    [[0x46, ...ascii("-1.5e3\n")], -1500],
    [[0x46, ...ascii("-inf\n")], -Infinity],
    [[0x46, ...ascii("nan\n")], NaN],
  ];
  for (const [code, value] of cases) assertEquals(read(pickle(code)), value);
});

Deno.test("unpickle() reads text of Python 3 and of Python 2", () => {
  assertEquals(read(pickle(text("grüß ☃"))), "grüß ☃");
  assertEquals(read(pickle([0x55, 2, ...ascii("ab")])), "ab");
  assertEquals(read(pickle([0x54, ...u32(2), ...ascii("ab")])), "ab");
  assertEquals(read(pickle([0x8c, 2, ...ascii("ab")])), "ab");
  assertEquals(read(pickle([0x8d, ...u32(2), ...u32(0), ...ascii("ab")])), "ab");
  assertEquals(read(pickle([0x53, ...ascii(`'a\\n\\'\\x41'\n`)])), "a\n'A");
  assertEquals(read(pickle([0x56, ...ascii("a\\u2603\n")])), "a☃");
});

Deno.test("unpickle() reads tuples, lists and dicts", () => {
  const one = [0x4b, 1];
  assertEquals(plain(read(pickle(EMPTY_TUPLE))), []);
  assertEquals(plain(read(pickle(one, [0x85]))), [1]);
  assertEquals(plain(read(pickle(one, one, [0x86]))), [1, 1]);
  assertEquals(plain(read(pickle(one, one, one, [0x87]))), [1, 1, 1]);
  assertEquals(plain(read(pickle(tuple(one, list(one, NONE), dict({ a: one, b: EMPTY_LIST }))))), [
    1,
    [1, null],
    { a: 1, b: [] },
  ]);
  assertEquals(plain(read(pickle(EMPTY_LIST, one, [0x61]))), [1]);
  assertEquals(plain(read(pickle(EMPTY_DICT, one, NONE, [0x73]))), { 1: null });
  assertEquals(plain(read(pickle([MARK], one, one, [0x6c]))), [1, 1]);
  assertEquals(plain(read(pickle([MARK], one, NONE, [0x64]))), { 1: null });
  assertEquals(plain(read(pickle([0x8f, MARK], one, [0x90]))), [1]);
  assertEquals(plain(read(pickle([MARK], one, one, [0x91]))), [1, 1]);
  assertEquals(plain(read(pickle(one, NONE, [0x30]))), 1);
  assertEquals(plain(read(pickle(one, [MARK, MARK], NONE, [0x31, 0x30]))), 1);
  assertEquals(plain(read(pickle(one, [0x32, 0x86]))), [1, 1]);
});

Deno.test("unpickle() gives shared values once, also of a list that holds itself", () => {
  const value = read(pickle(EMPTY_LIST, [0x71, 0], [0x68, 0], [0x61]));
  assertInstanceOf(value, PickleList);
  assert(value.items[0] === value);
  assertEquals(plain(read(pickle(text("a"), [0x94, 0x30, 0x68, 0]))), "a");
  assertEquals(plain(read(pickle(text("a"), [0x70, ...ascii("5\n"), 0x30, 0x67, ...ascii("5\n")]))), "a");
  const long = read(pickle(EMPTY_LIST, [0x72, ...u32(70_000)], [0x6a, ...u32(70_000)], [0x61]));
  assertInstanceOf(long, PickleList);
  assert(long.items[0] === long);
});

Deno.test("unpickle() reads dicts of other classes and drops their attributes", () => {
  const empty = call("collections", "OrderedDict");
  const filled: Code = [...empty, MARK, ...text("a"), 0x4b, 1, 0x75];
  assertEquals(plain(read(pickle(filled, dict({ _metadata: EMPTY_DICT }), [0x62]))), { a: 1 });
  const pairs = list(list(text("a"), [0x4b, 1]), tuple(text("b"), NONE));
  assertEquals(plain(read(pickle(call("collections", "OrderedDict", pairs)))), { a: 1, b: null });
  assertEquals(plain(read(pickle(call("collections", "Counter", dict({ a: [0x4b, 1] }))))), { a: 1 });
});

Deno.test("unpickle() says where the pickle ended and begins where it is told", () => {
  const bytes = Uint8Array.from([9, 9, ...pickle(NONE), 9]);
  const place = { fileName: "test.pt", part: "data.pkl" };
  assertEquals(unpickle(bytes, 2, place, new PytorchContext()), { value: null, end: 6 });
});

type Case = [title: string, message: string, ...code: Code[]];

/** What is not known becomes an inert object that says what it stands for. */
const INERT: Case[] = [
  ["os.system by REDUCE", `a call of "os.system"`, call("os", "system", text("echo"))],
  ["posix.system", `a call of "posix.system"`, call("posix", "system", text("true"))],
  ["eval of the builtins", `a call of "builtins.eval"`, call("builtins", "eval", text("1"))],
  ["eval of Python 2", `a call of "__builtin__.eval"`, call("__builtin__", "eval", text("1"))],
  ["getattr", `a call of "builtins.getattr"`, call("builtins", "getattr", NONE, text("x"))],
  ["a call of what a call returned", `a call of "a.b"`, call("a", "b"), EMPTY_TUPLE, [REDUCE]],
  ["an unknown class", `the Python name "my.Model"`, global("my", "Model")],
  [
    "a global whose name has a dot",
    `the Python name "collections.OrderedDict.fromkeys"`,
    global("collections", "OrderedDict.fromkeys"),
  ],
  ["a function of PyTorch that loads", `a call of "torch.load"`, call("torch", "load", text("x"))],
  ["a name with control characters", `the Python name "\\u001b[2J.x"`, global("\x1b[2J", "x")],
  ["a name named like a property of objects", `"constructor.prototype"`, global("constructor", "prototype")],
  ["STACK_GLOBAL", `the Python name "os.system"`, text("os"), text("system"), [0x93]],
  ["INST", `an object of "os.system"`, [MARK, ...text("x"), 0x69, ...ascii("os\nsystem\n")]],
  ["OBJ", `an object of "torch.Size"`, [MARK], global("torch", "Size"), [0x6f]],
  ["NEWOBJ", `an object of "my.Class"`, global("my", "Class"), EMPTY_TUPLE, [0x81]],
  ["NEWOBJ_EX", `an object of "my.Class"`, global("my", "Class"), EMPTY_TUPLE, EMPTY_DICT, [0x92]],
  [
    "copyreg._reconstructor",
    `an object of "my.Class"`,
    call("copyreg", "_reconstructor", global("my", "Class"), global("builtins", "object"), NONE),
  ],
  ["BUILD", `an object of "my.Class"`, global("my", "Class"), EMPTY_TUPLE, [0x81], dict({ a: NONE }), [0x62]],
  ["items", `an object of "my.Dict"`, global("my", "Dict"), EMPTY_TUPLE, [0x81, MARK], text("a"), NONE, [0x75]],
  ["appended items", `an object of "my.List"`, global("my", "List"), EMPTY_TUPLE, [0x81, MARK], NONE, [0x65]],
  ["a Counter of what is not known", `a call of "collections.Counter"`, call("collections", "Counter", call("a", "b"))],
  ["a persistent id as text", "a persistent id that is no storage", [0x50, ...ascii("x\n")]],
  ["a persistent id that is no tuple", "a persistent id that is no storage", NONE, [0x51]],
  ["a call of a storage type", `a call of "a storage type"`, call("torch", "FloatStorage", NONE)],
];

for (const [title, description, ...code] of INERT) {
  Deno.test(`unpickle() makes an inert object of ${title}`, () => {
    assertStringIncludes(describePickleValue(read(pickle(...code))), description);
  });
}

const NEVER: Case[] = [
  ["EXT1", "EXT1 at byte 2 of data.pkl gives a number of Python's extension registry", [0x82, 1]],
  ["EXT4", "EXT4 at byte 2", [0x84, 1, 0, 0, 0]],
  ["NEXT_BUFFER", "NEXT_BUFFER at byte 2 of data.pkl gives a buffer outside the pickle", [0x97]],
  ["READONLY_BUFFER", "READONLY_BUFFER at byte 3", NONE, [0x98]],
  ["a name that is no text", "the number 5 as a part of a name", text("os"), [0x4b, 5, 0x93]],
  ["a name that is too long", "a name of more than 256 characters", text("a".repeat(257)), text("b"), [0x93]],
  ["a byte that is no opcode", "byte 0x01 at byte 2 of data.pkl gives an opcode that no protocol has", [1]],
  ["another protocol inside", "PROTO at byte 2 of data.pkl gives protocol 6, one up to 5 is needed", [0x80, 6]],
];

const MALFORMED: Case[] = [
  ["a call of a list", "REDUCE at byte 4 of data.pkl gives a call of a list of 0 items", EMPTY_LIST, EMPTY_TUPLE, [
    REDUCE,
  ]],
  ["a call with a list", "a list of 0 items as arguments of torch.Size", global("torch", "Size"), EMPTY_LIST, [REDUCE]],
  ["attributes of a tuple", "BUILD at byte 4 of data.pkl gives attributes for a tuple", EMPTY_TUPLE, EMPTY_DICT, [
    0x62,
  ]],
  ["attributes of a function", "attributes for a function", global("torch", "Size"), EMPTY_DICT, [0x62]],
  ["an append to a dict", "a dict of 0 items, a list to append to is needed", EMPTY_DICT, NONE, [0x61]],
  ["an append to a tuple", "a tuple of 0 items, a list", EMPTY_TUPLE, [MARK, 0x65]],
  ["items of a list", "a list of 0 items, a dict to fill is needed", EMPTY_LIST, NONE, NONE, [0x73]],
  ["items of the empty stack", "SETITEMS at byte 3 of data.pkl gives an empty stack", [MARK, 0x75]],
  ["half a pair", "1 values, pairs of key and value are needed", EMPTY_DICT, [MARK, 0x4e, 0x75]],
  ["a list as a key", "a list of 0 items as a key", EMPTY_DICT, EMPTY_LIST, NONE, [0x73]],
  ["a key that comes twice", `key "a" a second time`, EMPTY_DICT, [MARK], text("a"), NONE, text("a"), NONE, [0x75]],
  ["a tuple without mark", "TUPLE at byte 2 of data.pkl gives no mark on the stack", [0x74]],
  ["a pair of one value", "1 values on the stack, 2 are needed", NONE, [0x86]],
  ["a pop through a mark", "0 values on the stack, 2 are needed", NONE, NONE, [MARK, 0x86]],
  ["an append through a mark", "an empty stack", EMPTY_LIST, [MARK], NONE, [0x61]],
  ["a memo entry of nothing", "BINPUT at byte 2 of data.pkl gives an empty stack", [0x71, 0]],
  ["a memo entry that was never stored", "BINGET at byte 2 of data.pkl gives memo entry 7, one that", [0x68, 7]],
  ["a long memo entry that was never stored", "gives memo entry 4294967295", [0x6a, 0xff, 0xff, 0xff, 0xff]],
  ["text that is not UTF-8", "text that is not UTF-8", [0x58, ...u32(2), 0xc3, 0x28]],
  ["no value at the end", "STOP at byte 2 of data.pkl gives 0 values and 0 marks at the end"],
  ["two values at the end", "gives 2 values and 0 marks at the end", NONE, NONE],
  ["an open mark at the end", "gives 1 values and 1 marks at the end", NONE, [MARK]],
  ["an OrderedDict of text", "an OrderedDict from other arguments", call("collections", "OrderedDict", text("x"))],
  [
    "an OrderedDict of odd pairs",
    "a list of 1 items as an item of an OrderedDict",
    call("collections", "OrderedDict", list(list(NONE))),
  ],
  [
    "an OrderedDict with a key twice",
    "a list of 2 items as an item",
    call("collections", "OrderedDict", list(list(text("a"), NONE), list(text("a"), NONE))),
  ],
  ["a Counter of a list", "a Counter from other arguments", call("collections", "Counter", EMPTY_LIST)],
  ["a Size of nothing", "a torch.Size from other arguments", call("torch", "Size")],
];

const BOMBS: Case[] = [
  ["a memo index beyond the limit", `memo entry ${MAX_PICKLE_MEMO}, entries below`, NONE, [
    0x72,
    ...u32(MAX_PICKLE_MEMO),
  ]],
  ["a memo index of 2^32 - 1", "memo entry 4294967295, entries below", NONE, [0x72, 0xff, 0xff, 0xff, 0xff]],
  [
    "too many values on the stack",
    `more than ${MAX_PICKLE_STACK} values`,
    Array<number>(MAX_PICKLE_STACK + 1).fill(0x4e),
  ],
  ["too many marks", `more than ${MAX_PICKLE_MARKS} open marks`, Array<number>(MAX_PICKLE_MARKS + 1).fill(MARK)],
  ["a name without end", "GLOBAL at byte 2 of data.pkl gives a name of more than 256 bytes", [
    0x63,
    ...Array(300).fill(0x61),
  ]],
];

for (const [title, message, ...code] of [...NEVER, ...MALFORMED, ...BOMBS]) {
  Deno.test(`unpickle() refuses ${title}`, () => {
    const error = assertThrows(() => read(pickle(...code)), CheckpointError, message);
    assertStringIncludes(error.message, `Cannot load "test.pt": `);
  });
}

Deno.test("unpickle() refuses sizes that announce more than there is before it takes memory", () => {
  for (const code of [[0x58, ...u32(1000)], [0x54, ...u32(1000)], [0x55, 200], [0x8a, 250], [0x4a, 1]]) {
    assertThrows(() => read(pickle(code)), CheckpointError, "the file is cut off");
  }
  for (const code of [[0x58, 0xff, 0xff, 0xff, 0x7f], [0x54, 0xff, 0xff, 0xff, 0xff]]) {
    assertThrows(() => read(pickle(code)), CheckpointError, `more than ${MAX_PICKLE_BYTES} bytes`);
  }
});

Deno.test("unpickle() refuses too many items, though they are added a few at a time", () => {
  const bytes = new Uint8Array(3 + 1.5 * MAX_PICKLE_ITEMS + 6);
  bytes.set([0x80, 2, 0x5d]);
  for (let at = 3; at < bytes.length; at += 6) bytes.set([MARK, 0x4e, 0x4e, 0x4e, 0x4e, 0x65], at);
  assertThrows(() => read(bytes), CheckpointError, `more than ${MAX_PICKLE_ITEMS} items`);
});

Deno.test("unpickle() refuses a pickle above the size limit though the bytes are there", () => {
  const bytes = new Uint8Array(MAX_PICKLE_BYTES + 100);
  bytes.set([0x80, 2, 0x58, ...u32(MAX_PICKLE_BYTES)]);
  assertThrows(() => read(bytes), CheckpointError, `more than ${MAX_PICKLE_BYTES} bytes, at most`);
});

Deno.test("unpickle() reads lists nested 40,000 deep without a call stack", () => {
  const depth = 40_000;
  const code = [...Array(depth).fill(0x5d), ...Array(depth - 1).fill(0x61)];
  let value = read(pickle(code));
  let found = 0;
  while (value instanceof PickleList) {
    found++;
    value = value.items[0]!;
  }
  assertEquals(found, depth);
});

Deno.test("unpickle() keeps a billion laughs as references", () => {
  const levels = Array.from(
    { length: 60 },
    (_, i): Code => [...EMPTY_LIST, 0x71, i + 1, MARK, 0x68, i, 0x68, i, 0x65, 0x61],
  );
  const code = [...EMPTY_LIST, ...EMPTY_LIST, 0x71, 0, 0x61, ...levels.flat()];
  assertInstanceOf(read(pickle(code)), PickleList);
});

Deno.test("unpickle() reads protocols 0 to 5, and begins with any opcode", () => {
  for (const version of [0, 1, 2, 3, 4, 5]) assertEquals(read(Uint8Array.of(0x80, version, 0x4e, 0x2e)), null);
  assertEquals(plain(read(Uint8Array.of(0x5d, 0x2e))), []);
  assertThrows(() => read(Uint8Array.of(0x80, 200, 0x4e, 0x2e)), CheckpointError, "gives protocol 200, one up to 5");
});

Deno.test("unpickle() refuses a pickle cut at any byte", () => {
  const whole = pickle(tuple(dict({ a: list(int(7), int(2 ** 40), text("x")) }), call("torch", "Size", tuple(int(1)))));
  read(whole);
  for (let length = 0; length < whole.length; length++) {
    assertThrows(
      () => read(whole.subarray(0, length)),
      PickleEndError,
      `Cannot load "test.pt": data.pkl ends at byte ${length}`,
    );
  }
});
