/** Colours of other spaces as sRGB, so that a network sees what the picture shows. */
import { allocateSamples, type Image, type Samples } from "../../raster/mod.ts";
import { type ColourSpace, profileOf } from "./colour_profile.ts";

/** What jscolorengine offers; the package brings no types. */
interface ColourEngine {
  Profile: new () => { loadBinary(bytes: Uint8Array): void; loaded: boolean };
  Transform: new (options: { buildLut: boolean; dataFormat: "int8" | "int16" }) => {
    create(from: unknown, to: string, intent: number): void;
    array(samples: Samples): ArrayLike<number>;
  };
  eIntent: { relative: number };
}

/**
 * Converts a picture to sRGB: relative colorimetric, D50 connection space, at the depth it has.
 *
 * @param image Gray or RGB.
 * @param source An ICC profile, or primaries and transfer of the picture.
 * @returns The picture in sRGB; alpha is not changed. Nothing if the profile is not one for such a picture or not usable.
 */
export async function toSrgb(image: Image, source: Uint8Array | ColourSpace): Promise<Image | undefined> {
  const profile = source instanceof Uint8Array ? source : profileOf(source, image.channels);
  const space = new TextDecoder("latin1").decode(profile.subarray(16, 20));
  if (space !== (image.channels === 1 ? "GRAY" : "RGB ")) return undefined;
  const { default: engine } = await import("jscolorengine") as unknown as { default: ColourEngine };
  try {
    const from = new engine.Profile();
    from.loadBinary(profile);
    if (!from.loaded) return undefined;
    const transform = new engine.Transform({ buildLut: false, dataFormat: image.bitDepth === 16 ? "int16" : "int8" });
    transform.create(from, "*sRGB", engine.eIntent.relative);
    const rgb = transform.array(image.samples);
    const samples = allocateSamples(image.samples.length, image.bitDepth);
    // Gray comes back as three equal channels.
    const stride = image.channels === 1 ? 3 : 1;
    for (let i = 0; i < samples.length; i++) samples[i] = rgb[i * stride]!;
    return { ...image, samples };
  } catch {
    return undefined;
  }
}
