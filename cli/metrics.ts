/** `deno task metrics A B`: how close pictures are to others. */
import type { Runtime } from "../engine/mod.ts";
import { FileError, writeAtomically } from "../io/mod.ts";
import {
  type ConventionName,
  CONVENTIONS,
  faithfulness,
  frechetDistance,
  type GaussianStatistics,
  imageQuality,
  INCEPTION_PREPARATIONS,
  type Lpips,
  statisticsBytes,
  summarize,
  type SummaryOptions,
} from "../metrics/mod.ts";
import { PERCEPTUAL_NETWORKS } from "../models/mod.ts";
import type { Arguments, Command, CommandSpec } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";
import { CLASS_OPTION } from "../restoration/mod.ts";
import { Interrupt } from "./interrupt.ts";
import { alike, type Pair, pairsOf, picturesOf, readPicture, readSide, type Side } from "./metrics/inputs.ts";
import { loadInception, loadLpips, perceptualDistance, statisticsOf } from "./metrics/networks.ts";
import { reportNoise } from "./metrics/noise.ts";
import { modelOptions } from "./model_file.ts";
import { COLUMNS, formatPairs, pairData, type PairRow, type Summaries } from "./metrics/table.ts";
import { checkWritable } from "./outputs.ts";
import { makeReporter, type Reporter } from "./progress.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";

/** Where the published weights are; none are part of this program. */
const WEIGHTS = {
  title: "Weights, to be downloaded by you",
  rows: [
    ["--lpips-weights", "torchvision's vgg16-397923af.pth or alexnet-owt-7be5be79.pth (download.pytorch.org/models)"],
    ["--lpips-linear", "vgg.pth or alex.pth of github.com/richzhang/PerceptualSimilarity, folder lpips/weights/v0.1"],
    ["--inception", "pt_inception-2015-12-05-6726825d.pth of github.com/mseitzer/pytorch-fid, release fid_weights"],
  ],
} as const;

/** The command `metrics`. */
export const METRICS: Command = {
  spec: {
    name: "metrics",
    summary:
      "Compares two pictures, or the pictures of two folders by name: PSNR, SSIM, LPIPS and the Frechet distance.\n" +
      "A is what is judged, B the truth. For the Frechet distance each may also be a file of --save-statistics.\n" +
      "With --noise-statistics: how normal the noise is that a network predicts on the way up from pictures.",
    operands: { usage: "A [B]", min: 1, max: 2 },
    // Made when asked for: families of networks may have been added.
    get options(): CommandSpec["options"] {
      return {
        convention: {
          kind: "choice",
          choices: Object.keys(CONVENTIONS),
          help: "How PSNR and SSIM are computed, see below (default skimage)",
        },
        scale: {
          kind: "integer",
          min: 1,
          max: 64,
          help: "Scale of the super-resolution, for conventions that crop it",
        },
        "lpips-weights": { kind: "text", value: "FILE", help: "Compute LPIPS with this VGG16 or AlexNet" },
        "lpips-linear": { kind: "text", value: "FILE", help: "Linear weights of LPIPS (default: in the same file)" },
        "lpips-network": {
          kind: "choice",
          choices: PERCEPTUAL_NETWORKS,
          help: "Which network it is (default: as it looks)",
        },
        inception: { kind: "text", value: "FILE", help: "Compute the Frechet distance (FID) with this Inception v3" },
        preparation: {
          kind: "choice",
          choices: INCEPTION_PREPARATIONS,
          help: "How pictures are brought to Inception's size and range (default pytorch)",
        },
        "save-statistics": { kind: "text", value: "FILE", help: "Write the statistics of A's features (.safetensors)" },
        faithfulness: { kind: "flag", help: "Also the distance of A from B, such as a degraded picture at A's size" },
        "noise-statistics": {
          kind: "flag",
          help: "Mean, variance and KL of the noise predicted in the inversion of A, by DDIM and Distortion Adaptive",
        },
        ...modelOptions(),
        ...CLASS_OPTION,
        interval: {
          kind: "choice",
          choices: ["student", "bootstrap"],
          help: "Kind of confidence interval (default student)",
        },
        confidence: { kind: "number", min: 0.5, max: 0.9999, help: "Its confidence (default 0.95)" },
        seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the bootstrap, or of the noise (default 0)" },
        ...PRECISION_OPTION,
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print the outcome as a JSON line on stdout" },
      };
    },
    lists: [
      { title: "Conventions", rows: Object.entries(CONVENTIONS).map(([name, { description }]) => [name, description]) },
      WEIGHTS,
    ],
    examples: [
      ["deno task metrics restored.png truth.png", "PSNR and SSIM"],
      ["deno task metrics restored/ truth/ --convention basicsr-y --scale 4", "as tables of super-resolution do"],
      ["deno task metrics restored/ truth/ --lpips-weights vgg16-397923af.pth --lpips-linear vgg.pth", "with LPIPS"],
      ["deno task metrics truth/ --inception FILE --save-statistics truth.safetensors", "once for many comparisons"],
      ["deno task metrics restored/ enlarged/ --faithfulness", "how far results went from what they were made of"],
      ["deno task metrics small.png --noise-statistics", "the divergence of each step of an inversion"],
      ["deno task metrics restored/ truth.safetensors --inception FILE", "FID against them"],
    ],
  },
  run,
};

/** What is to be done. */
interface Plan {
  readonly a: Side;
  readonly b: Side | undefined;
  readonly pairs: readonly Pair[];
  readonly convention: ConventionName;
  readonly statisticsFile: string | undefined;
}

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  if (args.flag("noise-statistics")) return await reportNoise(args, { reporter, interrupt });
  const foreign = ["class", "precision", ...Object.keys(modelOptions())].find((option) => args.has(option));
  if (foreign !== undefined) throw new UsageError(`--${foreign} needs --noise-statistics`);
  const plan = await makePlan(args, reporter);
  const needsRuntime = args.has("lpips-weights") || args.has("inception");
  const runtime = needsRuntime ? await openRuntime(args) : undefined;
  try {
    const lpips = runtime && await loadLpips(runtime, args);
    const rows = await comparePairs(plan, { args, lpips, reporter, interrupt });
    const sets = await compareSets(plan, { args, runtime, reporter, interrupt });
    reporter.done();
    report(plan, rows, { sets, args, reporter });
    return 0;
  } finally {
    runtime?.destroy();
  }
}

/**
 * Checks what the operands are and whether the options go with them.
 * @throws {UsageError} if they do not
 * @throws {FileError} if a file is missing, or two folders have no name in common
 */
async function makePlan(args: Arguments, reporter: Reporter): Promise<Plan> {
  const [pathA, pathB] = args.operands as readonly [string, string?];
  const statisticsFile = args.text("save-statistics");
  for (const option of ["lpips-linear", "lpips-network"]) {
    if (args.has(option) && !args.has("lpips-weights")) throw new UsageError(`--${option} needs --lpips-weights FILE`);
  }
  if (args.has("preparation") && !args.has("inception")) throw new UsageError("--preparation needs --inception FILE");
  if (statisticsFile !== undefined) {
    if (!args.has("inception")) throw new UsageError("--save-statistics needs --inception FILE");
    if (!/\.safetensors$/i.test(statisticsFile)) {
      throw new UsageError(`--save-statistics is "${statisticsFile}", a name that ends in .safetensors is needed`);
    }
  } else if (pathB === undefined) {
    throw new UsageError("metrics was given one operand, A B is needed; one is enough with --save-statistics");
  }
  const a = await readSide(pathA);
  const b = pathB === undefined ? undefined : await readSide(pathB);
  if (statisticsFile !== undefined) {
    if (a.kind !== "folder") throw new UsageError(`--save-statistics needs a folder of pictures, "${pathA}" is none`);
    await checkWritable([statisticsFile], [pathA, pathB, args.text("inception")]);
  }
  const kinds = [a.kind, b?.kind];
  if (kinds.includes("picture") && b && a.kind !== b.kind) {
    throw new UsageError(`"${pathA}" and "${pathB}" are not alike: two pictures, or two folders are needed`);
  }
  if (kinds.includes("picture") && args.has("inception")) {
    throw new UsageError("--inception compares sets of pictures, give two folders");
  }
  const isOfSets = kinds.includes("statistics");
  if (isOfSets && kinds.includes("folder") && !args.has("inception")) {
    throw new UsageError("a folder and statistics were given, --inception FILE is needed with them");
  }
  const pairs = b && !isOfSets ? pairsOf(a, b) : [];
  if (b && !isOfSets) noteUnpaired(pairs, [a, b], args.has("inception"), reporter);
  return { a, b, pairs, convention: (args.text("convention") ?? "skimage") as ConventionName, statisticsFile };
}

function noteUnpaired(pairs: readonly Pair[], sides: readonly Side[], compares: boolean, reporter: Reporter): void {
  if (pairs.length === 0 && !compares) {
    throw new FileError(
      `Cannot compare "${sides[0]!.path}" with "${sides[1]!.path}": no picture has a name that is in both; ` +
        "name pictures that belong together alike",
    );
  }
  for (const side of sides) {
    const alone = picturesOf(side).length - pairs.length;
    if (alone > 0) reporter.note(`${alone} of ${picturesOf(side).length} pictures of "${side.path}" have no partner`);
  }
}

/** What a comparison works with. */
interface Means {
  readonly args: Arguments;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

async function comparePairs(
  { pairs, convention }: Plan,
  { args, lpips, reporter, interrupt }: Means & { readonly lpips: Lpips | undefined },
): Promise<readonly PairRow[]> {
  const scale = args.number("scale") ?? 1;
  const rows: PairRow[] = [];
  for (const [index, pair] of pairs.entries()) {
    const [first, second] = [await readPicture(pair.a), await readPicture(pair.b)];
    for (const note of [...first.notes, ...second.notes]) reporter.note(note);
    const [a, b] = alike(pair, first.raster, second.raster);
    const shape = [a.height, a.width, a.channels] as const;
    const quality = imageQuality(convention, a.data, b.data, { shape, scale });
    const distance = lpips && await perceptualDistance(lpips, pair.name, a, b);
    const far = args.flag("faithfulness") ? faithfulness(a.data, b.data) : undefined;
    rows.push({ name: pair.name, ...quality, lpips: distance?.distance, distance: far?.l2, rms: far?.rms });
    if (pairs.length > 1) reporter.step("pairs", index + 1, pairs.length);
    await interrupt.check();
  }
  return rows;
}

/** The Frechet distance of two sets. */
interface SetDistance {
  readonly fid: number;
  readonly source: string;
  readonly counts: readonly [a: number, b: number];
}

async function compareSets(
  { a, b, statisticsFile }: Plan,
  { args, runtime, reporter, interrupt }: Means & { readonly runtime: Runtime | undefined },
): Promise<SetDistance | undefined> {
  const isWanted = args.has("inception") || a.kind === "statistics";
  if (!isWanted) return undefined;
  const extractor = runtime && await loadInception(runtime, args);
  const gather = (side: Side): Promise<GaussianStatistics> =>
    statisticsOf(side, {
      extractor,
      onPicture: async (done, total) => {
        reporter.step(`features of ${side.path}`, done, total);
        await interrupt.check();
      },
    });
  const first = await gather(a);
  if (statisticsFile !== undefined) {
    const bytes = await statisticsBytes(first);
    await interrupt.hold(() => writeAtomically(statisticsFile, bytes));
  }
  if (!b) return undefined;
  const second = await gather(b);
  reporter.done();
  return { fid: frechetDistance(first, second), source: first.source, counts: [first.count, second.count] };
}

function report(
  { convention, pairs, statisticsFile }: Plan,
  rows: readonly PairRow[],
  { sets, args, reporter }: {
    readonly sets: SetDistance | undefined;
    readonly args: Arguments;
    readonly reporter: Reporter;
  },
): void {
  const confidence = args.number("confidence") ?? 0.95;
  const summaries = summariesOf(rows, {
    confidence,
    interval: args.text("interval") === "bootstrap" ? "bootstrap" : "student",
    seed: args.number("seed") ?? 0,
  });
  const { description } = CONVENTIONS[convention];
  const lines = [
    ...(pairs.length > 0 ? [`${convention}: ${description}`, formatPairs(rows, summaries, confidence)] : []),
    ...(sets ? [`FID ${sets.fid.toFixed(4)} (${sets.source}, ${sets.counts[0]} and ${sets.counts[1]} pictures)`] : []),
    ...(statisticsFile === undefined ? [] : [`Wrote ${statisticsFile}`]),
  ];
  reporter.result({
    ...(pairs.length > 0 ? { convention, description, pairs: rows.map(pairData), summaries, confidence } : {}),
    ...(sets ? { fid: sets.fid, features: sets.source, counts: sets.counts } : {}),
    ...(statisticsFile === undefined ? {} : { statistics: statisticsFile }),
  }, lines.join("\n"));
}

/** Summaries of what was measured of at least one pair. */
function summariesOf(rows: readonly PairRow[], options: SummaryOptions): Summaries {
  return Object.fromEntries(COLUMNS.flatMap(({ key }) => {
    const values = rows.map((row) => row[key]).filter((value) => value !== undefined);
    return values.length === 0 ? [] : [[key, summarize(values, options)]];
  }));
}
