/** What the page tells: what went wrong, what was done, and why there is no WebGPU. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import type { Facts, MissingReason, StudioFailure } from "../protocol.ts";
import type { Studio } from "../studio.ts";
import { Command } from "./command_line.ts";

/** What each kind of failure is called, and what can be done. */
const FAILURES: Readonly<Record<StudioFailure["kind"], { readonly title: string; readonly advice?: string }>> = {
  usage: { title: "This does not go together" },
  stopped: { title: "Stopped" },
  lost: { title: "The graphics device was lost", advice: "Trying again opens it anew; nothing that you set is gone." },
  memory: { title: "There is too little memory", advice: "A smaller size needs less. Set it, then try again." },
  missing: { title: "There is no WebGPU" },
  failure: { title: "That did not work" },
};

/** Why there is no WebGPU, in short. */
const MISSING: Readonly<Record<MissingReason, string>> = {
  "insecure-origin": "This address is not secure",
  "no-interface": "This browser has no WebGPU",
  "no-adapter": "The browser finds no graphics card",
};

/** What went wrong last; nothing if nothing did. */
export function TroubleMessage({ studio }: { readonly studio: Studio }): VNode | null {
  const trouble = studio.trouble.value;
  if (!trouble) return null;
  const { failure: { kind, message }, again } = trouble;
  const { title, advice } = FAILURES[kind];
  return h(
    "section",
    { class: "message", role: "alert" },
    h("h2", null, title),
    h("p", null, message),
    advice && h("p", null, advice),
    h(
      "div",
      { class: "row" },
      again && h("button", { type: "button", onClick: () => void again() }, "Try again"),
      h("button", { type: "button", onClick: () => void (studio.trouble.value = null) }, "Close"),
    ),
  );
}

/** What was done with a file; nothing if there is nothing to say. */
export function Notes({ studio }: { readonly studio: Studio }): VNode | null {
  const [notes, offered] = [studio.notes.value, studio.offered.value];
  if (notes.length === 0) return null;
  const close = (): void => void (studio.notes.value = []);
  return h(
    "section",
    { class: "message said", "aria-label": "Notes" },
    notes.map((note) => h("p", { key: note }, note)),
    h(
      "div",
      { class: "row" },
      offered && h("button", { type: "button", onClick: () => studio.openOffered() }, `Open ${offered.name} itself`),
      h("button", { type: "button", onClick: close }, "Close"),
    ),
  );
}

/** Why there is no WebGPU, and what to do instead. */
export function MissingMessage({ missing: { reason, message }, task }: {
  readonly missing: NonNullable<Facts["missing"]>;
  readonly task: string;
}): VNode {
  return h(
    "section",
    { class: "message", role: "alert" },
    h("h2", null, MISSING[reason]),
    h("p", null, `${message}.`),
    h("p", null, "The command line does the same without a browser:"),
    h(Command, { text: `deno task restore PICTURE --task ${task}` }),
  );
}
