/** A run that is saved while it goes on, and goes on where it was saved. */
import { ENGINE_VERSION, type Runtime } from "../../engine/mod.ts";
import type { ByteSource, SafetensorsContents } from "../../models/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import type { Method } from "../options/method.ts";
import type { Task } from "../options/tasks.ts";
import { adapterData, type IdentifiedModel, modelData, type Report } from "../report.ts";
import type { ResumableStep } from "./resumable.ts";
import { decodeRunState, encodeRunState, type RunState } from "./run_state.ts";
import { SaveTimes } from "./save_times.ts";

/** Where the state of a run is kept, such as a file. */
export interface StateStore {
  /** What messages call it. */
  readonly name: string;
  /** What is there; undefined if nothing is. */
  read(): Promise<(ByteSource & Disposable) | undefined>;
  /** Puts a state in place of what is there, whole or not at all. */
  write(contents: SafetensorsContents): Promise<void>;
  /** Takes it away. */
  remove(): Promise<void>;
}

/** Everything that decides what a run computes. */
export interface RunSubject {
  /** What it is computed by. */
  readonly runtime: Runtime;
  /** The network, and the hash of its file. */
  readonly loaded: IdentifiedModel;
  /** What is wrong with the picture. */
  readonly task: Task;
  /** The method with its parameters. */
  readonly method: Method;
  /** The options of the command. */
  readonly options: OptionValues;
  /** Seed of the noise. */
  readonly seed: number;
  /** SHA-256 of the files that it is made of, hexadecimal. */
  readonly files: readonly string[];
  /** What program it is, with its versions. */
  readonly program: unknown;
}

/** How a run is saved. */
export interface SaveSetting {
  /** Seconds between two states, 0 for every step; by default each minute, of runs that take more than ten. */
  readonly every?: number | undefined;
  /** Why it is not, as the end of a sentence. */
  readonly refusal?: string | undefined;
  /** Told what becomes of it, in sentences. */
  readonly note: (text: string) => void;
}

/** Options that say what is told and written, and change nothing in what is computed. */
const OUTPUT_OPTIONS = ["out", "json", "strict", "sheet", "samples", "save-every"];

/** What a state belongs to: two runs of which all of this is equal give the same bytes. */
export function runIdentity({ runtime, loaded, task, method, options, seed, files, program }: RunSubject): Report {
  return {
    program: { version: ENGINE_VERSION, ...program as object },
    input: files,
    options: Object.fromEntries(Object.entries(options).filter(([name]) => !OUTPUT_OPTIONS.includes(name)).toSorted()),
    task: task.name,
    method: { name: method.name, ...method.options },
    model: modelData(loaded, options),
    seed,
    adapter: adapterData(runtime, options),
  };
}

/** The state of one run. */
export class SavedRun {
  /** Where the run goes on; undefined if it begins. */
  readonly from: RunState | undefined;
  /** Seconds that it took before. */
  readonly seconds: number;
  readonly #store: StateStore;
  readonly #identity: Report;
  readonly #setting: SaveSetting;
  readonly #times: SaveTimes;
  #latest: ResumableStep | undefined;
  #savedStep = 0;
  /** Whether there is a state that is no longer needed when the run ends. */
  #isThere: boolean;
  #isRefused = false;

  /**
   * Looks for a state of the run. One that does not fit, or is damaged, is told of and left out of account.
   * @param identity as `runIdentity` gives it
   */
  static async open(store: StateStore, identity: Report, setting: SaveSetting): Promise<SavedRun> {
    const here = JSON.parse(JSON.stringify(identity)) as Report;
    const opened = (state?: RunState, seconds = 0, isThere = state !== undefined): SavedRun =>
      new SavedRun(store, here, setting, { state, seconds, isThere });
    if (setting.refusal !== undefined) return opened();
    try {
      using source = await store.read();
      if (!source) return opened();
      const { state, about } = await decodeRunState(source);
      const there = about["run"] as Report;
      const differing = Object.keys(here).filter((key) => JSON.stringify(here[key]) !== JSON.stringify(there[key]));
      if (differing.length > 0) {
        setting.note(`"${store.name}" is left out of account: it is of a run with another ${differing.join(", ")}`);
        return opened(undefined, 0, true);
      }
      setting.note(`Goes on at step ${state.step + 1} of ${state.steps} from "${store.name}"`);
      return opened(state, about["seconds"] as number);
    } catch (error) {
      setting.note(`"${store.name}" is left out of account: ${(error as Error).message}`);
      return opened();
    }
  }

  private constructor(
    store: StateStore,
    identity: Report,
    setting: SaveSetting,
    { state, seconds, isThere }: {
      readonly state: RunState | undefined;
      readonly seconds: number;
      readonly isThere: boolean;
    },
  ) {
    [this.#store, this.#identity, this.#setting, this.#isThere] = [store, identity, setting, isThere];
    [this.from, this.seconds] = [state, seconds];
    this.#times = new SaveTimes(setting.every, performance.now() / 1000, seconds);
  }

  /** After every step, before the next one is asked for: saves the run if it is time to. */
  async step(step: ResumableStep): Promise<void> {
    this.#latest = step;
    this.#times.see(step, performance.now() / 1000);
    if (this.#times.isDue) await this.#save();
  }

  /** Before the run is given up behind its latest step: saves it if it is long. */
  async stop(): Promise<void> {
    if (this.#times.isLong) await this.#save();
    if (!this.#isRefused && this.#savedStep === this.#latest!.step) {
      this.#setting.note(`The same command goes on behind step ${this.#savedStep} from "${this.#store.name}"`);
    }
  }

  /** When the result is written: takes the state away. */
  async finish(): Promise<void> {
    if (this.#isThere) await this.#store.remove();
  }

  async #save(): Promise<void> {
    const latest = this.#latest!;
    // Behind the last step only the result is to be written.
    if (this.#isRefused || latest.step === latest.steps || latest.step === this.#savedStep) return;
    try {
      if (this.#setting.refusal !== undefined) throw new Error(this.#setting.refusal);
      const about = { run: this.#identity, seconds: this.#times.seconds };
      await this.#store.write(await encodeRunState({ state: await latest.state(), about }));
      this.#times.save();
      [this.#savedStep, this.#isThere] = [latest.step, true];
    } catch (error) {
      // The run itself can be finished.
      this.#isRefused = true;
      this.#setting.note(`The run is not saved, and begins again if it is stopped: ${(error as Error).message}`);
    }
  }
}
