/** What lies around a blurred picture: the borders that are known, and what to take where nothing is known. */
import { data, type Parameter } from "../../parameters/mod.ts";

/** What lies outside the picture: its other side, the picture mirrored, or nothing that is known. */
export type BlurBoundary = "circular" | "reflect" | "unknown";

/** All of them. */
export const BLUR_BOUNDARIES: readonly BlurBoundary[] = ["circular", "reflect", "unknown"];

/** Rows and columns of a kernel, or of an image. */
export type Sides = readonly [rows: number, columns: number];

/** A part of an image in whole pixels. */
export interface ImagePart {
  /** Its first row. */
  readonly top: number;
  /** Its first column. */
  readonly left: number;
  /** Rows. */
  readonly height: number;
  /** Columns. */
  readonly width: number;
}

/** How far an image reaches beyond the part that was measured, in pixels. */
export interface Border {
  /** Above and below. */
  readonly rows: number;
  /** At the left and at the right. */
  readonly columns: number;
}

/** The parameter that is the measured part. */
export function measuredPart(): Parameter<ImagePart | undefined> {
  const names = ["top", "left", "height", "width"] as const;
  const fits = (value: unknown): boolean =>
    typeof value === "object" && value !== null &&
    names.every((name) => Number.isSafeInteger((value as Partial<ImagePart>)[name]));
  return data<ImagePart>(
    { needed: "top, left, height and width in pixels", fits },
    "for `unknown`: the part of the image that was measured; by default all that the kernel does not leave",
  );
}

/** How far an image reaches beyond a picture that was blurred with a kernel; undefined where the border is known. */
export function blurBorder([rows, columns]: Sides, boundary?: BlurBoundary): Border | undefined {
  return boundary === "unknown" ? { rows: Math.floor(rows / 2), columns: Math.floor(columns / 2) } : undefined;
}

/**
 * The part of an image that was measured with a kernel, its middle at (floor(h / 2), floor(w / 2)) of its taps.
 * @param name the operator's name in the register, for the message
 * @param measured what was given; by default all that the kernel does not leave
 * @throws {RangeError} if the kernel is larger than the image, or reaches over it from the part
 */
export function measuredWithin(
  name: string,
  [height, width]: Sides,
  [rows, columns]: Sides,
  measured: ImagePart | undefined,
): ImagePart {
  const refuse = (found: string): never => {
    throw new RangeError(
      `Cannot build operator "${name}": ${found}, an image is needed that the kernel of ${rows} x ${columns} taps ` +
        "does not leave; give a larger image, a smaller kernel or another border",
    );
  };
  // Row r of the measurement is made of rows r - (h - 1 - floor(h / 2)) to r + floor(h / 2) of the image, flipped.
  const [below, right] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const whole = {
    top: rows - 1 - below,
    left: columns - 1 - right,
    height: height - rows + 1,
    width: width - columns + 1,
  };
  if (whole.height < 1 || whole.width < 1) refuse(`the image has ${height} x ${width} pixels`);
  if (measured === undefined) return whole;
  const isWithin = measured.height >= 1 && measured.width >= 1 &&
    measured.top >= whole.top && measured.top + measured.height <= whole.top + whole.height &&
    measured.left >= whole.left && measured.left + measured.width <= whole.left + whole.width;
  if (isWithin) return measured;
  return refuse(
    `the measured part has ${measured.height} x ${measured.width} pixels at (${measured.top}, ${measured.left}) of ` +
      `${height} x ${width}`,
  );
}
