// deno-lint-ignore-file camelcase -- keys of configurations keep their published spelling
/** UNet2DModel against recordings of the library, and what each key of config.json changes. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceRuntime, type Runtime, type Tensor } from "../../engine/mod.ts";
import { gradient, reshape, sampleDot } from "../../kernels/mod.ts";
import { type Description, FAMILIES, loadWeights, type NetworkPlan, type SafetensorsFile } from "../../models/mod.ts";
import { assertClose, relativeError } from "../support/close.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";
import { openGolden, readChannelsLast } from "./golden_file.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";
import { runNetwork } from "./run_network.ts";

/** Folders of tests/golden, the file with their weights, and what their attentions are called. */
const RECORDED = [
  ["diffusers-celebahq-tiny", "diffusion_pytorch_model", "query"],
  ["diffusers-heads-tiny", "unet/diffusion_pytorch_model.fp16", "to_q"],
] as const;

/** The published limit; a correct program reaches 1e-6, and 8e-6 for gradients. */
const LIMIT = 1e-5;

function planOf(keywords: Description): NetworkPlan {
  return FAMILIES.get("diffusers")!.plan(keywords);
}

function configurationOf(recording: SafetensorsFile): Description {
  return JSON.parse(recording.metadata.get("constructor")!);
}

/** The output of a recorded network, its gradient, and what the recording calls `emb` and `actstat.*`, by these names. */
async function evaluate(
  runtime: Runtime,
  plan: NetworkPlan,
  weightFile: SafetensorsFile,
  recording: SafetensorsFile,
): Promise<ReadonlyMap<string, Float32Array>> {
  const weights = await loadWeights(runtime, weightFile, plan.parameters);
  const network = plan.build(weights);
  const [image, v] = [await readChannelsLast(recording, "input.x"), await readChannelsLast(recording, "grad.v")];
  const rows = network.timestepTable(await recording.readFloat32("input.t"));
  const stage = runtime.stage<"x" | "rows" | "v", never, string>("network", ({ x, rows, v }) => {
    const shown: Record<string, Tensor> = {};
    const observe = (module: string, tensor: Tensor): void => {
      if (module === "emb" || recording.tensors.has(`actstat.${module}`)) shown[module] = tensor;
    };
    const output = network.forward(x, { timestepRows: rows, observe });
    const flat = (tensor: Tensor): Tensor => reshape(tensor, [x.shape[0]!, v.shape.slice(1).reduce((a, b) => a * b)]);
    return { ...shown, output, dx: gradient(sampleDot(flat(output), flat(v)), [x])[0]! };
  });
  const results = await stage({
    x: runtime.upload(image.data, image.shape),
    rows: runtime.upload(rows.data, rows.shape),
    v: runtime.upload(v.data, v.shape),
  }, {});
  const read = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(results)) read.set(name, await tensor.read());
  weights.free();
  return read;
}

/** Mean, standard deviation, greatest magnitude and L2 norm. */
function statistics(values: Float32Array): readonly number[] {
  let [sum, squares, greatest] = [0, 0, 0];
  for (const value of values) {
    sum += value;
    squares += value * value;
    greatest = Math.max(greatest, Math.abs(value));
  }
  const mean = sum / values.length;
  return [mean, Math.sqrt(squares / values.length - mean * mean), greatest, Math.sqrt(squares)];
}

for (const [folder, file, attention_names] of RECORDED) {
  gpuTest(`UNet2DModel reproduces the library's recording ${folder}`, async (runtime) => {
    const recording = await openGolden(`${folder}/reference`);
    const plan = planOf({ ...configurationOf(recording), attention_names });
    const found = await evaluate(runtime, plan, await openGolden(`${folder}/${file}`), recording);
    assertClose(found.get("output")!, (await readChannelsLast(recording, "output")).data, LIMIT, "output");
    assertClose(found.get("dx")!, (await readChannelsLast(recording, "grad.x")).data, LIMIT, "grad.x");
    assertClose(found.get("emb")!, await recording.readFloat32("emb"), LIMIT, "emb");
    const modules = [...recording.tensors.keys()].filter((name) => name.startsWith("actstat."));
    assert(modules.length >= 6);
    for (const name of modules) {
      const values = found.get(name.slice("actstat.".length));
      assert(values, `the network shows no "${name}"`);
      assertClose(statistics(values), await recording.readFloat32(name), LIMIT, name);
    }
  });
}

/** Two small levels, both with attention, on the way down, in the middle and up. */
const SMALL = {
  sample_size: 8,
  block_out_channels: [8, 16],
  down_block_types: ["DownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "UpBlock2D"],
  layers_per_block: 1,
  norm_num_groups: 4,
};

const IMAGE = { shape: [1, 8, 8, 3], data: randomValues(192, 3) };

/** What a module gives; weights depend on the keywords of the second configuration, by default those of the first. */
async function outputOf(
  keywords: Description,
  { weightsOf = keywords, data = IMAGE.data, module = "output", labels, change = () => {} }: {
    readonly weightsOf?: Description;
    readonly data?: Float32Array;
    readonly module?: string;
    readonly labels?: readonly number[];
    readonly change?: (name: string, values: Float32Array) => void;
  } = {},
): Promise<Float32Array> {
  const tensors = randomTensorsOf(planOf({ ...SMALL, ...weightsOf }).parameters, 5);
  for (const { name, data } of tensors) change(name, data as Float32Array);
  const results = await runNetwork(new ReferenceRuntime(), {
    plan: planOf({ ...SMALL, ...keywords }),
    file: await fileOf(tensors),
    x: { ...IMAGE, data },
    timesteps: [612.5],
    modules: [module],
    ...(labels ? { labels } : {}),
  });
  return results.get(module)!.data;
}

/** Keywords that leave no trace in names and shapes: their default in the library, and another value. */
const UNSEEN: readonly (readonly [keyword: string, initial: unknown, other: unknown])[] = [
  ["attention_head_dim", 8, null],
  ["attention_head_dim", 8, 4],
  ["norm_eps", 1e-5, 1e-3],
  ["norm_num_groups", 4, 2],
  ["downsample_padding", 1, 0],
  ["flip_sin_to_cos", true, false],
  ["freq_shift", 0, 1],
  ["center_input_sample", false, true],
  ["mid_block_scale_factor", 1, 1.5],
];

Deno.test("keys of config.json that leave no trace in the tensors have the library's defaults, and count", async () => {
  const plain = await outputOf({});
  for (const [keyword, initial, other] of UNSEEN) {
    assertEquals(await outputOf({ [keyword]: initial }), plain, keyword);
    assert(relativeError(await outputOf({ [keyword]: other }), plain) > 1e-5, `${keyword} is passed over`);
  }
  const groups = await outputOf({ attn_norm_num_groups: 2 });
  assert(relativeError(groups, plain) > 1e-5, "attn_norm_num_groups is passed over");
});

Deno.test("the attention in the middle has a norm, unless the embedding scales and no groups are given", () => {
  const norms = (keywords: Description): readonly string[] =>
    [...planOf({ ...SMALL, ...keywords }).parameters.keys()].filter((name) => /group_norm.weight$/.test(name));
  const outside = ["down_blocks.1.attentions.0", "up_blocks.0.attentions.0", "up_blocks.0.attentions.1"]
    .map((name) => `${name}.group_norm.weight`);
  const within = outside.toSpliced(1, 0, "mid_block.attentions.0.group_norm.weight");
  assertEquals(norms({}), within);
  assertEquals(norms({ resnet_time_scale_shift: "scale_shift" }), outside);
  assertEquals(norms({ resnet_time_scale_shift: "scale_shift", attn_norm_num_groups: 8 }), within);
  assertEquals(norms({ add_attention: false }), outside);
  assertEquals(norms({ mid_block_type: null }), outside);
});

Deno.test("sums in the middle are divided, the network is given 2 x - 1, and classes are added to the embedding", async () => {
  // Without what blocks add, the middle hands on its input, divided by the factor in each of its three layers.
  const change = (name: string, values: Float32Array): void => {
    if (/^mid_block\..*(conv2|to_out\.0)\./.test(name)) values.fill(0);
  };
  const before = await outputOf({}, { change, module: "down_blocks.1" });
  const after = await outputOf({ mid_block_scale_factor: 2 }, { change, module: "mid_block" });
  assertClose(after.map((value) => 8 * value), before, 1e-6);

  const centered = await outputOf({ center_input_sample: true });
  assertClose(centered, await outputOf({}, { data: IMAGE.data.map((value) => 2 * value - 1) }), 1e-6);

  const classes = { num_class_embeds: 3 };
  const zero = (name: string, values: Float32Array): void => {
    if (name === "class_embedding.weight") values.fill(0, 0, values.length / 3);
  };
  const ofNone = await outputOf(classes, { labels: [0], change: zero });
  const without = (name: string): boolean => name !== "class_embedding.weight";
  assert(relativeError(await outputOf(classes, { labels: [1], change: zero }), ofNone) > 1e-5);
  assertEquals([...planOf({ ...SMALL, ...classes }).parameters.keys()].filter(without), [
    ...planOf(SMALL).parameters.keys(),
  ]);
});

/** What diffusers calls the modules of a guided-diffusion network of two levels and one block, by what they are there. */
const MODULES: Readonly<Record<string, string>> = {
  "time_embed.0": "time_embedding.linear_1",
  "time_embed.2": "time_embedding.linear_2",
  "label_emb": "class_embedding",
  "input_blocks.0.0": "conv_in",
  "input_blocks.1.0": "down_blocks.0.resnets.0",
  "input_blocks.2.0": "down_blocks.0.downsamplers.0",
  "input_blocks.3.0": "down_blocks.1.resnets.0",
  "input_blocks.3.1": "down_blocks.1.attentions.0",
  "middle_block.0": "mid_block.resnets.0",
  "middle_block.1": "mid_block.attentions.0",
  "middle_block.2": "mid_block.resnets.1",
  "output_blocks.0.0": "up_blocks.0.resnets.0",
  "output_blocks.0.1": "up_blocks.0.attentions.0",
  "output_blocks.1.0": "up_blocks.0.resnets.1",
  "output_blocks.1.1": "up_blocks.0.attentions.1",
  "output_blocks.1.2": "up_blocks.0.upsamplers.0",
  "output_blocks.2.0": "up_blocks.1.resnets.0",
  "output_blocks.3.0": "up_blocks.1.resnets.1",
  "out.0": "conv_norm_out",
  "out.2": "conv_out",
};

/** The parts of a module by what they are there. */
const PARTS: Readonly<Record<string, string>> = {
  "in_layers.0": "norm1",
  "in_layers.2": "conv1",
  "emb_layers.1": "time_emb_proj",
  "out_layers.0": "norm2",
  "out_layers.3": "conv2",
  "skip_connection": "conv_shortcut",
  "norm": "group_norm",
  "proj_out": "to_out.0",
};

/** The tensors of a guided-diffusion network as diffusers has them; queries, keys and values are thirds of `qkv`. */
function renamed(tensors: ReturnType<typeof randomTensorsOf>): ReturnType<typeof randomTensorsOf> {
  return tensors.flatMap(({ name, data, shape, ...rest }) => {
    const module = Object.keys(MODULES).find((module) => name.startsWith(`${module}.`))!;
    const [, part = "", end] = /^(.*?)\.?(weight|bias)$/.exec(name.slice(module.length + 1))!;
    const squeezed = part === "qkv" || part === "proj_out" ? shape.slice(0, 2) : shape;
    const to = [MODULES[module]!, PARTS[part] ?? part, end].filter((text) => text !== "").join(".");
    if (part !== "qkv") return [{ name: to, data, shape: squeezed, ...rest }];
    const third = (data as Float32Array).length / 3;
    return ["to_q", "to_k", "to_v"].map((own, k) => ({
      name: `${MODULES[module]}.${own}.${end}`,
      data: (data as Float32Array).slice(k * third, (k + 1) * third),
      shape: [squeezed[0]! / 3, ...squeezed.slice(1)],
      ...rest,
    }));
  });
}

Deno.test("with resampling residual blocks it is the guided-diffusion network with other names", async () => {
  const guided = FAMILIES.get("guided-diffusion")!.plan({
    image_size: 8,
    in_channels: 3,
    out_channels: 3,
    model_channels: 32,
    channel_mult: [1, 2],
    num_res_blocks: 1,
    attention_resolutions: [2],
    num_head_channels: 16,
    use_scale_shift_norm: true,
    resblock_updown: true,
    use_new_attention_order: true,
    num_classes: 4,
  });
  const plan = planOf({
    sample_size: 8,
    block_out_channels: [32, 64],
    down_block_types: ["ResnetDownsampleBlock2D", "AttnDownBlock2D"],
    up_block_types: ["AttnUpBlock2D", "ResnetUpsampleBlock2D"],
    upsample_type: "resnet",
    layers_per_block: 1,
    attention_head_dim: 16,
    attn_norm_num_groups: 32,
    resnet_time_scale_shift: "scale_shift",
    num_class_embeds: 4,
  });
  const tensors = randomTensorsOf(guided.parameters, 2);
  const run = async (plan: NetworkPlan, own: typeof tensors): Promise<Float32Array> => {
    const network = { plan, file: await fileOf(own), x: IMAGE, timesteps: [250.25], labels: [2] };
    return (await runNetwork(new ReferenceRuntime(), network)).get("output")!.data;
  };
  assertClose(await run(plan, renamed(tensors)), await run(guided, tensors), 1e-6);
});

Deno.test("the DDPM network is one of them: google/ddpm-celebahq-256 has its parameters, of the first names too", () => {
  const celeba = {
    sample_size: 256,
    block_out_channels: [128, 128, 256, 256, 512, 512],
    down_block_types: [..."DDDDAD"].map((letter) => letter === "A" ? "AttnDownBlock2D" : "DownBlock2D"),
    up_block_types: [..."UAUUUU"].map((letter) => letter === "A" ? "AttnUpBlock2D" : "UpBlock2D"),
    attention_head_dim: null,
    _class_name: "UNet2DModel",
    _diffusers_version: "0.0.4",
  };
  for (const attention_names of ["to_q", "query"]) {
    const { parameters } = planOf({ ...celeba, attention_names });
    const count = parameters.values().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    assertEquals([parameters.size, count], [450, 113_673_219]);
  }
});

Deno.test("what cannot be run is refused by name", () => {
  const refusals: readonly (readonly [keywords: Description, text: string])[] = [
    [{ down_block_types: ["DownBlock2D", "AttnSkipDownBlock2D"] }, '"AttnSkipDownBlock2D", which belongs to an NCSN++'],
    [{ up_block_types: ["SkipUpBlock2D", "UpBlock2D"] }, '"SkipUpBlock2D", which belongs to an NCSN++ network'],
    [{ down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D"] }, "which belongs to a network that is given a text"],
    [{ down_block_types: ["KDownBlock2D", "DownBlock2D"] }, '"KDownBlock2D", which belongs to an upscaler'],
    [{ down_block_types: ["DownBlock2D"] }, "2, 1, 2 entries, one for each level is needed"],
    [{ time_embedding_type: "fourier" }, '"time_embedding_type" is "fourier", one of "positional" is needed'],
    [{ time_embedding_type: "learned" }, '"time_embedding_type" is "learned"'],
    [{ class_embed_type: "timestep" }, '"class_embed_type" is "timestep", null'],
    [{ resnet_time_scale_shift: "spatial" }, '"resnet_time_scale_shift" is "spatial"'],
    [{ act_fn: "gelu" }, '"act_fn" is "gelu"'],
    [{ downsample_padding: 2 }, '"downsample_padding" is 2, an integer within 0..1 is needed'],
    [{ attention_head_dim: 6 }, '16 channels ("block_out_channels") do not divide into heads of 6 channels'],
    [{ norm_num_groups: 3 }, '8 channels ("block_out_channels") do not divide into 3 groups'],
    [{ sample_size: null }, "the side of the training images is needed"],
    [{ attention_legacy_order: true }, '"attention_legacy_order" is no keyword'],
  ];
  for (const [keywords, text] of refusals) {
    assertThrows(() => planOf({ ...SMALL, ...keywords }), Error, text, JSON.stringify(keywords));
  }
});
