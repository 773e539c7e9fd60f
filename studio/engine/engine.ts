/** The engine of the page: device, network and pictures behind the calls of `StudioEngine`. */
import type { WebGpuRuntime } from "../../engine/mod.ts";
import { UsageError } from "../../parameters/mod.ts";
import { EXAMPLE_PICTURES, PARAMETERS_KEYWORD } from "../../restoration/mod.ts";
import type { OnChecked, Profile } from "../inspection.ts";
import type {
  Diagnosis,
  Example,
  Facts,
  ModelFacts,
  OnProgress,
  OnStep,
  Plan,
  ReadKernel,
  ReadMask,
  ReadPicture,
  Registers,
  Request,
  Restored,
  StudioEngine,
} from "../protocol.ts";
import { decode, textsOf } from "./decode.ts";
import { Device, type Surroundings } from "./device.ts";
import { failureOf, Stopped } from "./failure.ts";
import { readKernelFile, readMaskFile } from "./files.ts";
import { type Job, type Named, optionsOf, Paces, readJob, settleSize, type StoredKernel } from "./job.ts";
import { lookAt } from "./look.ts";
import { modelFacts, type NetworkSource, type OpenNetwork, openNetwork } from "./network.ts";
import { commandOf } from "./options.ts";
import { pixelsOfKernel, type StoredPicture } from "./pictures.ts";
import { type EvaluationTimes, planJob, timeKey } from "./plan.ts";
import { profileJob } from "./profile.ts";
import { encodePng } from "./png.ts";
import { registers } from "./registers.ts";
import { parametersIn } from "./repeat.ts";
import { type Kept, restoreJob } from "./restore.ts";
import { verifyAdapter } from "./verify.ts";

/** Software that picture files name. */
const SOFTWARE = { Software: "Shortcut" };

/** Files that come with the page. */
export interface PageFiles {
  /** A good picture, by its path in the program. */
  example(path: string): Promise<Blob>;
  /** A reference file, by its name. */
  reference(name: string): Promise<Blob>;
}

/** A picture that was read, and which of the page's it is. */
interface ReadSource extends StoredPicture {
  readonly example?: Example;
}

/** The engine; its calls fail with a `StudioFailure`. */
export class Engine implements StudioEngine {
  readonly #device: Device;
  readonly #files: PageFiles;
  readonly #paces: Paces = new Paces();
  readonly #times: EvaluationTimes = new Map();
  readonly #pictures = new Map<number, ReadSource>();
  readonly #kept = new Map<number, Kept>();
  readonly #kernels = new Map<number, StoredKernel>();
  #source: NetworkSource = "prior";
  #network: OpenNetwork | undefined;
  #numbers = 0;
  /** Counts the calls of `stop`. */
  #stops = 0;
  /** Ends when all that was asked of the device is done. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param surroundings of the worker
   * @param files that come with the page
   */
  constructor(surroundings: Surroundings, files: PageFiles) {
    this.#device = new Device(surroundings);
    this.#files = files;
  }

  /** What is known before anything is opened. */
  facts(): Promise<Facts> {
    return this.#inTurn(() => this.#device.facts());
  }

  /** The registers as data. */
  tasks(): Promise<Registers> {
    return attempted(registers);
  }

  /** Opens a network in place of the one before, which stays where it fails. */
  openModel(source: NetworkSource, onProgress?: OnProgress): Promise<ModelFacts> {
    return this.#inTurn(async (check) => {
      const runtime = await this.#device.runtime();
      const opened = await openNetwork(runtime, source, { onProgress, check });
      this.#network?.model.free();
      this.#source = source;
      this.#take(opened);
      return modelFacts(opened);
    });
  }

  /** Reads a picture, or one that comes with the page. */
  read(source: File | Example): Promise<ReadPicture> {
    return attempted(async () => {
      const example = typeof source === "string" ? source : undefined;
      const path = example && EXAMPLE_PICTURES[example].file;
      const file = path === undefined ? source as File : await this.#files.example(path);
      const { pixels, ...picture } = await decode(file, path?.replace(/^.*\//, "") ?? (source as File).name);
      const texts = example ? {} : await textsOf(file);
      const parameters = PARAMETERS_KEYWORD in texts ? await this.#parametersIn(texts, picture.name) : null;
      const id = ++this.#numbers;
      this.#pictures.set(id, { ...picture, ...example ? { example } : {} });
      return { ...pixels, id, name: picture.name, hasAlpha: picture.decoded.alpha !== undefined, parameters };
    });
  }

  /** Reads a mask. */
  readMask(file: File, picture: number): Promise<ReadMask> {
    return attempted(() => readMaskFile(file, this.#pictureOf(picture).decoded));
  }

  /** Reads a blur kernel. */
  readKernel(file: File): Promise<ReadKernel> {
    return attempted(async () => {
      const taps = await readKernelFile(file);
      const id = ++this.#numbers;
      this.#kernels.set(id, { name: file.name, taps });
      return { ...pixelsOfKernel(taps), id, name: file.name };
    });
  }

  /** What is wrong with a picture. */
  diagnose(picture: number, onProgress?: OnProgress): Promise<Diagnosis> {
    const check = this.#untilStopped();
    return attempted(() =>
      lookAt(this.#pictureOf(picture), (done, total) => {
        check();
        onProgress?.(done, total);
      })
    );
  }

  /** What a restoration would take. */
  plan(request: Request): Promise<Plan> {
    return this.#inTurn(async () => {
      const job = this.#jobOf(request);
      const { runtime, network } = await this.#opened();
      return await planJob(runtime, network, job, { paces: this.#paces, times: this.#times });
    });
  }

  /** Restores. */
  restore(request: Request, onStep?: OnStep): Promise<Restored> {
    return this.#inTurn(async (check) => {
      const job = this.#jobOf(request);
      const { runtime, network } = await this.#opened();
      const settled = await settleSize(runtime, network, job, this.#paces);
      check();
      const numbers: number[] = [];
      const keep = (kept: Kept): number => {
        numbers.push(++this.#numbers);
        this.#kept.set(this.#numbers, kept);
        return this.#numbers;
      };
      try {
        const restored = await restoreJob({ runtime, network, job, settled, onStep, check, keep });
        const { evaluationMilliseconds } = restored;
        if (evaluationMilliseconds !== null) this.#times.set(timeKey(job, settled), evaluationMilliseconds);
        return restored;
      } catch (error) {
        for (const number of numbers) this.#kept.delete(number);
        throw error;
      }
    });
  }

  /** Compares with what other programs have recorded. */
  verify(onChecked: OnChecked): Promise<void> {
    return this.#inTurn(async (check) => {
      const runtime = await this.#device.runtime();
      await verifyAdapter({ runtime, reference: (name) => this.#files.reference(name), onChecked, check });
    });
  }

  /** Where the time of a step goes. */
  profile(request: Request | null): Promise<Profile> {
    return this.#inTurn(async () => {
      const job = request ? this.#jobOf(request) : undefined;
      const { runtime, network } = await this.#opened();
      return await profileJob(runtime, network, job);
    });
  }

  /** Stops what runs, and what waits, behind the current step. */
  stop(): Promise<void> {
    this.#stops++;
    return Promise.resolve();
  }

  /** A restored picture as a PNG file. */
  save(picture: number): Promise<Uint8Array<ArrayBuffer>> {
    return attempted(async () => {
      const kept = this.#kept.get(picture);
      if (!kept) throw new UsageError(`there is no restored picture ${picture}; restore it again`);
      const text = { ...SOFTWARE, [PARAMETERS_KEYWORD]: JSON.stringify(kept.parameters) };
      return await encodePng(kept.image, text);
    });
  }

  /** Lets go of pictures. */
  forget(...pictures: readonly number[]): Promise<void> {
    for (const picture of pictures) {
      this.#pictures.delete(picture);
      this.#kept.delete(picture);
      this.#kernels.delete(picture);
    }
    return Promise.resolve();
  }

  /** The command that does the same. */
  commandLine(request: Request): Promise<string> {
    return attempted(() => {
      const named = this.#named(request);
      const { name, example } = this.#pictureOf(request.picture);
      const options = optionsOf(request, named);
      const isBrought = example !== undefined && options["degrade"] === true;
      return commandOf(request, {
        options: isBrought && example !== "portrait" ? { example, ...options } : options,
        picture: isBrought ? undefined : example ? EXAMPLE_PICTURES[example].file : name,
        model: this.#source === "prior" ? undefined : this.#source.name,
      });
    });
  }

  #pictureOf(picture: number): ReadSource {
    const found = this.#pictures.get(picture);
    if (found) return found;
    throw new UsageError(`there is no picture ${picture}; read it again`);
  }

  #named({ picture: number, kernel: of }: Request): Named {
    const picture = this.#pictureOf(number);
    const kernel = of === undefined ? undefined : this.#kernels.get(of);
    if (of !== undefined && !kernel) throw new UsageError(`there is no kernel ${of}; read it again`);
    return { picture, isSample: picture.example !== undefined, kernel };
  }

  #jobOf(request: Request): Job {
    return readJob(request, this.#named(request), this.#source === "prior");
  }

  /** Device and network, opened where they are not. */
  async #opened(): Promise<{ readonly runtime: WebGpuRuntime; readonly network: OpenNetwork }> {
    const runtime = await this.#device.runtime();
    if (!this.#network) this.#take(await openNetwork(runtime, this.#source, { check: () => {} }));
    return { runtime, network: this.#network! };
  }

  #take(network: OpenNetwork): void {
    this.#network = network;
    this.#paces.clear();
    this.#times.clear();
  }

  /** What made a picture, compared with the network that there is; without a device there is none. */
  async #parametersIn(texts: Readonly<Record<string, string>>, name: string): Promise<ReadPicture["parameters"]> {
    const network = this.#network ??
      await this.#queued(() => this.#opened()).then(({ network }) => network, () => undefined);
    return parametersIn(texts, name, network);
  }

  /** Throws from the next call of `stop` on. */
  #untilStopped(): () => void {
    const stops = this.#stops;
    return () => {
      if (this.#stops !== stops) throw new Stopped();
    };
  }

  /**
   * Carries out what uses the device when all before it is done. Where the device broke, the next call opens another.
   * @param body is given what throws once `stop` was called
   */
  #queued<T>(body: (check: () => void) => Promise<T>): Promise<T> {
    const check = this.#untilStopped();
    const run = this.#last.then(async () => {
      try {
        return await body(check);
      } catch (error) {
        if (await this.#device.isBroken()) await this.#dropDevice();
        throw error;
      }
    });
    this.#last = run.catch(() => {});
    return run;
  }

  /** The same, as a call of the page. */
  #inTurn<T>(body: (check: () => void) => Promise<T>): Promise<T> {
    return attempted(() => this.#queued(body));
  }

  async #dropDevice(): Promise<void> {
    this.#network = undefined;
    await this.#device.drop();
  }
}

/** A call whose errors cross as plain objects. */
async function attempted<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw failureOf(error);
  }
}
