/** ICC profiles of colour spaces that a file states by numbers. */

/** A colour space of three primaries and one transfer function. */
export interface ColourSpace {
  /** Chromaticities x, y of red, green, blue and white (CIE 1931). */
  readonly primaries: readonly (readonly [x: number, y: number])[];
  /** Exponent g of light = v^g, or the transfer function of sRGB. */
  readonly transfer: number | "srgb";
}

/** White of sRGB, Display P3, Adobe RGB and BT.2020. */
const D65 = [0.3127, 0.329] as const;

/** Primaries by their number in ITU-T H.273, table 2, as PNG's cICP and AVIF state them. */
export const PRIMARIES: Readonly<Record<number, ColourSpace["primaries"]>> = {
  1: [[0.64, 0.33], [0.3, 0.6], [0.15, 0.06], D65],
  9: [[0.708, 0.292], [0.17, 0.797], [0.131, 0.046], D65],
  12: [[0.68, 0.32], [0.265, 0.69], [0.15, 0.06], D65],
};

/** Transfers of H.273 that are shown as they are: BT.709 and its twins, gamma 2.2, sRGB, unspecified. */
const PLAIN_TRANSFERS = [1, 2, 4, 6, 13, 14, 15];

/**
 * The colour space that two numbers of ITU-T H.273 stand for.
 *
 * @param primaries Table 2: 1 BT.709, 2 unspecified, 9 BT.2020, 12 P3.
 * @param transfer Table 3: 8 linear, 13 sRGB, 16 PQ, 18 HLG.
 * @returns The space; nothing if it is that of sRGB or not stated; a sentence if it cannot be converted.
 */
export function colourSpaceOf(primaries: number, transfer: number): ColourSpace | string | undefined {
  const curve = transfer === 8 ? 1 : transfer === 5 ? 2.8 : PLAIN_TRANSFERS.includes(transfer) ? "srgb" : undefined;
  const points = primaries === 2 ? PRIMARIES[1] : PRIMARIES[primaries];
  if (curve === undefined || points === undefined) {
    const curveName = { 16: "PQ (high dynamic range)", 18: "HLG (high dynamic range)" }[transfer];
    const pointsName = { 1: "BT.709", 2: "unstated", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3" }[primaries];
    return `the file states ${curveName ?? `transfer ${transfer}`} with ${
      pointsName ?? `number ${primaries}`
    } primaries, ` +
      "which is not converted: values are taken as stored, so brightness and colours are off; save it as sRGB first";
  }
  return curve === "srgb" && points === PRIMARIES[1] ? undefined : { primaries: points, transfer: curve };
}

type Matrix = readonly (readonly number[])[];

/** White of the connection space. */
const D50 = [0.9642, 1, 0.8249];

/** Cone responses after Bradford, as ICC profiles adapt white. */
const BRADFORD: Matrix = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];

/**
 * A profile of a space: red, green and blue as columns of D50 XYZ, and one curve (ICC.1:2010, 8.3 and 10.15).
 *
 * @param space Primaries and transfer.
 * @param channels 3 for RGB; 1 for gray, where only the transfer counts.
 * @returns The bytes of the profile.
 */
export function profileOf({ primaries, transfer }: ColourSpace, channels: 1 | 3): Uint8Array<ArrayBuffer> {
  const xyz = (x: number, y: number): number[] => [x / y, 1, (1 - x - y) / y];
  const [red, green, blue, white] = primaries.map(([x, y]) => xyz(x, y)) as [number[], number[], number[], number[]];
  const columns = transposed([red, green, blue]);
  const amounts = times(inverse(columns), white);
  const cones = times(BRADFORD, white);
  const scaled = times(BRADFORD, D50).map((cone, i) => BRADFORD[i]!.map((value) => value * cone / cones[i]!));
  const adapt = transposed(transposed(scaled).map((column) => times(inverse(BRADFORD), column)));
  const colorants = [red, green, blue].map((colour, i) => times(adapt, colour).map((value) => value * amounts[i]!));

  const curve = transfer === "srgb"
    ? ["para", 0, 3 << 16, ...[2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045].map(fixed)]
    : ["para", 0, 0, fixed(transfer)];
  const point = (value: readonly number[]): (string | number)[] => ["XYZ ", 0, ...value.map(fixed)];
  const text = (value: string): (string | number)[] => [
    ...["mluc", 0, 1, 12, "enUS", 2 * value.length, 28],
    ...(value.match(/../g) ?? []).map((pair) => pair.charCodeAt(0) * 65536 + pair.charCodeAt(1)),
  ];
  const tags: [string, (string | number)[]][] = [
    ["desc", text("stated by the file")],
    ["cprt", text("no copyright")],
    ["wtpt", point(D50)],
    ...(channels === 1 ? [["kTRC", curve]] : [
      ...["rXYZ", "gXYZ", "bXYZ"].map((name, i) => [name, point(colorants[i]!)]),
      ...["rTRC", "gTRC", "bTRC"].map((name) => [name, curve]),
    ]) as [string, (string | number)[]][],
  ];
  let offset = 128 + 4 + 12 * tags.length;
  const table = tags.flatMap(([name, words]) => {
    offset += 4 * words.length;
    return [name, offset - 4 * words.length, 4 * words.length];
  });
  const header = [0, 0, 0x04000000, "mntr", channels === 1 ? "GRAY" : "RGB ", "XYZ ", 0, 0, 0, "acsp"];
  const rest = [0, 0, 0, 0, 0, 0, 0, ...D50.map(fixed), ...Array(12).fill(0)];
  const words = [offset, ...header.slice(1), ...rest, tags.length, ...table, ...tags.flatMap(([, entry]) => entry)];
  const bytes = new Uint8Array(4 * words.length);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    if (typeof word === "number") view.setUint32(4 * i, word);
    else bytes.set(new TextEncoder().encode(word), 4 * i);
  });
  return bytes;
}

/** A signed number with 16 binary places. */
function fixed(value: number): number {
  return Math.round(value * 65536) >>> 0;
}

function times(matrix: Matrix, vector: readonly number[]): number[] {
  return matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i]!, 0));
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, column) => matrix.map((row) => row[column]!));
}

/** The inverse of a 3 x 3 matrix: cofactors over the determinant. */
function inverse(m: Matrix): Matrix {
  const minor = (row: number, column: number): number => {
    const at = (i: number, j: number): number => m[(row + i) % 3]![(column + j) % 3]!;
    return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
  };
  const determinant = [0, 1, 2].reduce((sum, column) => sum + m[0]![column]! * minor(0, column), 0);
  return [0, 1, 2].map((row) => [0, 1, 2].map((column) => minor(column, row) / determinant));
}
