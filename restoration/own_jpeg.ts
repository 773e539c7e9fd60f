/** Pictures that were compressed as JPEG: what their files, or their owners, tell of it. */
import { type JpegFile, type JpegPlace, type JpegPlane, jpegQuality, jpegSteps } from "../operators/mod.ts";
import { numberOf, type OptionValues } from "../parameters/mod.ts";
import { applyOrientation, type JpegQuantization, type Raster } from "../raster/mod.ts";
import type { JpegFileSteps } from "./estimates/jpeg_noise.ts";
import { partsOf, quoted, type Task } from "./options/tasks.ts";

/** How a picture was compressed. */
export interface Compression extends Pick<JpegFile, "planes" | "color">, Pick<JpegPlace, "orientation"> {
  /**
   * What the coefficients of the file decode to, in [-1, 1] and beyond: each chrominance over the pixels of its sample,
   * not rounded to colours. Where it is not known, the picture itself.
   */
  readonly decoded?: Raster;
}

/** Luminance of files: 85 and more of 100 leave nothing that is seen. */
const GOOD_QUALITY = 85;

/** What must be said of a JPEG file whose compression shows, where the task does not count it in. */
export function describeCoarse({ tables }: Pick<JpegQuantization, "tables">, task: Task): readonly string[] {
  const quality = jpegQuality(tables[0]!);
  if (quality >= GOOD_QUALITY || partsOf(task).some(({ operator }) => operator === "jpeg")) return [];
  const remedy = task.scale > 1 && (task.form ?? "file") === "file" && task.needs === undefined
    ? `--task ${quoted(`${task.name} + jpeg`)} counts them in`
    : "--task jpeg repairs them";
  return [
    `The file was saved with a JPEG quality of about ${
      Math.round(quality)
    }: what that did to the picture is taken for ` +
    `detail; ${remedy}`,
  ];
}

/** Whether compression is what is wrong with a picture, and the last thing that happened to it. */
export function endsCompressed(task: Task): boolean {
  return partsOf(task).findLast(({ operator }) => operator !== "identity")?.operator === "jpeg";
}

/** Why it is not known how a picture was compressed, as the end of a sentence. */
export class UnknownCompression {
  constructor(readonly reason: string) {}
}

/**
 * How a picture was compressed that is to be repaired: as its file says, else with the standard tables of the quality
 * that is given.
 * @param channels of the measurement
 */
export function compressionOf(
  picture: { readonly channels: 1 | 3; readonly orientation?: number; readonly jpeg?: JpegQuantization },
  { task, options }: { readonly task: Task; readonly options: OptionValues },
): Compression | UnknownCompression {
  const quality = numberOf(options, "quality");
  const { jpeg, orientation = 1 } = picture;
  if (jpeg && endsCompressed(task)) {
    const own = ownCompression(jpeg, orientation, task.channels);
    if (own || quality === undefined) {
      return own ?? new UnknownCompression("its components are of a kind that is not known");
    }
  }
  if (quality === undefined) {
    return new UnknownCompression(
      jpeg ? "how it was compressed before is not in the file" : "it is no JPEG file, so that nothing tells the tables",
    );
  }
  const { luminance, chrominance } = jpegSteps({ quality, tables: "whole" });
  const colours: JpegPlane = { steps: chrominance, reduction: [2, 2] };
  const isGray = task.channels === 1 || picture.channels === 1;
  return {
    planes: [{ steps: luminance, reduction: [1, 1] }, ...(isGray ? [] : [colours, colours])],
    color: isGray ? "gray" : "ycbcr",
    orientation: 1,
  };
}

/** Says what is needed of a picture whose compression is not known. */
export function describeUnknown({ reason }: UnknownCompression, name: string, task: Task): string {
  return `--task ${
    quoted(task.name)
  } of "${name}" needs --quality N, the quality with which it was saved (1 to 100): ${reason}`;
}

/** The steps by which noise before a compression is told. */
export function stepsOf({ planes, orientation }: Compression): JpegFileSteps {
  const [rows, columns] = [0, 1].map((axis) => Math.max(...planes.map(({ reduction }) => reduction[axis]!)));
  return {
    tables: planes.map(({ steps }) => steps),
    sampling: planes.map(({ reduction: [down, across] }) => ({
      vertical: rows! / down,
      horizontal: columns! / across,
    })),
    orientation,
  };
}

/** What a file says, where it is of a kind that an operator can be made of. */
export function ownCompression(
  { tables, sampling, color, width, height, planes }: JpegQuantization,
  orientation: number,
  channels: 1 | 3,
): Compression | undefined {
  if (color === "cmyk" || color === "ycck" || (color === "rgb" && channels === 1)) return undefined;
  const most = (key: "vertical" | "horizontal"): number => Math.max(...sampling.map((factors) => factors[key]));
  const [rows, columns] = [most("vertical"), most("horizontal")];
  const all = tables.map((steps, i): JpegPlane => ({
    steps: Array.from(steps),
    reduction: [rows / sampling[i]!.vertical, columns / sampling[i]!.horizontal],
  }));
  if (!all.every(({ reduction }) => reduction.every(Number.isInteger))) return undefined;
  const used = channels === 1 ? all.slice(0, 1) : all;
  const decoded = planes && decodedPlanes({ planes, width, height, count: all.length }, color, channels, orientation);
  return { planes: used, color: used.length === 1 ? "gray" : color, orientation, ...(decoded ? { decoded } : {}) };
}

/** Planes as an upright picture of as many channels as are measured; colours are not rounded, and not cut off. */
function decodedPlanes(
  { planes, width, height, count }: {
    readonly planes: Uint8Array<ArrayBuffer>;
    readonly width: number;
    readonly height: number;
    readonly count: number;
  },
  color: Compression["color"],
  channels: 1 | 3,
  orientation: number,
): Raster {
  const stored = { width, height, channels: count as 1 | 3, bitDepth: 8 as const, samples: planes };
  const { samples, ...size } = applyOrientation(stored, orientation);
  const data = new Float32Array(width * height * channels);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const [y, cb, cr] = [0, 1, 2].map((c) => samples[pixel * count + c % count]!) as [number, number, number];
    const levels = channels === 1 || color === "gray"
      ? [y, y, y]
      : color === "rgb"
      ? [y, cb, cr]
      : [y + 1.402 * (cr - 128), y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128), y + 1.772 * (cb - 128)];
    for (let c = 0; c < channels; c++) data[pixel * channels + c] = levels[c]! / 127.5 - 1;
  }
  return { width: size.width, height: size.height, channels, data };
}
