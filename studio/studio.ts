/** How what the page knows changes: actions that call the engine. */
import { batch, effect } from "@preact/signals";
import { Painting } from "./picture/painting.ts";
import type {
  Advice,
  Control,
  Example,
  ModelFolder,
  OnProgress,
  ReadPicture,
  Request,
  RestoredPicture,
  Step,
  StudioEngine,
  StudioFailure,
  TaskFacts,
} from "./protocol.ts";
import { entriesOf, withEntry } from "./settings.ts";
import { type Checkup, keyOf, State } from "./state.ts";

/** How much the task enlarges that is chosen at first: enough to be seen. */
const FIRST_SCALE = 4;

/** The state of the page with all that can be done to it. */
export class Studio extends State {
  readonly #engine: StudioEngine;
  #isPlanning = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param engine what computes
   * @param delay milliseconds without a change until a request is planned
   */
  constructor(engine: StudioEngine, delay = 300) {
    super();
    this.#engine = engine;
    effect(() => {
      const [request, isIdle] = [this.request.value, this.run.value === null && this.model.value !== null];
      const known = this.outlook.peek();
      clearTimeout(this.#timer);
      if (!isIdle || (request === known?.request && (known?.plan || known?.failure))) return;
      this.outlook.value = request && { request, plan: null, failure: null, command: null };
      if (request) this.#timer = setTimeout(() => this.#plan(request), delay);
    });
  }

  /** Opens device and network and asks for the registers. */
  async start(): Promise<void> {
    await this.#during("Looking for the graphics card", async () => {
      const [facts, registers] = await Promise.all([this.#engine.facts(), this.#engine.tasks()]);
      batch(() => {
        this.facts.value = facts;
        this.registers.value = registers;
        const possible = registers.tasks.filter(({ takesDamaged }) => takesDamaged);
        const first = possible.find(({ scale }) => scale === FIRST_SCALE) ?? possible[0];
        this.taskName.value ||= first?.name ?? "";
      });
      if (facts.adapter) await this.openModel("prior");
    }, () => this.start());
  }

  /** Reads a file: a picture, or else a checkpoint; a folder is that of a model. */
  async bring(file: File | ModelFolder | Example): Promise<void> {
    if (this.run.value) return this.#say("Stop the restoration before you bring another file.");
    const isExample = typeof file === "string";
    if (!isExample && !(file instanceof File && file.type.startsWith("image/"))) return await this.openModel(file);
    await this.#during(`Reading ${isExample ? `the ${file}` : file.name}`, async () => {
      const read = await this.#engine.read(file);
      if (read.parameters && this.picture.value) {
        this.#replaceOffered(read);
        return this.#take(read);
      }
      this.#open(read, isExample);
      if (read.parameters) this.#take(read);
    }, () => this.bring(file));
  }

  /** Opens the picture of which the settings were taken. */
  openOffered(): void {
    const read = this.offered.value;
    if (!read || this.run.value) return;
    this.offered.value = null;
    this.#open(read, false);
  }

  /** Opens a network. */
  async openModel(source: File | ModelFolder | "prior"): Promise<void> {
    if (this.run.value) return this.#say("Stop the restoration before you open another network.");
    const name = source === "prior" ? "the prior" : source.name;
    await this.#during(`Opening ${name}`, async () => {
      const model = await this.#told(`Opening ${name}`, (told) => this.#engine.openModel(source, told));
      batch(() => {
        this.model.value = model;
        this.modelSource.value = source;
        this.outlook.value = null;
        this.measured.value = null;
        this.notes.value = model.notes;
      });
      if (source !== "prior") this.#say(`${model.name} is open.`);
    }, () => this.openModel(source));
  }

  /** Chooses a task; one that takes no damaged picture has a good one damaged. */
  chooseTask({ name, takesDamaged }: TaskFacts): void {
    batch(() => {
      this.taskName.value = name;
      if (!takesDamaged) this.isDegraded.value = true;
    });
  }

  /** Looks at what is wrong with the picture, and sets what undoes it. */
  async diagnose(): Promise<void> {
    const picture = this.picture.value;
    if (!picture || this.run.value) return;
    const what = "Looking at the picture";
    await this.#during(what, async () => {
      const diagnosis = await this.#told(what, (told) => this.#engine.diagnose(picture.id, told));
      if (this.picture.value !== picture) return;
      const { findings, advice } = diagnosis;
      batch(() => {
        this.diagnosis.value = diagnosis;
        if (advice && advice.first === null) this.#follow(advice);
        const sure = findings.filter(({ isSure }) => isSure).map(({ text }) => text);
        this.#say(sure.length > 0 ? `Found: ${sure.join("; ")}.` : "Nothing is surely wrong with the picture.");
      });
    }, () => this.diagnose());
  }

  /** Sets a control, or empties it. */
  enter(control: Control, entry: string | boolean): void {
    this.entries.value = withEntry(this.entries.value, control, entry);
  }

  /** Tells that the painting has changed. */
  painted(): void {
    this.strokes.value++;
  }

  /** Lays a mask of a file over the picture in place of what was painted. */
  async bringMask(file: File): Promise<void> {
    const picture = this.picture.value;
    if (!picture || this.run.value) return;
    const read = await this.#attempt(() => this.#engine.readMask(file, picture.id), () => this.bringMask(file));
    if (!read || this.picture.value !== picture) return;
    this.painting.value!.replace(read.mask.known.map((known) => 1 - known));
    batch(() => {
      this.painted();
      this.notes.value = read.notes;
      this.#say(`${file.name} is laid over the picture.`);
    });
  }

  /** Takes a blur kernel of a file as the entry of a control; null takes it away. */
  async bringKernel(control: Control, file: File | null): Promise<void> {
    const kernel = file &&
      await this.#attempt(() => this.#engine.readKernel(file), () => this.bringKernel(control, file));
    if (kernel === undefined) return;
    const old = this.kernel.value;
    batch(() => {
      this.kernel.value = kernel;
      this.enter(control, kernel?.name ?? "");
    });
    if (old) await this.#forget([old]);
  }

  /** Restores what is requested. */
  async restore(): Promise<void> {
    const request = this.request.value;
    if (!request || this.run.value) return;
    batch(() => {
      this.trouble.value = null;
      this.run.value = { request, step: null, isStopping: false };
      this.#say("Restoring.");
    });
    try {
      const restored = await this.#engine.restore(request, (step) => this.#stepped(step));
      const old = this.result.value?.restored.pictures ?? [];
      batch(() => {
        this.run.value = null;
        this.result.value = { request, restored };
        this.shownKey.value = restored.pictures[0] ? keyOf(restored.pictures[0]) : "";
        this.comparedKey.value = "";
        if (restored.evaluationMilliseconds !== null) this.#measure(restored.evaluationMilliseconds);
        this.#say(`Restored. ${restored.pictures[0]?.verdict ?? ""}`);
      });
      await this.#forget(old);
    } catch (error) {
      const failure = failureOf(error);
      batch(() => {
        this.run.value = null;
        if (failure.kind === "stopped") this.#say("Stopped.");
        else this.trouble.value = { failure, again: () => this.restore() };
      });
    }
  }

  /** Stops the restoration behind its step, or the opening of a network. */
  async stop(): Promise<void> {
    if (this.run.value) this.run.value = { ...this.run.value, isStopping: true };
    await this.#engine.stop();
  }

  /** A result as the bytes of a PNG with the name of its file; null where that failed, which is told. */
  async save({ id, kind, seed }: RestoredPicture): Promise<
    { readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> } | null
  > {
    const stem = (this.picture.value?.name ?? "picture").replace(/\.[^.]*$/, "");
    const name = `${stem}-${kind === "result" ? `restored-seed${seed}` : kind}.png`;
    const bytes = await this.#attempt(() => this.#engine.save(id));
    return bytes === undefined ? null : { name, bytes };
  }

  /** Compares this adapter with recorded runs, in a window. */
  async checkAdapter(): Promise<void> {
    if (this.run.value || this.checkup.value?.isRunning) return;
    batch(() => {
      this.window.value = "check";
      this.checkup.value = { files: [], isRunning: true, failure: null };
    });
    const add = (changes: Partial<Checkup>): void => {
      this.checkup.value = { ...this.checkup.value!, ...changes };
    };
    try {
      await this.#engine.verify((file) => add({ files: [...this.checkup.value!.files, file] }));
      add({ isRunning: false });
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === "stopped") this.checkup.value = null;
      else add({ isRunning: false, failure });
    }
  }

  /** Measures where the time of a step goes, in a window. */
  async profile(): Promise<void> {
    if (this.run.value) return;
    batch(() => {
      this.window.value = "time";
      this.timing.value = { profile: null, isRunning: true, failure: null };
    });
    try {
      const profile = await this.#engine.profile(this.request.value);
      this.timing.value = { profile, isRunning: false, failure: null };
    } catch (error) {
      this.timing.value = { profile: null, isRunning: false, failure: failureOf(error) };
    }
  }

  /** Closes the window over the page, and stops what goes on in it. */
  closeWindow(): void {
    this.window.value = null;
    if (this.checkup.value?.isRunning) void this.#engine.stop();
  }

  /** Tells of something that went wrong outside of the actions. */
  failed(error: unknown): void {
    this.trouble.value = { failure: failureOf(error) };
  }

  #say(text: string): void {
    this.said.value = text;
  }

  #open(read: ReadPicture, isGood: boolean): void {
    const old = [this.picture.value, ...this.result.value?.restored.pictures ?? []].filter((picture) =>
      picture !== null
    );
    batch(() => {
      this.picture.value = read;
      this.painting.value = new Painting(read);
      this.result.value = null;
      this.shownKey.value = this.comparedKey.value = "";
      this.isDegraded.value = isGood;
      this.diagnosis.value = null;
      this.notes.value = [];
      this.#say(`${read.name} is open, ${read.width} by ${read.height} pixels.`);
    });
    void this.#forget(old);
  }

  /** Sets the controls as they were for a picture. */
  #take({ name, parameters }: ReadPicture): void {
    const { task, method, degrade, ...options } = parameters!.options;
    const isKnown = this.registers.value!.tasks.some((known) => known.name === task);
    batch(() => {
      if (isKnown) this.taskName.value = String(task);
      this.methodName.value = String(method ?? "");
      this.isDegraded.value = degrade === true;
      this.entries.value = entriesOf(options);
      this.seed.value = String(parameters!.seed);
      this.notes.value = [
        `The settings are those of ${name}.`,
        ...isKnown ? [] : [`Its task "${task}" cannot be set here; the command line has it: restore --like ${name}.`],
        ...parameters!.notes,
      ];
      this.#say(this.notes.value.join(" "));
    });
  }

  /** Sets the controls, and the mask, as a diagnosis advises; a task of several damages joins the register. */
  #follow({ task, options, mask }: Advice): void {
    const { tasks, ...others } = this.registers.value!;
    if (!tasks.some(({ name }) => name === task.name)) {
      this.registers.value = { ...others, tasks: [...tasks, task] };
    }
    this.taskName.value = task.name;
    this.methodName.value = "";
    this.isDegraded.value = false;
    this.entries.value = entriesOf(options);
    if (!mask) return;
    this.painting.value!.replace(mask.known.map((known) => 1 - known));
    this.painted();
  }

  #replaceOffered(read: ReadPicture): void {
    const old = this.offered.value;
    this.offered.value = read;
    if (old) void this.#forget([old]);
  }

  /** Plans a request; one at a time, so that those of settings long past do not stand in the way of the last. */
  async #plan(request: Request): Promise<void> {
    const known = this.outlook.peek();
    if (this.#isPlanning || (known?.request === request && (known.plan || known.failure))) return;
    this.#isPlanning = true;
    const [plan, command] = await Promise.allSettled([this.#engine.plan(request), this.#engine.commandLine(request)]);
    this.#isPlanning = false;
    const present = this.request.peek();
    if (present !== request) return present && this.run.peek() === null ? await this.#plan(present) : undefined;
    const failure = plan.status === "fulfilled" ? null : failureOf(plan.reason);
    this.outlook.value = {
      request,
      plan: plan.status === "fulfilled" ? plan.value : null,
      // What was stopped says nothing of the request; it is planned again when it is idle.
      failure: failure?.kind === "stopped" ? null : failure,
      command: command.status === "fulfilled" ? command.value : null,
    };
  }

  #stepped(step: Step): void {
    const { run } = this;
    if (!run.value) return;
    const before = run.value.step;
    batch(() => {
      run.value = { ...run.value!, step };
      if (step.evaluations > 0) this.#measure(step.milliseconds / step.evaluations);
      if (quarter(step) !== (before ? quarter(before) : 0)) this.#say(`${25 * quarter(step)} percent done.`);
    });
  }

  #measure(milliseconds: number): void {
    const outlook = this.outlook.peek();
    if (outlook) this.measured.value = { of: this.kindOf(outlook), milliseconds };
  }

  async #during(what: string, action: () => Promise<void>, again: () => Promise<void>): Promise<void> {
    this.busy.value = { what, part: null };
    await this.#attempt(action, again);
    if (this.busy.value?.what === what) this.busy.value = null;
  }

  /** Does something that tells how far it is. */
  async #told<T>(what: string, action: (told: OnProgress) => Promise<T>): Promise<T> {
    let isOver = false;
    const told = (done: number, total: number): void => {
      // What is told crosses by itself, and may come behind the end.
      if (!isOver) this.busy.value = { what, part: total > 0 ? done / total : null };
    };
    return await action(told).finally(() => void (isOver = true));
  }

  /** Does something, and tells if it went wrong. */
  async #attempt<T>(action: () => Promise<T>, again?: () => Promise<void>): Promise<T | undefined> {
    this.trouble.value = null;
    try {
      return await action();
    } catch (error) {
      const failure = failureOf(error);
      if (failure.kind === "stopped") this.#say("Stopped.");
      else this.trouble.value = { failure, ...again ? { again } : {} };
      return undefined;
    }
  }

  async #forget(pictures: readonly { readonly id: number }[]): Promise<void> {
    if (pictures.length > 0) await this.#engine.forget(...pictures.map(({ id }) => id));
  }
}

/** Quarters of a restoration that are done. */
function quarter({ sample, samples, step, steps }: Step): number {
  return Math.floor(4 * (sample - 1 + step / steps) / samples);
}

/** What went wrong, as the engine tells it, or as any other error says. */
export function failureOf(error: unknown): StudioFailure {
  if (typeof error === "object" && error !== null && "kind" in error && "message" in error) {
    return error as StudioFailure;
  }
  return { kind: "failure", message: error instanceof Error ? error.message : String(error) };
}
