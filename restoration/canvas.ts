/** Fitting pictures of any size to a network that takes multiples of a number of pixels, and putting them back. */
import { type Border, leastCommonMultiple } from "../operators/mod.ts";
import {
  centre,
  crop,
  fitWithin,
  padReflect,
  type Raster,
  type Rectangle,
  resize,
  type ResizeFilter,
  type Size,
} from "../raster/mod.ts";

/** How a picture lies on the area that the network works on. All sizes are of restored pictures. */
export interface Canvas {
  /** Size of the picture that the user gets. */
  readonly natural: Size;
  /** Its size inside the network: natural, or smaller where that is too large. */
  readonly working: Size;
  /** What the network sees: working, padded to multiples. */
  readonly padded: Size;
  /** Where the working picture lies on the padded one. */
  readonly place: Rectangle;
  /** Pixels of the picture along each side for one pixel of the measurement. */
  readonly scale: number;
}

/** What limits a canvas. */
export interface CanvasLimits {
  /** Sides of what the network sees are multiples of it. */
  readonly multiple: number;
  /** Longest side inside the network. */
  readonly longest: number;
  /** How many times smaller the measurement is along each side; working size and place are multiples of a whole one. */
  readonly scale: number;
  /** Pixels of the picture, at its natural size, by which what the network sees reaches beyond it at least. */
  readonly border?: Border | undefined;
}

/** Lays out the restored picture of a measurement of a given size, in steps of whole pixels of the measurement. */
export function planCanvas(measurement: Size, { multiple, longest, scale, border }: CanvasLimits): Canvas {
  const inPixels = (size: Size): Size => ({
    width: Math.round(size.width * scale),
    height: Math.round(size.height * scale),
  });
  const most = Math.max(1, Math.floor(longest / scale));
  const fits = Math.max(measurement.width, measurement.height) <= most;
  const fitted: Size = fits
    ? { width: measurement.width, height: measurement.height }
    : fitWithin(measurement, { width: most, height: most });
  // Where a pixel of the measurement is no whole number of pixels, the network is left to pad.
  const step = Number.isInteger(scale) ? leastCommonMultiple(multiple, scale) / scale : 1;
  const roundUp = (side: number): number => Math.ceil(side / step) * step;
  const { rows, columns } = border ?? { rows: 0, columns: 0 };
  const grown = (side: number, pixels: number): number =>
    roundUp(side + 2 * Math.ceil(pixels / scale * fitted.width / measurement.width));
  const outer: Size = { width: grown(fitted.width, columns), height: grown(fitted.height, rows) };
  const inner = centre(outer, fitted);
  return {
    natural: inPixels(measurement),
    working: inPixels(fitted),
    padded: inPixels(outer),
    place: { x: inner.x * scale, y: inner.y * scale, ...inPixels(fitted) },
    scale,
  };
}

/** Whether the picture is made smaller for the network. */
export function isShrunk({ natural, working }: Canvas): boolean {
  return working.width < natural.width || working.height < natural.height;
}

/** Resizes and pads a picture in measurement pixels, `scale` times smaller than the canvas, to what the network sees. */
export function ontoCanvas(
  raster: Raster,
  { working, padded, place, scale }: Canvas,
  filter: ResizeFilter = "bicubic",
): Raster {
  const down = (side: number): number => Math.round(side / scale);
  const inner: Size = { width: down(working.width), height: down(working.height) };
  const fitted = raster.width === inner.width && raster.height === inner.height
    ? raster
    : resize(raster, inner, filter);
  return padReflect(fitted, { width: down(padded.width), height: down(padded.height) }, {
    x: down(place.x),
    y: down(place.y),
    ...inner,
  });
}

/** What a place in pixels may be off by. */
const ROUNDING = 1e-6;

/**
 * Cuts the working picture out of what the network gave.
 * @param across how many times smaller the raster is than the padded canvas; partly covered pixels are kept
 * @param down the same along the height, which differs a little where a factor is not whole
 */
export function offCanvas(raster: Raster, { place }: Canvas, across: number = 1, down: number = across): Raster {
  // Rounding must not make a further pixel of a reduction that is no integer.
  const [x, y] = [place.x / across, place.y / down].map((at) => Math.floor(at + ROUNDING)) as [number, number];
  const width = Math.ceil((place.x + place.width) / across - ROUNDING) - x;
  const height = Math.ceil((place.y + place.height) / down - ROUNDING) - y;
  return crop(raster, { x, y, width, height });
}

/**
 * What was done to the picture, as sentences for the user; empty if nothing.
 * @param isOpen whether what lies around the picture is restored with it
 */
export function describeCanvas(canvas: Canvas, isOpen = false): readonly string[] {
  const [natural, working, padded] = [canvas.natural, canvas.working, canvas.padded].map(formatSize);
  return [
    ...(isShrunk(canvas) ? [`The picture is restored at ${working} instead of ${natural}; --size sets the limit`] : []),
    ...(padded === working
      ? []
      : isOpen
      ? [`What lies beyond the borders is not known: ${working} are restored within ${padded} and cut out afterwards`]
      : [`${working} is padded by reflection to ${padded}, as the network needs, and cropped afterwards`]),
  ];
}

/** `640x480`. */
export function formatSize({ width, height }: Size): string {
  return `${width}x${height}`;
}
