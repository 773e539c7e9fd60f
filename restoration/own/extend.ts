/** A picture on a larger canvas: what is to be continued beyond its borders. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import type { Raster, Size } from "../../raster/mod.ts";

/** Pixels to add at each side. */
export interface Margins {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Lays a picture on a canvas that is larger by margins.
 * @param value what the new pixels hold, until they are filled
 */
export function extended({ width, height, channels, data }: Raster, margins: Margins, value: number): Raster {
  const { left, top, right, bottom } = margins;
  const outer = { width: left + width + right, height: top + height + bottom };
  const grown = new Float32Array(outer.width * outer.height * channels).fill(value);
  for (let row = 0; row < height; row++) {
    const from = row * width * channels;
    grown.set(data.subarray(from, from + width * channels), ((top + row) * outer.width + left) * channels);
  }
  return { ...outer, channels, data: grown };
}

/** The mask [H, W] of the grown picture: 1 in the picture, 0 in the margins. */
export function pictureWithin({ width, height }: Size, margins: Margins): HostTensor {
  const inner = { width, height, channels: 1, data: new Float32Array(width * height).fill(1) };
  const grown = extended(inner, margins, 0);
  return hostTensor(grown.data, [grown.height, grown.width]);
}
