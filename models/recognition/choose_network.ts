/** Which network of a file is meant: the one that its tensors fit, and of equal ones the average that was asked for. */
import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { FLOAT_DTYPES } from "../checkpoint/checkpoint_file.ts";
import { CheckpointError, quoteName } from "../checkpoint/checkpoint_error.ts";
import { FAMILIES } from "../families.ts";
import type { TensorShapes } from "../family.ts";
import { autoencoderBeside, summarizeNames } from "./beside.ts";
import { foreignFile } from "./foreign.ts";
import { type Candidate, hypothesesOf, type Hypothesis } from "./hypotheses.ts";
import { isAverage, namedPlace, type Part, placesOf } from "./parts.ts";

/** The tensors of a file that are one network, and what they can be. */
export interface ChosenNetwork {
  /** At least one reading of the same tensors. */
  readonly candidates: readonly Candidate[];
  /** Where they are. */
  readonly part: Part;
  /** Shapes of the parameters alone. */
  readonly shapes: TensorShapes;
  /** Names in the file that are left out. */
  readonly leftOut: readonly string[];
  /** What was taken and left out, in sentences. */
  readonly notes: readonly string[];
}

/**
 * The network of a file. A prefix that all its names share is taken off, and what lies beside it is left out; both is
 * said. Where averages of the same weights are there too, they are taken, as the programs that keep them sample with
 * them; where there are several other networks, one must be named.
 * @param file the open file
 * @param wanted path of the network that is meant, such as `state_dict.model_ema`, or its end below the state dict
 * @throws {CheckpointError} if no network fits, or several do and none is named
 */
export function chooseNetwork(file: Checkpoint, wanted: string | undefined): ChosenNetwork {
  const isNamed = namedPlace(file, wanted);
  const isMeant = ({ part }: { readonly part: Part }): boolean => isNamed(part);
  const all = [...hypothesesOf(file.tensors)];
  const fitting = fittingOf(file, all);
  const places = placesOfAll(file, fitting);
  const ranked = all.filter(isMeant).sort((one, other) =>
    other.fit - one.fit || Number(fitting.has(other)) - Number(fitting.has(one))
  );
  const [best] = ranked;
  if (best && !fitting.has(best)) throw misfit(file, best);
  // A copy without dots is known by the network whose copy it is.
  const predicts = best?.family.predicts ?? "noise";
  const meant = places.filter((place) => isMeant(place) && place.candidates[0]!.family.predicts === predicts);
  if (meant.length === 0) throw unknown(file, places, wanted);
  const averages = meant.filter(({ part }) => isAverage(part));
  if (meant.length > 1 && (averages.length !== 1 || !areCopies(meant))) throw ambiguous(file, meant);
  return chosen(file, (averages[0] ?? meant[0])!, places);
}

/** Hypotheses that all tensors fit; those of others that fit are excused. */
function fittingOf({ tensors }: Checkpoint, all: readonly Hypothesis[]): ReadonlySet<Hypothesis> {
  const complete = all.filter(({ candidate, differences }) => candidate && differences.length === 0);
  const excused = new Set(
    complete.flatMap(({ candidate, part, strange }) => [
      ...placesOf(tensors, candidate!.plan.parameters, false),
      ...(strange.length === 0 ? [part] : []),
    ]).map(({ prefix }) => prefix),
  );
  return new Set(complete.filter(({ part, strange }) => {
    const others = [...excused].filter((prefix) => prefix.length > part.prefix.length);
    return strange.every((name) => others.some((prefix) => name.startsWith(prefix)));
  }));
}

/** A network at one place of a file, in all readings. */
interface Place {
  readonly part: Part;
  readonly candidates: readonly Candidate[];
}

/** All places of networks, also those that are known by the names of others. */
function placesOfAll({ tensors }: Checkpoint, fitting: ReadonlySet<Hypothesis>): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { candidate, part } of fitting) {
    const copies = [...placesOf(tensors, candidate!.plan.parameters, false)];
    for (const place of [part, ...copies]) {
      const readings = (places.get(place.prefix)?.candidates ?? []).filter(({ description }) =>
        JSON.stringify(description) !== JSON.stringify(candidate!.description)
      );
      places.set(place.prefix, { part: place, candidates: [...readings, { ...candidate!, part: place }] });
    }
  }
  return [...places.values()];
}

function areCopies(places: readonly Place[]): boolean {
  const described = places.map(({ candidates }) => JSON.stringify(candidates.map(({ description }) => description)));
  return new Set(described).size === 1;
}

function chosen(file: Checkpoint, { part, candidates }: Place, places: readonly Place[]): ChosenNetwork {
  const [{ plan: { parameters }, family }] = candidates as [Candidate];
  const stored = new Map([...part.stored].filter(([own]) => parameters.has(own)));
  const taken = new Set(stored.values());
  const leftOut = [...file.tensors.keys()].filter((name) => !taken.has(name));
  const beside = family.predicts === "noise" ? autoencoderBeside(leftOut) : undefined;
  if (beside !== undefined) {
    throw new CheckpointError(
      `Cannot load ${quoteName(file.name)}: it is a latent diffusion model, whose network ` +
        `(${placeName(part)}) denoises the codes of the autoencoder beside it (${quoteName(beside)}), no pictures; ` +
        "a diffusion network of pictures is needed",
    );
  }
  requireFloats(file, [...taken]);
  const others = places.filter((place) =>
    place.part.prefix !== part.prefix && areCopies([{ part, candidates }, place])
  );
  const copied = new Set(others.flatMap((place) => [...place.part.stored.values()]));
  const rest = leftOut.filter((name) => !copied.has(name));
  return {
    candidates,
    part: { ...part, stored },
    shapes: new Map([...parameters.keys()].map((own) => [own, part.shapes.get(own)!])),
    leftOut,
    notes: [
      ...takenOff(file, part),
      ...others.map((place) =>
        `Its weights are ${isAverage(part) ? "averages of the training (EMA)" : "no averages"}, as their ` +
        `names say; others of the same network are in ${placeName(place.part)} (--state-dict ${pathOf(place.part)})`
      ),
      ...setAside(rest),
    ],
  };
}

function takenOff({ wrapper = "" }: Checkpoint, { prefix }: Part): readonly string[] {
  const whole = wrapper + prefix;
  return whole === "" ? [] : [`Its network is what begins with ${quoteName(whole)}, which is taken off the names`];
}

function setAside(names: readonly string[]): readonly string[] {
  return names.length === 0 ? [] : [`Left out, as it is no part of the network: ${summarizeNames(names)}`];
}

/**
 * What lies around the network of a file that says itself what it holds.
 * @param file the open file
 * @param part where its network is
 */
export function besideNetwork(
  file: Checkpoint,
  part: Part,
): { readonly prefix: string; readonly leftOut: readonly string[]; readonly notes: readonly string[] } {
  const taken = new Set(part.stored.values());
  const leftOut = [...file.tensors.keys()].filter((name) => !taken.has(name));
  return { prefix: part.prefix, leftOut, notes: [...takenOff(file, part), ...setAside(leftOut)] };
}

function pathOf({ prefix }: Part): string {
  return prefix === "" ? '""' : prefix.replace(/\.$/, "");
}

function placeName(part: Part): string {
  return part.prefix === "" ? "the names without prefix" : quoteName(pathOf(part));
}

/** Weights that are stored as integers stand for others that only their program can compute. */
function requireFloats({ name, tensors }: Checkpoint, taken: readonly string[]): void {
  const odd = taken.map((one) => tensors.get(one)!).find(({ dtype }) => !FLOAT_DTYPES.includes(dtype));
  if (odd === undefined) return;
  const hint = /^[IU]\d/.test(odd.dtype) ? "; the file from before its weights were quantised has them" : "";
  const needed = FLOAT_DTYPES.join(", ");
  throw new CheckpointError(
    `Cannot load ${quoteName(name)}: its weight ${quoteName(odd.name)} is of ${odd.dtype}, one of ${needed} is needed` +
      hint,
  );
}

/** Differences that a message shows. */
const SHOWN = 3;

function misfit(file: Checkpoint, { family, part, differences, strange, candidate }: Hypothesis): CheckpointError {
  const lead = `Cannot tell what network ${quoteName(file.name)} holds`;
  const at = part.prefix === "" ? "" : ` in ${placeName(part)}`;
  if (!candidate) {
    const found = foreignFile([...file.tensors.keys()]) ??
      `it resembles a ${family.name} network${at}, but there is none like it (${differences[0]}); ` +
        `weights of ${family.about} are needed`;
    return new CheckpointError(`${lead}: ${found}`);
  }
  const instead = [...file.leftOut ?? []].find(([name]) =>
    candidate.plan.parameters.has(name.slice(part.prefix.length))
  );
  const found = instead && `; under ${quoteName(instead[0])} the file has ${instead[1]}, which is not run`;
  const all = [...differences, ...strange.map((name) => `${quoteName(name)} is unexpected`)];
  const count = all.length === 1 ? "1 tensor differs" : `${all.length} tensors differ`;
  const more = all.length > SHOWN ? `; and ${all.length - SHOWN} more` : "";
  return new CheckpointError(
    `${lead}: it is a ${family.name} network${at}, but ${count} (first ${all.slice(0, SHOWN).join("; ")}${more})${
      found ?? ""
    }; ` +
      "the weights of such a network without change are needed",
  );
}

function unknown(file: Checkpoint, places: readonly Place[], wanted: string | undefined): CheckpointError {
  const lead = `Cannot tell what network ${quoteName(file.name)} holds`;
  if (wanted !== undefined && places.length > 0) {
    const list = places.slice(0, 2 * SHOWN).map(({ part }) => placeName(part)).join(", ");
    return new CheckpointError(`${lead}: there is none in ${quoteName(wanted)}, one of these is needed: ${list}`);
  }
  const names = [...file.tensors.keys()];
  const [first] = names;
  const shown = first === undefined ? "none" : quoteName(first);
  const found = foreignFile(names) ?? `its ${names.length} tensors (first ${shown}) belong to no known network`;
  const loaded = Array.from(FAMILIES.values(), ({ about }) => about).join("; ");
  return new CheckpointError(`${lead}: ${found}; what can be loaded: ${loaded}`);
}

function ambiguous({ name, tensors }: Checkpoint, places: readonly Place[]): CheckpointError {
  const listed = places.slice(0, 2 * SHOWN).map(({ part }) => `${placeName(part)} (${part.stored.size} tensors)`);
  const [example] = places.filter(({ part }) => part.prefix !== "");
  return new CheckpointError(
    `Cannot tell which network of ${quoteName(name)} is meant: its ${tensors.size} tensors are of ${places.length} ` +
      `networks, one must be named (--state-dict ${pathOf(example!.part)}): ${listed.join(", ")}`,
  );
}
