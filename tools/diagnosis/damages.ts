/** Damages drawn from a seed, and what a diagnosis should say of them. */
import { type HostTensor, hostTensor } from "../../engine/mod.ts";
import { encode } from "jpeg-js";
import { readImage } from "../../io/mod.ts";
import type { OptionValues } from "../../parameters/mod.ts";
import { colourRaster, crop, type Raster, resize, toImage } from "../../raster/mod.ts";
import { type DecodedPicture, discKernel, lineKernel } from "../../restoration/mod.ts";

/** What was done to a picture. */
export interface Made {
  /** What it was damaged by, as a row of the table; `none` of an undamaged one. */
  readonly kind: Kind;
  /** What a diagnosis should name, in the order in which it was done. */
  readonly expected: readonly Expected[];
  /** What restores the picture, where the damage is known; absent where no single run does. */
  readonly truth?: Truth;
  /** The picture before, of the same size; of enlarged ones it is not there. */
  readonly clean?: Raster;
  readonly picture: DecodedPicture;
}

/** A damage that a diagnosis should name. */
export interface Expected {
  readonly damage: string;
  /** The quantity, by the name that it has there. */
  readonly value: readonly [name: string, value: number];
}

/** A run of `restore` that knows the damage. */
export interface Truth {
  readonly task: string;
  readonly options: OptionValues;
  /** A kernel, by the name of its parameter. */
  readonly files?: Readonly<Record<string, HostTensor>>;
}

/** Rows of the table. */
export const KINDS = ["jpeg", "jpeg, cut", "noise", "gaussian", "disc", "motion", "enlarged"] as const;

/** Two damages, the first of which was done first. */
export const PAIRS = ["gaussian, noise", "enlarged, jpeg", "noise, jpeg"] as const;

/** Damages, or none. */
export type Kind = (typeof KINDS)[number] | (typeof PAIRS)[number] | "none";

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
 * A part of a photograph, reduced by areas so that its camera leaves no traces, damaged.
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
  const clean = inner(whole);
  const stored = (raster: Raster): DecodedPicture => toImage(raster) as DecodedPicture;
  const compressed = async (raster: Raster, quality: number): Promise<DecodedPicture> => {
    const file = `${folder}/damaged.jpg`;
    await Deno.writeFile(file, jpegOf(raster, quality));
    return await readImage(file);
  };
  switch (kind) {
    case "none":
      return { kind, expected: [], clean, picture: stored(clean) };
    case "jpeg":
    case "jpeg, cut": {
      const quality = Math.floor(between(30, 91));
      const decoded = colourRaster(await compressed(clean, quality));
      const [x, y] = kind === "jpeg" ? [0, 0] : [1, 1].map(() => Math.floor(between(1, 8))) as [number, number];
      const part = { x, y, width: side - x, height: side - y };
      return {
        kind,
        expected: [{ damage: "compressed", value: ["quality", quality] }],
        ...(kind === "jpeg" ? { truth: { task: "jpeg", options: { quality } } } : {}),
        clean: crop(clean, part),
        picture: stored(crop(decoded, part)),
      };
    }
    case "noise": {
      const sigma = between(4, 40) / 127.5;
      const truth = { task: "denoise", options: { "noise-level": sigma } };
      const expected: Expected[] = [{ damage: "noisy", value: ["sigma", sigma] }];
      return { kind, expected, truth, clean, picture: stored(noisy(clean, sigma, random)) };
    }
    case "gaussian": {
      const sigma = between(0.9, 3);
      const truth = { task: "deblur", options: { "blur-sigma": sigma } };
      const expected: Expected[] = [{ damage: "blurred", value: ["sigma", sigma] }];
      return { kind, expected, truth, clean, picture: stored(inner(blurred(whole, gaussian(sigma)))) };
    }
    case "disc":
    case "motion": {
      const [name, size] = kind === "disc" ? ["width", between(5, 12)] as const : ["length", between(5, 15)] as const;
      const kernel = kind === "disc" ? discKernel(size / 2) : lineKernel(size, between(0, 180));
      return {
        kind,
        expected: [{ damage: "blurred", value: [name, size] }],
        // As restore undoes an estimated kernel.
        truth: {
          task: "deblur-kernel",
          options: { "blur-boundary": "unknown", "blur-threshold": 0.2 },
          files: { psf: kernel },
        },
        clean,
        picture: stored(inner(blurred(whole, kernel))),
      };
    }
    case "enlarged": {
      const { factor, raster } = enlarged(whole, side, random);
      return { kind, expected: [{ damage: "enlarged", value: ["factor", factor] }], picture: stored(raster) };
    }
    case "gaussian, noise": {
      const [width, sigma] = [between(0.9, 3), between(2, 10) / 127.5];
      const soft = inner(blurred(whole, gaussian(width)));
      return {
        kind,
        expected: [{ damage: "blurred", value: ["sigma", width] }, { damage: "noisy", value: ["sigma", sigma] }],
        truth: { task: "deblur", options: { "blur-sigma": width, "noise-level": sigma } },
        clean,
        picture: stored(noisy(soft, sigma, random)),
      };
    }
    case "enlarged, jpeg": {
      const { factor, raster } = enlarged(whole, side, random);
      const quality = Math.floor(between(60, 96));
      return {
        kind,
        expected: [
          { damage: "enlarged", value: ["factor", factor] },
          { damage: "compressed", value: ["quality", quality] },
        ],
        picture: await compressed(raster, quality),
      };
    }
    case "noise, jpeg": {
      const [sigma, quality] = [between(4, 20) / 127.5, Math.floor(between(60, 96))];
      return {
        kind,
        expected: [
          { damage: "noisy", value: ["sigma", sigma] },
          { damage: "compressed", value: ["quality", quality] },
        ],
        truth: { task: "denoise", options: { "noise-level": sigma } },
        clean,
        picture: await compressed(noisy(clean, sigma, random), quality),
      };
    }
  }
}

/** A part of a picture enlarged by 2, 3 or 4 with a bicubic or bilinear filter. */
function enlarged(
  whole: Raster,
  side: number,
  random: () => number,
): { readonly factor: number; readonly raster: Raster } {
  const factor = 2 + Math.floor(3 * random());
  const small = middle(whole, Math.round(side / factor));
  const filter = random() < 0.5 ? "bicubic" : "bilinear";
  return { factor, raster: resize(small, { width: side, height: side }, filter) };
}

function noisy(raster: Raster, sigma: number, random: () => number): Raster {
  return { ...raster, data: raster.data.map((value) => value + sigma * normal(random)) };
}

/** A JPEG file with the tables of libjpeg. */
function jpegOf(raster: Raster, quality: number): Uint8Array {
  const { width, height, samples } = toImage(raster);
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let i = 0; i < width * height * 3; i++) data[4 * Math.floor(i / 3) + i % 3] = samples[i]!;
  return encode({ data, width, height }, quality).data;
}

/** A square of a photograph at a seeded place, reduced 2 to 4 times. */
export function partOf(photograph: Raster, side: number, random: () => number): Raster {
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
export function blurred(
  { width, height, channels, data }: Raster,
  { shape: [side = 1], data: taps }: HostTensor,
): Raster {
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

/** A round Gaussian of a deviation in pixels. */
export function gaussian(sigma: number): HostTensor {
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
