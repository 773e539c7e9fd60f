/** An evaluation as workers are told of it, and the work that they make of that: the same units, by the same options. */
import {
  type Entry,
  type EntryKind,
  entryOptions,
  hashOf,
  makePlan,
  namesOf,
  type PlannedUnit,
  type Study,
  STUDY_OPTIONS,
  type StudyPicture,
  type Subject,
  type TaskFiles,
  unitKey,
  unitsOf,
  type Work,
} from "../evaluation/mod.ts";
import { ENGINE_VERSION } from "../engine/mod.ts";
import { checkValue, type OptionValues, UsageError } from "../parameters/mod.ts";
import { fileOptions } from "../restoration/mod.ts";
import { QueueError } from "./connection.ts";
import { type Offer, WIRE_FORMAT, type WireEntry, WireError } from "./wire.ts";

/** A picture or a file of a task that workers need. */
export interface Input {
  /** Its name in the queue: the SHA-256 of its bytes, and the ending of a file that is told by it. */
  readonly name: string;
  /** What messages call it. */
  readonly shown: string;
  /** Its bytes. */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

/**
 * Describes an evaluation.
 * @param readFile the bytes of a file that an option of a task names
 * @returns the description, and what workers need besides
 * @throws {TypeError} if a picture has no bytes
 */
export async function makeOffer(
  work: Work,
  study: Study,
  readFile: (path: string) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<{ readonly offer: Offer; readonly inputs: readonly Input[] }> {
  const { plan, pictures, files, label } = work;
  const named = new Map<string, Input>();
  const renamed = async ({ options, ...entry }: Entry): Promise<Entry> => {
    const changed: Record<string, string | number | boolean> = { ...options };
    for (const option of fileOptions()) {
      const path = options[option];
      if (path === undefined) continue;
      const [ending = ""] = /\.[A-Za-z0-9]{1,12}$/.exec(String(path)) ?? [];
      const name = `${await files.sha256(String(path))}${ending}`;
      named.set(name, { name, shown: String(path), bytes: () => readFile(String(path)) });
      changed[option] = name;
    }
    return { ...entry, options: changed };
  };
  const tasks = await Promise.all(study.tasks.map(renamed));
  for (const { name: shown, sha256, bytes } of pictures) {
    if (!bytes) throw new TypeError(`Cannot send picture "${shown}" to other machines: its bytes are not known`);
    named.set(sha256, { name: sha256, shown, bytes: () => bytes() });
  }
  const wired = ({ name, label, series, options, byTask, lenient }: Entry): WireEntry => ({
    name,
    label,
    series,
    options,
    ...(byTask ? { byTask } : {}),
    lenient,
  });
  const options = Object.entries(study.options).filter(([name]) =>
    name !== "limit" && Object.hasOwn(STUDY_OPTIONS, name)
  );
  const offer: Offer = {
    format: WIRE_FORMAT,
    plan: await unitsOf(work).hash(),
    version: plan.version,
    title: plan.title,
    model: { name: plan.model.name, sha256: plan.model.sha256 },
    precision: plan.precision,
    class: label ?? null,
    images: pictures.map(({ name, sha256 }) => ({ name, sha256 })),
    tasks: tasks.map(wired),
    methods: study.methods.map(wired),
    seeds: plan.seeds === "each" ? "each" : [...plan.seeds],
    options: Object.fromEntries(options),
    inputs: [...named.keys()],
  };
  return { offer, inputs: [...named.values()] };
}

/**
 * Makes sure that this program with its network gives the results that are asked for.
 * @param sha256 of the file of the network
 * @throws {QueueError} if it does not
 */
export function checkOffer({ version, model }: Offer, sha256: string): void {
  if (version !== ENGINE_VERSION) {
    throw new QueueError(
      `Cannot work on this evaluation: it is of version ${version}, this program is ${ENGINE_VERSION}; install the same ` +
        "version on all machines",
    );
  }
  if (model.sha256 !== sha256) {
    throw new QueueError(
      `Cannot work on this evaluation: its network is "${model.name}" with SHA-256 ${model.sha256}, the one of this ` +
        `machine has ${sha256}; give the same file with --model`,
    );
  }
}

/** What a worker makes work of. */
export interface WorkerInputs {
  /** The network of this machine. */
  readonly subject: Subject;
  /** Brings an input of the queue to this machine; gives its path. */
  fetch(name: string): Promise<string>;
  /** Reads a picture. */
  readPicture(path: string): ReturnType<StudyPicture["read"]>;
  /** Reads the files of tasks. */
  readonly files: TaskFiles;
}

/**
 * The work that a description asks for, without units: those come in chunks.
 * @throws {UsageError | WireError} if it holds what this program has not, or would not accept on a command line
 */
export async function workOf(offer: Offer, { subject, fetch, readPicture, files }: WorkerInputs): Promise<Work> {
  const known = new Set(offer.inputs);
  const local = async (kind: EntryKind, entry: WireEntry): Promise<Entry> => {
    const place = `the offer at ${kind} "${entry.label.slice(0, 80)}"`;
    if (!namesOf(kind).includes(entry.name) && kind === "method") {
      throw new UsageError(`${place} is no method of this program; install the same version on all machines`);
    }
    const options = await localOptions(kind, entry.options, place);
    if (!entry.byTask) return { ...entry, place, options };
    const byTask: Record<string, OptionValues> = {};
    for (const [task, own] of Object.entries(entry.byTask)) byTask[task] = await localOptions(kind, own, place);
    return { ...entry, place, options, byTask };
  };
  const localOptions = async (kind: EntryKind, given: OptionValues, place: string): Promise<OptionValues> => {
    const specs = entryOptions(kind);
    const options: Record<string, string | number | boolean> = {};
    for (const [name, value] of Object.entries(given)) {
      if (name === kind) {
        options[name] = String(value);
      } else if (kind === "task" && fileOptions().includes(name)) {
        if (!known.has(String(value))) throw new WireError(`${place} names a file that is not among the inputs`);
        options[name] = await fetch(String(value));
      } else {
        const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
        if (!spec || spec.value === "FILE") {
          throw new UsageError(`${place} has the option "${name}", which means nothing`);
        }
        const checked = checkValue(`${place}.${name}`, spec, value);
        if (checked !== undefined) options[name] = checked;
      }
    }
    return options;
  };
  const pictures: readonly StudyPicture[] = offer.images.map(({ name, sha256 }) => ({
    name,
    sha256,
    read: async () => await readPicture(await fetch(sha256)),
  }));
  for (const { sha256 } of pictures) {
    if (!known.has(sha256)) throw new WireError("the offer at images holds a picture that is not among the inputs");
  }
  const study: Study = {
    title: offer.title,
    images: [],
    tasks: await Promise.all(offer.tasks.map((entry) => local("task", entry))),
    methods: await Promise.all(offer.methods.map((entry) => local("method", entry))),
    seeds: offer.seeds,
    expectations: { trends: [] },
    options: Object.fromEntries(
      Object.entries(offer.options).flatMap(([name, value]) => {
        const spec = Object.hasOwn(STUDY_OPTIONS, name) ? STUDY_OPTIONS[name] : undefined;
        if (!spec) throw new UsageError(`the offer at options has "${name}", which means nothing`);
        const checked = checkValue(`the offer at ${name}`, spec, value);
        return checked === undefined ? [] : [[name, checked] as const];
      }),
    ),
  };
  // Operators are asked about the first picture, as the coordinator does; units of the others come in chunks.
  const work = await makePlan(study, subject, pictures.slice(0, 1), files);
  const images = pictures.map(({ name, sha256 }) => ({ name, sha256 }));
  return { ...work, pictures, plan: { ...work.plan, images, units: [] } };
}

/**
 * Makes sure that units are those of the work, by their names: the hash of all that decides a result, among it the version
 * of the program, the network, its precision, and all options.
 * @throws {WireError} if this machine would compute something else
 */
export async function checkUnits(work: Work, units: readonly PlannedUnit[]): Promise<void> {
  for (const unit of units) {
    const isKnown = unit.image < work.pictures.length && work.pairs.has(`${unit.task}/${unit.method}`);
    if (isKnown && await hashOf(unitKey(work, unit)) === unit.id) continue;
    throw new WireError(
      `Cannot do unit ${unit.id}: this machine would compute something else under another name; start the worker with ` +
        "the options that describe the network as for the coordinator",
    );
  }
}

/** Whether the bytes of an input are those that its name promises. */
export async function isInput(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex() === name.slice(0, 64);
}
