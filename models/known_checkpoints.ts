// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Published checkpoints: what network each is, how large, under which terms, and where it is to be had. */

import type { Description } from "./family.ts";

/** A published checkpoint. */
export interface KnownCheckpoint {
  /** How commands call it. */
  readonly name: string;
  /** Published file name. */
  readonly file: string;
  readonly summary: string;
  /** The whole configuration; without `value_range` where the publication does not say it. */
  readonly description: Description;
  /** Number of trained numbers. */
  readonly parameters: number;
  /** Thousand million multiply-adds of an evaluation on one image of the training size, to one decimal. */
  readonly gmac: number;
  /** Size of the file, where it is known. */
  readonly bytes?: number;
  /** SHA-256 of the file, where it is known: 64 hexadecimal digits. */
  readonly sha256?: string;
  /** What its publishers say of its use. */
  readonly licence: string;
  /** Page that offers it, to be opened in a browser. */
  readonly page: string;
  /** Address of the file itself, where there is one. */
  readonly download?: string;
}

/** Levels of the published networks by image size. */
const LEVELS = {
  64: [1, 2, 3, 4],
  128: [1, 1, 2, 3, 4],
  256: [1, 1, 2, 2, 4, 4],
  512: [0.5, 1, 1, 2, 2, 4, 4],
} as const;

const CLASSES = { num_classes: 1000 };

/** What the released guided-diffusion networks share. */
const FAMILY = {
  architecture: "guided-diffusion",
  class: "UNetModel",
  in_channels: 3,
  out_channels: 6,
  learn_sigma: true,
  use_scale_shift_norm: true,
  resblock_updown: true,
  use_new_attention_order: false,
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};

/** The network of the unconditional ImageNet checkpoint, on which others were trained too. */
const ADM_256 = {
  ...FAMILY,
  image_size: 256,
  model_channels: 256,
  num_res_blocks: 2,
  channel_mult: LEVELS[256],
  attention_resolutions: [8, 16, 32],
  num_head_channels: 64,
};

/** The DDPM network at 256x256. */
const DDPM_256 = {
  architecture: "ddpm",
  class: "Model",
  image_size: 256,
  in_channels: 3,
  out_ch: 3,
  learn_sigma: false,
  ch: 128,
  ch_mult: LEVELS[256],
  num_res_blocks: 2,
  attn_resolutions: [16],
  resamp_with_conv: true,
  noise_schedule: "linear",
  diffusion_steps: 1000,
  value_range: [-1, 1],
};

/** What the published networks for tomography share; the range of their values is not published. */
const { value_range: _unknown, ...TOMOGRAPHY } = {
  ...FAMILY,
  model_channels: 256,
  num_res_blocks: 1,
  channel_mult: LEVELS[256],
  num_head_channels: 64,
};

const OPENAI = {
  licence: "model card: research only, not for commercial use; code under MIT",
  page: "https://github.com/openai/guided-diffusion",
};

const SDEDIT = {
  licence: "no terms for the weights; code under MIT",
  page: "https://github.com/ermongroup/SDEdit",
};

const DDS = { licence: "no terms published", page: "https://github.com/HJ-harry/DDS" };

function released(file: string): { readonly file: string; readonly download: string } {
  return { file, download: `https://openaipublic.blob.core.windows.net/diffusion/jul-2021/${file}` };
}

function edited(file: string): { readonly file: string; readonly download: string } {
  return { file, download: `https://image-editing-test-12345.s3-us-west-2.amazonaws.com/checkpoints/${file}` };
}

function lsun(name: string, note = ""): KnownCheckpoint {
  return {
    name: `lsun-${name.replaceAll("_", "-")}`,
    ...released(`lsun_${name}.pt`),
    summary: `LSUN ${name.split("_")[0]} 256x256${note}`,
    description: ADM_256,
    parameters: 552_814_086,
    gmac: 1119.8,
    ...OPENAI,
  };
}

function classifier(size: keyof typeof LEVELS, parameters: number, gmac: number): KnownCheckpoint {
  return {
    name: `imagenet-${size}-classifier`,
    ...released(`${size}x${size}_classifier.pt`),
    summary: `ImageNet ${size}x${size} classifier of noisy images`,
    description: {
      ...withoutVariance(FAMILY),
      architecture: "guided-diffusion-classifier",
      class: "EncoderUNetModel",
      image_size: size,
      out_channels: 1000,
      model_channels: 128,
      num_res_blocks: size === 64 ? 4 : 2,
      channel_mult: LEVELS[size],
      attention_resolutions: [32, 16, 8].map((side) => size / side),
      num_head_channels: 64,
      pool: "attention",
    },
    parameters,
    gmac,
    ...OPENAI,
  };
}

function withoutVariance({ learn_sigma: _, ...description }: typeof FAMILY): Description {
  return description;
}

/** The published checkpoints, by family and size. */
export const KNOWN_CHECKPOINTS: readonly KnownCheckpoint[] = [
  {
    name: "imagenet-256-uncond",
    ...released("256x256_diffusion_uncond.pt"),
    summary: "ImageNet 256x256, unconditional",
    description: ADM_256,
    parameters: 552_814_086,
    gmac: 1119.8,
    bytes: 2_211_383_297,
    sha256: "a37c32fffd316cd494cf3f35b339936debdc1576dad13fe57c42399a5dbc78b1",
    ...OPENAI,
  },
  {
    name: "imagenet-256",
    ...released("256x256_diffusion.pt"),
    summary: "ImageNet 256x256, by class",
    description: { ...ADM_256, ...CLASSES },
    parameters: 553_838_086,
    gmac: 1119.8,
    ...OPENAI,
  },
  {
    name: "imagenet-512",
    ...released("512x512_diffusion.pt"),
    summary: "ImageNet 512x512, by class",
    description: {
      ...ADM_256,
      ...CLASSES,
      image_size: 512,
      channel_mult: LEVELS[512],
      attention_resolutions: [16, 32, 64],
    },
    parameters: 558_997_638,
    gmac: 1982.3,
    ...OPENAI,
  },
  {
    name: "imagenet-128",
    ...released("128x128_diffusion.pt"),
    summary: "ImageNet 128x128, by class",
    description: {
      ...FAMILY,
      ...CLASSES,
      image_size: 128,
      model_channels: 256,
      num_res_blocks: 2,
      channel_mult: LEVELS[128],
      attention_resolutions: [4, 8, 16],
      num_heads: 4,
    },
    parameters: 421_529_606,
    gmac: 306.9,
    ...OPENAI,
  },
  {
    name: "imagenet-64",
    ...released("64x64_diffusion.pt"),
    summary: "ImageNet 64x64, by class",
    description: {
      ...FAMILY,
      ...CLASSES,
      image_size: 64,
      model_channels: 192,
      num_res_blocks: 3,
      channel_mult: LEVELS[64],
      attention_resolutions: [2, 4, 8],
      num_head_channels: 64,
      use_new_attention_order: true,
      noise_schedule: "cosine",
    },
    parameters: 295_904_454,
    gmac: 109.7,
    ...OPENAI,
  },
  lsun("bedroom"),
  lsun("cat"),
  lsun("horse"),
  lsun("horse_nodropout", ", trained without dropout"),
  {
    name: "imagenet-64-to-256",
    ...released("64_256_upsampler.pt"),
    summary: "ImageNet 64x64 to 256x256, by class",
    description: {
      ...FAMILY,
      ...CLASSES,
      class: "SuperResModel",
      image_size: 256,
      small_size: 64,
      model_channels: 192,
      num_res_blocks: 2,
      channel_mult: LEVELS[256],
      attention_resolutions: [8, 16, 32],
      num_heads: 4,
    },
    parameters: 311_795_910,
    gmac: 631.6,
    ...OPENAI,
  },
  {
    name: "imagenet-128-to-512",
    ...released("128_512_upsampler.pt"),
    summary: "ImageNet 128x128 to 512x512, by class",
    description: {
      ...FAMILY,
      ...CLASSES,
      class: "SuperResModel",
      image_size: 512,
      small_size: 128,
      model_channels: 192,
      num_res_blocks: 2,
      channel_mult: LEVELS[256],
      attention_resolutions: [16, 32],
      num_head_channels: 64,
    },
    parameters: 308_835_270,
    gmac: 2504.8,
    ...OPENAI,
  },
  {
    name: "ffhq-256",
    file: "ffhq_10m.pt",
    summary: "FFHQ faces 256x256",
    description: {
      ...FAMILY,
      image_size: 256,
      model_channels: 128,
      num_res_blocks: 1,
      channel_mult: LEVELS[256],
      attention_resolutions: [16],
      num_head_channels: 64,
    },
    parameters: 93_563_910,
    gmac: 194.0,
    licence: "no terms published",
    page: "https://drive.google.com/drive/folders/1jElnRoFv7b31fG0v6pTSQkelbSX3xGZh",
  },
  {
    name: "celeba-256",
    file: "celeba256_250000.pt",
    summary: "CelebA-HQ faces 256x256, of RePaint",
    description: ADM_256,
    parameters: 552_814_086,
    gmac: 1119.8,
    licence: "academic research only; code under CC BY-NC-SA 4.0",
    page: "https://drive.google.com/uc?id=1norNWWGYP3EZ_o05DmoW1ryKuKMmhlCX",
  },
  {
    name: "celeba-hq-256",
    ...edited("celeba_hq.ckpt"),
    summary: "CelebA-HQ faces 256x256, of SDEdit",
    description: DDPM_256,
    parameters: 113_673_219,
    gmac: 248.5,
    ...SDEDIT,
  },
  {
    name: "bedroom-256",
    ...edited("bedroom.ckpt"),
    summary: "LSUN bedroom 256x256, of SDEdit",
    description: DDPM_256,
    parameters: 113_673_219,
    gmac: 248.5,
    ...SDEDIT,
  },
  {
    name: "church-256",
    ...edited("church_outdoor.ckpt"),
    summary: "LSUN church 256x256, of SDEdit",
    description: DDPM_256,
    parameters: 113_673_219,
    gmac: 248.5,
    ...SDEDIT,
  },
  classifier(256, 54_096_360, 73.3),
  classifier(512, 54_448_360, 112.8),
  classifier(128, 42_568_040, 21.0),
  classifier(64, 65_438_568, 19.1),
  {
    name: "fastmri-320",
    file: "fastmri_knee_320_complex_1m.pt",
    summary: "Knee MRI 320x320, complex, of DDS",
    description: {
      ...TOMOGRAPHY,
      image_size: 320,
      in_channels: 2,
      out_channels: 4,
      attention_resolutions: [20],
    },
    parameters: 361_428_228,
    gmac: 1203.1,
    download: "https://www.dropbox.com/scl/fi/1884de5g904fch2bah4bl/fastmri_knee_320_complex_1m.pt" +
      "?rlkey=qukkxajxp6broc1fn613cdvp2&dl=1",
    ...DDS,
  },
  {
    name: "aapm-256",
    file: "AAPM256_1M.pt",
    summary: "CT 256x256, of DDS",
    description: {
      ...TOMOGRAPHY,
      image_size: 256,
      in_channels: 1,
      out_channels: 2,
      attention_resolutions: [16],
    },
    parameters: 374_022_658,
    gmac: 773.2,
    download: "https://www.dropbox.com/scl/fi/hs75uqc9zgwi8en71g488/AAPM256_1M.pt" +
      "?rlkey=s1otrarzz1tbr7j6nwc5rh1r6&dl=1",
    ...DDS,
  },
];

/**
 * The published checkpoint of that name.
 * @param name as in `KNOWN_CHECKPOINTS`, or its file name
 */
export function knownCheckpoint(name: string): KnownCheckpoint | undefined {
  return KNOWN_CHECKPOINTS.find((row) => row.name === name || row.file === name);
}
