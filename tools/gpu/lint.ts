/** `deno task gpu-lint`: what the compilers of graphics cards make of the kernels, without a card. */
import {
  cacheFolder,
  type CommandSpec,
  helpText,
  Interrupt,
  INTERRUPTED_EXIT,
  InterruptedError,
  readCommandLine,
  untilInterrupted,
} from "../../io/mod.ts";
import { textOf, UsageError } from "../../parameters/mod.ts";
import { CARD_NAMES, type CardName, COMPILED_CARDS, type CompiledCard } from "./cards.ts";
import { type CardTable, compare, type Finding } from "./compare.ts";
import type { CompiledOutput, CompiledText } from "./compiled_text.ts";
import { compileAll, prepareDriver } from "./drivers.ts";
import { readFigures } from "./figures.ts";
import { distinctKernels } from "./kernels.ts";
import { remove, type StepOptions, UnavailableError } from "./packages.ts";
import { allDispatches } from "./plans.ts";
import { cardReport } from "./report.ts";
import { storedTable, storeTable } from "./table.ts";

const SPEC = {
  name: "gpu-lint",
  summary:
    "Compiles every kernel of the FFHQ-256 and ImageNet-256 plans with the compilers of Mesa's drivers for seven\n" +
    "graphics cards, and with Dawn; prints registers, spills, occupancy and the hot loop, and compares them with stored\n" +
    "tables. Nothing runs on a card. What a machine lacks is skipped with the reason.\n" +
    "Exit codes: 0 nothing is worse, 1 something is, 2 wrong usage, 130 stopped by Ctrl-C.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    cards: { kind: "text", value: "NAME[,NAME]", help: `Of ${[...CARD_NAMES, "tint"].join(", ")} (default all)` },
    write: { kind: "flag", help: "Store the figures as the new tables" },
    kernels: { kind: "text", value: "TEXT", help: "Only kernels whose name holds a text; nothing else is compared" },
    update: { kind: "flag", help: "Fetch the packages anew" },
  },
  examples: [
    ["deno task gpu-lint", "all cards, some minutes; the first time also packages and a build"],
    ["deno task gpu-lint --cards rdna3,ada --kernels matmul", "products, on two cards"],
  ],
} as const satisfies CommandSpec;

/** Compiles through Dawn, whose WGSL compiler is Tint. */
const TINT = "tint";

/** The card for which Tint translates: its driver is the fastest. */
const TINT_CARD = "rdna3";

interface Settings {
  readonly cards: readonly string[];
  readonly write: boolean;
  readonly update: boolean;
  readonly kernels: string | undefined;
}

/**
 * Reads the command line.
 * @throws {UsageError} if an option is unknown, its value is none, or two exclude each other
 */
export function settingsOf(words: readonly string[]): Settings | "help" {
  const line = readCommandLine(SPEC, words);
  if (line === "help") return line;
  const known: readonly string[] = [...CARD_NAMES, TINT];
  const cards = textOf(line.values, "cards")?.split(",") ?? known;
  const unknown = cards.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`--cards: "${unknown}" is no card; known are ${known.join(", ")}`);
  const kernels = textOf(line.values, "kernels");
  const write = line.values["write"] === true;
  if (write && kernels !== undefined) {
    throw new UsageError("--write and --kernels exclude each other: a table holds all kernels");
  }
  return { cards, write, update: line.values["update"] === true, kernels };
}

/** What became of a card. */
interface Outcome {
  readonly fails: boolean;
  readonly text: string;
}

interface LintOptions extends StepOptions {
  readonly folder: string;
  readonly settings: Settings;
}

async function lintCard(name: CardName, { folder, settings, ...step }: LintOptions): Promise<Outcome> {
  const card: CompiledCard = COMPILED_CARDS[name];
  const texts = selected(distinctKernels(await allDispatches(card.identity)), settings);
  const driver = await prepareDriver(folder, card, step);
  step.say(`${card.title}: compiling ${texts.length} kernels`);
  const start = performance.now();
  const result = await compileAll(driver, card, texts, { ...step, onKernel: progress(card, texts.length, step) });
  const read = readFigures(result, card);
  const errors = [...read.errors, ...notReached(texts, result.kernels)];
  const table: CardTable = {
    card: card.title,
    compiler: `${card.compiler}, Mesa ${driver.version}`,
    kernels: read.figures,
  };
  if (settings.write && errors.length === 0) await storeTable(name, table);
  const stored = await storedTable(name);
  const failed = new Set(errors.map(({ key }) => key));
  const isAsked = settings.kernels === undefined ? () => true : (key: string) => key.includes(settings.kernels!);
  const compared = stored && narrowed(stored, (key) => isAsked(key) && !failed.has(key));
  const findings: Finding[] = [...errors, ...compare(table, compared)];
  return {
    fails: findings.some(({ fails }) => fails),
    text: cardReport(card, table, { stored: compared, findings, seconds: (performance.now() - start) / 1000 }),
  };
}

async function lintTint({ folder, settings, ...step }: LintOptions): Promise<Outcome> {
  const card = COMPILED_CARDS[TINT_CARD];
  const texts = selected(distinctKernels(await allDispatches(card.identity)), settings);
  const driver = await prepareDriver(folder, card, step);
  step.say(`Tint: compiling ${texts.length} kernels`);
  const quiet: CompiledCard = { ...card, environment: { ...card.environment, RADV_DEBUG: "" } };
  const { kernels } = await compileAll(driver, quiet, texts, { ...step, dawn: true });
  const refused = kernels.filter(({ error }) => error !== "");
  const errors = [
    ...refused.map(({ key, error }) => ({ key, text: error ?? "the process ended while it was compiled" })),
    ...notReached(texts, kernels),
  ];
  return {
    fails: errors.length > 0,
    text: [
      `Tint: ${texts.length - errors.length} of ${texts.length} kernels accepted`,
      ...errors.map(({ key, text }) => `  fails: ${key}: ${text}`),
    ].join("\n"),
  };
}

/** The kernels that the process did not come to. */
function notReached(texts: readonly CompiledText[], compiled: readonly CompiledOutput[]): readonly Finding[] {
  const begun = new Set(compiled.map(({ key }) => key));
  const missing = texts.filter(({ key }) => !begun.has(key));
  return missing.map(({ key }) => ({ key, fails: true, text: "the process ended before it was compiled" }));
}

function selected(texts: readonly CompiledText[], { kernels }: Settings): readonly CompiledText[] {
  return kernels === undefined ? texts : texts.filter(({ key }) => key.includes(kernels));
}

/** What is stored of some kernels. */
function narrowed(table: CardTable, isMeant: (key: string) => boolean): CardTable {
  return { ...table, kernels: new Map([...table.kernels].filter(([key]) => isMeant(key))) };
}

/** Milliseconds between two words about the progress of a card. */
const PROGRESS = 5000;

function progress({ title }: CompiledCard, total: number, { say }: StepOptions): (done: number) => void {
  let last = performance.now();
  return (done) => {
    if (performance.now() - last < PROGRESS) return;
    last = performance.now();
    say(`${title}: ${done} of ${total}`);
  };
}

/** Runs the command and returns its exit code. */
export async function main(
  words: readonly string[],
  print: (text: string) => void,
  say: (text: string) => void,
): Promise<number> {
  let settings: Settings | "help";
  try {
    settings = settingsOf(words);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return say(error.message), 2;
  }
  if (settings === "help") return print(helpText(SPEC)), 0;
  const cache = cacheFolder();
  if (cache === undefined) return say("Cannot keep packages: the environment names no cache folder (HOME)"), 1;
  const folder = `${cache}/gpu-lint`;
  if (settings.update) { for (const name of ["newest", "stable"]) await remove(`${folder}/${name}`); }
  using interrupt = new Interrupt();
  try {
    return await untilInterrupted(
      interrupt,
      "stopped by Ctrl-C; what was fetched is kept",
      (signal) => lintAll({ folder, settings, say, signal }, print),
    );
  } catch (error) {
    if (!(error instanceof InterruptedError)) throw error;
    return say(error.message), INTERRUPTED_EXIT;
  }
}

async function lintAll(options: LintOptions, print: (text: string) => void): Promise<number> {
  const { cards } = options.settings;
  let [failed, skipped] = [0, 0];
  for (const name of cards) {
    try {
      const { fails, text } = name === TINT ? await lintTint(options) : await lintCard(name as CardName, options);
      if (fails) failed++;
      print(text);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      skipped++;
      print(`${name}: skipped: ${error.message}`);
    }
  }
  print(`${cards.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped`);
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the output of the command
  const [print, say] = [console.log, console.error];
  Deno.exit(await main(Deno.args, print, say));
}
