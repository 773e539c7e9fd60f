/** The picture before and after, with a divider, zoom and a brush. */
import { h } from "../components/element.ts";
import { useSignalEffect } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Studio } from "../studio.ts";
import { Divider } from "./divider.ts";
import { draw, maskCanvas } from "./draw.ts";
import { Gestures } from "./gestures.ts";
import type { Tools } from "./tools.ts";

/** What the keys do, for those who do not see the buttons. */
const KEYS = {
  look: "Plus and minus zoom, 0 shows all, arrow keys move.",
  paint: "Arrow keys move the brush, with shift they paint, space paints a dot, brackets set the size, " +
    "control Z takes back, escape puts the brush away.",
} as const;

/** The picture. There must be one. */
export function Viewer({ studio, tools }: { readonly studio: Studio; readonly tools: Tools }): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const gestures = useMemo(() => new Gestures(tools), [tools]);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry!.contentRect;
      tools.box.value = { width: Math.max(1, width), height: Math.max(1, height) };
    });
    observer.observe(canvas.current!);
    return () => observer.disconnect();
  }, [tools]);
  useSignalEffect(() => {
    const [left, view, box] = [studio.left.value, tools.view.value, tools.box.value];
    if (!left || !canvas.current) return;
    const paints = tools.tool.value !== "look";
    const right = paints ? undefined : studio.right.value?.pixels;
    const brush = paints && tools.brush.value ? { at: tools.brush.value, diameter: tools.diameter.value } : undefined;
    const divider = tools.divider.value;
    const mask = tools.canPaint.value && !right ? paintedCanvas(studio, tools) : undefined;
    draw(canvas.current, { view, box, picture: tools.extent.value, left: left.pixels, right, divider, mask, brush });
  });
  const paints = tools.tool.value !== "look";
  const right = paints ? undefined : studio.right.value;
  const isStill = !paints && tools.view.value.zoom === 1;
  return h(
    "div",
    { class: "picture" },
    h("canvas", {
      ref: canvas,
      class: paints ? "painting" : isStill ? "still" : "",
      tabIndex: 0,
      role: "application",
      "aria-roledescription": "picture",
      "aria-label": `${studio.picture.value?.name ?? "Picture"}. ${paints ? KEYS.paint : KEYS.look}`,
      onPointerDown: gestures.down,
      onPointerMove: gestures.move,
      onPointerUp: gestures.up,
      onPointerCancel: gestures.up,
      onPointerLeave: gestures.leave,
      onWheel: gestures.wheel,
      onKeyDown: gestures.key,
    }),
    h("p", { class: "side before" }, studio.left.value?.label),
    right && h("p", { class: "side after" }, right.label),
    right && h(Divider, { tools, left: studio.left.value?.label ?? "", right: right.label }),
  );
}

/** The mask that was drawn last, with what it was drawn of. */
let drawn: { readonly of: readonly unknown[]; readonly canvas: HTMLCanvasElement } | undefined;

/** The mask as a canvas, drawn anew where a stroke or the colour scheme has changed it. */
function paintedCanvas(studio: Studio, tools: Tools): HTMLCanvasElement | undefined {
  const painting = studio.painting.value;
  if (!painting) return undefined;
  const colour = getComputedStyle(document.documentElement).getPropertyValue("--mask").trim();
  const of = [painting, tools.changes.value, colour];
  if (!drawn || of.some((part, index) => part !== drawn!.of[index])) {
    drawn = { of, canvas: maskCanvas(painting, colour) };
  }
  return drawn.canvas;
}
