/** Files that people take for networks of pictures, told by names of their tensors, with what is wanted instead. */

/** What a kind of file is, and which one is wanted. */
interface ForeignFile {
  /** Names that only such files have. */
  readonly names: RegExp;
  /** What it is. */
  readonly is: string;
  /** What is wanted instead. */
  readonly wanted: string;
}

const PIXELS = "a diffusion network of pictures is needed, such as guided-diffusion's 256x256_diffusion_uncond.pt";

/** The more telling ones first. */
const FOREIGN: readonly ForeignFile[] = [
  {
    names: /(^|\.)(enc|dec)\.\d+x\d+_(conv|block\d+|down|up|in\d+|aux_\w+)\./,
    is: "a network of NVlabs' EDM program (SongUNet or DhariwalUNet), whose layers and order of attention are its own",
    wanted: "networks of OpenAI's consistency_models are needed, such as edm_imagenet64_ema.pt, or of guided-diffusion",
  },
  {
    names: /(^|\.)all_modules\.\d+\./,
    is: "a network of score_sde (NCSN++ or DDPM++), which numbers its modules",
    wanted: PIXELS,
  },
  {
    names: /(^|\.)(downs|ups)\.\d+\.\d+\.|(^|\.)time_mlp\.\d+\.|(^|\.)noise_level_mlp\./,
    is: "a UNet of denoising-diffusion-pytorch or its kin (downs, ups), whose blocks are others",
    wanted: PIXELS,
  },
  {
    names: /(^|\.)(lora_(A|B|up|down|unet_\w+|te_\w+)|alpha)\.|\.lora_\w+\./,
    is: "low-rank changes (LoRA) of a network, without the network",
    wanted: "the network itself is needed, with the changes merged into it",
  },
  {
    names: /(^|\.)(adaLN_modulation|x_embedder|pos_embed|patch_embed|mask_token|cls_token)(\.|$)/,
    is: "a transformer (DiT or its kin)",
    wanted: PIXELS,
  },
  {
    names: /\.(transformer_blocks|attn2)\.|(^|\.)add_embedding\./,
    is: "a network that is told what to draw by a text (Stable Diffusion), and denoises codes of an autoencoder",
    wanted: PIXELS,
  },
  {
    names:
      /(^|\.)(first_stage_model|quant_conv|post_quant_conv)\.|^(encoder|decoder)\.(down|up|mid|conv_in|down_blocks)/,
    is: "an autoencoder, which turns pictures into codes and back",
    wanted: PIXELS,
  },
  {
    names: /(^|\.)body\.\d+\.rdb\d\.|(^|\.)RRDB_trunk\.|(^|\.)layers\.\d+\.residual_group\./,
    is: "a network that restores in one step (ESRGAN, SwinIR or their kin)",
    wanted: PIXELS,
  },
  {
    names: /^(lin\d\.model\.\d|net\.slice\d)|(^|\.)Mixed_\d\w\.|^features\.\d+\.weight$/,
    is: "a network that measures pictures (LPIPS, VGG, AlexNet or Inception), for the options of metrics",
    wanted: PIXELS,
  },
  {
    names: /(^|\.)(exp_avg|exp_avg_sq|momentum_buffer)(\.|$)/,
    is: "the state of an optimizer",
    wanted: "the weights of the same training are needed, such as ema_0.9999_160000.pt or model160000.pt",
  },
  {
    names: /^\d+$|(^|\.)shadow_params\./,
    is: "tensors under numbers instead of names, such as a list of averages",
    wanted: "the state_dict() of the network with these averages copied into it is needed",
  },
];

/**
 * What a file is that holds no network that is known, and what is wanted; undefined where its names do not tell.
 * @param names of its tensors
 */
export function foreignFile(names: readonly string[]): string | undefined {
  const found = FOREIGN.find(({ names: pattern }) => names.some((name) => pattern.test(name)));
  return found && `it is ${found.is}; ${found.wanted}`;
}
