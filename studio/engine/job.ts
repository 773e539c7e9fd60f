/** From a request to what is restored, as the command `restore` reads its files and options. */
import { numberOf, type OptionValues, UsageError } from "../../parameters/mod.ts";
import {
  checkConditioning,
  checkEnlarged,
  checkPictureOptions,
  checkTimesteps,
  chooseNoise,
  chooseRestoring,
  chooseTask,
  evaluationOf,
  fitUpsampling,
  measurePace,
  type Method,
  type Pace,
  type PictureInput,
  pictureSource,
  planSize,
  restoreTasks,
  type SettledSize,
  settlePicture,
  takesGradients,
  type Task,
  windowOf,
} from "../../restoration/mod.ts";
import type { HostTensor, Runtime } from "../../engine/mod.ts";
import type { Request } from "../protocol.ts";
import type { OpenNetwork } from "./network.ts";
import { checkedOptions, kernelOption, maskName, maskOption } from "./options.ts";
import { decodedMask, type StoredPicture } from "./pictures.ts";

/** What is restored, before a network is asked. */
export interface Job {
  /** What is asked for. */
  readonly request: Request;
  /** Checked, with the mask by the name that a command line would give it. */
  readonly options: OptionValues;
  /** What is wrong with the picture. */
  readonly task: Task;
  /** What restores it. */
  readonly method: Method;
  /** The picture. */
  readonly input: PictureInput;
  /** Whether it is the sample, damaged first, which has the size of the training. */
  readonly isSample: boolean;
}

/** The task of a good picture where none is named. */
export const DEFAULT_TASK = "sr4";

/** Seconds of an evaluation at the size of the training from which it takes long because of what it computes. */
const SLOW_SECONDS = 0.1;

/** Most results of a request. */
const MOST_SAMPLES = 1000;

/** Seeds are below it. */
const SEEDS = 2 ** 32;

/** A blur kernel that was read. */
export interface StoredKernel {
  /** Name of its file. */
  readonly name: string;
  /** [h, w], of sum 1. */
  readonly taps: HostTensor;
}

/** What a request names. */
export interface Named {
  /** The picture. */
  readonly picture: StoredPicture;
  /** Whether it is the sample. */
  readonly isSample: boolean;
  /** The blur kernel, if there is one. */
  readonly kernel?: StoredKernel | undefined;
}

/**
 * The options of a request, with the names of mask and kernel.
 * @throws {UsageError} if an option is wrong, or there is a mask or kernel that the task does not take
 */
export function optionsOf(
  { options: given, mask }: Request,
  { picture, kernel }: Pick<Named, "kernel"> & { readonly picture: Pick<StoredPicture, "name"> },
): OptionValues {
  const options = checkedOptions(given);
  if (!mask && !kernel) return options;
  const task = chooseTask(options, DEFAULT_TASK, restoreTasks());
  const named = (what: string, option: string | undefined, name: string): OptionValues => {
    if (option === undefined) throw new UsageError(`the task "${task.name}" takes no ${what}; leave it out`);
    return { [option]: name };
  };
  return {
    ...options,
    ...mask ? named("mask", maskOption(task), maskName(picture.name)) : {},
    ...kernel ? named("kernel", kernelOption(task)?.option, kernel.name) : {},
  };
}

/**
 * What a request asks for.
 * @param named what it names
 * @param isEmbedded whether the embedded prior restores
 * @throws {UsageError} if options contradict each other, or the picture lacks something
 * @throws {RangeError} if the result would be too large
 */
export function readJob(
  request: Request,
  named: Named,
  isEmbedded: boolean,
): Job {
  const { seed, mask: drawn } = request;
  const { picture: { name, decoded }, isSample, kernel } = named;
  checkSeeds(request);
  const options = optionsOf(request, named);
  const isTruth = options["degrade"] === true;
  checkPictureOptions(options, isTruth);
  const asked = chooseTask(options, DEFAULT_TASK, restoreTasks());
  const noise = isTruth ? chooseNoise(options, asked) : undefined;
  checkEnlarged(name, decoded, isTruth ? 1 : asked.scale);
  const mask = drawn && decodedMask(drawn, decoded);
  const files = kernel ? { [kernelOption(asked)!.name]: kernel.taps } : {};
  const source = pictureSource(decoded, { name, task: asked, options, isTruth, mask, files });
  const settled = isTruth ? { task: asked, options, method: options, source } : settlePicture(source, asked, options);
  const { task } = settled;
  return {
    request,
    options,
    task,
    method: chooseRestoring(settled.method, task, isEmbedded),
    input: { ...settled, noise, seed, size: numberOf(options, "size") },
    isSample: isSample && isTruth,
  };
}

function checkSeeds({ seed, samples }: Request): void {
  const isInteger = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  if (!isInteger(samples, 1, MOST_SAMPLES)) {
    throw new UsageError(`--samples is ${samples}, a whole number from 1 to ${MOST_SAMPLES} is needed`);
  }
  if (isInteger(seed, 0, SEEDS - samples)) return;
  throw new UsageError(`--seed is ${seed}, a whole number from 0 to ${SEEDS - samples} is needed`);
}

/** How fast networks are, as far as that was measured. */
export class Paces {
  readonly #measured = new Map<string, Pace>();
  readonly #ofTraining = new Map<string, Pace>();

  /** The pace of a network on pictures of one size. */
  get(key: string): Pace | undefined {
    return this.#measured.get(key);
  }

  /** Keeps what was measured. */
  set(key: string, pace: Pace | undefined): void {
    if (pace) this.#measured.set(key, pace);
  }

  /**
   * The pace of a network at the size of its training, measured once.
   * @param key class and gradients
   */
  async ofTraining(key: string, measure: () => Promise<Pace>): Promise<Pace> {
    const pace = this.#ofTraining.get(key) ?? await measure();
    this.#ofTraining.set(key, pace);
    return pace;
  }

  /** Forgets all, as of a network that is gone. */
  clear(): void {
    this.#measured.clear();
    this.#ofTraining.clear();
  }
}

/** What decides the pace of a network besides the network: the picture with its scale, class and gradients. */
export function paceKey({ request, options, task, method }: Job): string {
  return JSON.stringify([request.picture, task.name, task.scale, options["class"], takesGradients(method)]);
}

/**
 * Settles at which size a job is restored and how the network sees it.
 * @param paces what is known of the pace, and is kept
 * @throws {UsageError} if the network does not fit the options
 */
export async function settleSize(
  runtime: Runtime,
  network: OpenNetwork,
  job: Job,
  paces: Paces,
): Promise<SettledSize> {
  const { model } = network;
  const { options, task, method, input, isSample } = job;
  const label = numberOf(options, "class");
  checkTimesteps(network, method);
  checkConditioning(network, task, label);
  const size = input.size ?? (isSample ? model.config.imageSize : undefined);
  const fitted = fitUpsampling({ ...input, size }, network);
  const key = paceKey(job);
  const pace = paces.get(key) ?? await paceIfSlow(runtime, network, job, paces);
  const settled = await planSize(runtime, model, fitted, { method, label, window: windowOf(options), pace });
  paces.set(key, settled.pace);
  return pace ? { ...settled, pace } : settled;
}

/**
 * The pace of a network at the size of its training, where that is slow: there arithmetic takes the time, which grows with
 * the operations, and larger pictures need not be tried. Where it is quick, starting kernels takes a part of the time, and
 * the pace shows only in what is to be done itself.
 * @returns undefined where it is quick, or nothing is evaluated
 */
async function paceIfSlow(
  runtime: Runtime,
  { model }: OpenNetwork,
  { options, method }: Job,
  paces: Paces,
): Promise<Pace | undefined> {
  const { imageSize, inChannels, superResolution = false } = model.config;
  if (method.evaluations.actual === 0 || superResolution) return undefined;
  const asked = { label: numberOf(options, "class"), gradient: takesGradients(method) };
  const pace = await paces.ofTraining(
    JSON.stringify(asked),
    () => measurePace(runtime, evaluationOf(model, [imageSize, imageSize, inChannels], asked)),
  );
  return pace.seconds < SLOW_SECONDS ? undefined : pace;
}
