/** The forms in which weights of diffusers lie side by side, told by their names alone. */

/** The weights of a network. */
export interface WeightsChoice {
  /** A file with all tensors, or what says which file holds which. */
  readonly path: string;
  /** Whether it is the latter, of weights in several files. */
  readonly isIndex: boolean;
  /** Which variant it is, such as `fp16`; undefined for the plain one. */
  readonly variant: string | undefined;
}

/** One of several files of weights. */
const PART = /-\d{5}-of-\d{5}\./;

const WHOLE = /^diffusion_pytorch_model(?:\.([\w-]+))?\.(?:safetensors|bin)$/;
const INDEX = /^diffusion_pytorch_model(?:\.([\w-]+))?\.(?:safetensors|bin)\.index(?:\.([\w-]+))?\.json$/;

/**
 * The weights that the library's names stand for, the best first: the plain ones before variants, as these are rounded
 * or, as `non_ema`, less trained; `.safetensors` before `.bin`, one file before several.
 * @param names all names in the network's folder
 */
export function publishedWeights(names: readonly string[]): readonly WeightsChoice[] {
  return names.flatMap(weightsOf).sort((a, b) => compareRanks(rankOf(a), rankOf(b)));
}

/** What a name stands for; nothing if it is no name of weights, or of one of several files. */
function weightsOf(path: string): readonly WeightsChoice[] {
  const whole = PART.test(path) ? null : WHOLE.exec(path);
  if (whole) return [{ path, isIndex: false, variant: whole[1] }];
  const index = INDEX.exec(path);
  return index ? [{ path, isIndex: true, variant: index[1] ?? index[2] }] : [];
}

/** The smaller, the better; variants without a rank of their own by name. */
function rankOf({ path, isIndex, variant }: WeightsChoice): readonly (number | string)[] {
  const order = [undefined, "ema", "fp32", "bf16", "fp16"];
  const place = order.indexOf(variant);
  const kind = place >= 0 ? place : variant === "non_ema" ? order.length + 1 : order.length;
  return [kind, path.includes(".safetensors") ? 0 : 1, isIndex ? 1 : 0, path];
}

function compareRanks(a: readonly (number | string)[], b: readonly (number | string)[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at]! < b[at]! ? -1 : 1;
}
