// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assertEquals, assertThrows } from "@std/assert";
import { countParameters } from "../../models/mod.ts";
import { guidedUnetConfig } from "../../models/guided/unet.ts";
import { type Block, guidedUnetLayout, guidedUnetParameters } from "../../models/guided/layout.ts";

const ADM = {
  in_channels: 3,
  out_channels: 6,
  num_res_blocks: 2,
  use_scale_shift_norm: true,
  resblock_updown: true,
  num_head_channels: 64,
};
const MULT_256 = [1, 1, 2, 2, 4, 4];
const MULT_64 = [1, 2, 3, 4];
const IMAGENET_256 = {
  ...ADM,
  image_size: 256,
  model_channels: 256,
  attention_resolutions: [8, 16, 32],
  channel_mult: MULT_256,
};

/** Constructor keywords of the published networks and their published numbers of parameters. */
const PUBLISHED: Readonly<Record<string, { keywords: Record<string, unknown>; count: number }>> = {
  "ImageNet 256 unconditional, LSUN, CelebA": { keywords: IMAGENET_256, count: 552_814_086 },
  "ImageNet 256": { keywords: { ...IMAGENET_256, num_classes: 1000 }, count: 553_838_086 },
  "ImageNet 512": {
    keywords: {
      ...IMAGENET_256,
      image_size: 512,
      attention_resolutions: [16, 32, 64],
      channel_mult: [0.5, 1, 1, 2, 2, 4, 4],
      num_classes: 1000,
    },
    count: 558_997_638,
  },
  "ImageNet 128": {
    keywords: {
      ...ADM,
      image_size: 128,
      model_channels: 256,
      attention_resolutions: [4, 8, 16],
      channel_mult: [1, 1, 2, 3, 4],
      num_classes: 1000,
      num_head_channels: -1,
      num_heads: 4,
    },
    count: 421_529_606,
  },
  "ImageNet 64": {
    keywords: {
      ...ADM,
      image_size: 64,
      model_channels: 192,
      num_res_blocks: 3,
      attention_resolutions: [2, 4, 8],
      channel_mult: MULT_64,
      num_classes: 1000,
      use_new_attention_order: true,
      dropout: 0.1,
    },
    count: 295_904_454,
  },
  "64 to 256 upsampler": {
    keywords: {
      ...ADM,
      class: "SuperResModel",
      image_size: 256,
      model_channels: 192,
      attention_resolutions: [8, 16, 32],
      channel_mult: MULT_256,
      num_classes: 1000,
      num_head_channels: -1,
      num_heads: 4,
    },
    count: 311_795_910,
  },
  "128 to 512 upsampler": {
    keywords: {
      ...ADM,
      class: "SuperResModel",
      image_size: 512,
      model_channels: 192,
      attention_resolutions: [16, 32],
      channel_mult: MULT_256,
      num_classes: 1000,
    },
    count: 308_835_270,
  },
  "FFHQ 256": {
    keywords: {
      ...IMAGENET_256,
      model_channels: 128,
      num_res_blocks: 1,
      attention_resolutions: [16],
      num_heads: 4,
    },
    count: 93_563_910,
  },
  "MRI 320": {
    keywords: {
      ...IMAGENET_256,
      image_size: 320,
      in_channels: 2,
      out_channels: 4,
      num_res_blocks: 1,
      attention_resolutions: [20],
    },
    count: 361_428_228,
  },
  "CT 256": {
    keywords: { ...IMAGENET_256, in_channels: 1, out_channels: 2, num_res_blocks: 1, attention_resolutions: [16] },
    count: 374_022_658,
  },
};

for (const [name, { keywords, count }] of Object.entries(PUBLISHED)) {
  Deno.test(`the network of ${name} has ${count} parameters`, () => {
    assertEquals(countParameters(guidedUnetParameters(guidedUnetConfig(keywords))), count);
  });
}

Deno.test("parameters carry the names and shapes of the published checkpoints", () => {
  const parameters = guidedUnetParameters(guidedUnetConfig({ ...IMAGENET_256, num_classes: 1000 }));
  assertEquals(parameters.get("time_embed.2.weight")?.shape, [1024, 1024]);
  assertEquals(parameters.get("label_emb.weight")?.shape, [1000, 1024]);
  assertEquals(parameters.get("input_blocks.0.0.weight")?.shape, [256, 3, 3, 3]);
  assertEquals(parameters.get("input_blocks.3.0.in_layers.2.weight")?.shape, [256, 256, 3, 3]);
  assertEquals(parameters.get("input_blocks.7.0.skip_connection.weight")?.shape, [512, 256, 1, 1]);
  assertEquals(parameters.get("input_blocks.17.1.qkv.weight")?.shape, [3072, 1024, 1]);
  assertEquals(parameters.get("middle_block.1.proj_out.bias")?.shape, [1024]);
  assertEquals(parameters.get("output_blocks.2.2.out_layers.3.weight")?.shape, [1024, 1024, 3, 3]);
  assertEquals(parameters.get("output_blocks.17.0.emb_layers.1.weight")?.shape, [512, 1024]);
  assertEquals(parameters.get("out.2.weight")?.shape, [6, 256, 3, 3]);
  assertEquals(parameters.has("output_blocks.18.0.in_layers.0.weight"), false);
});

Deno.test("resampling layers have parameters only where they convolve", () => {
  const plain = {
    image_size: 32,
    in_channels: 3,
    model_channels: 32,
    out_channels: 3,
    num_res_blocks: 1,
    attention_resolutions: [],
    channel_mult: [1, 2],
  };
  const convolving = guidedUnetParameters(guidedUnetConfig(plain));
  assertEquals(convolving.get("input_blocks.2.0.op.weight")?.shape, [32, 32, 3, 3]);
  assertEquals(convolving.get("output_blocks.1.1.conv.weight")?.shape, [64, 64, 3, 3]);
  const pooling = guidedUnetParameters(guidedUnetConfig({ ...plain, conv_resample: false }));
  assertEquals([...pooling.keys()].filter((name) => /\.(op|conv)\./.test(name)), []);
  assertEquals(convolving.size - pooling.size, 4);
});

Deno.test("heads are counted or measured, and may differ on the way up", () => {
  const headsOf = (blocks: readonly Block[]): number[] =>
    blocks.flatMap(({ layers }) => layers.flatMap((layer) => layer.kind === "attention" ? [layer.heads] : []));
  const counted = { ...IMAGENET_256, num_res_blocks: 1, num_head_channels: -1, num_heads: 4, num_heads_upsample: 2 };
  const few = guidedUnetLayout(guidedUnetConfig(counted));
  assertEquals(headsOf(few.inputBlocks), [4, 4, 4]);
  assertEquals(headsOf([few.middleBlock]), [4]);
  assertEquals(headsOf(few.outputBlocks), [2, 2, 2, 2, 2, 2]);
  const measured = guidedUnetLayout(guidedUnetConfig({ ...counted, num_head_channels: 64 }));
  assertEquals(headsOf(measured.inputBlocks), [8, 16, 16]);
  assertEquals(headsOf(measured.outputBlocks), [16, 16, 16, 16, 8, 8]);
});

Deno.test("guidedUnetConfig() fills in the defaults of the constructor", () => {
  const config = guidedUnetConfig({
    image_size: 64,
    in_channels: 3,
    model_channels: 32,
    out_channels: 3,
    num_res_blocks: 2,
    attention_resolutions: [4],
    num_heads: 2,
    num_classes: null,
  });
  assertEquals(config, {
    imageSize: 64,
    inChannels: 3,
    modelChannels: 32,
    outChannels: 3,
    numResBlocks: 2,
    attentionResolutions: [4],
    channelMult: [1, 2, 4, 8],
    convResample: true,
    numClasses: undefined,
    numHeads: 2,
    numHeadChannels: undefined,
    numHeadsUpsample: 2,
    useScaleShiftNorm: false,
    resblockUpdown: false,
    useNewAttentionOrder: false,
    superResolution: false,
  });
});

Deno.test("guidedUnetConfig() names every keyword that is unknown, ill-typed or missing", () => {
  const { image_size: _, ...rest } = IMAGENET_256;
  assertThrows(
    () => guidedUnetConfig({ ...rest, widht: 3, num_heads: 1.5, attention_resolutions: "32,16,8" }),
    TypeError,
    '"num_heads" is 1.5, an integer of at least 1 is needed',
  );
  const broken: Readonly<Record<string, unknown>> = {
    image_size: 0,
    in_channels: "3",
    num_head_channels: 0,
    channel_mult: [],
    conv_resample: 1,
    dims: 3,
    num_classes: false,
    dropout: -1,
    use_fp16: null,
    class: "EncoderUNetModel",
    widht: 3,
    attention_resolutions: "32,16,8",
  };
  for (const [key, value] of Object.entries(broken)) {
    assertThrows(() => guidedUnetConfig({ ...IMAGENET_256, [key]: value }), TypeError, `"${key}" is `);
  }
  assertThrows(() => guidedUnetConfig(rest), TypeError, '"image_size" is missing');
  assertThrows(() => guidedUnetConfig([]), TypeError, "an object");
  assertThrows(() => guidedUnetConfig(null), TypeError, "an object");
});

Deno.test("widths that groups or heads cannot split are rejected", () => {
  assertThrows(() => guidedUnetConfig({ ...IMAGENET_256, model_channels: 100 }), RangeError, "multiple of 32");
  assertThrows(() => guidedUnetConfig({ ...IMAGENET_256, channel_mult: [0.01] }), RangeError, "2 channels");
  const heads = guidedUnetConfig({ ...IMAGENET_256, num_head_channels: 96 });
  assertThrows(
    () => guidedUnetParameters(heads),
    RangeError,
    'at "input_blocks.10.1": 512 channels do not divide into heads of 96 channels',
  );
});

Deno.test("guidedUnetConfig() takes the size of small images for upsamplers, where it divides the image size", () => {
  const upsampler = { ...IMAGENET_256, class: "SuperResModel" };
  assertEquals(guidedUnetConfig({ ...upsampler, small_size: 64 }).smallSize, 64);
  assertEquals("smallSize" in guidedUnetConfig(upsampler), false);
  for (const size of [60, 256, 512]) {
    assertThrows(() => guidedUnetConfig({ ...upsampler, small_size: size }), RangeError, `"small_size" is ${size}`);
  }
  assertThrows(() => guidedUnetConfig({ ...IMAGENET_256, small_size: 64 }), TypeError, '"class" to be "SuperResModel"');
});
