/** What is wrong with the picture, and how it is restored. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Control, Options } from "../protocol.ts";
import { groupTasks, labelOf, shownControls, type TaskGroup } from "../settings.ts";
import { SAMPLES, SEED } from "../state.ts";
import type { Studio } from "../studio.ts";
import { DiagnosisPart } from "./diagnosis_part.ts";
import { Field } from "./field.ts";
import { FileButton } from "./files.ts";

/** All settings. The registers must be known. */
export function SettingsPanel({ studio }: { readonly studio: Studio }): VNode {
  const { degrade, noise, general } = studio.registers.value!;
  const [task, method] = [studio.task.value, studio.method.value];
  const { isDegraded } = studio;
  return h(
    "form",
    { class: "panel-settings", "aria-label": "Settings", onSubmit: (event) => event.preventDefault() },
    h(Tasks, { studio }),
    h(Field, {
      control: degrade,
      entry: isDegraded.value || undefined,
      isDisabled: task?.takesDamaged === false,
      onEntry: (entry) => void (isDegraded.value = entry === true),
    }),
    task && h(Controls, { studio, controls: task.controls, needed: isDegraded.value ? null : task.needs }),
    isDegraded.value && h(More, { title: "Noise that is added", studio, controls: noise }),
    h(Method, { studio }),
    method && h(More, {
      title: `Parameters of ${method.name}`,
      studio,
      controls: method.controls,
      published: method.published[task?.kind ?? ""],
    }),
    h(More, { title: general.map(labelOf).join(", "), studio, controls: general }),
    h("div", { class: "pair" }, h(Numbers, { studio })),
  );
}

/** The tasks by what they do; those of good pictures alone stand apart. */
function Tasks({ studio }: { readonly studio: Studio }): VNode {
  const { tasks } = studio.registers.value!;
  const damaged = groupTasks(tasks.filter(({ takesDamaged }) => takesDamaged));
  const good = groupTasks(tasks.filter(({ takesDamaged }) => !takesDamaged));
  return h(
    "fieldset",
    null,
    h("legend", null, "What is wrong with the picture?"),
    h(DiagnosisPart, { studio }),
    h("div", { class: "choices" }, damaged.map((group) => h(TaskChoice, { key: group.title, studio, group }))),
    good.length > 0 && h(
      "details",
      null,
      h("summary", null, "More, for good pictures that are damaged first"),
      h("div", { class: "choices" }, good.map((group) => h(TaskChoice, { key: group.title, studio, group }))),
    ),
  );
}

/** One choice, and where several tasks do the same, which of them. */
function TaskChoice({ studio, group: { title, tasks } }: {
  readonly studio: Studio;
  readonly group: TaskGroup;
}): VNode {
  const chosen = tasks.find(({ name }) => name === studio.taskName.value);
  return h(
    "div",
    null,
    h(
      "label",
      null,
      h("input", {
        type: "radio",
        name: "task",
        checked: chosen !== undefined,
        onChange: () => studio.chooseTask(tasks[0]!),
      }),
      title,
    ),
    chosen && tasks.length > 1 && h(
      "select",
      {
        "aria-label": title,
        value: chosen.name,
        onChange: (event) => studio.chooseTask(tasks.find(({ name }) => name === event.currentTarget.value)!),
      },
      tasks.map(({ name, about }) => h("option", { key: name, value: name }, `${name}: ${about}`)),
    ),
  );
}

function Method({ studio }: { readonly studio: Studio }): VNode {
  const method = studio.method.value;
  return h(
    "div",
    { class: "field" },
    h("label", { for: "method" }, "Method"),
    h(
      "select",
      {
        id: "method",
        value: method?.name ?? "",
        "aria-describedby": "method-help",
        onChange: (event) => void (studio.methodName.value = event.currentTarget.value),
      },
      studio.methods.value.map(({ name }) => h("option", { key: name, value: name }, name)),
    ),
    h("p", { class: "quiet", id: "method-help" }, method && `${method.about} (${method.paper})`),
  );
}

/** Controls that are opened where they are wanted. */
function More({ title, ...props }: { readonly title: string } & ControlsProps): VNode | null {
  const count = shownControls(props.controls, props.studio.isDegraded.value).length;
  return count === 0 ? null : h("details", null, h("summary", null, title), h(Controls, props));
}

interface ControlsProps {
  readonly studio: Studio;
  readonly controls: readonly Control[];
  readonly published?: Options | undefined;
  /** The option that must be given. */
  readonly needed?: string | null;
}

function Controls({ studio, controls, published, needed }: ControlsProps): VNode | null {
  const shown = shownControls(controls, studio.isDegraded.value);
  const entries = studio.entries.value;
  return shown.length === 0 ? null : h(
    "div",
    { class: "group" },
    shown.map((control) =>
      control.kind === "kernel" ? h(KernelField, { key: control.option, studio, control }) : h(Field, {
        key: control.option,
        control,
        entry: entries[control.option],
        problem: studio.settings.value.problems[control.option],
        published,
        isNeeded: control.option === needed,
        isDisabled: control.needs !== undefined && entries[control.needs] === undefined,
        onEntry: (entry) => studio.enter(control, entry),
      })
    ),
  );
}

/** A blur kernel of a file. */
function KernelField({ studio, control }: { readonly studio: Studio; readonly control: Control }): VNode {
  const name = studio.entries.value[control.option];
  const kernel = studio.kernel.value;
  const id = `option-${control.option}`;
  return h(
    "div",
    { class: "field", role: "group", "aria-labelledby": id, "aria-describedby": `${id}-help` },
    h("p", { class: "label", id }, labelOf(control)),
    h(
      "div",
      { class: "row" },
      h(FileButton, {
        label: name === undefined ? "Choose a file" : "Choose another file",
        accept: "image/*,.npy,.txt,.csv",
        onFile: (file) => void studio.bringKernel(control, file),
      }),
      name !== undefined &&
        h("button", { type: "button", onClick: () => void studio.bringKernel(control, null) }, "Remove"),
    ),
    name !== undefined && kernel && h("p", null, `${kernel.name}, ${kernel.width} by ${kernel.height}`),
    h("p", { class: "quiet", id: `${id}-help` }, control.help),
  );
}

/** Seed and number of results. */
function Numbers({ studio }: { readonly studio: Studio }): readonly VNode[] {
  return [[SEED, studio.seed] as const, [SAMPLES, studio.samples] as const].map(([control, text]) =>
    h(Field, {
      key: control.option,
      control,
      entry: text.value,
      problem: studio.settings.value.problems[control.option],
      onEntry: (entry) => void (text.value = String(entry)),
    })
  );
}
