/** What the hand does with the picture: looks at it, paints or erases a mask, and with which brush. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Studio } from "../studio.ts";
import type { Painting } from "./painting.ts";
import { type Extent, panned, type Point, type View, WHOLE, zoomed } from "./view.ts";

/** What dragging does: move the picture, or paint. */
export type Tool = "look" | "brush" | "eraser";

/** Sizes of the brush as parts of the picture's longer side: the least, the first and the greatest. */
const SIZES = { least: 1 / 256, first: 1 / 16, most: 1 / 2 } as const;

/** What is seen of the picture, and the brush. */
export class Tools {
  /** Part of the picture that is seen. */
  readonly view: Signal<View> = signal(WHOLE);
  /** CSS pixels of the canvas. */
  readonly box: Signal<Extent> = signal({ width: 1, height: 1 });
  /** Where the divider is, as part of the box's width. */
  readonly divider: Signal<number> = signal(0.5);
  /** The tool that was chosen. */
  readonly chosen: Signal<Tool> = signal("look");
  /** Diameter of the brush as a part of the picture's longer side. */
  readonly part: Signal<number> = signal(SIZES.first);
  /** Where the brush is, in pixels of the picture; null while it is not over it. */
  readonly brush: Signal<Point | null> = signal(null);
  /** Counts the changes of the painting, those within a stroke as well. */
  readonly changes: Signal<number> = signal(0);
  /** Whether the task takes a mask. */
  readonly canPaint: ReadonlySignal<boolean>;
  /** The tool in hand: without a mask there is nothing to paint. */
  readonly tool: ReadonlySignal<Tool>;
  /** The picture's size. */
  readonly extent: ReadonlySignal<Extent>;
  /** Diameter of the brush in pixels of the picture, at least 1. */
  readonly diameter: ReadonlySignal<number>;
  /** The size of the brush on a scale from 0 to 1, along which equal ways are equal factors. */
  readonly sizeOnScale: ReadonlySignal<number> = computed(() =>
    Math.log(this.part.value / SIZES.least) / Math.log(SIZES.most / SIZES.least)
  );

  readonly #studio: Studio;

  /** @param studio whose picture it is */
  constructor(studio: Studio) {
    this.#studio = studio;
    this.canPaint = computed(() => (studio.task.value?.mask ?? "none") !== "none" && studio.picture.value !== null);
    this.tool = computed(() => this.canPaint.value && studio.run.value === null ? this.chosen.value : "look");
    this.extent = computed(() => studio.picture.value ?? { width: 1, height: 1 });
    this.diameter = computed(() =>
      Math.max(1, this.part.value * Math.max(this.extent.value.width, this.extent.value.height))
    );
  }

  /** Zooms by a factor about a point of the box, by default its middle. */
  zoom(factor: number, at?: Point): void {
    const box = this.box.value;
    const middle = { x: box.width / 2, y: box.height / 2 };
    this.view.value = zoomed(this.view.value, box, this.extent.value, factor, at ?? middle);
  }

  /** Moves the picture by CSS pixels. */
  pan(by: Point): void {
    this.view.value = panned(this.view.value, this.box.value, this.extent.value, by);
  }

  /** Shows the whole picture. */
  whole(): void {
    this.view.value = WHOLE;
  }

  /** Makes the brush larger or smaller by a factor. */
  resize(factor: number): void {
    this.part.value = Math.min(SIZES.most, Math.max(SIZES.least, this.part.value * factor));
  }

  /** Sets the size of the brush on the scale of `sizeOnScale`. */
  sizeAt(place: number): void {
    this.part.value = SIZES.least * (SIZES.most / SIZES.least) ** place;
  }

  /** Moves the divider to a part of the box's width. */
  divide(at: number): void {
    this.divider.value = Math.min(1, Math.max(0, at));
  }

  /** Draws a line with the tool in hand. */
  stroke(from: Point, to: Point): void {
    this.#studio.painting.value?.line(from, to, this.diameter.value, this.tool.value === "eraser" ? 0 : 1);
    this.changes.value++;
  }

  /** A line that is a stroke of its own. */
  strokeAlone(from: Point, to: Point): void {
    this.begin();
    this.stroke(from, to);
    this.end();
  }

  /** Begins a stroke of several lines. */
  begin(): void {
    this.#studio.painting.value?.begin();
  }

  /** Ends the stroke. */
  end(): void {
    this.#change((painting) => painting.end());
  }

  /** Takes the stroke back that has begun. */
  cancel(): void {
    this.#change((painting) => painting.cancel());
  }

  /** Takes the last stroke back. */
  undo(): void {
    this.#change((painting) => painting.undo());
  }

  /** Erases everything. */
  clear(): void {
    this.#change((painting) => painting.clear());
  }

  /** Swaps what is missing and what is known. */
  invert(): void {
    this.#change((painting) => painting.invert());
  }

  #change(action: (painting: Painting) => void): void {
    const painting = this.#studio.painting.value;
    if (!painting) return;
    action(painting);
    this.changes.value++;
    this.#studio.painted();
  }
}
