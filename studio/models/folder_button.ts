/// <reference lib="dom" />
/** A button that asks for a folder. */
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { h } from "../components/element.ts";
import type { ModelFolder } from "../protocol.ts";
import { chosenFolder } from "./brought_folder.ts";

/** Asks for the folder of a model. */
export function FolderButton({ onFolder, isDisabled }: {
  readonly onFolder: (folder: ModelFolder) => void;
  readonly isDisabled: boolean;
}): VNode {
  const input = useRef<HTMLInputElement>(null);
  // Types of elements do not know the attribute.
  useEffect(() => void (input.current!.webkitdirectory = true), []);
  const label = "Open the folder of a diffusers model";
  return h(
    "span",
    null,
    h("input", {
      ref: input,
      type: "file",
      hidden: true,
      "aria-label": label,
      onChange: (event) => {
        const folder = chosenFolder(event.currentTarget.files ?? []);
        // Cleared, so that the same folder can be chosen again.
        event.currentTarget.value = "";
        if (folder) onFolder(folder);
      },
    }),
    h("button", { type: "button", disabled: isDisabled, onClick: () => input.current?.click() }, label),
  );
}
