/** JPEG files that end too early, as of a transfer that was broken off. */
import type { Image, JpegLayout } from "../../raster/mod.ts";
import { type Decoded, DecodeError, joinBytes } from "./image.ts";
import { decodeComplete, type JpegSamples } from "./jpeg_samples.ts";
import { scanExtent } from "./jpeg_scan.ts";

const END_MARK = Uint8Array.of(0xff, 0xd9);
const NO_END = "the file ends without its end mark; the picture is complete";

/**
 * Decodes what is there of a JPEG without an end mark, or whose last scan ends before it should.
 *
 * @param layout The file; at least one scan has begun.
 * @param length Bytes of the file, for what is said of it.
 * @returns The image with gray rows (half of the full value) where nothing is there, which rows those are, and sentences.
 * @throws DecodeError If no row of the picture is complete.
 */
export async function decodeCut(
  layout: JpegLayout,
  length: number,
): Promise<JpegSamples & Pick<Decoded, "missing">> {
  const { width, height, components, essential, cut } = layout;
  if (components.length === 4) throw truncated(length, "which can be read as far as it goes only if it is gray or RGB");
  const scans = essential.filter((part) => part[1] === 0xda);
  const progressive = essential.some((part) => part[1] === 0xc2);
  const last = scans.at(-1)!;
  const isFirst = scans.length === 1;
  // The codes of later scans of a progressive file cannot be read without those before.
  const extent = cut === "in scan" && (!progressive || isFirst) ? scanExtent(layout) : undefined;
  const partial = extent !== undefined && extent.units < extent.expected;
  const rows = partial && isFirst
    ? Math.min(height, Math.floor(extent.units / extent.unitsPerLine) * extent.unitHeight)
    : height;
  if (rows === 0) throw truncated(length, "before the first row of the picture is complete");
  if (!progressive) {
    const rest = essential.filter((part) => part !== last);
    const parts = !partial ? essential : isFirst ? [...rest, last.subarray(0, extent.lineEnd)] : rest;
    const shown = components.filter(({ id }) => parts.some((part) => part[1] === 0xda && namesOf(part).includes(id)));
    const known = decodeComplete({ ...layout, height: rows, essential: withHeight([...parts, END_MARK], rows) });
    const warnings = [...known.warnings];
    if (rows < height) warnings.push(missingRows(rows, height));
    if (shown.length < components.length) warnings.push("the colours are cut off: the picture is read as gray");
    if (rows === height && warnings.length === known.warnings.length) warnings.push(NO_END);
    return { ...extended(known.image, height, rows), warnings };
  }
  const all = await decodeLeniently(joinBytes([...essential, END_MARK]), layout);
  if (rows < height) {
    const image = { ...all, height: rows, samples: all.samples.slice(0, rows * width * all.channels) };
    return {
      ...extended(image, height, rows),
      warnings: [missingRows(rows, height), "the other rows are coarse: their details are cut off"],
    };
  }
  const detailed = cut === "in scan" && !isFirst ? await detailedRows(all, last, layout) : height;
  const complete = isComplete(layout);
  // Whether the last block is there cannot be seen.
  if (complete && detailed > height - 8) return { image: all, warnings: [NO_END] };
  const from = detailed < height ? `from row ${detailed + 1} of ${height} on` : "everywhere";
  const where = complete || detailed === height ? from : `everywhere, and most ${from}`;
  return { image: all, warnings: [`the file is cut off at byte ${length}: the picture is coarser ${where}`] };
}

/** Rows from the top in which the last scan, as far as it is there, changes something. */
async function detailedRows(all: Image, last: Uint8Array<ArrayBuffer>, layout: JpegLayout): Promise<number> {
  // The header stays: what the decoder smooths depends on the scans that it has seen.
  const header = last.subarray(0, 2 + last[2]! * 256 + last[3]!);
  const parts = layout.essential.map((part) => part === last ? header : part);
  const without = await decodeLeniently(joinBytes([...parts, END_MARK]), layout);
  const sample = all.samples.findLastIndex((value, i) => value !== without.samples[i]);
  return Math.floor(sample / (all.width * all.channels)) + 1;
}

/** Whether the scans of a progressive file bring all bits of all coefficients (T.81, G.1.1.1). */
function isComplete({ components, essential }: JpegLayout): boolean {
  const scans = essential.filter((part) => part[1] === 0xda);
  return components.every(({ id }) =>
    Array.from({ length: 64 }, (_, k) => k).every((k) =>
      scans.some((part) => {
        const [from = 0, to = 0, bits = 0] = part.subarray(5 + 2 * part[4]!);
        return namesOf(part).includes(id) && k >= from && k <= to && (bits & 15) === 0;
      })
    )
  );
}

type Decoder = typeof import("@jsquash/jpeg/decode.js").default;

let decoder: Promise<Decoder> | undefined;

/** Loads libjpeg; its complaints, one for each file of this kind, would go to the console. */
async function openDecoder(): Promise<Decoder> {
  const { default: decode, init } = await import("@jsquash/jpeg/decode.js");
  await init({ printErr: () => {} });
  return decode;
}

/** Decodes with libjpeg, which goes on without a word where data are missing. */
async function decodeLeniently(bytes: Uint8Array<ArrayBuffer>, { width, height, color }: JpegLayout): Promise<Image> {
  const decode = await (decoder ??= openDecoder());
  let data: ImageData["data"];
  try {
    ({ data } = await decode(bytes.buffer));
  } catch (error) {
    throw new DecodeError("the JPEG file is cut off and its pixel data cannot be decoded", { cause: error });
  }
  if (data.length !== width * height * 4) {
    throw new DecodeError("the JPEG file is damaged: its size is not that of its header");
  }
  const channels = color === "gray" ? 1 : 3;
  const samples = new Uint8Array(width * height * channels);
  for (let i = 0; i < samples.length; i++) samples[i] = data[4 * Math.floor(i / channels) + i % channels]!;
  return { width, height, channels, bitDepth: 8, samples };
}

/** The parts of a file with another height in the header of its frame. */
function withHeight(
  parts: readonly Uint8Array<ArrayBuffer>[],
  height: number,
): readonly Uint8Array<ArrayBuffer>[] {
  return parts.map((part) =>
    /^19[2-4]$/.test(`${part[1]}`) ? part.slice().with(5, height >> 8).with(6, height & 255) : part
  );
}

/** The picture with gray rows below, and which rows those are. */
function extended(
  image: Image,
  height: number,
  rows: number,
): { readonly image: Image; readonly missing?: Float32Array<ArrayBuffer> } {
  if (rows === height) return { image };
  const { width, channels } = image;
  const samples = new Uint8Array(width * height * channels).fill(128);
  samples.set(image.samples);
  return { image: { ...image, height, samples }, missing: new Float32Array(width * height).fill(1, 0, rows * width) };
}

/** The components that a scan names. */
function namesOf(scan: Uint8Array): readonly number[] {
  return Array.from({ length: scan[4]! }, (_, i) => scan[5 + 2 * i]!);
}

function missingRows(rows: number, height: number): string {
  return `the file is cut off: ${height - rows} of ${height} rows are missing, from row ${
    rows + 1
  } on, and are gray here; ` +
    "they can be filled as a hole";
}

function truncated(length: number, why: string): DecodeError {
  return new DecodeError(`the JPEG file is truncated: it ends at byte ${length}, ${why}; get a complete copy`);
}
