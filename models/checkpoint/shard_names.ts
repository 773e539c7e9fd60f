/** The names of the files into which large checkpoints are cut. */

/** What the name of a shard says. */
export interface ShardName {
  /** What the names of all shards begin with. */
  readonly stem: string;
  /** Which one it is, counted from 1. */
  readonly number: number;
  /** How many there are. */
  readonly count: number;
  /** The ending, with its dot. */
  readonly ending: string;
}

/** Shards that a checkpoint may have. */
export const MAX_SHARDS = 1000;

/**
 * Reads the name of a shard, such as `model-00001-of-00002.safetensors`.
 * @param name a file's name without folders
 * @returns undefined if it is not the name of one of several shards
 */
export function parseShardName(name: string): ShardName | undefined {
  const [, stem, digits, total, ending] = /^(.*-)(\d{5})-of-(\d{5})(\.[\w.]+)$/.exec(name) ?? [];
  const [number, count] = [Number(digits), Number(total)];
  if (stem === undefined || ending === undefined || !(count > 1 && number >= 1 && number <= count)) return undefined;
  return { stem, number, count, ending };
}

/**
 * The names of all shards of which one is known.
 * @param name as `parseShardName` returns it
 */
export function allShards({ stem, count, ending }: ShardName): readonly string[] {
  const digits = (number: number): string => String(number).padStart(5, "0");
  return Array.from({ length: count }, (_, i) => `${stem}${digits(i + 1)}-of-${digits(count)}${ending}`);
}

/**
 * Whether a name is that of an index of shards, such as `model.safetensors.index.json` or with a variant
 * `diffusion_pytorch_model.safetensors.index.fp16.json`.
 * @param name a file's name without folders
 */
export function isIndexName(name: string): boolean {
  return /\.index(\.[\w-]+)?\.json$/.test(name);
}

/** Endings of files with weights, the preferred first. */
const ENDINGS = [".safetensors", ".bin", ".pt", ".pth", ".ckpt"] as const;

/**
 * The checkpoints among the files of a folder: indices of shards, and files of weights that are no shards, those of the
 * preferred ending only.
 * @param names files of the folder
 * @returns their names, sorted; of shards without an index the first
 */
export function checkpointsAmong(names: readonly string[]): readonly string[] {
  for (const ending of ENDINGS) {
    const own = names.filter((name) =>
      isIndexName(name) ? name.includes(`${ending}.index`) : name.endsWith(ending) && !isStatesName(name)
    );
    const whole = own.filter((name) => parseShardName(name) === undefined);
    if (whole.length > 0) return whole.sort();
    const firsts = own.filter((name) => parseShardName(name)?.number === 1);
    if (firsts.length > 0 || own.length > 0) return (firsts.length > 0 ? firsts : own.slice(0, 1)).sort();
  }
  return [];
}

/** Files that trainings save beside a network, by the names that accelerate and others give them. */
function isStatesName(name: string): boolean {
  return /^(optimizer|scheduler|scaler|random_states|rng_state|training_args|opt\d+)/.test(name);
}
