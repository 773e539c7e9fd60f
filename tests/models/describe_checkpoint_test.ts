// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ReferenceRuntime } from "../../engine/mod.ts";
import {
  CheckpointError,
  countParameters,
  describeCheckpoint,
  type Description,
  type DescriptionOptions,
  KNOWN_CHECKPOINTS,
  networkCost,
  openModel,
  OpenQuestionsError,
  planDescription,
  type PredictionType,
} from "../../models/mod.ts";
import { checkpointOf, checkpointWith, SMALL_CLASSIFIER, SMALL_DDPM, SMALL_UNET } from "./described_networks.ts";

/** What must be said of each of the small networks, which are not published. */
const UNET_ANSWERS: DescriptionOptions = {
  imageSize: 48,
  headChannels: 16,
  attentionOrder: "new",
  schedule: "cosine",
  diffusionSteps: 500,
  valueRange: "0..1",
};
const DDPM_ANSWERS: DescriptionOptions = {
  imageSize: 48,
  schedule: "linear",
  diffusionSteps: 1000,
  valueRange: "-1..1",
};
const CLASSIFIER_ANSWERS: DescriptionOptions = {
  headChannels: 32,
  attentionOrder: "legacy",
  schedule: "linear",
  diffusionSteps: 1000,
  valueRange: "-1..1",
};

/** The network is found from its tensors and the answers, with nothing missing. */
function assertFound(description: Description, answers: DescriptionOptions): void {
  const found = describeCheckpoint(checkpointOf(description), answers);
  assertEquals(planDescription(found.description).plan.config, planDescription(description).plan.config);
  for (const key of ["architecture", "class", "noise_schedule", "diffusion_steps", "value_range", "learn_sigma"]) {
    assertEquals(found.description[key], description[key], key);
  }
  assertEquals(JSON.parse(found.checkpoint.metadata.get("config")!), found.description);
}

/** What is open, as the names of the options that answer it. */
function openOf(description: Description, answers: DescriptionOptions = {}): string[] {
  const error = assertThrows(() => describeCheckpoint(checkpointOf(description), answers), OpenQuestionsError);
  return (error as OpenQuestionsError).questions.map(({ options }) => options.join("|"));
}

for (const known of KNOWN_CHECKPOINTS) {
  Deno.test(`the tensors of ${known.name} tell what it is, together with the table`, () => {
    const { value_range: range, prediction_type: predicts } = known.description;
    const answers: DescriptionOptions = {
      ...(range === undefined ? { valueRange: "-1..1" } : {}),
      ...(predicts === undefined ? {} : { predictionType: predicts as "edm" }),
    };
    const found = describeCheckpoint(checkpointOf(known.description), answers);
    assertEquals(planDescription(found.description).plan.config, planDescription(known.description).plan.config);
    for (
      const key of ["prediction_type", "noise_schedule", "diffusion_steps", "sigma_min", "sigma_max", "sigma_data"]
    ) {
      assertEquals(found.description[key], known.description[key], key);
    }
    assertEquals(found.description.learn_sigma, known.description.learn_sigma);
    assert(found.known.includes(known));
  });

  Deno.test(`the tensors of ${known.name} alone tell its structure`, () => {
    const { description } = known;
    // One tensor more than published, so that the table does not know it.
    const classes = description.architecture === "guided-diffusion" ? { num_classes: 77 } : {};
    const outputs = description.pool ? { out_channels: 77 } : description.out_ch ? { in_channels: 4, out_ch: 4 } : {};
    const other: Description = { ...description, ...classes, ...outputs };
    const heads = description.num_head_channels as number | undefined;
    const answers: DescriptionOptions = {
      ...(description.pool ? {} : { imageSize: description.image_size as number }),
      ...(description.architecture === "ddpm" ? {} : {
        ...(heads === undefined ? { heads: description.num_heads as number } : { headChannels: heads }),
        attentionOrder: description.use_new_attention_order ? "new" : "legacy",
        ...(description.architecture === "guided-diffusion"
          ? { network: description.class === "SuperResModel" ? "super-resolution" : "unet" }
          : {}),
      }),
      ...(description.prediction_type === undefined
        ? { schedule: "linear", diffusionSteps: 4000 }
        : { predictionType: description.prediction_type as PredictionType }),
      valueRange: "0..1",
    };
    const found = describeCheckpoint(checkpointOf(other), answers);
    assertEquals(found.known, []);
    const parameters = (raw: Description): string[] => [...planDescription(raw).plan.parameters.keys()];
    assertEquals(parameters(found.description), parameters(other));
    for (const key of ["channel_mult", "ch_mult", "num_res_blocks", "model_channels", "class", "num_classes"]) {
      assertEquals(found.description[key], other[key], key);
    }
    // Attention at a size that no level has is nowhere, which is what its tensors say.
    const attends = known.name === "fastmri-320" ? [] : other.attention_resolutions;
    assertEquals(found.description.attention_resolutions, attends);
    const answer = answers.predictionType === undefined ? "diffusion_steps" : "prediction_type";
    assertEquals(found.description[answer], answers.predictionType ?? 4000);
  });
}

Deno.test("describeCheckpoint() finds small networks of every architecture from names, shapes and answers", () => {
  assertFound(SMALL_UNET, UNET_ANSWERS);
  assertFound(SMALL_DDPM, DDPM_ANSWERS);
  assertFound(SMALL_CLASSIFIER, CLASSIFIER_ANSWERS);
});

Deno.test("describeCheckpoint() finds every way of resampling and conditioning", () => {
  for (
    const resampling of [{ resblock_updown: false, conv_resample: true }, {
      resblock_updown: false,
      conv_resample: false,
    }]
  ) {
    assertFound({ ...SMALL_UNET, ...resampling }, UNET_ANSWERS);
    assertFound({ ...SMALL_CLASSIFIER, ...resampling }, CLASSIFIER_ANSWERS);
  }
  assertFound({ ...SMALL_UNET, use_scale_shift_norm: false }, UNET_ANSWERS);
  assertFound({ ...SMALL_UNET, num_classes: 12 }, UNET_ANSWERS);
  assertFound({ ...SMALL_UNET, out_channels: 3, learn_sigma: false }, UNET_ANSWERS);
  assertFound({ ...SMALL_UNET, attention_resolutions: [1, 4] }, UNET_ANSWERS);
  assertFound({ ...SMALL_UNET, channel_mult: [1], attention_resolutions: [1], resblock_updown: false }, UNET_ANSWERS);
  assertFound({ ...SMALL_UNET, num_head_channels: -1, num_heads: 4 }, { ...withoutHeads(UNET_ANSWERS), heads: 4 });
  assertFound({ ...SMALL_DDPM, resamp_with_conv: false, attn_resolutions: [] }, DDPM_ANSWERS);
  assertFound({ ...SMALL_DDPM, out_ch: 1, learn_sigma: false }, DDPM_ANSWERS);
});

function withoutHeads({ headChannels: _, ...answers }: DescriptionOptions): DescriptionOptions {
  return answers;
}

Deno.test("describeCheckpoint() finds classifiers with every pool", () => {
  const sized = { ...CLASSIFIER_ANSWERS, imageSize: 64 };
  for (const pool of ["adaptive", "spatial", "spatial_v2"]) assertFound({ ...SMALL_CLASSIFIER, pool }, sized);
});

Deno.test("describeCheckpoint() names everything that tensors do not tell, and the possible answers", () => {
  assertEquals(openOf(SMALL_UNET), [
    "imageSize",
    "headChannels|heads",
    "attentionOrder",
    "schedule",
    "diffusionSteps",
    "valueRange",
  ]);
  assertEquals(openOf(SMALL_DDPM), ["imageSize", "schedule", "diffusionSteps", "valueRange"]);
  assertEquals(openOf(SMALL_CLASSIFIER), [
    "headChannels",
    "attentionOrder",
    "schedule",
    "diffusionSteps",
    "valueRange",
  ]);
  const error = assertThrows(() => describeCheckpoint(checkpointOf(SMALL_UNET)), OpenQuestionsError);
  const { message } = error as Error;
  assertStringIncludes(message, 'Cannot tell what network "model.pt" holds: it is of guided-diffusion with');
  assertStringIncludes(message, "side of the training images (a multiple of 4)");
  assertStringIncludes(message, "a divisor of 64 and 128, often 64 channels");
  assertStringIncludes(message, "noise schedule of the training (linear or cosine or");
});

Deno.test("each answer closes its question and no other", () => {
  for (const [key, value] of Object.entries(UNET_ANSWERS)) {
    const all = openOf(SMALL_UNET);
    const left = openOf(SMALL_UNET, { [key]: value });
    assertEquals(left, all.filter((options) => !options.split("|").includes(key)));
  }
});

Deno.test("the order of attention channels is no question where every attention has one head", () => {
  const single = { ...SMALL_UNET, attention_resolutions: [4] };
  assertEquals(openOf(single, { headChannels: 128 }).includes("attentionOrder"), false);
  assertEquals(openOf(single, { heads: 1 }).includes("attentionOrder"), false);
  assertEquals(openOf(single, { headChannels: 64 }).includes("attentionOrder"), true);
});

Deno.test("a network of six channels in and out may be given a low-resolution image, and must be said", () => {
  const reading = { ...SMALL_UNET, class: "SuperResModel" };
  assertEquals(openOf(reading)[0], "network");
  assertFound(reading, { ...UNET_ANSWERS, network: "super-resolution" });
  const plain = { ...SMALL_UNET, in_channels: 6, learn_sigma: false };
  assertFound(plain, { ...UNET_ANSWERS, network: "unet" });
  assertFound({ ...reading, out_channels: 3, learn_sigma: false }, UNET_ANSWERS);
});

Deno.test("a classifier whose blocks can be counted in two ways must be said how many levels it has", () => {
  const even = { ...SMALL_CLASSIFIER, channel_mult: [1, 1], num_res_blocks: 2, attention_resolutions: [] };
  assertEquals(openOf(even)[0], "levels");
  assertFound(even, { ...CLASSIFIER_ANSWERS, levels: 2 });
  const three = { ...even, channel_mult: [1, 1, 1], num_res_blocks: 1 };
  assertFound(three, { ...CLASSIFIER_ANSWERS, levels: 3 });
});

Deno.test("describeCheckpoint() lets answers outweigh what is published", () => {
  const ffhq = KNOWN_CHECKPOINTS.find(({ name }) => name === "ffhq-256")!;
  const answers = { schedule: "cosine", heads: 4, imageSize: 128 } as const;
  const { description } = describeCheckpoint(checkpointOf(ffhq.description), answers);
  assertEquals(description.noise_schedule, "cosine");
  assertEquals([description.num_heads, description.num_head_channels], [4, -1]);
  assertEquals(description.image_size, 128);
  const celeba = KNOWN_CHECKPOINTS.find(({ name }) => name === "celeba-hq-256")!;
  const small = describeCheckpoint(checkpointOf(celeba.description), { imageSize: 128 });
  assertEquals(small.description.attn_resolutions, [8]);
});

Deno.test("the small images of a published upsampler are those of its own image size", () => {
  const { description } = KNOWN_CHECKPOINTS.find(({ name }) => name === "imagenet-64-to-256")!;
  assertEquals(describeCheckpoint(checkpointOf(description)).description.small_size, 64);
  const other = describeCheckpoint(checkpointOf(description), { imageSize: 128 }).description;
  assertEquals([other.image_size, "small_size" in other], [128, false]);
});

Deno.test("a published checkpoint can be named, and must be the one", () => {
  const ffhq = KNOWN_CHECKPOINTS.find(({ name }) => name === "ffhq-256")!;
  const cat = KNOWN_CHECKPOINTS.find(({ name }) => name === "lsun-cat")!;
  assertEquals(describeCheckpoint(checkpointOf(cat.description), { as: "lsun-cat" }).known, [cat]);
  const other = (): unknown => describeCheckpoint(checkpointOf(ffhq.description), { as: "lsun-cat" });
  assertThrows(other, CheckpointError, 'Cannot load "model.pt" as lsun-cat: ');
  const unknown = (): unknown => describeCheckpoint(checkpointOf(ffhq.description), { as: "cat" });
  assertThrows(unknown, RangeError, "one of imagenet-256-uncond, ");
});

Deno.test("describeCheckpoint() refuses answers that contradict the tensors", () => {
  const refusal = (description: Description, answers: DescriptionOptions): string =>
    (assertThrows(() => describeCheckpoint(checkpointOf(description), answers), CheckpointError) as Error).message;
  assertStringIncludes(refusal(SMALL_UNET, { imageSize: 50 }), "a multiple of 4 is needed");
  assertStringIncludes(refusal(SMALL_CLASSIFIER, { imageSize: 32 }), "its tensors are for 64");
  assertStringIncludes(refusal(SMALL_UNET, { headChannels: 48 }), "an attention has 64 channels");
  assertStringIncludes(refusal(SMALL_UNET, { heads: 5 }), "5 heads are wanted, an attention has 64 channels");
  assertStringIncludes(refusal(SMALL_UNET, { heads: 2, headChannels: 32 }), "one of the two is needed");
  assertStringIncludes(
    refusal(SMALL_DDPM, { attentionOrder: "new" }),
    "attentionOrder is new, of a ddpm network there is imageSize, levels, ",
  );
  assertStringIncludes(refusal(SMALL_CLASSIFIER, { heads: 1 }), "needs the channels of a head");
  assertStringIncludes(
    refusal(SMALL_UNET, { network: "super-resolution" }),
    "network is super-resolution, its tensors are of unet",
  );
  assertStringIncludes(refusal(SMALL_UNET, { levels: 2 }), "levels is 2, its tensors are of 3");
});

Deno.test("describeCheckpoint() refuses tensors that are of no network, naming the first that differ", () => {
  const refusal = (shapes: Iterable<readonly [string, readonly number[]]>): string =>
    (assertThrows(() => describeCheckpoint(checkpointWith(shapes)), CheckpointError) as Error).message;
  assertStringIncludes(refusal([]), "its 0 tensors (first none) belong to no known network");
  assertStringIncludes(refusal([["a\u001b[2J", [3]]]), 'its 1 tensors (first "a\\u001b[2J")');
  const tensors = Array.from(checkpointOf(SMALL_UNET).tensors.values(), ({ name, shape }) => [name, shape] as const);
  assertStringIncludes(refusal(tensors.filter(([name]) => name !== "out.0.bias")), '(first "out.0.bias" is missing)');
  assertStringIncludes(refusal([...tensors, ["extra", [2]]]), '(first "extra" is unexpected)');
  const reshaped = tensors.map(([name, shape]) => [name, name === "out.0.bias" ? [7] : shape] as const);
  assertStringIncludes(refusal(reshaped), '(first "out.0.bias" is [7] instead of [32])');
  assertStringIncludes(refusal([["time_embed.0.weight", []], ["input_blocks.0.0.weight", []]]), "no known network");
});

Deno.test("a checkpoint that says what it is needs no answers and takes none", () => {
  const shapes = Array.from(checkpointOf(SMALL_UNET).tensors.values(), ({ name, shape }) => [name, shape] as const);
  const config = JSON.stringify(SMALL_UNET);
  const own = checkpointWith(shapes, new Map([["config", config]]));
  const found = describeCheckpoint(own);
  assertEquals(found.checkpoint, own);
  assertEquals(found.description, SMALL_UNET);
  assertThrows(() => describeCheckpoint(own, { heads: 2 }), CheckpointError, "leave heads out");
  const broken = checkpointWith(shapes, new Map([["config", "{"]]));
  assertThrows(() => describeCheckpoint(broken), CheckpointError, '"config" in its metadata does not fit');
});

Deno.test("the open questions carry a network of the same cost", () => {
  const error = assertThrows(() => describeCheckpoint(checkpointOf(SMALL_UNET)), OpenQuestionsError);
  const plan = (error as OpenQuestionsError).planFor!(48);
  const whole = planDescription(SMALL_UNET).plan;
  assertEquals(countParameters(plan.parameters), countParameters(whole.parameters));
  assertEquals(networkCost(plan, 48, 48), networkCost(whole, 48, 48));
});

Deno.test("openModel() refuses networks for images of another range, and ranges that are none", async () => {
  const open = async (range: unknown): Promise<string> => {
    const config = JSON.stringify({ ...SMALL_UNET, value_range: range });
    const file = checkpointWith([], new Map([["config", config]]));
    return (await assertRejects(() => openModel(new ReferenceRuntime(), file), CheckpointError) as Error).message;
  };
  assertStringIncludes(
    await open([0, 1]),
    '"value_range" is [0, 1], only networks for images in [-1, 1] are supported',
  );
  assertStringIncludes(await open([1]), '"value_range" is [1], a pair of ascending numbers is needed');
  assertStringIncludes(await open("-1..1"), "a pair of ascending numbers is needed");
  assertStringIncludes(await open([-1, 1]), "parameters are missing");
});
