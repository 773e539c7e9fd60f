/** Opening folders of diffusers models, and files that lie in them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Scalars, Tensors } from "../../engine/mod.ts";
import { FileError, type ModelFile, openModel, openModelFile } from "../../io/mod.ts";
import { CheckpointError, safetensorsBytes, type TensorToWrite } from "../../models/mod.ts";
import { openGolden, readChannelsLast } from "../models/golden_file.ts";
import { assertClose } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";

const GOLDEN = new URL("../golden/", import.meta.url).pathname;
const HEADS = `${GOLDEN}diffusers-heads-tiny`;
const CELEBA = `${GOLDEN}diffusers-celebahq-tiny`;
const WEIGHTS = "diffusion_pytorch_model";

/** What a path opens: a few keys of the description, and the number of notes. */
async function opened(path: string): Promise<readonly unknown[]> {
  using file = await openModelFile(path);
  const { description: found, notes } = file.describe();
  const keys = ["image_size", "prediction_type", "noise_schedule", "attention_names"];
  return [file.name, ...keys.map((key) => found[key]), notes.length];
}

/** A folder with copies of files, removed in the end. */
async function inFolder(
  files: readonly (readonly [from: string, to: string])[],
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [from, to] of files) {
      await Deno.mkdir(`${folder}/${to}`.replace(/[^/]*$/, ""), { recursive: true });
      await Deno.copyFile(from, `${folder}/${to}`);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a diffusers model opens by its folder and by each of its files", async () => {
  const heads = [24, "v_prediction", "cosine", undefined, 1];
  const fp16 = `${WEIGHTS}.fp16.safetensors`;
  assertEquals(await opened(HEADS), ["diffusers-heads-tiny", ...heads]);
  assertEquals(await opened(`${HEADS}/`), ["diffusers-heads-tiny", ...heads]);
  assertEquals(await opened(`${HEADS}/unet`), ["unet", ...heads]);
  for (const path of ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json"]) {
    assertEquals(await opened(`${HEADS}/${path}`), [fp16, ...heads]);
  }
  // Weights that are named are no choice that is to be told.
  assertEquals(await opened(`${HEADS}/unet/${fp16}`), [fp16, ...heads.with(-1, 0)]);
  const celeba = [64, "epsilon", "linear", "query", 1];
  assertEquals(await opened(CELEBA), ["diffusers-celebahq-tiny", ...celeba]);
  assertEquals(await opened(`${CELEBA}/${WEIGHTS}.safetensors`), [`${WEIGHTS}.safetensors`, ...celeba]);
});

Deno.test("a bare folder has no scheduler, and the hub's folder is that of its current files", async () => {
  const bare = [[`${CELEBA}/config.json`, "config.json"], [
    `${CELEBA}/${WEIGHTS}.safetensors`,
    `${WEIGHTS}.safetensors`,
  ]];
  await inFolder(bare as [string, string][], async (folder) => {
    const [, ...found] = await opened(folder);
    assertEquals(found, [64, undefined, undefined, "query", 1]);
    await Deno.mkdir(`${folder}/refs`);
    await Deno.writeTextFile(`${folder}/refs/main`, "0123abcd\n");
    await Deno.mkdir(`${folder}/snapshots/0123abcd`, { recursive: true });
    for (const [, name] of bare) await Deno.rename(`${folder}/${name}`, `${folder}/snapshots/0123abcd/${name}`);
    assertEquals((await opened(folder)).slice(1), found);
  });
});

Deno.test("files that make up a model are hashed together, and one alone as it is", async () => {
  const hash = async (path: string): Promise<string> => {
    using file: ModelFile = await openModelFile(path);
    return await file.sha256();
  };
  const files = [
    [`${HEADS}/unet/config.json`, "config.json"],
    [`${HEADS}/unet/${WEIGHTS}.fp16.safetensors`, `${WEIGHTS}.safetensors`],
  ] as const;
  await inFolder(files, async (folder) => {
    const before = await hash(folder);
    assertEquals(before, await hash(`${folder}/config.json`));
    const config = await Deno.readTextFile(`${folder}/config.json`);
    await Deno.writeTextFile(`${folder}/config.json`, config.replace('"norm_eps": 1e-05', '"norm_eps": 1e-06'));
    assert(await hash(folder) !== before, "another configuration is another network");
  });
  assertEquals((await hash(`${GOLDEN}unet-guided-b-noscaleshift.safetensors`)).length, 64);
});

Deno.test("what is missing beside weights or a configuration is named", async () => {
  const weights = [`${HEADS}/unet/${WEIGHTS}.fp16.safetensors`, "model.safetensors"] as const;
  await inFolder([weights], async (folder) => {
    await assertRejects(
      () => openModelFile(`${folder}/model.safetensors`),
      CheckpointError,
      "its tensors are those of a UNet2DModel of diffusers",
    );
    await Deno.copyFile(`${HEADS}/model_index.json`, `${folder}/model_index.json`);
    await assertRejects(() => openModelFile(folder), CheckpointError, "whose config.json is needed in the folder unet");
    const latent =
      '{"_class_name": "LDMPipeline", "vqvae": ["diffusers", "VQModel"], "unet": ["diffusers", "UNet2DModel"]}';
    await Deno.writeTextFile(`${folder}/model_index.json`, latent);
    await assertRejects(() => openModelFile(folder), CheckpointError, "a latent diffusion model");
  });
  await inFolder([[`${HEADS}/unet/config.json`, "unet/config.json"]], async (folder) => {
    await assertRejects(() => openModelFile(folder), CheckpointError, "beside its unet/config.json no weights are");
    await assertRejects(() => openModelFile(`${folder}/unet/x`), FileError, "Cannot read");
  });
});

gpuTest(
  "an opened folder predicts the noise and the image that the library derives from its output",
  async (runtime) => {
    const recording = await openGolden("diffusers-heads-tiny/reference");
    const opened = await openModel(runtime, HEADS);
    const { alphaBar } = opened.process.schedule!;
    assertClose(alphaBar, await recording.readFloat32("schedule.alphas_cumprod_f32"), 1e-6, "alphaBar");
    const model = opened.noiseModel().withLevels!(alphaBar);
    const stage = runtime.stage("predict", ({ x }: Tensors<"x">, { t }: Scalars<"t">) => ({ ...model.predict!(x, t) }));
    const timesteps = await recording.readFloat32("input.t");
    const [x, x0, eps] = await Promise.all(
      ["input.x", "derived.x0", "derived.eps"].map((name) => readChannelsLast(recording, name)),
    );
    const size = x!.data.length / timesteps.length;
    for (const [item, t] of timesteps.entries()) {
      const own = ({ data }: { readonly data: Float32Array }): Float32Array =>
        data.slice(item * size, (item + 1) * size);
      const found = await stage({ x: runtime.upload(own(x!), [1, ...x!.shape.slice(1)]) }, { t });
      assertClose(await found.x0.read(), own(x0!), 1e-5, `x0 at ${t}`);
      assertClose(await found.eps.read(), own(eps!), 1e-5, `eps at ${t}`);
    }
    opened.free();
  },
);

Deno.test("weights in parts open by the folder, the index and each part", async () => {
  const file = await openGolden(`diffusers-heads-tiny/unet/${WEIGHTS}.fp16`);
  const names = [...file.tensors.keys()];
  const parts = [names.slice(0, 90), names.slice(90)];
  await inFolder([[`${HEADS}/unet/config.json`, "config.json"]], async (folder) => {
    const map: Record<string, string> = {};
    for (const [part, own] of parts.entries()) {
      const name = `${WEIGHTS}-0000${part + 1}-of-00002.safetensors`;
      const tensors = own.map(async (tensor): Promise<TensorToWrite> => {
        map[tensor] = name;
        return {
          name: tensor,
          dtype: "F32",
          shape: file.tensors.get(tensor)!.shape,
          data: await file.readFloat32(tensor),
        };
      });
      await Deno.writeFile(`${folder}/${name}`, await safetensorsBytes({ tensors: await Promise.all(tensors) }));
    }
    const index = `${WEIGHTS}.safetensors.index.json`;
    await Deno.writeTextFile(`${folder}/${index}`, JSON.stringify({ metadata: {}, weight_map: map }));
    for (const path of ["", index, `${WEIGHTS}-00002-of-00002.safetensors`]) {
      using model = await openModelFile(`${folder}/${path}`);
      const { checkpoint, description } = model.describe();
      assertEquals([checkpoint.tensors.size, description.image_size], [206, 24], path);
    }
    await Deno.remove(`${folder}/${WEIGHTS}-00001-of-00002.safetensors`);
    await assertRejects(() => openModelFile(folder), CheckpointError, "missing beside it");
  });
});
