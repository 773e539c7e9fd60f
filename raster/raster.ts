/** A picture of real values, channels last, as the engine takes it: colour in [-1, 1], or any plane. */
export interface Raster {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Values per pixel. */
  readonly channels: number;
  /** [H, W, C]. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** A rectangle of pixels inside a picture. */
export interface Rectangle {
  /** First column. */
  readonly x: number;
  /** First row. */
  readonly y: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** A width and a height in pixels. */
export interface Size {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * Cuts a rectangle out of a picture.
 *
 * @param raster The picture.
 * @param rectangle What to keep; must lie inside.
 * @returns The part [height, width, C].
 * @throws RangeError If the rectangle is empty or reaches outside.
 */
export function crop(raster: Raster, rectangle: Rectangle): Raster {
  const { x, y, width, height } = rectangle;
  const whole = [x, y, width, height].every(Number.isInteger);
  if (!whole || x < 0 || y < 0 || width < 1 || height < 1 || x + width > raster.width || y + height > raster.height) {
    throw new RangeError(
      `Cannot crop ${width} x ${height} pixels at (${x}, ${y}): the picture has ${raster.width} x ${raster.height}`,
    );
  }
  const { channels } = raster;
  const data = new Float32Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const from = ((y + row) * raster.width + x) * channels;
    data.set(raster.data.subarray(from, from + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}

/**
 * Centres a smaller size in a larger one; an odd remainder goes to the right and bottom.
 *
 * @param outer The larger size.
 * @param inner The smaller size.
 * @returns Where the smaller one lies in the larger one.
 * @throws RangeError If the inner size does not fit.
 */
export function centre(outer: Size, inner: Size): Rectangle {
  if (inner.width > outer.width || inner.height > outer.height) {
    throw new RangeError(
      `Cannot centre ${inner.width} x ${inner.height} pixels in ${outer.width} x ${outer.height}: they do not fit`,
    );
  }
  return {
    x: Math.floor((outer.width - inner.width) / 2),
    y: Math.floor((outer.height - inner.height) / 2),
    width: inner.width,
    height: inner.height,
  };
}

/**
 * Extends a picture by mirroring it at its border pixels (..c b | a b c | b a.., the border pixel not repeated), as often
 * as the wanted size needs.
 *
 * @param raster The picture.
 * @param size Wanted size, at least the picture's.
 * @param place Where the picture lies in the result; `crop` with it undoes the extension. In the middle by default.
 * @returns The extended picture.
 * @throws RangeError If the picture does not fit at that place.
 */
export function padReflect(raster: Raster, size: Size, place: Rectangle = centre(size, raster)): Raster {
  const fits = place.width === raster.width && place.height === raster.height && place.x >= 0 && place.y >= 0 &&
    place.x + place.width <= size.width && place.y + place.height <= size.height;
  if (!fits) {
    throw new RangeError(
      `Cannot pad ${raster.width} x ${raster.height} pixels to ${size.width} x ${size.height}: ` +
        `they do not fit at (${place.x}, ${place.y})`,
    );
  }
  const { channels } = raster;
  const data = new Float32Array(size.width * size.height * channels);
  const columns = Int32Array.from({ length: size.width }, (_, x) => reflect(x - place.x, raster.width));
  let at = 0;
  for (let y = 0; y < size.height; y++) {
    const row = reflect(y - place.y, raster.height) * raster.width;
    for (let x = 0; x < size.width; x++) {
      const from = (row + columns[x]!) * channels;
      for (let c = 0; c < channels; c++) data[at++] = raster.data[from + c]!;
    }
  }
  return { width: size.width, height: size.height, channels, data };
}

/** Index of a triangle wave of period 2 (length - 1). */
function reflect(index: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const phase = ((index % period) + period) % period;
  return phase < length ? phase : period - phase;
}
