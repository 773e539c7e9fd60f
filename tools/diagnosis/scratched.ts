/** Scratches, dust and stains drawn over pictures from a seed, with the mask of what they hide. */
import type { Raster } from "../../raster/mod.ts";

/** What was drawn over a picture. */
export interface Scratched {
  /** [H, W, C] of the picture with it. */
  readonly raster: Raster;
  /** [H, W]: 1 where the picture shows, 0 where something lies over it. */
  readonly known: Float32Array<ArrayBuffer>;
}

/** Cover of a pixel from which on it counts as hidden. */
const HIDDEN = 0.15;

/** Points along a curve for each pixel of the picture's side. */
const POINTS = 4;

/**
 * Draws one to four scratches, dust, and now and then a stain over a picture: all of one level near white or black, up to
 * three pixels wide, and up to as long as the picture.
 * @param random numbers in [0, 1)
 */
export function scratched({ width, height, channels, data }: Raster, random: () => number): Scratched {
  const between = (least: number, most: number): number => least + (most - least) * random();
  const cover = new Float32Array(width * height);
  const side = Math.min(width, height);
  const level = random() < 0.7 ? between(0.8, 1) : between(-1, -0.8);
  const lines = 1 + Math.floor(4 * random());
  for (let k = 0; k < lines; k++) drawLine(cover, { width, height }, side, between);
  const spots = Math.floor(between(0, side / 10));
  for (let k = 0; k < spots; k++) {
    drawSpot(cover, { width, height }, [between(0, width), between(0, height)], between(0.7, 2.5), between);
  }
  if (random() < 0.4) drawSpot(cover, { width, height }, [between(0, width), between(0, height)], side / 20, between);
  const out = data.map((value, i) => {
    const part = cover[Math.floor(i / channels)]!;
    return (1 - part) * value + part * level;
  });
  return { raster: { width, height, channels, data: out }, known: cover.map((part) => part > HIDDEN ? 0 : 1) };
}

interface Extent {
  readonly width: number;
  readonly height: number;
}

type Between = (least: number, most: number) => number;

/** A quadratic curve that bends a little, with gaps now and then, of one width and opacity. */
function drawLine(cover: Float32Array, extent: Extent, side: number, between: Between): void {
  const { width, height } = extent;
  const [x, y, angle, length] = [
    between(0, width),
    between(0, height),
    between(0, 2 * Math.PI),
    between(0.3, 1) * side,
  ];
  const [radius, opacity, bend] = [between(0.5, 1.5), between(0.75, 1), between(-0.12, 0.12) * length];
  const [along, across] = [[Math.cos(angle), Math.sin(angle)], [-Math.sin(angle), Math.cos(angle)]] as const;
  const gap = between(0, 1) < 0.5 ? [between(0.2, 0.7), between(0.05, 0.15)] as const : [2, 0] as const;
  const count = Math.ceil(POINTS * length);
  for (let k = 0; k <= count; k++) {
    const t = k / count;
    if (t > gap[0] && t < gap[0] + gap[1]) continue;
    const [forward, aside] = [(t - 0.5) * length, bend * 4 * t * (1 - t)];
    const place = [x + forward * along[0] + aside * across[0], y + forward * along[1] + aside * across[1]] as const;
    drawDisc(cover, extent, place, radius, opacity);
  }
}

/** A spot whose border is uneven. */
function drawSpot(
  cover: Float32Array,
  extent: Extent,
  [x, y]: readonly [number, number],
  radius: number,
  between: Between,
): void {
  const opacity = between(0.8, 1);
  for (let k = 0; k < 5; k++) {
    const reach = radius / 2;
    const place = [x + between(-reach, reach), y + between(-reach, reach)] as const;
    drawDisc(cover, extent, place, radius * between(0.6, 1), opacity);
  }
}

/** A disc with soft edges of a pixel; what lies there already stays where it covers more. */
function drawDisc(
  cover: Float32Array,
  { width, height }: Extent,
  [x, y]: readonly [number, number],
  radius: number,
  opacity: number,
): void {
  const reach = Math.ceil(radius + 1);
  for (let row = Math.max(0, Math.floor(y) - reach); row <= Math.min(height - 1, Math.floor(y) + reach); row++) {
    for (
      let column = Math.max(0, Math.floor(x) - reach);
      column <= Math.min(width - 1, Math.floor(x) + reach);
      column++
    ) {
      const part = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y)));
      const at = row * width + column;
      cover[at] = Math.max(cover[at]!, opacity * part);
    }
  }
}
