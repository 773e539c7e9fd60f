/** A window over the page, which the keyboard does not leave until it is closed. */
import { h } from "./element.ts";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** A window with a heading and a button that closes it, as the escape key does. */
export function Dialog({ title, content, onClose }: {
  readonly title: string;
  readonly content: ComponentChildren;
  readonly onClose: () => void;
}): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current!.showModal(), []);
  return h(
    "dialog",
    { ref: dialog, class: "dialog", "aria-labelledby": "dialog-title", onClose },
    h(
      "div",
      { class: "dialog-head" },
      h("h2", { id: "dialog-title" }, title),
      h("button", { type: "button", onClick: () => dialog.current!.close() }, "Close"),
    ),
    content,
  );
}
