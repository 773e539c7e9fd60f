/** The divider between before and after. */
import { h } from "../components/element.ts";
import type { VNode } from "preact";
import type { Tools } from "./tools.ts";

/** Parts of the width that keys move the divider. */
const STEPS: Readonly<Record<string, number>> = {
  ArrowLeft: -0.02,
  ArrowDown: -0.02,
  ArrowRight: 0.02,
  ArrowUp: 0.02,
  PageDown: -0.1,
  PageUp: 0.1,
  Home: -1,
  End: 1,
};

/** A slider over the picture, moved by mouse, finger and keys. */
export function Divider(
  { tools, left, right }: { readonly tools: Tools; readonly left: string; readonly right: string },
): VNode {
  const percent = Math.round(100 * tools.divider.value);
  const drag = (event: PointerEvent): void => {
    const bar = event.currentTarget as HTMLElement;
    if (!bar.hasPointerCapture(event.pointerId)) return;
    const { left, width } = bar.parentElement!.getBoundingClientRect();
    tools.divide((event.clientX - left) / width);
  };
  const hold = (event: PointerEvent): void => {
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
  };
  const key = (event: KeyboardEvent): void => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    tools.divide(tools.divider.value + step);
  };
  return h("div", {
    class: "divider",
    // A property set by script, which the content security policy allows where it forbids the attribute.
    style: { "--divider": `${100 * tools.divider.value}%` },
    role: "slider",
    tabIndex: 0,
    "aria-label": "Divider between before and after",
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": percent,
    "aria-valuetext": `${percent} percent ${left}, the rest ${right}`,
    onPointerDown: hold,
    onPointerMove: drag,
    onKeyDown: key,
  });
}
