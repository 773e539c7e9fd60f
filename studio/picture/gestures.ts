/** Mouse, pen, fingers, wheel and keys on the picture. */
import type { Tools } from "./tools.ts";
import { pictureAt, type Point } from "./view.ts";

/** Factor of one press of a zoom key or button. */
export const ZOOM_STEP = 1.25;

/** Natural logarithm of the zoom for a CSS pixel of the wheel, and for one of a pinch on a touch pad. */
const WHEEL = { scroll: 0.0015, pinch: 0.01 } as const;

/** CSS pixels of a line, for mice that scroll in lines. */
const LINE = 16;

/** CSS pixels that an arrow key moves the picture. */
const PAN_STEP = 40;

/** Directions of the arrow keys. */
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** What the events of a canvas do to its view and its mask. */
export class Gestures {
  readonly #tools: Tools;
  /** Where the fingers are that touch the picture, in the box. */
  readonly #pointers = new Map<number, Point>();
  /** Whether the first of them paints. */
  #isStroke = false;

  /** @param tools what is changed */
  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** A stroke or a move begins; a second finger makes it a pinch. */
  readonly down = (event: PointerEvent): void => {
    const canvas = event.currentTarget as HTMLCanvasElement;
    canvas.setPointerCapture(event.pointerId);
    const at = pointOf(event);
    this.#pointers.set(event.pointerId, at);
    if (this.#pointers.size > 1) {
      if (this.#isStroke) this.#tools.cancel();
      this.#isStroke = false;
    } else if (this.#tools.tool.value !== "look" && event.button === 0) {
      this.#isStroke = true;
      this.#tools.begin();
      this.#tools.stroke(this.#inPicture(at), this.#inPicture(at));
    }
  };

  /** The stroke, the move or the pinch goes on. */
  readonly move = (event: PointerEvent): void => {
    const at = pointOf(event);
    this.#tools.brush.value = this.#inPicture(at);
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, before, at);
    else if (this.#isStroke) this.#tools.stroke(this.#inPicture(before), this.#inPicture(at));
    else if (this.#pointers.size === 1) this.#tools.pan({ x: at.x - before.x, y: at.y - before.y });
    this.#pointers.set(event.pointerId, at);
  };

  /** A finger or button is lifted. */
  readonly up = (event: PointerEvent): void => {
    if (!this.#pointers.delete(event.pointerId) || !this.#isStroke) return;
    this.#isStroke = false;
    if (event.type === "pointercancel") this.#tools.cancel();
    else this.#tools.end();
  };

  /** The pointer leaves the picture. */
  readonly leave = (): void => {
    if (this.#pointers.size === 0) this.#tools.brush.value = null;
  };

  /** Zooms about the pointer. */
  readonly wheel = (event: WheelEvent): void => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE : 1);
    const isPinch = event.ctrlKey && event.deltaMode === WheelEvent.DOM_DELTA_PIXEL;
    this.#tools.zoom(Math.exp(-pixels * (isPinch ? WHEEL.pinch : WHEEL.scroll)), pointOf(event));
  };

  /** Zooms, moves and paints by keys. */
  readonly key = (event: KeyboardEvent): void => {
    if (this.#isDone(event)) event.preventDefault();
  };

  /** Does what a key means; false if it means nothing. */
  #isDone({ key, shiftKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
    const tools = this.#tools;
    const paints = tools.tool.value !== "look";
    if (ctrlKey || metaKey) {
      if (key.toLowerCase() !== "z" || !paints) return false;
      tools.undo();
      return true;
    }
    const arrow = ARROWS[key];
    if (arrow) {
      if (paints) this.#moveBrush(arrow, shiftKey);
      else tools.pan({ x: -PAN_STEP * arrow.x, y: -PAN_STEP * arrow.y });
      return true;
    }
    const actions: Readonly<Record<string, () => void>> = {
      "+": () => tools.zoom(ZOOM_STEP),
      "=": () => tools.zoom(ZOOM_STEP),
      "-": () => tools.zoom(1 / ZOOM_STEP),
      "0": () => tools.whole(),
      ...paints
        ? {
          " ": () => tools.strokeAlone(this.#brush(), this.#brush()),
          "[": () => tools.resize(1 / ZOOM_STEP),
          "]": () => tools.resize(ZOOM_STEP),
          Escape: () => void (tools.chosen.value = "look"),
        }
        : {},
    };
    actions[key]?.();
    return key in actions;
  }

  /** Moves the brush by a quarter of its diameter, and paints on the way if it is down. */
  #moveBrush({ x, y }: Point, isDown: boolean): void {
    const tools = this.#tools;
    const from = this.#brush();
    const step = Math.max(1, tools.diameter.value / 4);
    const { width, height } = tools.extent.value;
    const to = {
      x: Math.min(width, Math.max(0, from.x + step * x)),
      y: Math.min(height, Math.max(0, from.y + step * y)),
    };
    tools.brush.value = to;
    if (isDown) tools.strokeAlone(from, to);
  }

  /** Where the brush is; in the middle of what is seen where it was nowhere. */
  #brush(): Point {
    const { width, height } = this.#tools.box.value;
    return this.#tools.brush.value ??= this.#inPicture({ x: width / 2, y: height / 2 });
  }

  #pinch(moved: number, before: Point, at: Point): void {
    const other = [...this.#pointers].find(([id]) => id !== moved)![1];
    const distance = (point: Point): number => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    this.#tools.pan({ x: (at.x - before.x) / 2, y: (at.y - before.y) / 2 });
    this.#tools.zoom(distance(at) / distance(before), { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
  }

  #inPicture(at: Point): Point {
    const { view, box, extent } = this.#tools;
    return pictureAt(view.value, box.value, extent.value, at);
  }
}

function pointOf(event: MouseEvent): Point {
  const { left, top } = (event.currentTarget as HTMLElement).getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}
