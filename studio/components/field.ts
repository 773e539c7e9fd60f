/** One control, built from what the protocol says of it. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Control, Options } from "../protocol.ts";
import { initialOf, labelOf } from "../settings.ts";

/** What a control shows and does. */
export interface FieldProps {
  /** What it is. */
  readonly control: Control;
  /** What was entered; undefined: nothing. */
  readonly entry: string | true | undefined;
  /** What is wrong with it. */
  readonly problem?: string | undefined;
  /** Defaults that outweigh that of the control. */
  readonly published?: Options | undefined;
  /** Whether it cannot be changed. */
  readonly isDisabled?: boolean;
  /** Whether it must be given. */
  readonly isNeeded?: boolean;
  /** Told what is entered; empty or false: nothing. */
  readonly onEntry: (entry: string | boolean) => void;
}

/** A check box, a list or a text field, with its explanation. */
export function Field(props: FieldProps): VNode {
  const { control, problem } = props;
  const id = `option-${control.option}`;
  if (control.kind === "flag") return h(Check, { ...props, id });
  return h(
    "div",
    { class: "field" },
    h("label", { for: id }, labelOf(control), props.isNeeded ? " (needed)" : ""),
    control.kind === "choice" ? h(Choice, { ...props, id }) : h(TextField, { ...props, id }),
    h("p", { class: "quiet", id: `${id}-help` }, control.help),
    problem && h("p", { class: "warning", id: `${id}-problem` }, problem),
  );
}

type Identified = FieldProps & { readonly id: string };

function Check({ id, control, entry, isDisabled, onEntry }: Identified): VNode {
  return h(
    "div",
    null,
    h(
      "label",
      { class: "check" },
      h("input", {
        type: "checkbox",
        id,
        checked: entry === true,
        disabled: isDisabled,
        "aria-describedby": `${id}-help`,
        onChange: (event) => onEntry(event.currentTarget.checked),
      }),
      labelOf(control),
    ),
    h("p", { class: "quiet", id: `${id}-help` }, control.help),
  );
}

function Choice({ id, control, entry = "", problem, published, isDisabled, onEntry }: Identified): VNode {
  return h(
    "select",
    {
      id,
      value: String(entry),
      disabled: isDisabled,
      "aria-describedby": describedBy(id, problem),
      onChange: (event) => onEntry(event.currentTarget.value),
    },
    h("option", { value: "" }, `${initialOf(control, published)} (default)`),
    control.choices!.map((choice) => h("option", { key: choice, value: choice }, choice)),
  );
}

function TextField({ id, control, entry = "", problem, published, isDisabled, isNeeded, onEntry }: Identified): VNode {
  const isNumber = control.kind === "integer" || control.kind === "number";
  // Keyboards of numbers have no minus on some phones.
  const isPositive = (control.min ?? -1) >= 0;
  return h("input", {
    id,
    type: "text",
    inputMode: !isNumber || !isPositive ? "text" : control.kind === "integer" ? "numeric" : "decimal",
    autocomplete: "off",
    spellcheck: false,
    value: String(entry),
    placeholder: initialOf(control, published),
    disabled: isDisabled,
    "aria-invalid": problem !== undefined,
    "aria-required": isNeeded === true,
    "aria-describedby": describedBy(id, problem),
    onInput: (event) => onEntry(event.currentTarget.value),
  });
}

function describedBy(id: string, problem: string | undefined): string {
  return problem === undefined ? `${id}-help` : `${id}-problem ${id}-help`;
}
