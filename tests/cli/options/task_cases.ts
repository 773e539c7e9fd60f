/** The options of tasks: a command line for each, and what it does to the measurement. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { FileSource, readImage } from "../../../io/mod.ts";
import { colourRaster } from "../../../raster/mod.ts";
import { openSafetensors } from "../../../models/mod.ts";
import type { Materials } from "./materials.ts";
import { fieldOf, type Ran, rms } from "./table.ts";

/** A measurement as its file holds it. */
export interface Measured {
  readonly y: Float32Array;
  readonly shape: readonly number[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Reads the measurement that a command line made. */
export async function measurementOf({ out }: Ran): Promise<Measured> {
  using source = await FileSource.open(`${out}.safetensors`);
  const file = await openSafetensors(source);
  return { y: await file.readFloat32("y"), shape: file.tensors.get("y")!.shape, metadata: file.metadata };
}

/** A parameter of the operator as a measurement holds it. */
export function parameterOf({ metadata }: Measured, name: string): unknown {
  return fieldOf(JSON.parse(metadata.get("parameters")!), name);
}

/** Values of a picture in [-1, 1]. */
export async function valuesOf(path: string): Promise<Float32Array> {
  return colourRaster(await readImage(path)).data;
}

/** An option of a task. */
export interface TaskCase {
  readonly option: string;
  readonly task: string;
  /** Options of both command lines. */
  readonly base?: readonly string[];
  readonly value: string;
  /** The parameter that it sets; of files the operator says it otherwise. */
  readonly key?: string;
  /** What becomes of the picture x [16, 16, 3]. */
  check(without: Measured, given: Measured, x: Float32Array): void;
}

const SIDE = 16;

/** The known pixels of a measurement by inpainting, row by row: the others are 0. */
function knownOf({ y }: Measured): readonly boolean[] {
  return Array.from({ length: SIDE * SIDE }, (_, i) => y[3 * i] !== 0 || y[3 * i + 1] !== 0 || y[3 * i + 2] !== 0);
}

const missing = (measured: Measured): number => knownOf(measured).filter((known) => !known).length;

const nonzero = ({ y }: Measured): number => y.filter((value) => value !== 0).length;

/** The pixels that the mask of `taskCases` marks white. */
const isWhite = (x: number, y: number): boolean => x >= 5 || y < 3;

/** Writes what the cases name: a mask, a kernel that moves the picture, and a network that does nothing. */
export async function taskCases({ folder, identity }: Materials): Promise<readonly TaskCase[]> {
  const mask = folder.picture("mask.png", { colorType: 0, sample: (x, y) => isWhite(x, y) ? 255 : 0 });
  const painted = folder.picture("painted.png", {
    sample: (x, y, c) => isWhite(x, y) ? ((x + y) % 2 === 0 && c === 0 ? 255 : 0) : [0, 200, 0][c]!,
  });
  const kernel = folder.write("kernel.txt", new TextEncoder().encode("0 0 0\n0 0 1\n0 0 0\n"));
  await Promise.resolve();
  const white = Array.from({ length: SIDE * SIDE }, (_, i) => isWhite(i % SIDE, Math.floor(i / SIDE)));
  return [
    {
      option: "mask",
      task: "inpaint",
      value: mask,
      check(_, given, x): void {
        assertEquals(knownOf(given), white);
        given.y.forEach((value, i) => assertEquals(value, white[Math.floor(i / 3)] ? x[i] : 0));
      },
    },
    {
      option: "mask-keep",
      task: "inpaint",
      base: [`--mask=${mask}`],
      value: "black",
      check(usual, given): void {
        assertEquals(knownOf(usual), white);
        assertEquals(knownOf(given), white.map((is) => !is));
      },
    },
    {
      option: "mask-colour",
      task: "inpaint",
      // By itself the red would count, of which there is more.
      base: [`--mask=${painted}`],
      value: "#00c800",
      check(usual, given): void {
        assertEquals(knownOf(given), white);
        assertNotEquals(knownOf(usual), white);
      },
    },
    {
      option: "mask-box",
      task: "inpaint",
      value: "0.5",
      check(usual, given): void {
        assertEquals([missing(usual), missing(given)], [6 * 6, 8 * 8]);
        const hidden = knownOf(given).flatMap((known, i) => known ? [] : [[i % SIDE, Math.floor(i / SIDE)] as const]);
        const [left, top] = hidden[0]!;
        assert(hidden.every(([x, y]) => x >= left && x < left + 8 && y >= top && y < top + 8), "one box");
      },
    },
    {
      option: "mask-random",
      task: "inpaint",
      value: "0.75",
      key: "missing",
      check: (_, given) => assert(Math.abs(missing(given) / SIDE ** 2 - 0.75) < 0.1, `${missing(given)} are missing`),
    },
    {
      option: "blur-sigma",
      task: "deblur",
      value: "0.2",
      key: "sigma",
      check: (usual, given, x) => assert(rms(given.y, x) < 0.001 && rms(usual.y, x) > 0.05, "hardly any blur"),
    },
    {
      option: "blur-taps",
      task: "deblur-uniform",
      value: "1",
      key: "taps",
      check(usual, given, x): void {
        assertEquals(parameterOf(usual, "taps"), 9);
        assert(rms(given.y, x) < 1e-6 && rms(usual.y, x) > 0.05, "a blur of one tap is none");
      },
    },
    {
      option: "blur-variant",
      task: "deblur",
      value: "published",
      key: "variant",
      check: (usual, given) => assertNotEquals(given.y, usual.y),
    },
    {
      option: "blur-threshold",
      task: "deblur",
      value: "0.9",
      key: "threshold",
      // A and A^+ share it: what is not undone is not measured either.
      check(usual, given): void {
        const energy = ({ y }: Measured): number => y.reduce((sum, value) => sum + value * value, 0);
        assert(energy(given) < energy(usual), `${energy(given)}, ${energy(usual)}`);
        assertEquals(parameterOf(usual, "threshold"), 0.03);
      },
    },
    {
      option: "blur-sigma-width",
      task: "deblur-aniso",
      base: ["--blur-sigma=0.1"],
      value: "0.1",
      key: "sigmaWidth",
      check: (usual, given, x) => assert(rms(given.y, x) < 1e-6 && rms(usual.y, x) > 0.05, "no blur along either side"),
    },
    {
      option: "blur-boundary",
      task: "deblur-kernel",
      base: ["--blur-taps=3", "--blur-sigma=1", "--blur-threshold=0"],
      value: "reflect",
      key: "boundary",
      check(circular, reflect): void {
        const apart = (i: number): number => Math.abs(circular.y[i]! - reflect.y[i]!);
        const isInner = (i: number): boolean =>
          [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE)].every((at) => at > 0 && at < SIDE - 1);
        const all = Array.from(circular.y.keys());
        assert(all.filter(isInner).every((i) => apart(i) < 1e-5), "the inside is the same");
        assert(all.some((i) => apart(i) > 0.05), "the border is another");
      },
    },
    {
      option: "blur-intensity",
      task: "deblur-motion",
      base: ["--blur-taps=5"],
      value: "0",
      key: "intensity",
      check(usual, given): void {
        assertEquals(parameterOf(usual, "intensity"), 0.5);
        assertNotEquals(given.y, usual.y);
      },
    },
    {
      option: "blur-seed",
      task: "deblur-motion",
      base: ["--blur-taps=5"],
      value: "3",
      key: "seed",
      check(usual, given): void {
        assertEquals(parameterOf(usual, "seed"), 0);
        assertNotEquals(given.y, usual.y);
      },
    },
    {
      option: "kernel",
      task: "deblur-kernel",
      base: [],
      value: kernel,
      check(_, given, x): void {
        // The weight is one pixel beside the middle: the picture moves by one column.
        const moved = (by: number): number =>
          given.y.reduce((most, value, i) => {
            const [pixel, c] = [Math.floor(i / 3), i % 3];
            const column = (pixel % SIDE + by + SIDE) % SIDE;
            return Math.max(most, Math.abs(value - x[3 * (pixel - pixel % SIDE + column) + c]!));
          }, 0);
        assert(Math.min(moved(1), moved(-1)) < 1e-5 && Math.max(moved(1), moved(-1)) > 0.1);
      },
    },
    {
      option: "keep",
      task: "outpaint",
      value: "0.25",
      check(usual, given): void {
        assertEquals([usual, given].map((measured) => SIDE ** 2 - missing(measured)), [8 * 8, 4 * 4]);
        assert(knownOf(given)[8 * SIDE + 8], "the middle is known");
      },
    },
    {
      option: "ratio",
      task: "cs",
      value: "0.5",
      key: "ratio",
      check: (usual, given) => assertEquals([nonzero(usual), nonzero(given)], [SIDE ** 2 / 4 * 3, SIDE ** 2 / 2 * 3]),
    },
    {
      option: "inverse",
      task: "old-photo",
      value: "factors",
      key: "inverse",
      // It is of A^+ alone, like a threshold.
      check(usual, given): void {
        assertEquals(given.y, usual.y);
        assertEquals(parameterOf(usual, "inverse"), "exact");
      },
    },
    {
      option: "views",
      task: "ct",
      base: ["--arc=90"],
      value: "7",
      key: "views",
      check: (usual, given) => assertEquals([usual.shape.includes(30), given.shape.includes(7)], [true, true]),
    },
    {
      option: "arc",
      task: "ct",
      base: ["--views=4"],
      value: "90",
      key: "arc",
      check(usual, given): void {
        assertEquals(usual.shape, given.shape);
        assertEquals(parameterOf(usual, "arc"), 180);
        // Views at 0, 45, 90, 135 degrees, and at 0, 22.5, 45, 67.5: the first is the same, the second is the third.
        const view = ({ y }: Measured, index: number): Float32Array =>
          y.slice(index * y.length / 4, (index + 1) * y.length / 4);
        assertEquals(view(given, 0), view(usual, 0));
        assert(rms(view(given, 2), view(usual, 1)) < 1e-4);
        assert(rms(view(given, 1), view(usual, 1)) > 0.01);
      },
    },
    {
      option: "sampling",
      task: "mri",
      value: "gaussian_2d",
      key: "sampling",
      check(lines, points): void {
        assertEquals(parameterOf(lines, "sampling"), "gaussian_1d");
        assertNotEquals(points.y.map((value) => value === 0 ? 0 : 1), lines.y.map((value) => value === 0 ? 0 : 1));
      },
    },
    {
      option: "acceleration",
      task: "mri",
      value: "8",
      key: "acceleration",
      check: (usual, given) => assert(nonzero(given) < 0.75 * nonzero(usual), `${nonzero(given)} of ${nonzero(usual)}`),
    },
    {
      option: "centre",
      task: "mri",
      value: "0.75",
      key: "centre",
      check(usual, given): void {
        assertEquals(parameterOf(usual, "centre"), 0.08);
        // Twelve of the sixteen columns, and those that are drawn besides.
        const columns = ({ y }: Measured): number =>
          new Set(Array.from(y.keys()).filter((i) => y[i] !== 0).map((i) => Math.floor(i / 2) % SIDE)).size;
        assert(columns(given) >= 12 && columns(usual) < 8, `${columns(given)}, ${columns(usual)} columns`);
      },
    },
    {
      option: "coils",
      task: "mri",
      value: "2",
      key: "coils",
      check: (usual, given) => assertEquals(given.y.length, 2 * usual.y.length),
    },
    {
      option: "gain",
      task: "hdr",
      value: "4",
      key: "gain",
      check(usual, given, x): void {
        const clipped = (gain: number): Float32Array => x.map((value) => Math.min(1, Math.max(-1, gain * value)));
        assert(rms(usual.y, clipped(2)) < 1e-6 && rms(given.y, clipped(4)) < 1e-6);
      },
    },
    {
      option: "quality",
      task: "jpeg",
      value: "5",
      key: "quality",
      check: (usual, given, x) => assert(rms(given.y, x) > 2 * rms(usual.y, x), "less quality, more loss"),
    },
    {
      option: "oversample",
      task: "phase",
      value: "0",
      key: "oversample",
      check: (usual, given) => assert(given.y.length < usual.y.length, `${given.y.length} of ${usual.y.length} values`),
    },
    {
      option: "blur-network",
      task: "deblur-network",
      value: identity,
      check: (usual, given, x) => assert(rms(given.y, x) < 1e-6 && rms(usual.y, x) > 0.01, "the file's does nothing"),
    },
  ];
}
