/** What the page knows: signals that components read, and what follows from them. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { Painting } from "./picture/painting.ts";
import type { CheckedFile, Profile } from "./inspection.ts";
import type {
  Control,
  Diagnosis,
  Facts,
  MethodFacts,
  ModelFacts,
  ModelFolder,
  Pixels,
  Plan,
  ReadKernel,
  ReadPicture,
  Registers,
  Request,
  Restored,
  RestoredPicture,
  Step,
  StudioFailure,
  TaskFacts,
} from "./protocol.ts";
import { controlsOf, type Entries, valuesOf } from "./settings.ts";

/** Something that takes a while before a restoration can begin. */
export interface Busy {
  /** What is done, such as `Opening model.pt`. */
  readonly what: string;
  /** Part that is done, 0 to 1; null if unknown. */
  readonly part: number | null;
}

/** A restoration that goes on. */
export interface Run {
  /** What is restored. */
  readonly request: Request;
  /** The last step; null before the first is done. */
  readonly step: Step | null;
  /** Whether it was asked to stop. */
  readonly isStopping: boolean;
}

/** What a request would take, or why it cannot be; both null while that is found out. */
export interface Outlook {
  /** Of whom. */
  readonly request: Request;
  /** What it takes. */
  readonly plan: Plan | null;
  /** Why it cannot be. */
  readonly failure: StudioFailure | null;
  /** The command that does the same; null while there is none. */
  readonly command: string | null;
}

/** What went wrong, and how it is tried again. */
export interface Trouble {
  /** What, in the engine's words. */
  readonly failure: StudioFailure;
  /** Does it again; absent where that makes no sense. */
  readonly again?: () => Promise<void>;
}

/** A picture that can be looked at. */
export interface Layer {
  /** Tells it from the others. */
  readonly key: string;
  /** What it is. */
  readonly label: string;
  /** The picture. */
  readonly pixels: Pixels;
  /** What came out; absent of what was there. */
  readonly restored?: RestoredPicture;
}

/** How long an evaluation takes, as a restoration measured it. */
export interface Pace {
  /** Of which requests; see `kindOf`. */
  readonly of: string;
  /** Of one evaluation. */
  readonly milliseconds: number;
}

/** A comparison of this adapter with recorded runs. */
export interface Checkup {
  /** What came of the files so far. */
  readonly files: readonly CheckedFile[];
  /** Whether more come. */
  readonly isRunning: boolean;
  /** Why it ended early; null if it did not. */
  readonly failure: StudioFailure | null;
}

/** A profile of a step, or what became of it. */
export interface Timing {
  /** What was measured; null until it is. */
  readonly profile: Profile | null;
  /** Whether it is being measured. */
  readonly isRunning: boolean;
  /** Why it could not be measured; null if nothing went wrong. */
  readonly failure: StudioFailure | null;
}

/** A window over the page. */
export type Window = "check" | "time";

/** Key of the layer of the picture that was read. */
const PICTURE = "picture";
/** Key of the layer of the picture as it was damaged. */
const MEASUREMENT = "measurement";

/** The state of the page; `Studio` changes it. */
export class State {
  /** What computes; null until it is known. */
  readonly facts: Signal<Facts | null> = signal(null);
  /** Tasks and methods; null until they are known. */
  readonly registers: Signal<Registers | null> = signal(null);
  /** The network; null until it is open. */
  readonly model: Signal<ModelFacts | null> = signal(null);
  /** Where it comes from. */
  readonly modelSource: Signal<File | ModelFolder | "prior"> = signal("prior");
  /** What is being read or opened; null if nothing is. */
  readonly busy: Signal<Busy | null> = signal(null);
  /** What went wrong last; null if nothing did. */
  readonly trouble: Signal<Trouble | null> = signal(null);
  /** What was done with a file that was brought, as sentences. */
  readonly notes: Signal<readonly string[]> = signal([]);
  /** The picture; null until there is one. */
  readonly picture: Signal<ReadPicture | null> = signal(null);
  /** A picture of which the settings alone were taken; null if there is none. */
  readonly offered: Signal<ReadPicture | null> = signal(null);
  /** What is wrong with the picture; null until it was looked at. */
  readonly diagnosis: Signal<Diagnosis | null> = signal(null);
  /** What is missing of the picture, painted by hand; null until there is a picture. */
  readonly painting: Signal<Painting | null> = signal(null);
  /** Counts the strokes of the painting, so that whoever reads it sees its changes. */
  readonly strokes: Signal<number> = signal(0);
  /** Name of the task. */
  readonly taskName: Signal<string> = signal("");
  /** Name of the method; empty: the one that is taken by itself. */
  readonly methodName: Signal<string> = signal("");
  /** Whether the picture is a good one, which is damaged first. */
  readonly isDegraded: Signal<boolean> = signal(false);
  /** What was entered, of all tasks and methods. */
  readonly entries: Signal<Entries> = signal({});
  /** The blur kernel that was brought; null if there is none. */
  readonly kernel: Signal<ReadKernel | null> = signal(null);
  /** Seed of the first result, as it was typed. */
  readonly seed: Signal<string> = signal("0");
  /** How many results, as it was typed. */
  readonly samples: Signal<string> = signal("1");
  /** What the present request would take; null while there is no request. */
  readonly outlook: Signal<Outlook | null> = signal(null);
  /** The restoration that goes on; null if none does. */
  readonly run: Signal<Run | null> = signal(null);
  /** What came out last; null until something did. */
  readonly result: Signal<{ readonly request: Request; readonly restored: Restored } | null> = signal(null);
  /** Key of the layer on the right. */
  readonly shownKey: Signal<string> = signal("");
  /** Key of the layer on the left; empty: what was restored. */
  readonly comparedKey: Signal<string> = signal("");
  /** What a screen reader is told. */
  readonly said: Signal<string> = signal("");
  /** What the last restoration measured; null before the first. */
  readonly measured: Signal<Pace | null> = signal(null);

  /** The window over the page; null if there is none. */
  readonly window: Signal<Window | null> = signal(null);
  /** The last comparison of the adapter; null before the first. */
  readonly checkup: Signal<Checkup | null> = signal(null);
  /** The last profile; null before the first. */
  readonly timing: Signal<Timing | null> = signal(null);

  /** The task that is chosen. */
  readonly task: ReadonlySignal<TaskFacts | undefined> = computed(() =>
    this.registers.value?.tasks.find(({ name }) => name === this.taskName.value)
  );
  /** The methods that suit the task, the one first that is taken by itself. */
  readonly methods: ReadonlySignal<readonly MethodFacts[]> = computed(() =>
    (this.task.value?.methods ?? []).flatMap((name) =>
      this.registers.value!.methods.filter((method) => method.name === name)
    )
  );
  /** The method that is taken. */
  readonly method: ReadonlySignal<MethodFacts | undefined> = computed(() =>
    this.methods.value.find(({ name }) => name === this.methodName.value) ?? this.methods.value[0]
  );
  /** The values of all controls that say something, and what is wrong with entries. */
  readonly settings: ReadonlySignal<ReturnType<typeof valuesOf>> = computed(() => {
    const [registers, task] = [this.registers.value, this.task.value];
    if (!registers || !task) return { options: {}, problems: {} };
    const controls = controlsOf(registers, { task, method: this.method.value, isDegraded: this.isDegraded.value });
    const { options, problems } = valuesOf(controls, this.entries.value);
    const numbers = valuesOf([SEED, SAMPLES], { seed: this.seed.value, samples: this.samples.value });
    return { options, problems: { ...problems, ...numbers.problems } };
  });
  /** What the user has to do before a restoration is possible, as a sentence; null: nothing. */
  readonly missing: ReadonlySignal<string | null> = computed(() => {
    const [picture, task] = [this.picture.value, this.task.value];
    if (!picture) return "Bring a picture first.";
    if (!task) return "Choose what is wrong with the picture.";
    if (Object.keys(this.settings.value.problems).length > 0) return "Correct the marked settings.";
    const needsMask = task.mask === "needed" && !this.isDegraded.value && !picture.hasAlpha;
    const says = this.settings.value.options;
    const isSaid = task.controls.some(({ option, kind }) =>
      kind !== "mask" && option.startsWith("mask") && option in says
    );
    return needsMask && !this.mask.value && !isSaid ? "Paint over what is missing in the picture." : null;
  });
  /** What was painted, where the task takes that. */
  readonly mask: ReadonlySignal<Request["mask"]> = computed(() => {
    this.strokes.value;
    const painting = this.painting.value;
    if (!painting || (this.task.value?.mask ?? "none") === "none" || !painting.data.includes(1)) return undefined;
    const { width, height, data } = painting;
    return { width, height, known: data.map((missing) => 1 - missing) };
  });
  /** What would be restored; null while something is missing. */
  readonly request: ReadonlySignal<Request | null> = computed(() => {
    if (this.missing.value !== null) return null;
    const [mask, kernel] = [this.mask.value, this.kernel.value];
    const isKernel = this.task.value!.controls.some(({ kind, option }) =>
      kind === "kernel" && this.entries.value[option]
    );
    const method = this.methods.value.some(({ name }) => name === this.methodName.value) && this.methodName.value;
    const options = {
      task: this.taskName.value,
      ...this.isDegraded.value ? { degrade: true } : {},
      ...method ? { method } : {},
      ...this.settings.value.options,
    };
    const [seed, samples] = [Number(this.seed.value), Number(this.samples.value)];
    return {
      picture: this.picture.value!.id,
      ...mask ? { mask } : {},
      ...isKernel && kernel ? { kernel: kernel.id } : {},
      options,
      seed,
      samples,
    };
  });
  /** All pictures that can be looked at: what was there, and what came out. */
  readonly layers: ReadonlySignal<readonly Layer[]> = computed(() => {
    const [picture, result] = [this.picture.value, this.result.value];
    if (!picture) return [];
    const isGood = result ? result.restored.measurement !== null : this.isDegraded.value;
    const { measurement = null, pictures = [] } = result?.restored ?? {};
    return [
      { key: PICTURE, label: isGood ? "Good picture" : "Damaged", pixels: picture },
      ...measurement ? [{ key: MEASUREMENT, label: "Damaged", pixels: measurement }] : [],
      ...pictures.map((restored) => ({
        key: keyOf(restored),
        label: restored.kind === "result" ? `Seed ${restored.seed}` : restored.kind === "mean" ? "Mean" : "Deviation",
        pixels: restored,
        restored,
      })),
    ];
  });
  /** The picture on the left of the divider; undefined while there is none. */
  readonly left: ReadonlySignal<Layer | undefined> = computed(() => {
    const find = (key: string): Layer | undefined => this.layers.value.find((layer) => layer.key === key);
    return find(this.comparedKey.value) ?? find(MEASUREMENT) ?? find(PICTURE);
  });
  /** The picture on the right: the prediction of a step while a restoration goes on; undefined while there is none. */
  readonly right: ReadonlySignal<Layer | undefined> = computed(() => {
    const step = this.run.value?.step;
    if (step) return { key: "step", label: `Predicted at step ${step.step} of ${step.steps}`, pixels: step.picture };
    return this.layers.value.find(({ key }) => key === this.shownKey.value);
  });
  /** Milliseconds of one evaluation, as measured by the last restoration of the kind, or as planned; null if unknown. */
  readonly pace: ReadonlySignal<number | null> = computed(() => {
    const outlook = this.outlook.value;
    const measured = this.measured.value;
    if (measured && outlook?.plan && measured.of === this.kindOf(outlook)) return measured.milliseconds;
    return outlook?.plan?.evaluationMilliseconds ?? measured?.milliseconds ?? null;
  });
  /** Milliseconds that the present request takes, corrected by what was measured; null if unknown. */
  readonly forecast: ReadonlySignal<number | null> = computed(() => {
    const [outlook, measured] = [this.outlook.value, this.measured.value];
    if (!outlook?.plan) return null;
    return measured?.of === this.kindOf(outlook)
      ? measured.milliseconds * outlook.plan.evaluations
      : outlook.plan.milliseconds;
  });

  /** Tells requests apart whose evaluations may take longer or shorter than those of others. */
  kindOf({ plan }: Outlook): string {
    return JSON.stringify([plan?.network, plan?.windows, this.method.value?.name]);
  }
}

/** The control of the seed. */
export const SEED: Control = {
  option: "seed",
  kind: "integer",
  help: "The same seed gives the same picture; the results behind the first have the next ones",
  default: 0,
  min: 0,
  max: 2 ** 32 - 1,
};

/** The control of the number of results. */
export const SAMPLES: Control = {
  option: "samples",
  kind: "integer",
  help: "Several pictures show where the answer is sure: their mean and deviation come with them",
  default: 1,
  min: 1,
};

/** Key of the layer of a picture that came out. */
export function keyOf({ id }: RestoredPicture): string {
  return `restored-${id}`;
}
