import { assertEquals } from "@std/assert";
import { guidedUnetLayout } from "../../models/guided/layout.ts";
import type { GuidedUnetConfig } from "../../models/mod.ts";

const CONFIG: GuidedUnetConfig = {
  imageSize: 16,
  inChannels: 3,
  modelChannels: 64,
  outChannels: 6,
  numResBlocks: 1,
  attentionResolutions: [2],
  channelMult: [0.51, 1],
  convResample: true,
  numClasses: undefined,
  numHeads: 2,
  numHeadChannels: undefined,
  numHeadsUpsample: 2,
  useScaleShiftNorm: true,
  resblockUpdown: false,
  useNewAttentionOrder: false,
  superResolution: false,
};

Deno.test("channels of a level are the multiple of the model's, cut to a whole number as published", () => {
  const { inputBlockChannels, headChannels, embeddingChannels, downsampling } = guidedUnetLayout(CONFIG);
  assertEquals(inputBlockChannels, [32, 32, 32, 64]);
  assertEquals([headChannels, embeddingChannels, downsampling], [32, 256, 2]);
});

Deno.test("levels attend where their factor is listed, and are resampled between each other alone", () => {
  const { inputBlocks, outputBlocks } = guidedUnetLayout(CONFIG);
  const kinds = (blocks: typeof inputBlocks): readonly string[] =>
    blocks.map(({ layers }) => layers.map(({ kind }) => kind[0]).join(""));
  // Convolution, residual, downsample, residual with attention.
  assertEquals(kinds(inputBlocks), ["c", "r", "d", "ra"]);
  assertEquals(kinds(outputBlocks), ["ra", "rau", "r", "r"]);
});
