import { decode } from "jpeg-js";
import type { Image, JpegComponent, JpegLayout } from "../../raster/mod.ts";
import { DecodeError, joinBytes } from "./image.ts";

/** Samples and sentences for the user. */
export interface JpegSamples {
  readonly image: Image;
  readonly warnings: readonly string[];
  /** [H, W] or [H, W, 3]: the samples of the components before colours are converted, each repeated over its pixels. */
  readonly planes?: Uint8Array<ArrayBuffer>;
}

/**
 * Decodes a complete JPEG.
 *
 * Colour is converted here and not by the decoder, which cuts fractions off (half a level darker on average) and repeats
 * halved chroma samples; here they are interpolated with the weights 3/4 and 1/4 and rounded, as libjpeg does by default.
 *
 * @param layout The file.
 * @returns The image as stored and sentences for the user.
 * @throws DecodeError If the pixel data are damaged.
 */
export function decodeComplete(layout: JpegLayout): JpegSamples {
  const decoded = runDecoder(layout);
  const { width, height, color, components } = layout;
  if (color === "gray") {
    const samples = Uint8Array.from({ length: width * height }, (_, pixel) => decoded[3 * pixel]!);
    return { image: { width, height, channels: 1, bitDepth: 8, samples }, warnings: [], planes: samples };
  }
  if (color === "cmyk" || color === "ycck") {
    return {
      image: { width, height, channels: 3, bitDepth: 8, samples: decoded },
      warnings: ["the picture has CMYK inks; they are converted without a colour profile, so colours may shift"],
    };
  }
  const planes = components.map((component, c) => smoothPlane(decoded, c, component, layout));
  const samples = new Uint8Array(width * height * 3);
  const [first, second, third] = planes as [Float32Array, Float32Array, Float32Array];
  for (let pixel = 0; pixel < width * height; pixel++) {
    const y = first[pixel]!;
    const cb = second[pixel]!;
    const cr = third[pixel]!;
    const at = 3 * pixel;
    if (color === "rgb") {
      samples[at] = round(y);
      samples[at + 1] = round(cb);
      samples[at + 2] = round(cr);
    } else {
      // Full-range BT.601 (JFIF 1.02), chroma stored with an offset of 128.
      samples[at] = round(y + 1.402 * (cr - 128));
      samples[at + 1] = round(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128));
      samples[at + 2] = round(y + 1.772 * (cb - 128));
    }
  }
  return { image: { width, height, channels: 3, bitDepth: 8, samples }, warnings: [], planes: decoded };
}

/** Runs the decoder without colour conversion of three components: [H, W, 3]. */
function runDecoder({ width, height, components, essential }: JpegLayout): Uint8Array<ArrayBuffer> {
  const input = joinBytes(essential);
  try {
    const { data } = decode(input, {
      useTArray: true,
      formatAsRGBA: false,
      // Four components keep the transform of their Adobe segment.
      ...(components.length === 3 ? { colorTransform: false } : {}),
      // Size and scan count are judged already, so the decoder's own limits must not be lower.
      maxResolutionInMP: Infinity,
      maxMemoryUsageInMB: Infinity,
    });
    if (data.length !== width * height * 3) throw new Error("the decoded size differs from the header");
    return data as Uint8Array<ArrayBuffer>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DecodeError(`the JPEG file is damaged: its pixel data cannot be decoded (${reason})`, { cause: error });
  }
}

/**
 * One component [H, W] at full size: where the decoder repeated each sample twice along an axis, neighbours are mixed
 * as 3/4 and 1/4 (sample centres lie at quarters); other ratios stay as repeated.
 */
function smoothPlane(
  decoded: Uint8Array,
  channel: number,
  component: JpegComponent,
  { width, height, components }: JpegLayout,
): Float32Array {
  const ratioX = Math.max(...components.map(({ horizontal }) => horizontal)) / component.horizontal;
  const ratioY = Math.max(...components.map(({ vertical }) => vertical)) / component.vertical;
  const plane = new Float32Array(width * height);
  for (let pixel = 0; pixel < plane.length; pixel++) plane[pixel] = decoded[3 * pixel + channel]!;
  if (ratioX === 2) { for (let y = 0; y < height; y++) smoothLine(plane, y * width, 1, width); }
  if (ratioY === 2) { for (let x = 0; x < width; x++) smoothLine(plane, x, width, height); }
  return plane;
}

/** Replaces a line of doubled samples s0 s0 s1 s1 ... by s0, (3 s0 + s1)/4, (s0 + 3 s1)/4, ... in place. */
function smoothLine(plane: Float32Array, start: number, stride: number, length: number): void {
  for (let i = 1; i + 1 < length; i += 2) {
    const at = start + i * stride;
    const before = plane[at]!;
    const after = plane[at + stride]!;
    plane[at] = 0.75 * before + 0.25 * after;
    plane[at + stride] = 0.25 * before + 0.75 * after;
  }
}

function round(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}
