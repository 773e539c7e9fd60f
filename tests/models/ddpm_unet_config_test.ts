// deno-lint-ignore-file camelcase -- constructor keywords and stored names keep their published spelling
import { assertEquals, assertThrows } from "@std/assert";
import { ddpm } from "../../models/mod.ts";
import { ddpmUnetLayout, ddpmUnetParameters } from "../../models/ddpm/layout.ts";

const CELEBA_HQ = {
  ch: 128,
  out_ch: 3,
  ch_mult: [1, 1, 2, 2, 4, 4],
  num_res_blocks: 2,
  attn_resolutions: [16],
  dropout: 0,
  in_channels: 3,
  resolution: 256,
  resamp_with_conv: true,
};

Deno.test("the network of CelebA-HQ has 113673219 parameters", () => {
  const shapes = [...ddpmUnetParameters(ddpm.config(CELEBA_HQ)).values()].map(({ shape }) => shape);
  assertEquals(shapes.reduce((total, shape) => total + shape.reduce((a, b) => a * b, 1), 0), 113_673_219);
});

Deno.test("parameters carry the names and shapes of the published checkpoints", () => {
  const parameters = ddpmUnetParameters(ddpm.config(CELEBA_HQ));
  const expected = {
    "temb.dense.0.weight": [512, 128],
    "conv_in.weight": [128, 3, 3, 3],
    "down.2.block.0.nin_shortcut.weight": [256, 128, 1, 1],
    "down.0.block.1.temb_proj.weight": [128, 512],
    "down.4.attn.1.q.weight": [512, 512, 1, 1],
    "down.4.downsample.conv.bias": [512],
    "mid.attn_1.proj_out.weight": [512, 512, 1, 1],
    "mid.block_2.norm2.weight": [512],
    "up.5.block.0.norm1.weight": [1024],
    "up.4.attn.2.k.bias": [512],
    "up.0.block.2.conv1.weight": [128, 256, 3, 3],
    "up.1.upsample.conv.weight": [128, 128, 3, 3],
    "norm_out.bias": [128],
    "conv_out.weight": [3, 128, 3, 3],
  };
  for (const [name, shape] of Object.entries(expected)) assertEquals(parameters.get(name)?.shape, shape, name);
  for (const name of ["down.5.downsample.conv.bias", "up.0.upsample.conv.bias", "down.3.attn.0.q.bias"]) {
    assertEquals(parameters.has(name), false, name);
  }
});

Deno.test("layers that resample have parameters only where they convolve", () => {
  const names = [...ddpmUnetParameters(ddpm.config({ ...CELEBA_HQ, resamp_with_conv: false })).keys()];
  assertEquals(names.filter((name) => /sample/.test(name)), []);
});

Deno.test("attention follows the sizes of the levels, the last of which may be odd", () => {
  const attends = (keywords: Record<string, unknown>): readonly string[] =>
    ddpmUnetLayout(ddpm.config({ ...CELEBA_HQ, num_res_blocks: 1, ...keywords })).downBlocks.flat()
      .filter(({ kind }) => kind === "attention").map(({ name }) => name);
  assertEquals(attends({}), ["down.4.attn.0"]);
  assertEquals(attends({ resolution: 64, attn_resolutions: [64, 8] }), ["down.0.attn.0", "down.3.attn.0"]);
  assertEquals(attends({ resolution: 28, ch_mult: [1, 2, 2], attn_resolutions: [7] }), ["down.2.attn.0"]);
});

Deno.test("ddpm.config() fills in the defaults and takes either name of the training size", () => {
  const { resolution: _, dropout: __, ch_mult: ___, resamp_with_conv: ____, ...rest } = CELEBA_HQ;
  const config = ddpm.config({ ...rest, image_size: 64, class: "Model" });
  assertEquals(config, {
    imageSize: 64,
    inChannels: 3,
    outChannels: 3,
    modelChannels: 128,
    channelMult: [1, 2, 4, 8],
    numResBlocks: 2,
    attentionResolutions: [16],
    convResample: true,
  });
  const needed = 'Cannot read a ddpm configuration: "resolution" and "image_size" are both';
  assertThrows(() => ddpm.config(rest), TypeError, `${needed} missing`);
  assertThrows(() => ddpm.config({ ...CELEBA_HQ, image_size: 256 }), TypeError, `${needed} given`);
});

Deno.test("ddpm.config() names what does not fit", () => {
  const refuse = (keywords: unknown, text: string): void => {
    assertThrows(() => ddpm.config(keywords), TypeError, text);
  };
  refuse([], "an object of constructor keywords is needed");
  refuse({ ...CELEBA_HQ, model_channels: 128 }, '"model_channels" is no keyword of the constructor');
  refuse({ ...CELEBA_HQ, ch_mult: [1, 1.5] }, '"ch_mult" is [1,1.5], a list of at least 1 positive integers');
  refuse({ ...CELEBA_HQ, ch_mult: [] }, '"ch_mult" is []');
  refuse({ ...CELEBA_HQ, resamp_with_conv: 1 }, '"resamp_with_conv" is 1, true or false is needed');
  refuse({ ...CELEBA_HQ, class: "UNetModel" }, '"class" is "UNetModel", one of "Model" is needed');
  const { out_ch: _, ...missing } = CELEBA_HQ;
  refuse(missing, '"out_ch" is missing, an integer of at least 1 is needed');
  assertThrows(
    () => ddpm.config({ ...CELEBA_HQ, ch: 48 }),
    RangeError,
    "ch_mult 1 of 48 ch gives 48 channels, a multiple of 32 is needed",
  );
});
