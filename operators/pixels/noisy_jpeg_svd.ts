/** How well the coefficients of noisy pictures are known that JPEG has rounded: one minimum coded unit as an SVD. */
import { completeBasis, cosineBasis, type Matrix, matrix, multiply, svd } from "../matrix.ts";
import { leastCommonMultiple } from "../least_common_multiple.ts";
import { BLOCK, COSINE, TO_PLANES } from "./jpeg.ts";
import type { JpegFile, JpegPlane } from "./jpeg_blocks.ts";

/** The pixels after which blocks of all planes begin again, with what is known of them. */
export interface NoisyUnit {
  /** Rows of the unit. */
  readonly tall: number;
  /** Its columns. */
  readonly wide: number;
  /** s of every coefficient [tall wide C], 0 to 1; 0 for what chroma of fewer samples loses. */
  readonly singularValues: Float64Array;
  /** V [tall wide C, tall wide C], pixels row by row with their channels next to each other. */
  readonly basis: Matrix;
}

/** What a unit depends on; see `noisyUnit`. */
export interface NoisyUnitSetting extends Pick<JpegFile, "planes" | "color"> {
  /** Channels of the pictures, 1 or 3. */
  readonly channels: 1 | 3;
  /** Deviation of the noise before the compression, in units of [-1, 1], more than 0. */
  readonly sigma: number;
  /** Part of the variance q^2 / 12 of rounding to steps of q that counts. */
  readonly rounding: number;
}

/** Levels in a unit of [-1, 1]. */
const LEVELS = 127.5;

/** What two cosines have in common is nothing below it. */
const NOTHING = 1e-12;

/** One coefficient that a file stores, as a product of vectors. */
interface Stored {
  /** Along the height, in the cosine basis of the unit. */
  readonly down: Float64Array;
  /** Along the width. */
  readonly across: Float64Array;
  /** Weights of the channels. */
  readonly colours: readonly number[];
  /** Variance that rounding adds. */
  readonly rounding: number;
}

/**
 * The singular value decomposition of A = sigma C^(-1/2) M, M x the coefficients that a file stores of a picture x and
 * C = sigma^2 M M^T + r diag(q^2 / 12) the covariance of what white normal noise and rounding to the steps q add to them:
 * y = A x + n has white noise of deviation sigma. Coefficients that were hardly rounded have s near 1.
 *
 * Mirrored blocks are taken together, so that even and odd cosines part, and what has nothing in common is decomposed
 * for itself: 4 parts of 96 coefficients where chroma has half the rows and columns, 64 of 3 where it has all.
 */
export function noisyUnit({ planes, color, channels, sigma, rounding }: NoisyUnitSetting): NoisyUnit {
  const [tall, wide] = [0, 1].map((axis) =>
    BLOCK * planes.reduce((all, { reduction }) => leastCommonMultiple(all, reduction[axis]!), 1)
  ) as [number, number];
  const [vertical, horizontal] = [cosineBasis(tall), cosineBasis(wide)];
  const coefficients = planes.flatMap((plane, c) => {
    const isConverted = color === "ycbcr" && channels === 3;
    const colours = Array.from(
      { length: channels },
      (_, channel) => isConverted ? TO_PLANES[channel]![c]! : Number(channel === c),
    );
    return coefficientsOf(plane, colours, vertical, horizontal, rounding);
  });
  const size = tall * wide * channels;
  const basis = matrix(size, size, () => 0);
  const singularValues = new Float64Array(size);
  let first = 0;
  for (const { members, places } of partsOf(coefficients, tall, wide)) {
    const columns = places.length * channels;
    const { s, v } = svd(whitened(measuring(members, places, wide, channels), members, sigma));
    // The cosines of the part, as pictures.
    const pictures = matrix(size, columns, (i, column) => {
      const [pixel, place] = [Math.floor(i / channels), places[Math.floor(column / channels)]!];
      if (i % channels !== column % channels) return 0;
      return vertical.data[Math.floor(place / wide) * tall + Math.floor(pixel / wide)]! *
        horizontal.data[(place % wide) * wide + pixel % wide]!;
    });
    const vectors = multiply(pictures, completeBasis(v));
    singularValues.set(s, first);
    for (let i = 0; i < size; i++) {
      basis.data.set(vectors.data.subarray(i * columns, (i + 1) * columns), i * size + first);
    }
    first += columns;
  }
  return { tall, wide, singularValues, basis };
}

/** The coefficients of one plane in a unit. */
function coefficientsOf(
  { steps, reduction: [rows, columns] }: JpegPlane,
  colours: readonly number[],
  vertical: Matrix,
  horizontal: Matrix,
  rounding: number,
): readonly Stored[] {
  const along = cosineVectors(columns, horizontal);
  return cosineVectors(rows, vertical).flatMap(({ frequency: v, vector: down }) =>
    along.map(({ frequency: u, vector: across }) => ({
      down,
      across,
      colours,
      rounding: rounding / 12 * (steps[BLOCK * v + u]! / LEVELS) ** 2,
    }))
  );
}

/**
 * The cosines of all blocks along one side of a unit, in the unit's own cosine basis. Those of mirrored blocks b and
 * n - 1 - b are added and subtracted: one is even then, the other odd.
 * @param reduction pixels in whose means the blocks are
 */
function cosineVectors(
  reduction: number,
  unit: Matrix,
): readonly { readonly frequency: number; readonly vector: Float64Array }[] {
  const length = unit.rows;
  const span = BLOCK * reduction;
  const count = length / span;
  const cosines = (block: number, u: number): Float64Array =>
    Float64Array.from({ length }, (_, k) => {
      let sum = 0;
      for (let p = 0; p < span; p++) {
        sum += unit.data[k * length + block * span + p]! * COSINE[BLOCK * u + Math.floor(p / reduction)]!;
      }
      return sum / reduction;
    });
  return Array.from({ length: count * BLOCK }, (_, i) => {
    const [block, frequency] = [Math.floor(i / BLOCK), i % BLOCK];
    const [own, mirrored] = [cosines(block, frequency), cosines(count - 1 - block, frequency)];
    const sign = (block < count / 2 ? 1 : -1) * (frequency % 2 === 0 ? 1 : -1);
    const isMiddle = 2 * block + 1 === count;
    const vector = isMiddle ? own : own.map((value, k) => (value + sign * mirrored[k]!) * Math.SQRT1_2);
    return { frequency, vector: vector.map((value) => Math.abs(value) < NOTHING ? 0 : value) };
  });
}

/** Coefficients that share cosines of the unit, and these, as row * wide + column. */
interface Part {
  readonly members: readonly Stored[];
  readonly places: readonly number[];
}

/** What has nothing in common, apart. */
function partsOf(coefficients: readonly Stored[], tall: number, wide: number): readonly Part[] {
  const parents = Uint32Array.from({ length: tall * wide }, (_, place) => place);
  const root = (place: number): number => {
    let at = place;
    while (parents[at] !== at) at = parents[at]!;
    return at;
  };
  const firsts = coefficients.map(({ down, across }) => {
    let first: number | undefined;
    for (let row = 0; row < tall; row++) {
      if (down[row] === 0) continue;
      for (let column = 0; column < wide; column++) {
        if (across[column] === 0) continue;
        const own = root(row * wide + column);
        if (first === undefined) first = own;
        else parents[own] = first = root(first);
      }
    }
    return first!;
  });
  const places = Map.groupBy(Array.from(parents.keys()), root);
  const members = Map.groupBy(coefficients.keys(), (i) => root(firsts[i]!));
  return Array.from(places, ([key, all]) => ({
    members: (members.get(key) ?? []).map((i) => coefficients[i]!),
    places: all,
  }));
}

/** M of a part: its coefficients [members, places C]. */
function measuring(
  members: readonly Stored[],
  places: readonly number[],
  wide: number,
  channels: number,
): Matrix {
  return matrix(members.length, places.length * channels, (row, column) => {
    const { down, across, colours } = members[row]!;
    const place = places[Math.floor(column / channels)]!;
    return down[Math.floor(place / wide)]! * across[place % wide]! * colours[column % channels]!;
  });
}

/** sigma L^(-1) M with L L^T = sigma^2 M M^T + diag(rounding), by Cholesky's rows. */
function whitened(measured: Matrix, members: readonly Stored[], sigma: number): Matrix {
  const { rows: n, columns } = measured;
  const factor = new Float64Array(n * n);
  const result = measured.data.map((value) => sigma * value);
  const whole = result.slice();
  for (let i = 0; i < n; i++) {
    const row = result.subarray(i * columns, (i + 1) * columns);
    for (let j = 0; j <= i; j++) {
      let sum = i === j ? members[i]!.rounding : 0;
      for (let k = 0; k < columns; k++) sum += whole[i * columns + k]! * whole[j * columns + k]!;
      for (let k = 0; k < j; k++) sum -= factor[i * n + k]! * factor[j * n + k]!;
      factor[i * n + j] = i === j ? Math.sqrt(sum) : sum / factor[j * n + j]!;
      if (i === j) continue;
      for (let k = 0; k < columns; k++) row[k]! -= factor[i * n + j]! * result[j * columns + k]!;
    }
    for (let k = 0; k < columns; k++) row[k]! /= factor[i * n + i]!;
  }
  return { rows: n, columns, data: result };
}
