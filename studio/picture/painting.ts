/** A mask painted by hand: strokes of a round brush or eraser, and undo. */
import type { Extent, Point } from "./view.ts";

/** How many strokes can be undone. */
const MOST_UNDONE = 50;

/** Part of a mask as it was before a stroke. */
interface Patch extends Extent {
  readonly x: number;
  readonly y: number;
  readonly data: Uint8Array;
}

/** Which pixels of a picture are missing. */
export class Painting {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [H, W]: 1 missing, 0 known. */
  readonly data: Uint8Array<ArrayBuffer>;
  readonly #undone: Patch[] = [];
  /** The mask at the start of the stroke, and the smallest rectangle that the stroke touched. */
  #stroke: { readonly data: Uint8Array; left: number; top: number; right: number; bottom: number } | undefined;

  /** An empty mask of a picture's size. */
  constructor({ width, height }: Extent) {
    this.width = width;
    this.height = height;
    this.data = new Uint8Array(width * height);
  }

  /** Whether there is a stroke to be undone. */
  get canUndo(): boolean {
    return this.#undone.length > 0;
  }

  /** Part of the pixels that is missing, 0 to 1. */
  share(): number {
    let count = 0;
    for (const value of this.data) count += value;
    return count / this.data.length;
  }

  /** Begins a stroke. */
  begin(): void {
    this.#stroke = { data: this.data.slice(), left: this.width, top: this.height, right: 0, bottom: 0 };
  }

  /**
   * Covers all pixels whose centres are within `diameter` / 2 of the line between two points, and at least the pixel
   * under each end.
   * @param from,to in pixels of the picture; may lie outside
   * @param value 1 paints, 0 erases
   */
  line(from: Point, to: Point, diameter: number, value: 0 | 1): void {
    const radius = Math.max(diameter / 2, Math.SQRT1_2);
    const left = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius));
    const right = Math.min(this.width, Math.ceil(Math.max(from.x, to.x) + radius));
    const top = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius));
    const bottom = Math.min(this.height, Math.ceil(Math.max(from.y, to.y) + radius));
    if (left >= right || top >= bottom) return;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length = dx * dx + dy * dy;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
        const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
        if (Math.hypot(px - along * dx, py - along * dy) <= radius) this.data[y * this.width + x] = value;
      }
    }
    const stroke = this.#stroke;
    if (!stroke) return;
    stroke.left = Math.min(stroke.left, left);
    stroke.top = Math.min(stroke.top, top);
    stroke.right = Math.max(stroke.right, right);
    stroke.bottom = Math.max(stroke.bottom, bottom);
  }

  /** Ends a stroke, which can be undone where it touched the picture. */
  end(): void {
    const stroke = this.#stroke;
    this.#stroke = undefined;
    if (!stroke || stroke.left >= stroke.right) return;
    const { left: x, top: y } = stroke;
    const [width, height] = [stroke.right - x, stroke.bottom - y];
    const data = new Uint8Array(width * height);
    for (let row = 0; row < height; row++) {
      const from = (y + row) * this.width + x;
      data.set(stroke.data.subarray(from, from + width), row * width);
    }
    this.#undone.push({ x, y, width, height, data });
    if (this.#undone.length > MOST_UNDONE) this.#undone.shift();
  }

  /** Takes a stroke back that has not been ended. */
  cancel(): void {
    if (this.#stroke) this.data.set(this.#stroke.data);
    this.#stroke = undefined;
  }

  /** Erases everything, as one stroke. */
  clear(): void {
    this.replace(new Uint8Array(this.data.length));
  }

  /** Swaps what is missing and what is known, as one stroke. */
  invert(): void {
    this.replace(this.data.map((missing) => 1 - missing));
  }

  /**
   * Replaces everything, as one stroke.
   * @param data [H, W]: 1 missing, 0 known
   */
  replace(data: Uint8Array): void {
    this.begin();
    this.data.set(data);
    Object.assign(this.#stroke!, { left: 0, top: 0, right: this.width, bottom: this.height });
    this.end();
  }

  /** Takes the last stroke back, or the one that has begun. */
  undo(): void {
    if (this.#stroke) return this.cancel();
    const patch = this.#undone.pop();
    if (!patch) return;
    for (let row = 0; row < patch.height; row++) {
      const from = row * patch.width;
      this.data.set(patch.data.subarray(from, from + patch.width), (patch.y + row) * this.width + patch.x);
    }
  }
}
