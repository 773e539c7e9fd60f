/** `deno task metrics A B`: how close pictures are to others. */
import type { Runtime } from "../engine/mod.ts";
import {
  comparePair,
  featureStatistics,
  formatNoise,
  formatPairs,
  type InversionNoise,
  inversionNoise,
  meanNoise,
  measureOptions,
  type Measures,
  measuresOf,
  type NamedPair,
  pairData,
  type PairRow,
  pairsByName,
  summarizePairs,
} from "../evaluation/mod.ts";
import { checkWritable, FileError, FileSource, Interrupt, type Reporter, writeAtomically } from "../io/mod.ts";
import {
  type ConventionName,
  CONVENTIONS,
  frechetDistance,
  type GaussianStatistics,
  readStatistics,
  statisticsBytes,
} from "../metrics/mod.ts";
import { openSafetensors } from "../models/mod.ts";
import { UsageError } from "../parameters/mod.ts";
import type { Raster } from "../raster/mod.ts";
import { CLASS_OPTION, fileStem } from "../restoration/mod.ts";
import { type Arguments, type Command, type CommandSpec, QUIET_OPTION } from "./arguments.ts";
import { loadModel, modelOptions } from "./model_file.ts";
import { readColours, readSide, type Side } from "./pictures.ts";
import { openRuntime, PRECISION_OPTION, RUNTIME_OPTIONS } from "./runtime.ts";
import { NETWORK_FILES } from "./source.ts";

/** Where the published weights are; none are part of this program. */
const WEIGHTS = {
  title: "Weights, to be downloaded by you",
  rows: [
    ["--lpips-weights", "torchvision's vgg16-397923af.pth or alexnet-owt-7be5be79.pth (download.pytorch.org/models)"],
    ["--lpips-linear", "vgg.pth or alex.pth of github.com/richzhang/PerceptualSimilarity, folder lpips/weights/v0.1"],
    ["--inception", "pt_inception-2015-12-05-6726825d.pth of github.com/mseitzer/pytorch-fid, release fid_weights"],
  ],
} as const;

const OPTIONS: CommandSpec["options"] = {
  convention: {
    kind: "choice",
    choices: Object.keys(CONVENTIONS),
    help: "How PSNR and SSIM are computed, see below (default skimage)",
  },
  scale: { kind: "integer", min: 1, max: 64, help: "Scale of the super-resolution, for conventions that crop it" },
  ...measureOptions("Compute"),
  "save-statistics": { kind: "text", value: "FILE", help: "Write the statistics of A's features (.safetensors)" },
  faithfulness: { kind: "flag", help: "Also the distance of A from B, such as a degraded picture at A's size" },
  "noise-statistics": {
    kind: "flag",
    help: "Mean, variance and KL of the noise predicted in the inversion of A, by DDIM and Distortion Adaptive",
  },
};

const STATISTICS_OPTIONS: CommandSpec["options"] = {
  interval: {
    kind: "choice",
    choices: ["student", "bootstrap"],
    help: "Kind of confidence interval (default student)",
  },
  confidence: { kind: "number", min: 0.5, max: 0.9999, help: "Its confidence (default 0.95)" },
  seed: { kind: "integer", min: 0, max: 2 ** 32 - 1, help: "Seed of the bootstrap, or of the noise (default 0)" },
};

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
        ...OPTIONS,
        ...modelOptions(),
        ...CLASS_OPTION,
        ...STATISTICS_OPTIONS,
        ...PRECISION_OPTION,
        ...RUNTIME_OPTIONS,
        json: { kind: "flag", help: "Print the outcome as a JSON line on stdout" },
        ...QUIET_OPTION,
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

/** What a comparison works with. */
interface Session {
  readonly args: Arguments;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
  /** Opens the device, at most once. */
  runtime(): Promise<Runtime>;
}

async function run(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  let runtime: Promise<Runtime> | undefined;
  const session = { args, reporter, interrupt, runtime: () => runtime ??= openRuntime(args) };
  try {
    return args.flag("noise-statistics") ? await reportNoise(session) : await compare(session);
  } finally {
    (await runtime)?.destroy();
  }
}

async function compare(session: Session): Promise<number> {
  const { args, reporter, interrupt } = session;
  const foreign = ["class", "precision", ...Object.keys(modelOptions())].find((option) => args.has(option));
  if (foreign !== undefined) throw new UsageError(`--${foreign} needs --noise-statistics`);
  const measures = measuresOf(args.values, { ...NETWORK_FILES, runtime: session.runtime });
  const plan = await makePlan(args, reporter);
  const convention = (args.text("convention") ?? "skimage") as ConventionName;
  const scale = args.number("scale") ?? 1;
  const lpips = await measures.lpips?.load();
  const rows: PairRow[] = [];
  const read = (path: string): Promise<Raster> => readColours(path, (text) => reporter.note(text));
  for (const pair of plan.pairs) {
    const pictures = [await read(pair.a), await read(pair.b)] as const;
    rows.push(await comparePair(pair, pictures, { convention, scale, lpips, withDistance: args.flag("faithfulness") }));
    if (plan.pairs.length > 1) reporter.step("pairs", rows.length, plan.pairs.length);
    await interrupt.check();
  }
  const sets = await statisticsOf(plan, measures, session);
  reporter.done();
  report(plan, rows, sets, session);
  return 0;
}

/** What is to be done. */
interface Plan {
  readonly a: Side;
  readonly b: Side | undefined;
  readonly pairs: readonly NamedPair[];
  readonly statisticsFile: string | undefined;
}

/**
 * Checks what the operands are and whether the options go with them.
 * @throws {UsageError} if they do not
 * @throws {FileError} if a file is missing, or two folders have no name in common
 */
async function makePlan(args: Arguments, reporter: Reporter): Promise<Plan> {
  const [pathA, pathB] = args.operands as readonly [string, string?];
  const statisticsFile = args.text("save-statistics");
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
  if (!b || isOfSets) return { a, b, pairs: [], statisticsFile };
  const pairs = a.kind === "picture" ? [{ name: fileStem(pathA), a: pathA, b: b.path }] : pairsByName(a, b);
  if (pairs.length === 0 && !args.has("inception")) {
    throw new FileError(
      `Cannot compare "${pathA}" with "${pathB}": no picture has a name that is in both; name pictures that belong ` +
        "together alike",
    );
  }
  for (const { path, pictures } of [a, b]) {
    const alone = pictures.length - pairs.length;
    if (alone > 0) reporter.note(`${alone} of ${pictures.length} pictures of "${path}" have no partner`);
  }
  return { a, b, pairs, statisticsFile };
}

/** Statistics of the features of both sets, or of the one there is. */
async function statisticsOf(
  { a, b, statisticsFile }: Plan,
  { inception }: Measures,
  { reporter, interrupt }: Session,
): Promise<readonly GaussianStatistics[]> {
  if (!inception && a.kind !== "statistics") return [];
  const extractor = await inception?.load();
  const gather = async ({ kind, path, pictures }: Side): Promise<GaussianStatistics> => {
    if (kind === "statistics" || !extractor) {
      using source = await FileSource.open(path);
      return await readStatistics(await openSafetensors(source));
    }
    return await featureStatistics(extractor, pictures.map((path) => () => readColours(path)), async (done) => {
      reporter.step(`features of ${path}`, done, pictures.length);
      await interrupt.check();
    });
  };
  const first = await gather(a);
  if (statisticsFile !== undefined) {
    const bytes = await statisticsBytes(first);
    await interrupt.hold(() => writeAtomically(statisticsFile, bytes));
  }
  return b ? [first, await gather(b)] : [first];
}

function report(
  { pairs, statisticsFile }: Plan,
  rows: readonly PairRow[],
  [a, b]: readonly GaussianStatistics[],
  { args, reporter }: Session,
): void {
  const confidence = args.number("confidence") ?? 0.95;
  const summaries = summarizePairs(rows, {
    confidence,
    interval: args.text("interval") === "bootstrap" ? "bootstrap" : "student",
    seed: args.number("seed") ?? 0,
  });
  const convention = (args.text("convention") ?? "skimage") as ConventionName;
  const { description } = CONVENTIONS[convention];
  const sets = a && b && { fid: frechetDistance(a, b), features: a.source, counts: [a.count, b.count] };
  const lines = [
    ...(pairs.length > 0 ? [`${convention}: ${description}`, formatPairs(rows, summaries, confidence)] : []),
    ...(sets ? [`FID ${sets.fid.toFixed(4)} (${sets.features}, ${sets.counts.join(" and ")} pictures)`] : []),
    ...(statisticsFile === undefined ? [] : [`Wrote ${statisticsFile}`]),
  ];
  reporter.result({
    ...(pairs.length > 0 ? { convention, description, pairs: rows.map(pairData), summaries, confidence } : {}),
    ...sets,
    ...(statisticsFile === undefined ? {} : { statistics: statisticsFile }),
  }, lines.join("\n"));
}

/** `--noise-statistics`: mean, variance and divergence from N(0, 1) of the noise predicted in the inversion of pictures. */
async function reportNoise({ args, reporter, interrupt, runtime }: Session): Promise<number> {
  const [path = "", second] = args.operands;
  if (second !== undefined) throw new UsageError(`--noise-statistics takes pictures alone; leave "${second}" out`);
  const { pictures } = await readSide(path);
  if (pictures.length === 0) throw new FileError(`Cannot read "${path}": a picture or a folder of them is needed`);
  const device = await runtime();
  const { model } = await loadModel(device, args, () => interrupt.checkNow());
  const options = { label: args.number("class"), seed: args.number("seed") };
  const found: (readonly InversionNoise[])[] = [];
  for (const picture of pictures) {
    found.push(await inversionNoise(device, model, await readColours(picture), options));
    if (pictures.length > 1) reporter.step("pictures", found.length, pictures.length);
    await interrupt.check();
  }
  reporter.done();
  const rows = meanNoise(found);
  reporter.result({ pictures: pictures.length, rows }, formatNoise(rows));
  const bad = rows.find((row) => !Number.isFinite(row.divergence));
  if (!bad) return 0;
  reporter.note(
    `The noise predicted at timestep ${bad.timestep} of the inversion ${bad.inversion} is no finite number; check the ` +
      "model file, --check-finite names the layer where it begins",
  );
  return 1;
}
