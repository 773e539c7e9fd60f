/** Damages drawn from a seed, and what a diagnosis should say of them. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { encode } from "jpeg-js";
import { readImage } from "../../io/mod.ts";
import { colourRaster, crop, type Raster, resize, toImage } from "../../raster/mod.ts";
import { type DecodedPicture, discKernel, lineKernel } from "../../restoration/mod.ts";

/** What was done to a picture. */
export interface Made {
  /** What it was damaged by, as a row of the table; `none` of an undamaged one. */
  readonly kind: Kind;
  /** The damage that a diagnosis should name. */
  readonly damage: string;
  /** The quantity that a diagnosis should give, by the name that it has there. */
  readonly value: readonly [name: string, value: number];
  readonly picture: DecodedPicture;
}

/** Rows of the table. */
export const KINDS = ["jpeg", "jpeg, cut", "noise", "gaussian", "disc", "motion", "enlarged"] as const;

/** A damage, or none. */
export type Kind = (typeof KINDS)[number] | "none";

/** Numbers in [0, 1) from a seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = state + 0x6D2B79F5 >>> 0;
    let value = Math.imul(state ^ state >>> 15, state | 1);
    value ^= value + Math.imul(value ^ value >>> 7, value | 61);
    return ((value ^ value >>> 14) >>> 0) / 2 ** 32;
  };
}

/**
 * A part of a photograph, reduced by areas so that its camera leaves no traces, with one damage.
 * @param photograph at least twice as large as the part
 * @param folder where files of a compression are put for a moment
 */
export async function damaged(
  photograph: Raster,
  kind: Kind,
  { side, folder, random }: { readonly side: number; readonly folder: string; readonly random: () => number },
): Promise<Made> {
  const between = (least: number, most: number): number => least + (most - least) * random();
  const margin = 32;
  const whole = partOf(photograph, side + 2 * margin, random);
  const inner = (raster: Raster): Raster => middle(raster, side);
  const made = (damage: string, name: string, value: number, raster: Raster): Made => ({
    kind,
    damage,
    value: [name, value],
    picture: toImage(raster) as DecodedPicture,
  });
  switch (kind) {
    case "none":
      return made("none", "", 0, inner(whole));
    case "jpeg":
    case "jpeg, cut": {
      const quality = Math.floor(between(30, 91));
      const file = `${folder}/damaged.jpg`;
      await Deno.writeFile(file, jpegOf(inner(whole), quality));
      const decoded = colourRaster(await readImage(file));
      const [x, y] = kind === "jpeg" ? [0, 0] : [1, 1].map(() => Math.floor(between(1, 8))) as [number, number];
      const cut = crop(decoded, { x, y, width: side - x, height: side - y });
      return made("compressed", "quality", quality, cut);
    }
    case "noise": {
      const sigma = between(4, 40) / 127.5;
      const raster = inner(whole);
      return made("noisy", "sigma", sigma, { ...raster, data: raster.data.map((v) => v + sigma * normal(random)) });
    }
    case "gaussian": {
      const sigma = between(0.9, 3);
      return made("blurred", "sigma", sigma, inner(blurred(whole, gaussian(sigma))));
    }
    case "disc": {
      const width = between(5, 12);
      return made("blurred", "width", width, inner(blurred(whole, discKernel(width / 2))));
    }
    case "motion": {
      const length = between(5, 15);
      return made("blurred", "length", length, inner(blurred(whole, lineKernel(length, between(0, 180)))));
    }
    case "enlarged": {
      const factor = 2 + Math.floor(between(0, 3));
      const size = { width: Math.round(side / factor), height: Math.round(side / factor) };
      const small = middle(whole, size.width);
      const filter = random() < 0.5 ? "bicubic" : "bilinear";
      return made("enlarged", "factor", factor, resize(small, { width: side, height: side }, filter));
    }
  }
}

/** A JPEG file with the tables of libjpeg. */
function jpegOf(raster: Raster, quality: number): Uint8Array {
  const { width, height, samples } = toImage(raster);
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height * 3; i++) data[4 * Math.floor(i / 3) + i % 3] = samples[i]!;
  return encode({ data, width, height }, quality).data;
}

/** A square of a photograph at a seeded place, reduced 2 to 4 times. */
function partOf(photograph: Raster, side: number, random: () => number): Raster {
  const shortest = Math.min(photograph.width, photograph.height);
  const taken = Math.floor(side * Math.min(shortest / side, 2 + 2 * random()));
  const x = Math.floor(random() * (photograph.width - taken + 1));
  const y = Math.floor(random() * (photograph.height - taken + 1));
  return resize(crop(photograph, { x, y, width: taken, height: taken }), { width: side, height: side }, "area");
}

function middle(raster: Raster, side: number): Raster {
  const [x, y] = [raster.width - side >> 1, raster.height - side >> 1];
  return crop(raster, { x, y, width: side, height: side });
}

/** The convolution of each channel, mirrored at the border. */
function blurred({ width, height, channels, data }: Raster, { shape: [side = 1], data: taps }: HostTensor): Raster {
  const reach = side >> 1;
  const mirrored = (at: number, size: number): number => at < 0 ? -at - 1 : at >= size ? 2 * size - 1 - at : at;
  const result = new Float32Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let k = 0; k < side; k++) {
      const from = mirrored(row + k - reach, height) * width;
      for (let l = 0; l < side; l++) {
        const weight = taps[k * side + l]!;
        if (weight === 0) continue;
        for (let column = 0; column < width; column++) {
          const source = (from + mirrored(column + l - reach, width)) * channels;
          for (let c = 0; c < channels; c++) {
            result[(row * width + column) * channels + c]! += weight * data[source + c]!;
          }
        }
      }
    }
  }
  return { width, height, channels, data: result };
}

function gaussian(sigma: number): HostTensor {
  const reach = Math.ceil(3.5 * sigma);
  const side = 2 * reach + 1;
  const taps = Float32Array.from(
    { length: side * side },
    (_, i) => Math.exp(-((i % side - reach) ** 2 + (Math.floor(i / side) - reach) ** 2) / (2 * sigma ** 2)),
  );
  const sum = taps.reduce((all, one) => all + one, 0);
  return hostTensor(taps.map((tap) => tap / sum), [side, side]);
}

/** A normal number (Box and Muller). */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
