/** The picture with its tools. */
import { h } from "../components/element.ts";
import { FileButton } from "../components/files.ts";
import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import type { Studio } from "../studio.ts";
import { ZOOM_STEP } from "./gestures.ts";
import { type Tool, Tools } from "./tools.ts";
import { Viewer } from "./viewer.ts";

const TOOLS: readonly (readonly [Tool, string])[] = [["look", "Look"], ["brush", "Brush"], ["eraser", "Eraser"]];

/** The picture with its tools. There must be a picture. */
export function Stage({ studio }: { readonly studio: Studio }): VNode {
  const tools = useMemo(() => new Tools(studio), [studio]);
  useSignalEffect(() => {
    const isNeeded = studio.task.value?.mask === "needed" && !studio.isDegraded.value;
    const isThere = studio.picture.value?.hasAlpha === true;
    tools.chosen.value = isNeeded && !isThere ? "brush" : "look";
  });
  useSignalEffect(() => {
    // What comes out is looked at.
    if (studio.run.value) tools.chosen.value = "look";
  });
  useSignalEffect(() => {
    // Another picture is shown whole.
    studio.picture.value;
    tools.whole();
    tools.brush.value = null;
  });
  return h(
    "div",
    { class: "shown" },
    h(Viewer, { studio, tools }),
    h(
      "div",
      { class: "tools", role: "group", "aria-label": "Tools" },
      tools.canPaint.value && h(Brushes, { studio, tools }),
      h(
        "div",
        { class: "row end" },
        button("Smaller", () => tools.zoom(1 / ZOOM_STEP), "−"),
        button("Larger", () => tools.zoom(ZOOM_STEP), "+"),
        h("button", { type: "button", onClick: () => tools.whole() }, "Whole"),
      ),
    ),
  );
}

/** The brush, the eraser, their size, and what takes strokes back. */
function Brushes({ studio, tools }: { readonly studio: Studio; readonly tools: Tools }): VNode {
  const isBusy = studio.run.value !== null;
  // The strokes are read so that the buttons follow the painting.
  const canUndo = studio.strokes.value > 0 && studio.painting.value?.canUndo === true;
  const share = studio.painting.value?.share() ?? 0;
  return h(
    "div",
    { class: "row" },
    TOOLS.map(([tool, label]) =>
      h("button", {
        key: tool,
        type: "button",
        "aria-pressed": tools.tool.value === tool,
        disabled: isBusy,
        onClick: () => void (tools.chosen.value = tool),
      }, label)
    ),
    h(
      "label",
      null,
      "Size",
      h("input", {
        type: "range",
        min: 0,
        max: 1,
        step: "any",
        value: tools.sizeOnScale.value,
        "aria-valuetext": `${Math.round(tools.diameter.value)} pixels`,
        onInput: (event) => tools.sizeAt(event.currentTarget.valueAsNumber),
      }),
    ),
    h("button", { type: "button", disabled: isBusy || !canUndo, onClick: () => tools.undo() }, "Undo"),
    h("button", { type: "button", disabled: isBusy || share === 0, onClick: () => tools.clear() }, "Clear"),
    h("button", { type: "button", disabled: isBusy || share === 0, onClick: () => tools.invert() }, "Invert"),
    h(FileButton, {
      label: "Mask file",
      accept: "image/*,.npy",
      onFile: (file) => void studio.bringMask(file),
      isDisabled: isBusy,
    }),
    h("span", { class: "quiet" }, `${Number((100 * share).toFixed(1))} % missing`),
  );
}

/** A button whose text is a sign. */
function button(label: string, onClick: () => void, sign: string): VNode {
  return h("button", { type: "button", title: label, "aria-label": label, onClick }, sign);
}
