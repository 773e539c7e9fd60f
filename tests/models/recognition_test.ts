// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** What networks are recognised in files that people have: by row, what lies in the file and what is made of it. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type Checkpoint,
  CheckpointError,
  describeCheckpoint,
  type Description,
  type DescriptionOptions,
  OpenQuestionsError,
  planDescription,
} from "../../models/mod.ts";
import { checkpointOf, checkpointWith, SMALL_CLASSIFIER, SMALL_DDPM, SMALL_UNET } from "./described_networks.ts";

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[];

const PROCESS = { schedule: "linear", diffusionSteps: 1000, valueRange: "-1..1" } as const;

const ANSWERS: DescriptionOptions = { imageSize: 48, headChannels: 16, attentionOrder: "legacy", ...PROCESS };

function shapesOf(description: Description): Shapes {
  return Array.from(checkpointOf(description).tensors.values(), ({ name, shape }) => [name, shape]);
}

const UNET = shapesOf(SMALL_UNET);
const DDPM = shapesOf(SMALL_DDPM);
const CLASSIFIER = shapesOf(SMALL_CLASSIFIER);

function below(prefix: string, shapes: Shapes = UNET): Shapes {
  return shapes.map(([name, shape]) => [prefix + name, shape]);
}

/** As `LitEma` keeps the averages of what lies below a module. */
function averages(module: string, shapes: Shapes = UNET): Shapes {
  const flat = below(module, shapes).map(([name, shape]) => [`model_ema.${name.replaceAll(".", "")}`, shape] as const);
  return [...flat, ["model_ema.decay", []], ["model_ema.num_updates", []]];
}

const BUFFERS: Shapes = ["betas", "alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "posterior_variance", "logvar"]
  .map((name) => [name, [1000]]);

const LPIPS: Shapes = [["lpips.net.slice1.0.weight", [64, 3, 3, 3]], ["lpips.lin0.model.1.weight", [1, 64, 1, 1]]];

/** A file, and the prefix and the number of tensors that are left out. */
interface Found {
  readonly file: Shapes;
  readonly prefix: string;
  readonly leftOut?: number;
  readonly stateDict?: string;
  readonly answers?: DescriptionOptions;
  /** What is said besides. */
  readonly says?: string;
}

const FOUND: Readonly<Record<string, Found>> = {
  "one wrapper": { file: below("module."), prefix: "module." },
  "a compiled module": { file: below("_orig_mod."), prefix: "_orig_mod." },
  "wrappers in one another": { file: below("module._orig_mod.ddp."), prefix: "module._orig_mod.ddp." },
  "any name": { file: below("my_net-2."), prefix: "my_net-2." },
  "a wrapped ddpm network": {
    file: below("denoise_fn.", DDPM),
    prefix: "denoise_fn.",
    answers: { imageSize: 48, ...PROCESS },
  },
  "buffers of the schedule around it": {
    file: [...BUFFERS, ...below("denoise_fn.")],
    prefix: "denoise_fn.",
    leftOut: 5,
    says: '"betas", "alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "posterior_variance" and 1 more',
  },
  "buffers of the schedule among its names": { file: [...UNET, ...BUFFERS], prefix: "", leftOut: 5 },
  "a metric and a classifier beside it": {
    file: [...below("cond_fn.", CLASSIFIER), ...below("model."), ...LPIPS],
    prefix: "model.",
    leftOut: CLASSIFIER.length + LPIPS.length,
    says: `"cond_fn.*" (${CLASSIFIER.length}), "lpips.*" (2)`,
  },
  "a classifier among its names": {
    file: [...below("cond_fn.", CLASSIFIER), ...UNET],
    prefix: "",
    leftOut: CLASSIFIER.length,
  },
  "a metric among its names": { file: [...LPIPS, ...UNET], prefix: "", leftOut: 2 },
  "a counter": { file: [...UNET, ["step", []]], prefix: "", leftOut: 1, says: '"step"' },
  "a counter of one element": { file: [...UNET, ["global_step", [1]]], prefix: "", leftOut: 1 },
  "an empty tensor": { file: [...UNET, ["x.empty", [0, 3]]], prefix: "", leftOut: 1 },
  "averages without dots": {
    file: [...below("model.diffusion_model."), ...averages("diffusion_model.")],
    prefix: "model_ema.diffusion_model",
    leftOut: UNET.length + 2,
    says: '"model.diffusion_model" (--state-dict model.diffusion_model)',
  },
  "the weights beside averages without dots": {
    file: [...below("model.diffusion_model."), ...averages("diffusion_model.")],
    prefix: "model.diffusion_model.",
    leftOut: UNET.length + 2,
    stateDict: "model",
  },
  "the averages by name": {
    file: [...below("model.diffusion_model."), ...averages("diffusion_model.")],
    prefix: "model_ema.diffusion_model",
    leftOut: UNET.length + 2,
    stateDict: "model_ema",
  },
  "averages under their names": {
    file: [...below("online_model."), ...below("ema_model."), ["initted", []]],
    prefix: "ema_model.",
    leftOut: UNET.length + 1,
    says: '"online_model" (--state-dict online_model)',
  },
  "averages beside names without prefix": { file: [...UNET, ...below("ema.")], prefix: "ema.", leftOut: UNET.length },
  "names without prefix beside averages": {
    file: [...UNET, ...below("ema.")],
    prefix: "",
    leftOut: UNET.length,
    stateDict: "",
  },
  "one of two networks by name": {
    file: [...below("a."), ...below("b.")],
    prefix: "b.",
    leftOut: UNET.length,
    stateDict: "b",
  },
};

for (const [what, { file, prefix, leftOut = 0, stateDict, answers = ANSWERS, says }] of Object.entries(FOUND)) {
  Deno.test(`a network is found in a file with ${what}`, () => {
    const given = stateDict === undefined ? answers : { stateDict, ...answers };
    const found = describeCheckpoint(checkpointWith(file), given);
    assertEquals([found.prefix, found.leftOut.length], [prefix, leftOut]);
    const { parameters } = planDescription(found.description).plan;
    assertEquals([...found.checkpoint.tensors.keys()].sort(), [...parameters.keys()].sort());
    assertEquals(found.notes.some((note) => note.includes(`"${prefix}"`)), prefix !== "");
    assertEquals(found.notes.some((note) => note.startsWith("Left out")), leftOut % UNET.length > 0);
    assertStringIncludes(found.notes.join("\n"), says ?? "");
  });
}

const EXTRA = below("extra.", UNET.slice(0, 30));

/** Files that are refused, and what the message holds. */
const REFUSED: Readonly<Record<string, readonly [file: Shapes, ...messages: string[]]>> = {
  "a branch more": [
    [...UNET, ...EXTRA],
    "it is a guided-diffusion network, but 30 tensors differ (first",
    "unexpected",
  ],
  "a branch less": [UNET.filter(([name]) => !name.startsWith("middle_block.1.")), "6 tensors differ", "is missing"],
  "a branch more below a prefix": [
    below("net.", [...UNET, ["gate.weight", [3]]]),
    'a guided-diffusion network in "net", but 1 tensor differs (first "net.gate.weight" is unexpected)',
  ],
  "a scalar in a block": [[...UNET, ["middle_block.1.gate", []]], '(first "middle_block.1.gate" is unexpected)'],
  "another shape": [
    UNET.map(([name, shape]) => [name, name === "out.0.bias" ? [7] : shape]),
    '1 tensor differs (first "out.0.bias" is [7] instead of [32])',
  ],
  "two networks": [[...below("a."), ...below("b.")], "2 networks, one must be named (--state-dict a)", '"b"'],
  "a latent model": [
    [...below("model.diffusion_model."), ["first_stage_model.encoder.conv_in.weight", [8, 3, 3, 3]]],
    'the codes of the autoencoder beside it ("first_stage_model")',
  ],
  "a network of NVlabs' EDM": [
    [["model.map_layer0.weight", [4, 4]], ["model.enc.64x64_block0.norm0.weight", [4]]],
    "NVlabs' EDM program",
    "edm_imagenet64_ema.pt",
  ],
  "a network of denoising-diffusion-pytorch": [
    [["model.init_conv.weight", [8, 3, 7, 7]], ["model.downs.0.0.block1.proj.weight", [8, 8, 3, 3]]],
    "denoising-diffusion-pytorch",
  ],
  "averages without names": [[["0", [4, 4]], ["1", [4]]], "tensors under numbers instead of names"],
  "the state of an optimizer": [[["0.exp_avg", [4, 4]]], "ema_0.9999_160000.pt"],
};

for (const [what, [file, ...messages]] of Object.entries(REFUSED)) {
  Deno.test(`a file with ${what} is refused in a sentence`, () => {
    const { message } = assertThrows(() => describeCheckpoint(checkpointWith(file)), CheckpointError) as Error;
    for (const text of messages) assertStringIncludes(message, text);
    assert(message.length < 700, `${message.length} characters`);
  });
}

Deno.test("tables of a schedule tell how many timesteps there are, and no more", () => {
  const { diffusionSteps: _, ...rest } = ANSWERS;
  const tables = (length: number): Shapes => [...UNET, ["betas", [length]], ["alphas_cumprod", [4000]]];
  assertEquals(describeCheckpoint(checkpointWith(tables(4000)), rest).description.diffusion_steps, 4000);
  assertThrows(() => describeCheckpoint(checkpointWith(tables(10)), rest), OpenQuestionsError, "diffusion steps");
  assertEquals(describeCheckpoint(checkpointWith(tables(4000)), ANSWERS).description.diffusion_steps, 1000);
});

Deno.test("a part that is named must be there", () => {
  const file = checkpointWith([...below("a."), ...below("b.")]);
  const refused = (): unknown => describeCheckpoint(file, { stateDict: "c" });
  assertThrows(refused, CheckpointError, 'there is none in "c", one of these is needed: "a", "b"');
});

Deno.test("a path that is named may begin with the state dict that is open", () => {
  const file = { ...checkpointWith([...below("a."), ...below("b.")]), stateDict: "state_dict" };
  assertEquals(describeCheckpoint(file, { stateDict: "state_dict.b", ...ANSWERS }).prefix, "b.");
  assertThrows(() => describeCheckpoint(file, { stateDict: "state_dict" }), CheckpointError, "one must be named");
});

Deno.test("a file that says what it holds may have a prefix and counters, and nothing strange", () => {
  const config = new Map([["config", JSON.stringify(SMALL_UNET)]]);
  const found = describeCheckpoint(checkpointWith([...below("net."), ["step", []]], config));
  assertEquals([found.prefix, found.leftOut, found.checkpoint.tensors.size], ["net.", ["step"], UNET.length]);
  const strange = checkpointWith([...UNET, ["gate", [3]]], config);
  assertEquals(describeCheckpoint(strange).checkpoint, strange);
});

/** The UNet as consistency_models stores it: attention as 1x1 convolutions of images. */
const CONSISTENCY: Description = {
  ...SMALL_UNET,
  class: "cm.unet.UNetModel",
  out_channels: 3,
  learn_sigma: false,
  prediction_type: "edm",
};

function consistencyFile(name: string): Checkpoint {
  const { noise_schedule: _, diffusion_steps: __, ...description } = CONSISTENCY;
  return { ...checkpointOf(description), name };
}

Deno.test("attention that is stored as convolutions tells consistency_models, and their order", () => {
  const answers = { imageSize: 48, headChannels: 16, valueRange: "-1..1" } as const;
  for (
    const [name, type] of [["edm_cat256_ema", "edm"], ["cd_cat256_l2", "consistency"], ["ct_cat256", "consistency"]]
  ) {
    const { description } = describeCheckpoint(consistencyFile(`/models/${name}.pt`), answers);
    assertEquals([description.class, description.prediction_type], ["cm.unet.UNetModel", type]);
    const { plan, process } = planDescription(description);
    assertEquals([(plan.config as { useNewAttentionOrder?: boolean }).useNewAttentionOrder, process.range], [true, [
      0.002,
      80,
    ]]);
  }
});

Deno.test("whether it is an EDM network is asked where the name does not tell, and never the order of channels", () => {
  const { questions } = assertThrows(
    () => describeCheckpoint(consistencyFile("product_model.pt")),
    OpenQuestionsError,
  ) as OpenQuestionsError;
  const asked = questions.flatMap(({ options }) => options);
  assertEquals(asked.includes("predictionType") && !asked.includes("attentionOrder"), true);
  const { description } = describeCheckpoint(consistencyFile("product_model.pt"), {
    predictionType: "consistency",
    imageSize: 48,
    heads: 4,
    valueRange: "-1..1",
  });
  assertEquals(description.prediction_type, "consistency");
});

Deno.test("a network of two channels twice is no upsampler", () => {
  const four = shapesOf({ ...SMALL_UNET, in_channels: 4, out_channels: 4, learn_sigma: false });
  assertEquals(describeCheckpoint(checkpointWith(four), ANSWERS).description.in_channels, 4);
});
