import { assertEquals, assertRejects } from "@std/assert";
import { bytesByteSource } from "../../../models/checkpoint/byte_source.ts";
import type { Checkpoint } from "../../../models/checkpoint/checkpoint.ts";
import { CheckpointError } from "../../../models/checkpoint/checkpoint_error.ts";
import { openCheckpoint } from "../../../models/checkpoint/open_checkpoint.ts";
import { type Code, dict, int, list, storage, tensor } from "./handmade_pickle.ts";
import { floats, pytorchZip } from "./handmade_pytorch.ts";

const BLOCK = storage("FloatStorage", "0", 8);
const EIGHT = { "0": floats(0, 1, 2, 3, 4, 5, 6, 7) };
const OPTIMIZER = dict({ state: dict({}), param_groups: list() });

function matrix(offset = 0): Code {
  return tensor(BLOCK, { offset, shape: [2, 2], stride: [2, 1] });
}

function vector(offset = 0): Code {
  return tensor(BLOCK, { offset, shape: [2], stride: [1] });
}

async function open(value: Code, stateDict?: string, name = "test.pt"): Promise<Checkpoint> {
  const source = bytesByteSource(pytorchZip(value, EIGHT), name);
  return await openCheckpoint(source, stateDict === undefined ? {} : { stateDict });
}

const NET = dict({ w: matrix() });
const UNETS = { "model.init_conv.weight": matrix(), "model.downs.0.0.weight": matrix() };

const SEVERAL: [title: string, value: Code, message: string][] = [
  [
    "a list of DDIM",
    list(dict({ "module.w": matrix() }), OPTIMIZER, int(3), int(9), NET),
    `it has 2 state dicts, one must be named (--state-dict PATH): "[0]" (1 tensors, 16 bytes), "[4]" (1 tensors, ` +
    `16 bytes); "[4]" holds the moving average (EMA) of "[0]", which samples are usually made with`,
  ],
  ["two networks", dict({ a: NET, b: NET }), `"a" (1 tensors, 16 bytes), "b" (1 tensors, 16 bytes)`],
  ["params and params_ema", dict({ params: NET, params_ema: dict({ w: matrix(4) }) }), `"params_ema" holds the moving`],
  [
    "another package",
    dict({ model: dict(UNETS), ema: dict({ "ema_model.init_conv.weight": matrix() }) }),
    `"ema" is an EMA, which samples are usually made with; their names are those of the package denoising-diffusion`,
  ],
  [
    "averages in a list",
    dict({ model: dict({ w: matrix(), b: vector() }), ema: dict({ shadow_params: list(matrix(4), vector(2)) }) }),
    `"ema.shadow_params" holds the moving average (EMA) of "model"`,
  ],
];

for (const [title, value, message] of SEVERAL) {
  Deno.test(`openCheckpoint() lists state dicts of ${title} with their paths and sizes`, async () => {
    await assertRejects(() => open(value), CheckpointError, message);
  });
}

Deno.test("openCheckpoint() gives names to averages in a list, by shapes", async () => {
  const model = dict({ w: matrix(), "bn.running_mean": vector(), b: vector() });
  const value = dict({ model, ema: dict({ shadow_params: list(matrix(4), vector(2)) }) });
  const file = await open(value, "ema.shadow_params");
  assertEquals([...await file.readFloat32("w")], [4, 5, 6, 7]);
  assertEquals([...await file.readFloat32("b")], [2, 3]);
  assertEquals([...await file.readFloat32("bn.running_mean")], [0, 1]);
});

Deno.test("openCheckpoint() takes a path that goes on into the names of tensors", async () => {
  const value = dict({ state_dict: dict({ "model.w": matrix(), "ema.w": matrix(4) }), other: dict({ v: matrix() }) });
  for (const path of ["state_dict", "state_dict.ema", "ema"]) {
    assertEquals((await open(value, path)).stateDict, "state_dict", path);
  }
});

Deno.test("openCheckpoint() says which file belongs to that of an optimizer", async () => {
  const refuses = async (name: string, message: string): Promise<void> => {
    await assertRejects(() => open(OPTIMIZER, undefined, name), CheckpointError, message);
  };
  await refuses(
    "opt160000.pt",
    "no network; the file of the network beside it is needed, such as ema_0.9999_160000.pt",
  );
  await refuses("optimizer.bin", "the file of the network beside it is needed, by preference one with ema in its name");
});
