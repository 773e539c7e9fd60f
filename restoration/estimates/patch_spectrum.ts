/** Small blocks of a plane in the basis of the discrete cosine transform, by which noise is told from what a picture shows. */

/** One channel of a picture. */
export interface Plane {
  readonly width: number;
  readonly height: number;
  /** [H, W] */
  readonly data: Float32Array;
}

/** Which blocks of a plane are looked at. */
export interface PatchGrid {
  /** Side of a block in pixels. */
  readonly side: number;
  /** Pixels from one block to the next along rows and columns. */
  readonly stride: number;
  /** Frequencies u + v below it tell how much a block shows, those from it on how noisy it is. */
  readonly split: number;
  /** Blocks with values that reach it, up or down, are cut off and left out. */
  readonly limit: number;
  /** Row and column of the first block. */
  readonly origin?: readonly [row: number, column: number];
}

/** A block of a plane. */
export interface Patch {
  readonly mean: number;
  /** Mean square of the coefficients with 0 < u + v < split. */
  readonly low: number;
  /** Mean square of those with u + v >= split. */
  readonly high: number;
  /** All coefficients of the orthonormal transform; entry side v + u has the vertical frequency v. */
  readonly coefficients: Float64Array;
}

/** Most blocks; more cost time and tell nothing new. */
const MOST_PATCHES = 20_000;

/** The orthonormal transform [k, n] of a side. */
function cosines(side: number): Float64Array {
  return Float64Array.from({ length: side * side }, (_, i) => {
    const [k, n] = [Math.floor(i / side), i % side];
    return Math.sqrt((k === 0 ? 1 : 2) / side) * Math.cos(Math.PI * (n + 0.5) * k / side);
  });
}

/** The blocks of a plane, evenly thinned out where they are many. */
export function patchesOf(
  { width, height, data }: Plane,
  { side, stride, split, limit, origin = [0, 0] }: PatchGrid,
): Patch[] {
  const rows = Math.floor((height - origin[0] - side) / stride) + 1;
  const columns = Math.floor((width - origin[1] - side) / stride) + 1;
  const places = Math.max(0, rows) * Math.max(0, columns);
  const basis = cosines(side);
  const step = Math.max(1, Math.ceil(places / MOST_PATCHES));
  const block = new Float64Array(side * side);
  const half = new Float64Array(side * side);
  const patches: Patch[] = [];
  for (let place = 0; place < places; place += step) {
    const row = origin[0] + stride * Math.floor(place / columns);
    const column = origin[1] + stride * (place % columns);
    for (let y = 0; y < side; y++) {
      const start = (row + y) * width + column;
      for (let x = 0; x < side; x++) block[y * side + x] = data[start + x]!;
    }
    if (block.some((value) => Math.abs(value) >= limit)) continue;
    const coefficients = new Float64Array(side * side);
    multiply(block, basis, half, side);
    multiply(half, basis, coefficients, side);
    patches.push({ coefficients, ...energies(coefficients, side, split) });
  }
  return patches;
}

/** out = (a basis^T)^T: one axis transformed, and the axes exchanged. */
function multiply(a: Float64Array, basis: Float64Array, out: Float64Array, side: number): void {
  for (let i = 0; i < side; i++) {
    for (let k = 0; k < side; k++) {
      let sum = 0;
      for (let n = 0; n < side; n++) sum += a[i * side + n]! * basis[k * side + n]!;
      out[k * side + i] = sum;
    }
  }
}

function energies(coefficients: Float64Array, side: number, split: number): Omit<Patch, "coefficients"> {
  let [low, high, lowCount, highCount] = [0, 0, 0, 0];
  for (let v = 0; v < side; v++) {
    for (let u = v === 0 ? 1 : 0; u < side; u++) {
      const square = coefficients[v * side + u]! ** 2;
      if (u + v < split) {
        low += square;
        lowCount++;
      } else {
        high += square;
        highCount++;
      }
    }
  }
  return { mean: coefficients[0]! / side, low: low / lowCount, high: high / highCount };
}

/** The blocks that show least, from the flattest on: what is chosen by low frequencies leaves noise in high ones as it is. */
export function flattest(patches: readonly Patch[], share: number, fewest: number): readonly Patch[] {
  return patches.toSorted((a, b) => a.low - b.low).slice(0, Math.max(fewest, Math.floor(share * patches.length)));
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
