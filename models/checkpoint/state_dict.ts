import { CheckpointError, quoteName } from "./checkpoint_error.ts";
import { describePickleValue, type PickleValue } from "./pickle/pickle_values.ts";
import type { TensorView } from "./pickle/pytorch_objects.ts";
import { tensorBytes } from "./safetensors_dtype.ts";
import { type Candidate, searchStateDicts } from "./state_dict_search.ts";

/** The tensors of one network in a file. */
export interface StateDict {
  /** Where it is: "" for all of the file, else such as `state_dict`, `model.ema` or `[0]`. */
  readonly path: string;
  /** By name, without `wrapper`. */
  readonly tensors: ReadonlyMap<string, TensorView>;
  /** The `module.` that all names began with, or nothing. */
  readonly wrapper: string;
  /** What stands beside the tensors and is none, by name: what it is. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/** State dicts that a message lists. */
const SHOWN = 8;

/** What `DataParallel` puts before every name. */
const WRAPPER = "module.";

/** How moving averages of weights are called. */
const AVERAGE = /ema|shadow|averag|swa/i;

/**
 * Finds the network in what a file holds: the only dict with names and at least one matrix among its tensors (if there
 * is none, the only one with tensors), at the top, in other dicts or lists, or as a network that was pickled whole. What
 * lies inside objects of other classes, and arrays of NumPy, count only where there is nothing else. Optimizer states are
 * passed over. What a dict holds beside tensors is left out. Which one is meant is never guessed.
 * @param root the value of the pickle
 * @param fileName what messages call the file
 * @param wanted path of the state dict that is meant, needed where there are several; it may go on into the names of the
 * tensors, as `state_dict.model_ema` does
 * @throws {CheckpointError} if there is none, or several and none is named, listing them; or if it depends on what is not
 * known here
 */
export function findStateDict(root: PickleValue, fileName: string, wanted?: string): StateDict {
  const { candidates, optimizers } = searchStateDicts(root);
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot load ${quoteName(fileName)}: ${reason}`);
  if (candidates.length === 0) {
    throw refuse(
      optimizers.length > 0
        ? onlyOptimizer(fileName)
        : `it holds ${describePickleValue(root)} without a state dict, one is needed`,
    );
  }
  const choice = wanted === undefined ? likely(candidates) : meant(candidates, wanted);
  const [only] = choice;
  if (only === undefined) {
    const needed = `one of these is needed: ${listed(candidates)}`;
    throw refuse(`it has no state dict ${quoteName(wanted!)}, ${needed}`);
  }
  if (choice.length > 1) {
    throw refuse(
      `it has ${choice.length} state dicts, one must be named (--state-dict PATH): ${listed(choice)}` +
        hints(choice),
    );
  }
  if (only.depends !== undefined) {
    throw refuse(
      `${only.depends}, which is no plain dict with names; nothing of the file was run; if you trust it, load it in ` +
        "PyTorch and save the state_dict() of the network alone",
    );
  }
  return withoutWrapper(only);
}

/** Of the candidates nearest to a state dict those with a matrix, or all where there is none. */
function likely(candidates: readonly Candidate[]): readonly Candidate[] {
  const networks = candidates.filter(({ tensors }) => [...tensors.values()].some(({ shape }) => shape.length >= 2));
  const some = networks.length > 0 ? networks : candidates;
  const rank = some.reduce((least, candidate) => Math.min(least, candidate.rank), Infinity);
  return some.filter((candidate) => candidate.rank === rank);
}

/** Those of a path, or, if there are none, those with tensors below it. */
function meant(candidates: readonly Candidate[], wanted: string): readonly Candidate[] {
  const exact = candidates.filter(({ path }) => path === wanted);
  if (exact.length > 0) return exact;
  return candidates.filter(({ path, tensors }) => {
    const rest = path !== "" && wanted.startsWith(`${path}.`) ? wanted.slice(path.length + 1) : wanted;
    return tensors.keys().some((name) => name.startsWith(`${rest}.`));
  });
}

function listed(candidates: readonly Candidate[]): string {
  const shown = candidates.slice(0, SHOWN).map(({ path, tensors }) =>
    `${quoteName(path)} (${tensors.size} tensors, ${sizeOf(tensors)})`
  );
  return `${shown.join(", ")}${candidates.length > SHOWN ? ", ..." : ""}`;
}

function sizeOf(tensors: ReadonlyMap<string, TensorView>): string {
  let bytes = 0;
  for (const { dtype, shape } of tensors.values()) bytes += tensorBytes(dtype, shape) as number;
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What can be said of several state dicts: which is the average of which, and whose network they are. */
function hints(choice: readonly Candidate[]): string {
  const average = choice.find(({ path }) => AVERAGE.test(path)) ?? lastOfList(choice);
  const base = choice.find((other) => other !== average && average !== undefined && sameNames(other, average));
  const averaged = average &&
    `; ${quoteName(average.path)} ${
        base ? `holds the moving average (EMA) of ${quoteName(base.path)}` : "is an EMA"
      }, ` +
      "which samples are usually made with";
  return (averaged ?? "") + (choice.some(isLucidrains) ? FOREIGN_NETWORK : "");
}

/** Training scripts of DDIM save a list: network, optimizer, epoch, step, moving average. */
function lastOfList(choice: readonly Candidate[]): Candidate | undefined {
  const [first, last] = [choice[0]!, choice.at(-1)!];
  return choice.length === 2 && first.path === "[0]" && /^\[[1-9]\]$/.test(last.path) ? last : undefined;
}

/** Whether two dicts have the same names, but for what the wrapper puts before them. */
function sameNames(one: Candidate, other: Candidate): boolean {
  const { tensors: a } = withoutWrapper(one);
  const { tensors: b } = withoutWrapper(other);
  return a.size === b.size && a.keys().every((name) => b.has(name));
}

const FOREIGN_NETWORK =
  '; their names are those of the package denoising-diffusion-pytorch ("Trainer"), whose network ' +
  "is none of the families here: a checkpoint of guided-diffusion, DDIM or diffusers is needed";

function isLucidrains({ tensors }: Candidate): boolean {
  const names = [...tensors.keys()];
  return names.some((name) => /(^|\.)init_conv\.weight$/.test(name)) &&
    names.some((name) => /(^|\.)(downs\.0|time_mlp)\./.test(name));
}

/** The file of a network that belongs to that of an optimizer, by the names that training scripts give them. */
function onlyOptimizer(fileName: string): string {
  const step = /(\d{3,})\.[a-z]+$/i.exec(fileName)?.[1];
  const names = step === undefined
    ? "the file of the network beside it is needed, by preference one with ema in its name"
    : `the file of the network beside it is needed, such as ema_0.9999_${step}.pt or model${step}.pt`;
  return `it holds the state of an optimizer, with which a training goes on, and no network; ${names}`;
}

function withoutWrapper({ path, tensors, leftOut }: Candidate): StateDict {
  if (![...tensors.keys()].every((name) => name.startsWith(WRAPPER))) return { path, tensors, leftOut, wrapper: "" };
  const stripped = <T>(map: ReadonlyMap<string, T>): Map<string, T> =>
    new Map([...map].map(([name, value]) => [name.startsWith(WRAPPER) ? name.slice(WRAPPER.length) : name, value]));
  return { path, tensors: stripped(tensors), leftOut: stripped(leftOut), wrapper: WRAPPER };
}
