/** Pictures whose noise was compressed as JPEG with them: what their files store is the measurement. */
import { leastCommonMultiple, OPERATORS } from "../../operators/mod.ts";
import { numberOf, type OptionValues, UsageError } from "../../parameters/mod.ts";
import type { NoiseLevel } from "../estimates/noise_level.ts";
import { type Compression, describeCoarse } from "../own_jpeg.ts";
import { sentence } from "../picture_source.ts";
import type { PictureSource } from "../prepare.ts";
import { NOISE_LEVEL } from "./method_options.ts";
import { isNoisy, NOISY_JPEG, partsOf, quoted, type Task, TASKS } from "./tasks.ts";

/** Less noise than this is none, in units of [-1, 1]: an eighth of a level. */
const LEAST_NOISE = 1e-3;

/** A task with what follows for the picture. */
export interface NoisyJpeg {
  readonly task: Task;
  readonly source: Partial<PictureSource>;
  readonly notes: readonly string[];
}

/**
 * Takes a picture by the coefficients of its file where its noise is to be removed and is more than nothing: of
 * "denoise + jpeg" always, of "denoise" where the noise is seen or given. All others stay as they are.
 * @param estimated the noise of the picture, where no option gives it
 * @throws {UsageError} if the noise is one of several damages before a compression
 */
export function settleNoisyJpeg(
  source: PictureSource,
  task: Task,
  options: OptionValues,
  estimated: NoiseLevel | undefined,
): NoisyJpeg {
  const level = numberOf(options, NOISE_LEVEL);
  const sigma = level ?? estimated?.sigma ?? 0;
  const same: NoisyJpeg = { task, source: {}, notes: [] };
  if (!isNoisy(task) || sigma < LEAST_NOISE) return same;
  const operators = partsOf(task).map(({ operator }) => operator);
  const isCompressed = operators.at(-1) === "jpeg";
  if (isCompressed && operators.length > 2) throw new UsageError(describeRefusal(task));
  const compression = isCompressed ? source.compression : source.stored;
  const isTaken = isCompressed || (operators.length === 1 && (level !== undefined || estimated?.isSeen === true));
  if (!compression || !isTaken || !hasSmallUnits(compression.planes)) return same;
  const entry = OPERATORS.get(NOISY_JPEG)!;
  const { kind } = TASKS.get("denoise")!;
  return {
    task: {
      ...{ name: task.name, description: task.description, operator: NOISY_JPEG, entry, kind },
      ...{ fixed: {}, scale: 1, channels: 3, form: "values" },
    },
    source: { compression, notes: withoutCoarse(source, task) },
    notes: [describeTaken(compression.planes)],
  };
}

/** Pixels of the largest plane for one sample of the smallest, up to which coefficients are soon decomposed. */
const MOST_REDUCED = 8;

function hasSmallUnits(planes: Compression["planes"]): boolean {
  const unit = [0, 1].map((axis) =>
    planes.reduce((all, { reduction }) => leastCommonMultiple(all, reduction[axis]!), 1)
  );
  return unit[0]! * unit[1]! <= MOST_REDUCED;
}

/** The notes of a picture but for the one that its compression is not counted in. */
function withoutCoarse({ jpeg, notes = [] }: PictureSource, task: Task): readonly string[] {
  const wrong = jpeg ? describeCoarse(jpeg, task).map(sentence) : [];
  return notes.filter((note) => !wrong.includes(note));
}

function describeRefusal(task: Task): string {
  const others = partsOf(task).filter(({ operator }) => operator !== "identity").map(({ name }) => name).join(" + ");
  return `--task ${
    quoted(task.name)
  } makes no sense: no method reckons with noise before a compression together with ` +
    `other damages; give --task "denoise + jpeg" first, then --task ${quoted(others)} without it`;
}

function describeTaken(planes: Compression["planes"]): string {
  const [rows, columns] = [0, 1].map((axis) => Math.max(...planes.map(({ reduction }) => reduction[axis]!)));
  const means = rows! * columns! > 1
    ? `, with colours as means of ${rows} x ${columns} pixels, whose detail the network adds`
    : "";
  return `What the JPEG file stores is taken as measured, each coefficient as exact as noise and rounding left it${means}`;
}
