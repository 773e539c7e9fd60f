import { assertEquals, assertRejects } from "@std/assert";
import type { Checkpoint } from "../../../models/checkpoint/checkpoint.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import {
  call,
  type Code,
  dict,
  EMPTY_DICT,
  EMPTY_TUPLE,
  global,
  int,
  list,
  MARK,
  persistent,
  storage,
  tensor,
  text,
  tuple,
} from "./handmade_pickle.ts";
import { floats, pytorchLegacy, pytorchSource, pytorchZip } from "./handmade_pytorch.ts";

const EIGHT = { "0": floats(0, 1, 2, 3, 4, 5, 6, 7) };
const BLOCK = storage("FloatStorage", "0", 8);

/** `[[v, v + 1], [v + 2, v + 3]]`. */
function matrix(offset = 0): Code {
  return tensor(BLOCK, { offset, shape: [2, 2], stride: [2, 1] });
}

/** An object of a class that nobody knows, with attributes. */
function object(module: string, name: string, state: Code): Code {
  return [...global(module, name), ...EMPTY_TUPLE, 0x81, ...state, 0x62];
}

/** A network as `torch.save(model)` writes it. */
function network(parameters: Record<string, Code>, modules: Record<string, Code> = {}, more: Code = EMPTY_DICT): Code {
  return object(
    "my.nets",
    "Net",
    dict({ training: [0x89], _parameters: dict(parameters), _buffers: more, _modules: dict(modules) }),
  );
}

async function open(value: Code, stateDict?: string): Promise<Checkpoint> {
  return await openCheckpoint(pytorchSource(pytorchZip(value, EIGHT)), stateDict === undefined ? {} : { stateDict });
}

async function genuine(name: string): Promise<Uint8Array> {
  return await Deno.readFile(new URL(`pytorch/${name}`, import.meta.url));
}

for (const name of ["2", "3", "4", "5", "legacy_1", "legacy_4"]) {
  Deno.test(`openCheckpoint() reads a network beside objects of Python in python_${name}.pt`, async () => {
    const file = await openCheckpoint(pytorchSource(await genuine(`python_${name}.pt`)));
    assertEquals([file.stateDict, [...file.tensors.keys()]], ["state_dict", ["conv.weight", "conv.bias"]]);
    assertEquals([...await file.readFloat32("conv.weight")], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    assertEquals([...await file.readFloat32("conv.bias")], [-0.5, -1.5]);
  });
}

Deno.test("openCheckpoint() passes over an optimizer that was pickled whole", async () => {
  const file = await openCheckpoint(pytorchSource(await genuine("python_optimizer.pt")));
  assertEquals([file.stateDict, file.tensors.size], ["model", 2]);
});

for (const protocol of [2, 5]) {
  Deno.test(`openCheckpoint() reads plain arrays of NumPy of protocol ${protocol} as tensors`, async () => {
    const file = await openCheckpoint(pytorchSource(await genuine(`python_arrays_${protocol}.pt`)));
    assertEquals([...await file.readFloat32("conv.weight")], [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]);
    assertEquals([...await file.readFloat32("conv.bias")], [-0.5, -1.5]);
    assertEquals([...await file.readFloat32("fortran")], [0, 1, 2, 3, 4, 5]);
    assertEquals([file.tensors.get("single")?.shape, [...await file.readFloat32("single")]], [[], [2.5]]);
    assertEquals(file.tensors.get("empty")?.shape, [0, 2]);
    assertEquals([...file.leftOut!], [["words", "an array of NumPy"]]);
  });
}

Deno.test("openCheckpoint() leaves arrays of NumPy alone that are not plain", async () => {
  const { tensors, leftOut } = await openCheckpoint(pytorchSource(await genuine("python_4.pt")), { stateDict: "" });
  assertEquals([...tensors.keys()], ["array"]);
  for (const name of ["structured", "objects", "strings", "big_endian"]) {
    assertEquals(leftOut?.get(name), "an array of NumPy", name);
  }
});

const SPARSE = call("torch._utils", "_rebuild_sparse_tensor", call("torch.serialization", "_get_layout", text("x")));

Deno.test("openCheckpoint() leaves out what stands beside tensors and says what it is", async () => {
  const bytes = pytorchZip(
    dict({
      w: matrix(),
      sparse: SPARSE,
      step: int(5),
      foreign: tensor(call("my", "storage"), { shape: [1], stride: [1] }),
      q: tensor(storage("QInt8Storage", "1", 1), { shape: [1], stride: [1] }),
    }),
    { ...EIGHT, "1": Uint8Array.of(1) },
  );
  const { tensors, leftOut } = await openCheckpoint(pytorchSource(bytes));
  assertEquals([...tensors.keys()], ["w"]);
  assertEquals([...leftOut!], [
    ["sparse", `a call of "torch._utils._rebuild_sparse_tensor"`],
    ["step", "the number 5"],
    ["foreign", `a call of "torch._utils._rebuild_tensor"`],
    ["q", `an object of "torch.QInt8Storage"`],
  ]);
});

/** Objects, where the tensors are in them, and their names. */
const FOUND: [title: string, value: Code, path: string, names: string[]][] = [
  ["a whole network", network({ w: matrix() }, { in: network({ b: matrix(4) }) }), "", ["w", "in.b"]],
  ["a network in a dict", dict({ model: network({ w: matrix() }), epoch: int(1) }), "model", ["w"]],
  [
    "a network whose buffers are not all saved",
    object(
      "my",
      "Net",
      dict({
        _parameters: dict({ w: matrix(), none: [0x4e] }),
        _buffers: dict({ kept: matrix(2), passed: matrix(4) }),
        _non_persistent_buffers_set: call("builtins", "set", list(text("passed"))),
        _modules: EMPTY_DICT,
      }),
    ),
    "",
    ["w", "kept"],
  ],
  [
    "a dict inside an object",
    object("my", "Trainer", dict({ net: dict({ w: matrix() }), a: int(1) })),
    "net",
    ["w"],
  ],
  [
    "an object with an optimizer",
    object(
      "my",
      "Trainer",
      dict({
        net: dict({ w: matrix() }),
        optimizer: object("my", "Adam", dict({ param_groups: list(), state: dict({ w: matrix(4) }) })),
      }),
    ),
    "net",
    ["w"],
  ],
  [
    "a plain dict rather than one inside an object",
    dict({ net: dict({ w: matrix() }), old: object("my", "Trainer", dict({ net: dict({ w: matrix() }) })) }),
    "net",
    ["w"],
  ],
  [
    "a tensor with attributes",
    dict({
      w: call(
        "torch._tensor",
        "_rebuild_from_type_v2",
        global("torch._utils", "_rebuild_tensor_v2"),
        global("torch", "Tensor"),
        tuple(BLOCK, int(0), tuple(int(2), int(2)), tuple(int(2), int(1)), [0x89], EMPTY_DICT),
        EMPTY_DICT,
      ),
    }),
    "",
    ["w"],
  ],
];

for (const [title, value, path, names] of FOUND) {
  Deno.test(`openCheckpoint() finds the tensors of ${title}`, async () => {
    const file = await open(value);
    assertEquals([file.stateDict, [...file.tensors.keys()]], [path, names]);
  });
}

Deno.test("openCheckpoint() reads a whole network of the older container, which names its class with its source", async () => {
  const className = persistent(tuple(text("module"), global("my", "Net"), text("net.py"), text("class Net: ...")));
  const state = dict({ _parameters: dict({ w: matrix() }), _buffers: EMPTY_DICT, _modules: EMPTY_DICT });
  const bytes = pytorchLegacy([...className, ...EMPTY_TUPLE, 0x81, ...state, 0x62], EIGHT);
  const file = await openCheckpoint(pytorchSource(bytes));
  assertEquals([...await file.readFloat32("w")], [0, 1, 2, 3]);
});

const REFUSED: [title: string, message: string, value: Code][] = [
  [
    "tensors that an object of another class holds",
    `its tensors are held by an object of "my.Dict", which is no plain dict`,
    [...global("my", "Dict"), ...EMPTY_TUPLE, 0x81, MARK, ...text("w"), ...matrix(), 0x75],
  ],
  [
    "a name that is an object",
    `a name among its tensors is a call of "my.Name"`,
    [...EMPTY_DICT, MARK, ...text("w"), ...matrix(), ...call("my", "Name"), ...matrix(), 0x75],
  ],
  ["a result of a function alone", `it holds a call of "my.load" without a state dict`, call("my", "load")],
  [
    "a network that contains itself",
    "without a state dict",
    [
      ...global("my", "Net"),
      ...EMPTY_TUPLE,
      0x81,
      0x71,
      9,
      ...dict({
        _parameters: dict({ w: matrix() }),
        _buffers: EMPTY_DICT,
        _modules: dict({ self: [0x68, 9] }),
      }),
      0x62,
    ],
  ],
];

for (const [title, message, value] of REFUSED) {
  Deno.test(`openCheckpoint() refuses ${title}`, async () => {
    await assertRejects(() => open(value), CheckpointError, message);
  });
}

Deno.test("openCheckpoint() visits networks that hold one another many times only so often", async () => {
  let nested = network({ w: matrix() });
  for (let level = 0; level < 40; level++) {
    nested = network({}, { a: [...nested, 0x72, level, 1, 0, 0], b: [0x6a, level, 1, 0, 0] });
  }
  await assertRejects(() => open(nested), CheckpointError, "without a state dict");
});
