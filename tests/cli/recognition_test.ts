// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** What commands say of networks that lie among other things, and what a converted file needs no more. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openSafetensors, planDescription, safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { FileSource } from "../../io/mod.ts";
import { randomTensorsOf } from "../models/random_checkpoint.ts";
import { commandTest, type Folder, runCommand, runWell, withFolder } from "./run_command.ts";

const NETWORK = {
  architecture: "guided-diffusion",
  image_size: 16,
  in_channels: 3,
  model_channels: 32,
  out_channels: 3,
  num_res_blocks: 1,
  attention_resolutions: [2],
  channel_mult: [1, 1],
  num_head_channels: 16,
};

const ANSWERS = ["--image-size", "16", "--head-channels", "16", "--value-range=-1..1"];
const LISTED = [...ANSWERS, "--attention-order", "legacy", "--schedule", "linear", "--diffusion-steps", "1000"];

function tensorsOf(changed: object, seed: number): readonly TensorToWrite[] {
  return randomTensorsOf(planDescription({ ...NETWORK, ...changed }).plan.parameters, seed);
}

/** Weights and their averages as a training with `LitEma` saves them, with a table of the schedule. */
async function training(folder: Folder): Promise<string> {
  const tensors: TensorToWrite[] = [
    ...tensorsOf({}, 1).map((tensor) => ({ ...tensor, name: `model.diffusion_model.${tensor.name}` })),
    ...tensorsOf({}, 2).map((tensor) => ({
      ...tensor,
      name: `model_ema.diffusion_model${tensor.name.replaceAll(".", "")}`,
    })),
    { name: "betas", dtype: "F32", shape: [1000], data: new Float32Array(1000) },
  ];
  return folder.write("last.safetensors", await safetensorsBytes({ tensors }));
}

async function valuesOf(path: string, name: string): Promise<Float32Array> {
  using source = await FileSource.open(path);
  return await (await openSafetensors(source)).readFloat32(name);
}

Deno.test("convert writes the average of a training under plain names, which then needs no options", async () => {
  await withFolder(async (folder) => {
    const file = await training(folder);
    for (const [words, seed] of [[[], 2], [["--state-dict", "model"], 1]] as const) {
      const out = folder.path(`${seed}.safetensors`);
      const { stderr } = await runWell(["convert", file, out, ...words, ...LISTED]);
      const prefix = seed === 2 ? "model_ema.diffusion_model" : "model.diffusion_model.";
      assertStringIncludes(stderr, `begins with "${prefix}", which is taken off`);
      assertMatch(stderr, /Left out, as it is no part of the network: .*"betas"/);
      const [first] = tensorsOf({}, seed);
      assertEquals(await valuesOf(out, first!.name), first!.data);
      const found = JSON.parse((await runWell(["models", "inspect", out, "--json"])).stdout);
      assertEquals([found.open, found.prefix, found.leftOut], [null, "", []]);
      assertEquals(found.config.image_size, 16);
      const { stdout } = await runWell(["verify", out, "--against", file, ...words]);
      assertStringIncludes(stdout, `${tensorsOf({}, 1).length} ok, 0 FAILED`);
    }
  });
});

Deno.test("models inspect says kind, levels, samplers, prefix and what is left out", async () => {
  await withFolder(async (folder) => {
    const file = await training(folder);
    const { stdout } = await runWell(["models", "inspect", file, ...LISTED]);
    assertMatch(stdout, /^prefix +model_ema\.diffusion_model$/m);
    assertMatch(stdout, /^left out +"betas", "model\.\*" \(126\)$/m);
    assertMatch(stdout, /^prediction_type +epsilon$/m);
    assertMatch(stdout, /^levels +sigma 0\.01 to 157\.4 \(1000 timesteps\)$/m);
    assertMatch(stdout, /^samplers +all of restore; without a picture ddim, ddpm$/m);
    assertStringIncludes(stdout, '"model.diffusion_model" (--state-dict model.diffusion_model)');
    const edm = folder.write(
      "edm_own.safetensors",
      await safetensorsBytes({ tensors: tensorsOf({ class: "cm.unet.UNetModel" }, 3) }),
    );
    const levelled = (await runWell(["models", "inspect", edm, ...ANSWERS])).stdout;
    assertMatch(levelled, /^prediction_type +edm$/m);
    assertMatch(levelled, /^levels +sigma 0\.002 to 80 \(any level between\)$/m);
    assertEquals(/^noise_schedule/m.test(levelled), false);
    const other = folder.write("product.safetensors", await Deno.readFile(edm));
    const asked = (await runWell(["models", "inspect", other, ...ANSWERS])).stdout;
    assertMatch(asked, /--prediction-type +what the network predicts: edm or consistency/);
  });
});

commandTest("restore says what pictures a network of four channels is for, before it asks anything", async (folder) => {
  const tensors = tensorsOf({ in_channels: 4, out_channels: 4 }, 4);
  const file = folder.write("rgba.safetensors", await safetensorsBytes({ tensors }));
  const picture = folder.picture("y.png", { width: 4, height: 4 });
  const { code, stderr } = await runCommand(["restore", picture, "--task", "sr4", "--model", file]);
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, '"rgba.safetensors" is a network for pictures of 4 channels, colours with transparency');
});
