/** What lies beside a network in a file and is none of its parameters. */
import { elementCount } from "../../engine/mod.ts";
import type { CheckpointTensor } from "../checkpoint/checkpoint.ts";
import { quoteName } from "../checkpoint/checkpoint_error.ts";

/** Tables of a noise schedule, which programs keep as buffers of the module around the network. */
const SCHEDULE = new RegExp(
  "^(betas|alphas|gammas|sigmas|timesteps|logvar|snr|(alphas|gammas)_cumprod\\w*|(alphas|gammas|alphas_cumprod)_(prev|next)|" +
    "(sqrt|rsqrt|log|one_minus|sqrt_one_minus|sqrt_recip|sqrt_recipm1|log_one_minus)_\\w+|posterior_\\w+|" +
    "lvlb_weights|loss_weights?|p2_loss_weight\\w*|snr_weight\\w*)$",
);

/** Those of them that have an entry for each timestep. */
const STEPS = /(^|\.)(betas|alphas_cumprod)$/;

/** Counters, by the last part of their names. */
const COUNTERS =
  /^(num_batches_tracked|num_updates|n_averaged|decay|initted|(global_?)?step|steps|epoch|iteration|iter)$/;

/** Modules of a training beside its network, by the first part of their names. */
const TRAINING =
  /^(cond_fn|classifier|loss\w*|criterion|lpips\w*|perceptual\w*|vgg\w*|inception\w*|fid\w*|disc|discriminator)$/;

/** The networks that turn pictures into the codes which a latent model denoises, and back. */
const AUTOENCODER = /^(.*\.)?(first_stage_model|vae|vqvae|vqmodel|autoencoder|quant_conv|post_quant_conv)\./;

/**
 * Whether a tensor among those of a network says nothing about it: empty, a counter, a table of a noise schedule, or of a
 * module that serves the training.
 * @param own its name below the network's prefix
 * @param tensor its shape and type
 */
export function isHarmless(own: string, { shape, dtype }: CheckpointTensor): boolean {
  const count = elementCount(shape);
  const [first, last] = [own.slice(0, Math.max(0, own.indexOf("."))), own.slice(own.lastIndexOf(".") + 1)];
  if (count === 0 || TRAINING.test(first)) return true;
  if (count === 1) return first === "" || COUNTERS.test(last) || !/^(B?F\d|C)/.test(dtype);
  return shape.length === 1 && SCHEDULE.test(last);
}

/**
 * The number of timesteps of a training, which the length of its tables tells; undefined if there are none, or they differ.
 * @param beside what lies beside the network
 */
export function stepsBeside(beside: readonly CheckpointTensor[]): number | undefined {
  const tables = beside.filter(({ name, shape }) => shape.length === 1 && STEPS.test(name));
  const [steps, ...others] = new Set(tables.map(({ shape }) => shape[0]!));
  return others.length === 0 && steps !== undefined && steps > 1 ? steps : undefined;
}

/** The module of an autoencoder, whose codes a network beside it denoises; undefined if there is none. */
export function autoencoderBeside(names: readonly string[]): string | undefined {
  return names.map((name) => AUTOENCODER.exec(name)?.[0].slice(0, -1)).find((module) => module !== undefined);
}

/** Names that a sentence shows. */
const SHOWN = 4;

/** Names of tensors in a few words: those of a module together, with their number. */
export function summarizeNames(names: readonly string[]): string {
  const groups = new Map<string, number>();
  for (const name of names) {
    const dot = name.indexOf(".");
    const group = dot < 0 ? name : `${name.slice(0, dot)}.*`;
    groups.set(group, (groups.get(group) ?? 0) + 1);
  }
  const texts = Array.from(groups, ([group, count]) => `${quoteName(group)}${count > 1 ? ` (${count})` : ""}`);
  const more = texts.length - SHOWN;
  return more > 0 ? `${texts.slice(0, SHOWN).join(", ")} and ${more} more` : texts.join(", ");
}
