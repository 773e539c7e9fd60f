/** Draws what the viewer shows: two pictures on the sides of a divider, a painted mask, and the brush. */
import type { Pixels } from "../protocol.ts";
import type { Painting } from "./painting.ts";
import { type Extent, type Placement, placement, type Point, type View } from "./view.ts";

/** All that is seen. */
export interface Scene {
  /** Part of the picture that is seen. */
  readonly view: View;
  /** CSS pixels of the canvas. */
  readonly box: Extent;
  /** Size of the picture; others are drawn as large as it. */
  readonly picture: Extent;
  /** The picture on the left, or everywhere where there is none on the right. */
  readonly left: Pixels;
  /** The picture on the right. */
  readonly right?: Pixels | undefined;
  /** Where the divider is, as part of the box's width. */
  readonly divider: number;
  /** What is drawn over the picture. */
  readonly mask?: HTMLCanvasElement | undefined;
  /** The brush, in pixels of the picture. */
  readonly brush?: { readonly at: Point; readonly diameter: number } | undefined;
}

/** Enlargement from which pixels are drawn as squares, so that none are seen that are not there. */
const SQUARES_FROM = 2;

/** Opacity of the mask over the picture, of 255. */
const MASK_OPACITY = 150;

const canvases = new WeakMap<Pixels, HTMLCanvasElement>();

/** A canvas with the pixels of a picture; the same one for the same pixels. */
export function canvasOf(pixels: Pixels): HTMLCanvasElement {
  const known = canvases.get(pixels);
  if (known) return known;
  const canvas = canvasWith(new ImageData(pixels.rgba, pixels.width, pixels.height));
  canvases.set(pixels, canvas);
  return canvas;
}

/**
 * What is missing of a painting as a canvas of one colour.
 * @param colour `#rrggbb`
 */
export function maskCanvas({ width, height, data }: Painting, colour: string): HTMLCanvasElement {
  const colours = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const [painted] = new Uint32Array(Uint8Array.of(...colours, MASK_OPACITY).buffer);
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  for (let pixel = 0; pixel < data.length; pixel++) if (data[pixel] === 1) pixels[pixel] = painted!;
  return canvasWith(image);
}

/** Draws everything. */
export function draw(canvas: HTMLCanvasElement, scene: Scene): void {
  const { box, view, picture, left, right, divider, mask, brush } = scene;
  const ratio = globalThis.devicePixelRatio;
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = canvas.getContext("2d")!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, box.width, box.height);
  const place = placement(view, box, picture);
  const edge = right ? divider * box.width : box.width;
  drawBetween(context, canvasOf(left), place, { from: 0, to: edge, height: box.height });
  if (right) drawBetween(context, canvasOf(right), place, { from: edge, to: box.width, height: box.height });
  if (mask) drawBetween(context, mask, place, { from: 0, to: box.width, height: box.height });
  if (brush) drawBrush(context, brush, place, picture);
}

/** Draws a picture where another one lies, between two columns of the box; one of other proportions fits within. */
function drawBetween(
  context: CanvasRenderingContext2D,
  image: HTMLCanvasElement,
  place: Placement,
  { from, to, height }: { readonly from: number; readonly to: number; readonly height: number },
): void {
  const scale = Math.min(place.width / image.width, place.height / image.height);
  const isSimilar = Math.abs(place.width / image.width - place.height / image.height) < 0.02 * scale;
  const [w, h] = isSimilar ? [place.width, place.height] : [scale * image.width, scale * image.height];
  context.save();
  context.beginPath();
  context.rect(from, 0, to - from, height);
  context.clip();
  context.imageSmoothingEnabled = scale < SQUARES_FROM;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, place.left + (place.width - w) / 2, place.top + (place.height - h) / 2, w, h);
  context.restore();
}

/** A circle that is seen on light and on dark. */
function drawBrush(
  context: CanvasRenderingContext2D,
  { at, diameter }: { readonly at: Point; readonly diameter: number },
  place: Placement,
  picture: Extent,
): void {
  const scale = place.width / picture.width;
  for (const [colour, width] of [["#000000", 3], ["#ffffff", 1.5]] as const) {
    context.beginPath();
    context.arc(place.left + at.x * scale, place.top + at.y * scale, Math.max(2, scale * diameter / 2), 0, 2 * Math.PI);
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.stroke();
  }
}

function canvasWith(image: ImageData): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = image.width;
  canvas.height = image.height;
  canvas.getContext("2d")!.putImageData(image, 0, 0);
  return canvas;
}
