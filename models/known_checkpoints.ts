// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
/** Published checkpoints: what network each is, how large, under which terms, and where it is to be had. */

import type { Description } from "./family.ts";
import { CONSISTENCY_UNET } from "./guided/config.ts";

/** A published checkpoint. */
export interface KnownCheckpoint {
  /** How commands call it. */
  readonly name: string;
  /** Published file name. */
  readonly file: string;
  /** What it is, in a line. */
  readonly summary: string;
  /** The whole configuration; without `value_range` where the publication does not say it. */
  readonly description: Description;
  /** Number of trained scalars. */
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

/** What OpenAI's networks for noise levels share: sigma from 0.002 to 80, images with a standard deviation of 0.5. */
const LEVELS_OF_NOISE = { sigma_min: 0.002, sigma_max: 80, sigma_data: 0.5 };

/** The network that such networks of 64x64 have. */
const LEVELLED_64 = {
  architecture: "guided-diffusion",
  class: CONSISTENCY_UNET,
  image_size: 64,
  in_channels: 3,
  out_channels: 3,
  learn_sigma: false,
  model_channels: 192,
  num_res_blocks: 3,
  channel_mult: LEVELS[64],
  attention_resolutions: [2, 4, 8],
  num_head_channels: 64,
  use_scale_shift_norm: true,
  resblock_updown: true,
  use_new_attention_order: true,
  ...CLASSES,
  value_range: [-1, 1],
};

/** The network of those of 256x256, which no class conditions. */
const { num_classes: _classes, ...LEVELLED_256 } = {
  ...LEVELLED_64,
  image_size: 256,
  model_channels: 256,
  num_res_blocks: 2,
  channel_mult: LEVELS[256],
  attention_resolutions: [8, 16, 32],
  use_scale_shift_norm: false,
};

const LEVELLED_64_COST = [295_899_267, 109.7] as const;

const LEVELLED_256_COST = [526_304_771, 1119.4] as const;

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

const DDS = { licence: "no terms published", page: "https://github.com/HJ-harry/DDS" };

/** A row in a line: name, file and what it is; the network; its parameters and thousand million multiply-adds. */
function row(
  [name, file, summary]: readonly [string, string, string],
  description: Description,
  [parameters, gmac]: readonly [number, number],
  rest: Omit<KnownCheckpoint, "name" | "file" | "summary" | "description" | "parameters" | "gmac">,
): KnownCheckpoint {
  return { name, file, summary, description, parameters, gmac, ...rest };
}

/** One of OpenAI's, by the name of its file without its ending. */
function released(
  [name, file, summary]: readonly [string, string, string],
  description: Description,
  cost: readonly [number, number],
  more: Pick<KnownCheckpoint, "bytes" | "sha256"> = {},
): KnownCheckpoint {
  const download = `https://openaipublic.blob.core.windows.net/diffusion/jul-2021/${file}.pt`;
  return row([name, `${file}.pt`, summary], description, cost, { download, ...more, ...OPENAI });
}

/** One of OpenAI's for noise levels, by the name of its file without its ending. */
function levelled(file: string, of: "imagenet64" | "bedroom256" | "cat256", how: string): KnownCheckpoint {
  const [network, cost] = of === "imagenet64" ? [LEVELLED_64, LEVELLED_64_COST] : [LEVELLED_256, LEVELLED_256_COST];
  const process = file.startsWith("edm_")
    ? { prediction_type: "edm", noise_input: "openai", ...LEVELS_OF_NOISE }
    : { prediction_type: "consistency", ...LEVELS_OF_NOISE };
  const data = {
    imagenet64: "ImageNet 64x64, by class",
    bedroom256: "LSUN bedroom 256x256",
    cat256: "LSUN cat 256x256",
  };
  const name = file.replace(/_ema$/, "").replaceAll("_", "-");
  return row([name, `${file}.pt`, `${data[of]}, ${how}`], { ...network, ...process }, cost, {
    ...(file === "edm_bedroom256_ema"
      ? { bytes: 2_105_395_349, sha256: "5947bb5ae7b664feef1796ebe0a531efcf689d76e81d03ba88159dd8019b674f" }
      : {}),
    licence: "model card: for research, not to be deployed commercially; code under MIT",
    page: "https://github.com/openai/consistency_models",
    download: `https://openaipublic.blob.core.windows.net/consistency/${file}.pt`,
  });
}

const ADM_256_COST = [552_814_086, 1119.8] as const;

function lsun(name: string, note = ""): KnownCheckpoint {
  const summary = `LSUN ${name.split("_")[0]} 256x256${note}`;
  return released([`lsun-${name.replaceAll("_", "-")}`, `lsun_${name}`, summary], ADM_256, ADM_256_COST);
}

/** One of SDEdit's. */
function edited(name: string, file: string, summary: string): KnownCheckpoint {
  return row([name, file, `${summary} 256x256, of SDEdit`], DDPM_256, [113_673_219, 248.5], {
    download: `https://image-editing-test-12345.s3-us-west-2.amazonaws.com/checkpoints/${file}`,
    licence: "no terms for the weights; code under MIT",
    page: "https://github.com/ermongroup/SDEdit",
  });
}

function classifier(size: keyof typeof LEVELS, parameters: number, gmac: number): KnownCheckpoint {
  const { learn_sigma: _, ...shared } = FAMILY;
  const network = {
    ...shared,
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
  };
  const summary = `ImageNet ${size}x${size} classifier of noisy images`;
  const names = [`imagenet-${size}-classifier`, `${size}x${size}_classifier`, summary] as const;
  return released(names, network, [parameters, gmac]);
}

/** A network of the family by class, with what it does not share. */
function byClass(size: keyof typeof LEVELS, description: Description): Description {
  return { ...FAMILY, ...CLASSES, image_size: size, channel_mult: LEVELS[size], ...description };
}

/** The published checkpoints, by family and size. */
export const KNOWN_CHECKPOINTS: readonly KnownCheckpoint[] = [
  released(
    ["imagenet-256-uncond", "256x256_diffusion_uncond", "ImageNet 256x256, unconditional"],
    ADM_256,
    ADM_256_COST,
    {
      bytes: 2_211_383_297,
      sha256: "a37c32fffd316cd494cf3f35b339936debdc1576dad13fe57c42399a5dbc78b1",
    },
  ),
  released(["imagenet-256", "256x256_diffusion", "ImageNet 256x256, by class"], { ...ADM_256, ...CLASSES }, [
    553_838_086,
    1119.8,
  ]),
  released(
    ["imagenet-512", "512x512_diffusion", "ImageNet 512x512, by class"],
    {
      ...ADM_256,
      ...CLASSES,
      image_size: 512,
      channel_mult: LEVELS[512],
      attention_resolutions: [16, 32, 64],
    },
    [558_997_638, 1982.3],
  ),
  released(
    ["imagenet-128", "128x128_diffusion", "ImageNet 128x128, by class"],
    byClass(128, { model_channels: 256, num_res_blocks: 2, attention_resolutions: [4, 8, 16], num_heads: 4 }),
    [421_529_606, 306.9],
  ),
  released(
    ["imagenet-64", "64x64_diffusion", "ImageNet 64x64, by class"],
    byClass(64, {
      model_channels: 192,
      num_res_blocks: 3,
      attention_resolutions: [2, 4, 8],
      num_head_channels: 64,
      use_new_attention_order: true,
      noise_schedule: "cosine",
    }),
    [295_904_454, 109.7],
  ),
  lsun("bedroom"),
  lsun("cat"),
  lsun("horse"),
  lsun("horse_nodropout", ", trained without dropout"),
  released(
    ["imagenet-64-to-256", "64_256_upsampler", "ImageNet 64x64 to 256x256, by class"],
    byClass(256, {
      class: "SuperResModel",
      small_size: 64,
      model_channels: 192,
      num_res_blocks: 2,
      attention_resolutions: [8, 16, 32],
      num_heads: 4,
    }),
    [311_795_910, 631.6],
  ),
  released(
    ["imagenet-128-to-512", "128_512_upsampler", "ImageNet 128x128 to 512x512, by class"],
    byClass(256, {
      class: "SuperResModel",
      image_size: 512,
      small_size: 128,
      model_channels: 192,
      num_res_blocks: 2,
      attention_resolutions: [16, 32],
      num_head_channels: 64,
    }),
    [308_835_270, 2504.8],
  ),
  ...(["imagenet64", "bedroom256", "cat256"] as const).flatMap((data) => [
    levelled(`edm_${data}_ema`, data, "denoised at any noise level"),
    levelled(`cd_${data}_l2`, data, "a consistency model, distilled in L2"),
    levelled(`cd_${data}_lpips`, data, "a consistency model, distilled in LPIPS"),
    levelled(`ct_${data}`, data, "a consistency model, trained alone"),
  ]),
  row(
    ["ffhq-256", "ffhq_10m.pt", "FFHQ faces 256x256"],
    { ...ADM_256, model_channels: 128, num_res_blocks: 1, attention_resolutions: [16] },
    [93_563_910, 194.0],
    {
      licence: "no terms published",
      page: "https://drive.google.com/drive/folders/1jElnRoFv7b31fG0v6pTSQkelbSX3xGZh",
    },
  ),
  row(["celeba-256", "celeba256_250000.pt", "CelebA-HQ faces 256x256, of RePaint"], ADM_256, ADM_256_COST, {
    licence: "academic research only; code under CC BY-NC-SA 4.0",
    page: "https://drive.google.com/uc?id=1norNWWGYP3EZ_o05DmoW1ryKuKMmhlCX",
  }),
  edited("celeba-hq-256", "celeba_hq.ckpt", "CelebA-HQ faces"),
  edited("bedroom-256", "bedroom.ckpt", "LSUN bedroom"),
  edited("church-256", "church_outdoor.ckpt", "LSUN church"),
  classifier(256, 54_096_360, 73.3),
  classifier(512, 54_448_360, 112.8),
  classifier(128, 42_568_040, 21.0),
  classifier(64, 65_438_568, 19.1),
  row(
    ["fastmri-320", "fastmri_knee_320_complex_1m.pt", "Knee MRI 320x320, complex, of DDS"],
    { ...TOMOGRAPHY, image_size: 320, in_channels: 2, out_channels: 4, attention_resolutions: [20] },
    [361_428_228, 1203.1],
    {
      download: "https://www.dropbox.com/scl/fi/1884de5g904fch2bah4bl/fastmri_knee_320_complex_1m.pt" +
        "?rlkey=qukkxajxp6broc1fn613cdvp2&dl=1",
      ...DDS,
    },
  ),
  row(
    ["aapm-256", "AAPM256_1M.pt", "CT 256x256, of DDS"],
    { ...TOMOGRAPHY, image_size: 256, in_channels: 1, out_channels: 2, attention_resolutions: [16] },
    [374_022_658, 773.2],
    {
      download: "https://www.dropbox.com/scl/fi/hs75uqc9zgwi8en71g488/AAPM256_1M.pt" +
        "?rlkey=s1otrarzz1tbr7j6nwc5rh1r6&dl=1",
      ...DDS,
    },
  ),
];

/**
 * The published checkpoint of that name.
 * @param name as in `KNOWN_CHECKPOINTS`, or its file name
 */
export function knownCheckpoint(name: string): KnownCheckpoint | undefined {
  return KNOWN_CHECKPOINTS.find((row) => row.name === name || row.file === name);
}
