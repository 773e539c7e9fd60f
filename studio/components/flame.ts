/** The flame view: scopes as boxes as wide as their time, to be looked into by mouse, finger and keys. */
import { h } from "./element.ts";
import { type Signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import type { ProfileBox } from "../inspection.ts";

/** Units of the drawing. */
const WIDTH = 1200;
const ROW_HEIGHT = 24;
const CHARACTER = 7;

/** A box as it is drawn. */
interface Drawn {
  /** Its place in the profile. */
  readonly index: number;
  readonly box: ProfileBox;
  readonly x: number;
  readonly width: number;
}

/** The boxes of a profile. */
export function Flame({ boxes }: { readonly boxes: readonly ProfileBox[] }): VNode {
  const looked = useSignal(0);
  const chosen = useSignal(0);
  const drawn = drawnBoxes(boxes, boxes[looked.value]!);
  const rows = 1 + boxes.reduce((deepest, { depth }) => Math.max(deepest, depth), 0);
  const look = (index: number): void => {
    chosen.value = looked.value = index;
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Enter" || event.key === " ") look(chosen.value);
    else if (event.key === "Home") look(0);
    else if (!step(event.key, drawn, chosen)) return;
    event.preventDefault();
  };
  return h(
    "div",
    { class: "flame" },
    h(
      "div",
      // Scrolled by the keyboard where it is wider than the window.
      { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Flame view" },
      h(
        "svg",
        {
          viewBox: `0 0 ${WIDTH} ${rows * ROW_HEIGHT}`,
          tabIndex: 0,
          role: "application",
          "aria-roledescription": "flame view",
          "aria-label": "Time by scope. Arrow keys choose a box, enter looks into it, home shows all.",
          "aria-describedby": "flame-box",
          onKeyDown: key,
        },
        drawn.map(({ index, box, x, width }) => {
          const kind = box.colour === null ? `scope${box.depth % 2}` : `kernel${box.colour}`;
          return h(
            "g",
            {
              key: index,
              class: index === chosen.value ? `box ${kind} chosen` : `box ${kind}`,
              onClick: () => look(index),
              onPointerEnter: () => void (chosen.value = index),
            },
            h("rect", { x, y: box.depth * ROW_HEIGHT, width, height: ROW_HEIGHT - 1 }),
            h("text", { x: x + 4, y: box.depth * ROW_HEIGHT + 16 }, fitted(box.name, width)),
          );
        }),
      ),
    ),
    h("p", { class: "quiet", id: "flame-box", role: "status" }, boxes[chosen.value]?.title),
  );
}

/** The boxes that are seen where one is looked into: it and what it lies in over the whole width, and what is in it. */
function drawnBoxes(boxes: readonly ProfileBox[], target: ProfileBox): readonly Drawn[] {
  const scale = WIDTH / target.width;
  const tolerance = 1e-9;
  return boxes.flatMap((box, index) => {
    const end = box.start + box.width;
    const isAround = box.depth <= target.depth && box.start <= target.start + tolerance &&
      end >= target.start + target.width - tolerance;
    const isWithin = box.depth > target.depth && box.start >= target.start - tolerance &&
      end <= target.start + target.width + tolerance;
    if (!isAround && !isWithin) return [];
    return [{
      index,
      box,
      x: isAround ? 0 : (box.start - target.start) * scale,
      width: isAround ? WIDTH : box.width * scale,
    }];
  });
}

/** Chooses the box that lies in the direction of an arrow key; false for other keys. */
function step(pressed: string, drawn: readonly Drawn[], chosen: Signal<number>): boolean {
  const at = drawn.findIndex(({ index }) => index === chosen.value);
  const { box, x, width } = drawn[at] ?? drawn[0]!;
  const around = ({ box: other, x: from, width: wide }: Drawn): boolean =>
    other.depth === box.depth - 1 && from <= x + 1e-6 && from + wide >= x + width - 1e-6;
  const beside = drawn.filter((other) => other.box.depth === box.depth);
  const place = beside.findIndex(({ index }) => index === chosen.value);
  const next: Readonly<Record<string, () => Drawn | undefined>> = {
    ArrowLeft: () => beside[place - 1],
    ArrowRight: () => beside[place + 1],
    ArrowUp: () => drawn.find(around),
    ArrowDown: () => drawn[at + 1]?.box.depth === box.depth + 1 ? drawn[at + 1] : undefined,
  };
  if (!(pressed in next)) return false;
  chosen.value = next[pressed]!()?.index ?? chosen.value;
  return true;
}

/** As much of a name as a box has room for. */
function fitted(name: string, width: number): string {
  const room = Math.floor((width - 8) / CHARACTER);
  if (room >= name.length) return name;
  return room >= 4 ? `${name.slice(0, room - 1)}…` : "";
}
