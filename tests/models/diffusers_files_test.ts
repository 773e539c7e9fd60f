// deno-lint-ignore-file camelcase -- keys of configurations keep their published spelling
/** Which files are a diffusers model, and what their JSON says of the network. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type Checkpoint,
  CheckpointError,
  describeWeights,
  type Description,
  type DescriptionOptions,
  modelFiles,
  OpenQuestionsError,
  planDescription,
  requirePixels,
} from "../../models/mod.ts";
import { readScheduler } from "../../models/diffusers/scheduler.ts";
import { fileOf, randomTensorsOf } from "./random_checkpoint.ts";

const WEIGHTS = "diffusion_pytorch_model";

/** Files of a folder, the file that is named, and what is chosen: network, scheduler and weights. */
const LAYOUTS: readonly (readonly [names: string, start: string | undefined, chosen: string])[] = [
  [
    "model_index.json unet/config.json unet/W.bin unet/W.safetensors scheduler/scheduler_config.json",
    undefined,
    "unet/config.json scheduler/scheduler_config.json unet/W.safetensors",
  ],
  ["model_index.json config.json scheduler_config.json W.bin", undefined, "config.json scheduler_config.json W.bin"],
  ["config.json W.safetensors", undefined, "config.json - W.safetensors"],
  [
    "config.json W.safetensors ../scheduler/scheduler_config.json",
    undefined,
    "config.json ../scheduler/scheduler_config.json W.safetensors",
  ],
  ["config.json W.bin W.fp16.bin W.fp16.safetensors", undefined, "config.json - W.bin"],
  ["config.json W.fp16.bin W.fp16.safetensors", undefined, "config.json - W.fp16.safetensors"],
  [
    "config.json W-00001-of-00002.safetensors W-00002-of-00002.safetensors W.safetensors.index.json W.bin",
    undefined,
    "config.json - W.safetensors.index.json",
  ],
  [
    "config.json W.fp16-00001-of-00002.safetensors W.safetensors.index.fp16.json",
    undefined,
    "config.json - W.safetensors.index.fp16.json",
  ],
  ["config.json ema.pt notes.txt", undefined, "config.json - ema.pt"],
  [
    "unet/config.json unet/W.bin unet_ema/config.json unet_ema/W.bin",
    undefined,
    "unet_ema/config.json - unet_ema/W.bin",
  ],
  [
    "model_index.json unet/config.json unet/W.bin unet_ema/config.json unet_ema/W.bin",
    undefined,
    "unet/config.json - unet/W.bin",
  ],
  ["model_index.json unet/config.json unet/W.bin", "model_index.json", "unet/config.json - unet/W.bin"],
  [
    "scheduler_config.json ../unet/config.json ../unet/W.bin",
    "scheduler_config.json",
    "../unet/config.json scheduler_config.json ../unet/W.bin",
  ],
  ["config.json W.bin W.safetensors", "config.json", "config.json - W.safetensors"],
  ["config.json W.bin W.safetensors", "W.bin", "config.json - W.bin"],
  ["model.bin ../unet/config.json", "model.bin", "../unet/config.json - model.bin"],
  ["model.bin other.json", "model.bin", "none"],
  ["guided.pt", undefined, "none"],
];

Deno.test("the files of a model are chosen by their names", () => {
  const spelled = (text: string): string => text.replaceAll("W", WEIGHTS);
  for (const [names, start, chosen] of LAYOUTS) {
    const files = modelFiles("folder", spelled(names).split(" "), start && spelled(start));
    const found = files ? [files.config, files.scheduler ?? "-", files.weights].join(" ") : "none";
    assertEquals(found, spelled(chosen), `${names}, ${start}`);
  }
  const [variant] = modelFiles("folder", ["config.json", `${WEIGHTS}.fp16.bin`])!.notes;
  assertEquals(variant, "Its weights are the variant fp16, there are no others");
  for (const [others, found] of [["", "no weights are"], ["a.pt b.pt", "only a.pt, b.pt are"]] as const) {
    const names = ["config.json", ...others.split(" ")];
    assertThrows(() => modelFiles("folder", names), CheckpointError, `beside its config.json ${found}`);
  }
});

const LIST = { _class_name: "DDPMScheduler", num_train_timesteps: 1000, beta_start: 1e-4, beta_end: 0.02 };

/** What schedulers say, and what that is here. */
const SCHEDULERS: readonly (readonly [config: Description, process: Description])[] = [
  [{ ...LIST, beta_schedule: "linear", prediction_type: "epsilon" }, {
    prediction_type: "epsilon",
    noise_schedule: "linear",
    diffusion_steps: 1000,
  }],
  [{ ...LIST, num_train_timesteps: 500 }, {
    prediction_type: "epsilon",
    noise_schedule: "linear",
    diffusion_steps: 500,
    beta_start: 1e-4,
    beta_end: 0.02,
  }],
  [{ _class_name: "DDIMScheduler", prediction_type: "sample" }, {
    prediction_type: "sample",
    noise_schedule: "linear",
    diffusion_steps: 1000,
  }],
  [{ ...LIST, beta_schedule: "squaredcos_cap_v2", prediction_type: "v_prediction" }, {
    prediction_type: "v_prediction",
    noise_schedule: "cosine",
    diffusion_steps: 1000,
  }],
  [{ _class_name: "EulerDiscreteScheduler", beta_schedule: "scaled_linear", beta_start: 0.00085, beta_end: 0.012 }, {
    prediction_type: "epsilon",
    noise_schedule: "scaled_linear",
    diffusion_steps: 1000,
    beta_start: 0.00085,
    beta_end: 0.012,
  }],
  [{ ...LIST, trained_betas: [0.1, 0.2], rescale_betas_zero_snr: true, prediction_type: "v_prediction" }, {
    prediction_type: "v_prediction",
    trained_betas: [0.1, 0.2],
    diffusion_steps: 2,
    rescale_betas_zero_snr: true,
  }],
  [{ ...LIST, prediction_type: "epsilon", variance_type: "learned_range" }, {
    prediction_type: "epsilon",
    noise_schedule: "linear",
    diffusion_steps: 1000,
    learn_sigma: true,
  }],
  [{ _class_name: "FlowMatchEulerDiscreteScheduler", num_train_timesteps: 1000, shift: 3 }, {
    prediction_type: "flow",
    time_scale: 1000,
  }],
  [{ _class_name: "EDMEulerScheduler", sigma_min: 0.002, sigma_max: 80, sigma_data: 0.5, prediction_type: "epsilon" }, {
    prediction_type: "edm",
    noise_input: "nvlabs",
    sigma_min: 0.002,
    sigma_max: 80,
    sigma_data: 0.5,
  }],
  [{ _class_name: "CMStochasticIterativeScheduler", num_train_timesteps: 40, sigma_min: 0.002, sigma_max: 80 }, {
    prediction_type: "consistency",
    sigma_min: 0.002,
    sigma_max: 80,
  }],
  [{ _class_name: "ScoreSdeVeScheduler", sigma_max: 50 }, { prediction_type: "ve", sigma_min: 0.01, sigma_max: 50 }],
];

Deno.test("a scheduler is the process of its training", () => {
  for (const [config, process] of SCHEDULERS) assertEquals(readScheduler(config).process, process);
  assertEquals(readScheduler(LIST).notes, [
    "Its scheduler does not say what is predicted: noise (epsilon) is assumed",
  ]);
  const refusals: readonly (readonly [config: Description, text: string])[] = [
    [{ _class_name: "VQDiffusionScheduler" }, 'its scheduler is "VQDiffusionScheduler", one with a list of betas'],
    [{ ...LIST, beta_schedule: "laplace" }, 'its beta_schedule is "laplace", one of linear'],
    [{ ...LIST, prediction_type: "score" }, 'its prediction_type is "score", one of epsilon'],
    [{ ...LIST, variance_type: "learned" }, 'its variance_type is "learned", learned_range'],
    [{ ...LIST, timestep_type: "continuous" }, "of continuous timesteps"],
    [{ _class_name: "EDMEulerScheduler", prediction_type: "v_prediction" }, '"v_prediction", "epsilon" is needed'],
  ];
  for (const [config, text] of refusals) assertThrows(() => readScheduler(config), TypeError, text);
});

const CONFIG = {
  _class_name: "UNet2DModel",
  sample_size: 8,
  block_out_channels: [8],
  down_block_types: ["AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D"],
  layers_per_block: 1,
  norm_num_groups: 4,
  attention_head_dim: null,
  norm_eps: 1e-6,
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
};

async function weights(changes: Description = {}): Promise<Checkpoint> {
  const { parameters } =
    planDescription({ architecture: "diffusers", ...CONFIG, class: "UNet2DModel", ...changes }).plan;
  return await fileOf(randomTensorsOf(parameters, 1));
}

function described(
  file: Checkpoint,
  changes: Description = {},
  { scheduler, options }: { readonly scheduler?: Description; readonly options?: DescriptionOptions } = {},
): ReturnType<typeof describeWeights> {
  const text = (name: string, value: Description): { readonly name: string; readonly text: string } => ({
    name,
    text: JSON.stringify(value),
  });
  return describeWeights(file, {
    config: text("config.json", { ...CONFIG, ...changes }),
    scheduler: scheduler && text("scheduler_config.json", scheduler),
  }, options);
}

function descriptionOf({ checkpoint }: ReturnType<typeof describeWeights>): Description {
  return JSON.parse(checkpoint.metadata.get("config")!);
}

Deno.test("weights say what config.json and the scheduler say, and what is taken for granted is said", async () => {
  const file = await weights();
  const alone = described(file);
  const { image_size, attention_head_dim, attention_names, prediction_type } = descriptionOf(alone);
  assertEquals([image_size, attention_head_dim, attention_names, prediction_type], [8, null, undefined, undefined]);
  assertEquals(alone.notes.length, 1);
  assert(alone.notes[0]!.startsWith("It has no scheduler_config.json: noise as what is predicted (epsilon)"));

  const cosine = { ...LIST, beta_schedule: "squaredcos_cap_v2", prediction_type: "v_prediction" };
  const whole = described(file, {}, { scheduler: cosine });
  assertEquals(whole.notes, []);
  assertEquals(descriptionOf(whole).noise_schedule, "cosine");

  assertEquals(descriptionOf(described(await weights({ attention_names: "query" }))).attention_names, "query");
  assertEquals(descriptionOf(described(file, { sample_size: [16, 8] })).image_size, 8);
  // Programs write null for a middle that they have.
  assertEquals(descriptionOf(described(file, { mid_block_type: null })).mid_block_type, undefined);

  const defaults = described(file, { attention_head_dim: undefined, norm_eps: undefined });
  assertEquals(descriptionOf(defaults).attention_head_dim, 8);
  assertEquals(
    defaults.notes[0],
    "Defaults of the library are taken for what config.json does not say: attention_head_dim 8, norm_eps 0.00001",
  );
});

Deno.test("the user answers what no file says, and nothing else", async () => {
  const file = await weights();
  const answers = { schedule: "cosine", diffusionSteps: 500, predictionType: "sample" } as const;
  const said = described(file, {}, { options: answers });
  assertEquals(said.notes, []);
  const { noise_schedule, diffusion_steps, prediction_type } = descriptionOf(said);
  assertEquals([noise_schedule, diffusion_steps, prediction_type], ["cosine", 500, "sample"]);
  const refuse = (options: DescriptionOptions, scheduler?: Description): void => {
    assertThrows(
      () => described(file, {}, { options, ...(scheduler ? { scheduler } : {}) }),
      CheckpointError,
      "leave it out",
    );
  };
  refuse({ imageSize: 64 });
  refuse({ headChannels: 4 });
  refuse({ schedule: "cosine" }, LIST);
  assertThrows(
    () => described(file, {}, { scheduler: { ...LIST, variance_type: "learned_range" } }),
    CheckpointError,
    '"learn_sigma" is true while 3 channels go in and 3 come out',
  );
  const error = assertThrows(() => described(file, { sample_size: null }), OpenQuestionsError, "a multiple of 1");
  assertEquals(error.questions[0]!.options, ["imageSize"]);
  assertEquals(descriptionOf(described(file, { sample_size: null }, { options: { imageSize: 32 } })).image_size, 32);
});

Deno.test("configurations and pipelines of other models are refused by what they are", async () => {
  const file = await weights();
  const classes = [
    [{ _class_name: "UNet2DConditionModel" }, 'it is that of "UNet2DConditionModel", one of UNet2DModel is needed'],
    [{ _class_name: undefined, architectures: ["BertModel"] }, 'it is that of "BertModel"'],
    [{ _class_name: undefined, block_out_channels: undefined }, "it is no configuration of a network"],
    [{ time_embedding_type: "fourier" }, '"time_embedding_type" is "fourier"'],
  ] as const;
  for (const [changes, text] of classes) assertThrows(() => described(file, changes), CheckpointError, text);
  assertThrows(
    () => describeWeights(file, { config: { name: "config.json", text: "[]" } }),
    CheckpointError,
    'Cannot load "config.json": it holds no JSON object',
  );
  const pipelines: readonly (readonly [index: Description, text: string])[] = [
    [{ _class_name: "LDMPipeline", vqvae: [], unet: ["diffusers", "UNet2DModel"] }, "a latent diffusion model"],
    [{ _class_name: "StableDiffusionPipeline", vae: [], unet: [] }, 'codes of an autoencoder ("vae")'],
    [{ _class_name: "DeepFloyd", unet: ["diffusers", "UNet2DConditionModel"] }, "has a UNet2DConditionModel for unet"],
    [{ _class_name: "DiTPipeline", transformer: [] }, 'it is "DiTPipeline" and has no unet'],
  ];
  for (const [index, text] of pipelines) {
    const named = { name: "model_index.json", text: JSON.stringify(index) };
    assertThrows(() => requirePixels(named), CheckpointError, text);
  }
  requirePixels({ name: "model_index.json", text: '{"unet": ["diffusers", "UNet2DModel"], "scheduler": []}' });
});
