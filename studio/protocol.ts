/**
 * What page and worker say to each other. The worker exposes `StudioEngine` through comlink; all that crosses is plain
 * data, so controls are built from what the registers say and nothing of the engine is loaded in the page.
 *
 * ```ts
 * const engine = wrap<StudioEngine>(new Worker("./worker.js", { type: "module" }));
 * const { id } = await engine.read("portrait");
 * const request = { picture: id, options: { task: "sr4", degrade: true }, seed: 0, samples: 1 };
 * const { pictures } = await engine.restore(request, proxy((step) => show(step.picture)));
 * ```
 *
 * Calls that use the device run one after the other, in the order in which they came; `stop` acts at once. A call that
 * fails is rejected with a `StudioFailure`.
 *
 * @module
 */
import type { OnChecked, Profile } from "./inspection.ts";
import type { Options, Registers, TaskFacts } from "./register_facts.ts";

export type { Control, MethodFacts, Options, Registers, TaskFacts } from "./register_facts.ts";

/** A picture as a canvas takes it. */
export interface Pixels {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Red, green, blue, alpha of every pixel, row by row, not premultiplied; of sRGB. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Why there is no WebGPU. */
export type MissingReason =
  /** The page is neither on localhost nor on https, where browsers hide WebGPU. */
  | "insecure-origin"
  /** The browser has no `navigator.gpu`: it does not know WebGPU, or it is switched off. */
  | "no-interface"
  /** There is WebGPU and it gives no adapter: the driver is blocked, or there is no graphics card. */
  | "no-adapter";

/** What computes. */
export interface AdapterFacts {
  /** What the adapter says of itself. */
  readonly description: string;
  /** Whether its kernels run on the CPU, so that all takes long. */
  readonly isSoftware: boolean;
  /** Optional features in use, such as `subgroups`. */
  readonly features: readonly string[];
  /** Most bytes of one tensor. */
  readonly maxTensorBytes: number;
}

/** What is known before anything is opened. */
export interface Facts {
  /** Version of the engine. */
  readonly version: string;
  /** The adapter; null where there is none. */
  readonly adapter: AdapterFacts | null;
  /** Why there is none, and the same as a sentence with what to do; null where there is one. */
  readonly missing: { readonly reason: MissingReason; readonly message: string } | null;
}

/** A network that was opened. */
export interface ModelFacts {
  /** Name of its file. */
  readonly name: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  /** Parameters of the network. */
  readonly parameterCount: number;
  /** Side of the pictures of its training. */
  readonly imageSize: number;
  /** Whether it needs the option `class`. */
  readonly hasClasses: boolean;
  /** Paths of the files of a folder from which it was read; absent of a single file. */
  readonly paths?: readonly string[];
  /** What was chosen or assumed, as sentences. */
  readonly notes: readonly string[];
}

/** A folder with the files of a network, as the user brought it. */
export interface ModelFolder {
  /** Its name. */
  readonly name: string;
  /** Files in it and in folders below, by their paths from it on, such as `unet/config.json`. */
  readonly files: readonly { readonly path: string; readonly file: File }[];
}

/** A good picture that comes with the page: a drawn portrait, or a photograph. */
export type Example = "portrait" | "photograph";

/** A picture that was read; the worker keeps it. */
export interface ReadPicture extends Pixels {
  /** For `Request.picture`. */
  readonly id: number;
  /** Name of the file. */
  readonly name: string;
  /** Whether a pixel is transparent. */
  readonly hasAlpha: boolean;
  /** What made it, where the file says so: options, seed and notes on what differs here. */
  readonly parameters: ReadParameters | null;
}

/** How a picture was made. */
export interface ReadParameters {
  /** To be given again. */
  readonly options: Options;
  /** To be given again. */
  readonly seed: number;
  /** What will differ: another network or version, or a mask that the file does not hold; as sentences. */
  readonly notes: readonly string[];
}

/** A mask of the picture's size. */
export interface Mask {
  /** Pixels of a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 where the picture is known, 0 where it is missing, row by row. */
  readonly known: Uint8Array<ArrayBuffer>;
}

/** A mask of a file. */
export interface ReadMask {
  /** Of the picture's size. */
  readonly mask: Mask;
  /** What should be said of it, as sentences. */
  readonly notes: readonly string[];
}

/** A blur kernel of a file; the worker keeps it. */
export interface ReadKernel extends Pixels {
  /** For `Request.kernel`. */
  readonly id: number;
  /** Name of the file. */
  readonly name: string;
}

/** What is wrong with a picture, as far as it shows. */
export interface Diagnosis {
  /** What was seen, in the order in which one explains another. */
  readonly findings: readonly Seen[];
  /** What to do; null where nothing is surely wrong. */
  readonly advice: Advice | null;
}

/** Something that was seen in a picture. */
export interface Seen {
  /** What, as a clause. */
  readonly text: string;
  /** How sure it is, 0 to 1. */
  readonly confidence: number;
  /** Whether that is enough to count on it. */
  readonly isSure: boolean;
}

/** What undoes what is wrong with a picture. */
export interface Advice {
  /** The task; where several damages are undone together, the registers do not list it. */
  readonly task: TaskFacts;
  /** Its options. */
  readonly options: Options;
  /** What lies over the picture, of tasks that fill it; else null. */
  readonly mask: Mask | null;
  /** A command that must be carried out before, on this picture, where the task is for what it makes; else null. */
  readonly first: string | null;
  /** Damages that another run undoes, in a word each. */
  readonly later: readonly string[];
}

/** What is to be restored, and how. */
export interface Request {
  /** Of `ReadPicture`. */
  readonly picture: number;
  /** What is missing, for tasks that take a mask. */
  readonly mask?: Mask;
  /** `id` of the blur kernel, for tasks with a control of that kind. */
  readonly kernel?: number;
  /** Task, method and all their parameters. */
  readonly options: Options;
  /** Seed of the first result, an integer from 0 to 2^32 - 1; the others have the seeds behind it. */
  readonly seed: number;
  /** How many results, at least 1. */
  readonly samples: number;
}

/** What a restoration would take. */
export interface Plan {
  /** `640x480` of the result. */
  readonly result: string;
  /** At which it is restored. */
  readonly restored: string;
  /** What the network sees, padded. */
  readonly network: string;
  /** Windows that the network sees for an evaluation, and their side; one, of no side, where it sees all at once. */
  readonly windows: { readonly count: number; readonly side: number | null };
  /** Network evaluations of all results. */
  readonly evaluations: number;
  /** Milliseconds of one evaluation, measured here; null if unknown. */
  readonly evaluationMilliseconds: number | null;
  /** Milliseconds of all results at that pace; null if unknown. */
  readonly milliseconds: number | null;
  /** Most bytes on the device at once, weights included. */
  readonly deviceBytes: number;
  /** What the user should know, as sentences. */
  readonly notes: readonly string[];
}

/** A step that was done. */
export interface Step {
  /** Which result, from 1. */
  readonly sample: number;
  /** How many results. */
  readonly samples: number;
  /** The step in the words of the method. */
  readonly name: string;
  /** Counts from 1, in one result. */
  readonly step: number;
  /** How many there are in one result. */
  readonly steps: number;
  /** Evaluations so far, of all results. */
  readonly evaluations: number;
  /** Milliseconds since the first step began. */
  readonly milliseconds: number;
  /** Milliseconds still to come at the pace of the steps so far; null until the second step is done. */
  readonly remaining: number | null;
  /** The clean picture that is predicted at this step, at the size at which it is restored. */
  readonly picture: Pixels;
}

/** Quality against the picture that was degraded. */
export interface Quality {
  /** Peak signal-to-noise ratio in dB; null where both are equal. */
  readonly psnr: number | null;
  /** Structural similarity; null for pictures that are smaller than its window. */
  readonly ssim: number | null;
}

/** A picture that came out; the worker keeps it until it is forgotten. */
export interface RestoredPicture extends Pixels {
  /** For `save`. */
  readonly id: number;
  /** A result, the mean of several, or where they differ: white is a deviation of 64 levels of 255. */
  readonly kind: "result" | "mean" | "deviation";
  /** Of a result; null for the others. */
  readonly seed: number | null;
  /** Channels of `values`: 1 for gray, 3 for colour. */
  readonly channels: number;
  /** [H, W, C] in [-1, 1], not rounded. */
  readonly values: Float32Array<ArrayBuffer>;
  /** Against the good picture, with `degrade`. */
  readonly quality: Quality | null;
  /** What a person would want to know of it, as a sentence. */
  readonly verdict: string;
  /** Whether it is no better than what was there. */
  readonly isHarm: boolean;
}

/** What came of a request. */
export interface Restored {
  /** The results in the order of their seeds; of several also their mean and deviation. */
  readonly pictures: readonly RestoredPicture[];
  /** With `degrade` the damaged picture that was restored; null where the damaged picture was given. */
  readonly measurement: Pixels | null;
  /** What was done to the picture, as sentences. */
  readonly notes: readonly string[];
  /** Seeds of the results. */
  readonly seeds: readonly number[];
  /** Milliseconds of all steps. */
  readonly milliseconds: number;
  /** Milliseconds of one evaluation behind the first step of each result; null where there was no more than one. */
  readonly evaluationMilliseconds: number | null;
}

/** Told while a network is opened. */
export type OnProgress = (done: number, total: number) => void;

/** Told after every step, and waited for. */
export type OnStep = (step: Step) => void | Promise<void>;

/** What went wrong, as it crosses. */
export interface StudioFailure {
  /**
   * What it is: the request contradicts itself or asks for what there is not (`usage`); `stop` was called (`stopped`);
   * the device is gone, the next call opens it anew (`lost`); it has too little memory, a smaller `size` may do
   * (`memory`); there is no WebGPU (`missing`); anything else, such as a file that is damaged (`failure`).
   */
  readonly kind: "usage" | "stopped" | "lost" | "memory" | "missing" | "failure";
  /** The engine's sentence. */
  readonly message: string;
}

/** What the worker does. */
export interface StudioEngine {
  /** Opens the device and says what it is; a device that was lost is opened anew. */
  facts(): Promise<Facts>;
  /** The registers as data. */
  tasks(): Promise<Registers>;
  /**
   * Opens a network, which replaces the one before. Whoever opens none has the prior.
   * @param source a checkpoint of any format, a folder of a diffusers model, or the prior that comes with the program
   * @param onProgress told the bytes done and in all
   */
  openModel(source: File | ModelFolder | "prior", onProgress?: OnProgress): Promise<ModelFacts>;
  /** Reads a picture in any format of the browser, or the sample. */
  read(source: File | Example): Promise<ReadPicture>;
  /**
   * Reads a mask, a picture of two values or a NumPy array, in which the brighter value is known.
   * @param picture `id` of the picture over which it lies; it is resized to that
   */
  readMask(file: File, picture: number): Promise<ReadMask>;
  /** Reads a blur kernel: a picture of it, a NumPy array, or a text with a row of numbers on each line. */
  readKernel(file: File): Promise<ReadKernel>;
  /**
   * Looks at a damaged picture: what is wrong with it, and what undoes that. No device is needed.
   * @param picture its `id`
   * @param onProgress told the damages that were looked for, and how many there are
   */
  diagnose(picture: number, onProgress?: OnProgress): Promise<Diagnosis>;
  /** What a restoration would take; nothing is restored. */
  plan(request: Request): Promise<Plan>;
  /** Restores. */
  restore(request: Request, onStep?: OnStep): Promise<Restored>;
  /**
   * Computes on this adapter what other programs have recorded, and compares.
   * @param onChecked told what came of each file
   */
  verify(onChecked: OnChecked): Promise<void>;
  /**
   * Measures where the time of a step goes, of pictures as large as those of the network's training.
   * @param request whose task and method are taken; null: those where nothing is said
   */
  profile(request: Request | null): Promise<Profile>;
  /** Stops what runs: a restoration behind its current step, the opening of a network, a comparison. */
  stop(): Promise<void>;
  /**
   * A restored picture as the bytes of a PNG, which carries how it was made.
   * @param picture its `id`
   */
  save(picture: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Lets go of pictures, read or restored, and of kernels, by their `id`. */
  forget(...pictures: readonly number[]): Promise<void>;
  /** The command that does the same in a terminal. A mask is called by the picture's name with `-mask.png`. */
  commandLine(request: Request): Promise<string>;
}
