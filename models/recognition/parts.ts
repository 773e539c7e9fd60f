/** Parts of a file that may be a network: tensors whose names begin alike, or that are copies of others by name. */
import type { Checkpoint, CheckpointTensor } from "../checkpoint/checkpoint.ts";
import type { TensorShapes } from "../family.ts";
import { fitsParameter, type ParameterSet } from "../weights.ts";
import { isHarmless } from "./beside.ts";

/** Tensors of a file by the names that a network gives them. */
export interface Part {
  /** What all names begin with in the file, such as `model.diffusion_model.`; "" where it is nothing. */
  readonly prefix: string;
  /** Name in the file by the network's own. */
  readonly stored: ReadonlyMap<string, string>;
  /** Shape by the network's own name. */
  readonly shapes: TensorShapes;
}

/** The tensors of a file by name. */
export type FileTensors = ReadonlyMap<string, CheckpointTensor>;

/** Modules that may lie around a network, one in another. */
const DEEPEST = 8;

/**
 * The parts of a file that names divide it into: all tensors, and those below each module, without the names of the
 * modules around them. One part is made at a time.
 * @param tensors all tensors
 */
export function* partsOf(tensors: FileTensors): Generator<Part, void> {
  yield* below(tensors, [...tensors.keys()].sort(), "", 0);
}

/** @param names sorted, so that those of a module follow one another */
function* below(
  tensors: FileTensors,
  names: readonly string[],
  prefix: string,
  depth: number,
): Generator<Part, void> {
  yield partAt(tensors, names, prefix);
  if (depth === DEEPEST) return;
  let from = 0;
  while (from < names.length) {
    const dot = names[from]!.indexOf(".", prefix.length);
    const module = dot < 0 ? undefined : names[from]!.slice(0, dot + 1);
    let end = from + 1;
    while (module !== undefined && end < names.length && names[end]!.startsWith(module)) end++;
    if (module !== undefined) yield* below(tensors, names.slice(from, end), module, depth + 1);
    from = end;
  }
}

function partAt(tensors: FileTensors, names: readonly string[], prefix: string): Part {
  const stored = new Map(names.map((name) => [name.slice(prefix.length), name]));
  return { prefix, stored, shapes: shapesOf(tensors, stored) };
}

function shapesOf(tensors: FileTensors, stored: ReadonlyMap<string, string>): TensorShapes {
  return new Map(Array.from(stored, ([own, name]) => [own, tensors.get(name)!.shape]));
}

/**
 * All places of a file where parameters lie behind a common beginning of their names.
 * @param tensors all tensors
 * @param parameters a network's
 * @param dotted whether their own names are as they are, behind the name of a module; or without dots, as buffers of one
 * module must be (`LitEma` keeps averages so)
 * @param fits whether a tensor can be a parameter
 */
export function* placesOf(
  tensors: FileTensors,
  parameters: ParameterSet,
  dotted: boolean,
  fits: typeof fitsParameter = fitsParameter,
): Generator<Part, void> {
  const spelled = new Map(Array.from(parameters.keys(), (name) => [name, dotted ? name : name.replaceAll(".", "")]));
  if (new Set(spelled.values()).size < parameters.size) return;
  const longest = [...spelled.values()].reduce((one, other) => other.length > one.length ? other : one, "");
  for (const name of longest === "" ? [] : tensors.keys()) {
    const prefix = name.slice(0, -longest.length);
    if (!name.endsWith(longest) || (dotted ? prefix !== "" && !prefix.endsWith(".") : prefix === "")) continue;
    const stored = new Map(Array.from(spelled, ([own, text]) => [own, prefix + text]));
    const isThere = [...stored].every(([own, place]) => {
      const tensor = tensors.get(place);
      return tensor !== undefined && fits(parameters.get(own)!, tensor.shape);
    });
    if (isThere) yield { prefix, stored, shapes: shapesOf(tensors, stored) };
  }
}

/**
 * A file as if it held some of its tensors alone, under other names.
 * @param file the open file
 * @param stored name in the file by the name that it gets
 * @param metadata what the text that describes it becomes; as it is by default
 */
export function renamedCheckpoint(
  file: Checkpoint,
  stored: ReadonlyMap<string, string>,
  metadata: ReadonlyMap<string, string> = file.metadata,
): Checkpoint {
  const owns = new Map(Array.from(stored, ([own, name]) => [name, own]));
  // The order of the file is that in which tensors are read fastest.
  const tensors = new Map(
    [...file.tensors.values()].flatMap((tensor) => {
      const name = owns.get(tensor.name);
      return name === undefined ? [] : [[name, { name, dtype: tensor.dtype, shape: tensor.shape }] as const];
    }),
  );
  // A name that is not there is left to the file to refuse.
  const placeOf = (name: string): string => stored.get(name) ?? name;
  return {
    name: file.name,
    format: file.format,
    stateDict: file.stateDict,
    metadata,
    tensors,
    ...(file.leftOut ? { leftOut: file.leftOut } : {}),
    readPieces: (name) => file.readPieces(placeOf(name)),
    readBytes: (name, into) => file.readBytes(placeOf(name), into),
    readFloat32: (name, into) => file.readFloat32(placeOf(name), into),
  };
}

/** What averages of weights are called. */
const AVERAGE = /(^|[._])(ema|shadow|averaged?|avg|swa)(?=[._\d]|$)/i;

/** Whether a part holds averages of the weights over the training, as its name says. */
export function isAverage({ prefix }: Part): boolean {
  return AVERAGE.test(prefix);
}

/**
 * What tells the part of a file that is meant.
 * @param file the open file
 * @param wanted its path, such as `state_dict.model_ema`, or the end of it below the state dict that is open; "" means
 * names without prefix, and what is undefined or that state dict means any part
 */
export function namedPlace(
  { stateDict }: Checkpoint,
  wanted: string | undefined,
): (part: Pick<Part, "prefix">) => boolean {
  if (wanted === undefined || (wanted === stateDict && wanted !== "")) return () => true;
  const isWithin = stateDict !== "" && wanted.startsWith(`${stateDict}.`);
  const named = isWithin ? wanted.slice(stateDict.length + 1) : wanted;
  return ({ prefix }) => prefix === named || (named !== "" && prefix.startsWith(`${named}.`));
}

/**
 * A file by the names of another one that was made from it: without what all names began with, and without what lay
 * around the network. Where the names are not found, or in several places of which none is named, the file as it is.
 * @param file the original
 * @param names of the other file's tensors
 * @param wanted the part of the original that is meant, see `namedPlace`
 */
export function counterpart(file: Checkpoint, names: readonly string[], wanted?: string): Checkpoint {
  const parameters: ParameterSet = new Map(
    names.map((name) => [name, { shape: [], layout: "plain" as const }]),
  );
  const places = [true, false].flatMap((dotted) => [...placesOf(file.tensors, parameters, dotted, () => true)]);
  const meant = places.filter(namedPlace(file, wanted));
  const averages = meant.filter(isAverage);
  const [place, ...others] = averages.length === 1 ? averages : meant;
  if (place === undefined || others.length > 0) return file;
  const taken = new Set(place.stored.values());
  const beside = [...file.tensors.values()].filter(({ name }) => name.startsWith(place.prefix) && !taken.has(name));
  const stored = new Map(place.stored);
  for (const tensor of beside) {
    const own = tensor.name.slice(place.prefix.length);
    if (!stored.has(own) && !isHarmless(own, tensor)) stored.set(own, tensor.name);
  }
  return renamedCheckpoint(file, stored);
}
