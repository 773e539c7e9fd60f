/** The command that does the same in a terminal. */
import { h } from "./element.ts";
import { signal } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";

/** A command with a button that copies it. */
export function Command({ text }: { readonly text: string }): VNode {
  const copied = useMemo(() => signal(""), [text]);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      copied.value = "Copied.";
    } catch {
      copied.value = "The browser does not let the page copy; mark the command and copy it.";
    }
  };
  return h(
    "div",
    { class: "command" },
    h("pre", { tabIndex: 0, role: "group", "aria-label": "Command" }, text),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onClick: copy }, "Copy"),
      h("span", { class: "quiet", role: "status" }, copied.value),
    ),
  );
}
