/** `deno task gpu-model`: a prediction of the time of networks on graphics cards that nobody has measured on. */
import { type CommandSpec, helpText, readCommandLine } from "../../io/mod.ts";
import { textOf, UsageError } from "../../parameters/mod.ts";
import { type CardName, COMPILED_CARDS } from "./cards.ts";
import { distinctKernels } from "./kernels.ts";
import { MODEL_CARD_NAMES, MODEL_CARDS, type ModelCard, type ModelCardName } from "./model_cards.ts";
import { allDispatches, type NetworkName, NETWORKS, planOf } from "./plans.ts";
import { ASSUMPTIONS, type PartSeconds, predict } from "./predict.ts";
import type { KernelFigures } from "./statistics.ts";
import { storedTable } from "./table.ts";
import { PARTS, workOf } from "./work.ts";

const SPEC = {
  name: "gpu-model",
  summary:
    "Predicts the milliseconds of one evaluation of a network at 256x256 pixels, batch 1, single precision, from its\n" +
    "plan, the bytes that move, the stored figures of `gpu-lint` and the data sheet of the card. It is a prediction: no\n" +
    "figure was measured on a card. The range comes from kinder and harsher assumptions about what no data sheet says.\n" +
    "Exit codes: 0, 2 wrong usage.",
  operands: { usage: "", min: 0, max: 0 },
  options: {
    cards: { kind: "text", value: "NAME[,NAME]", help: `Of ${MODEL_CARD_NAMES.join(", ")} (default all)` },
    networks: { kind: "text", value: "NAME[,NAME]", help: `Of ${Object.keys(NETWORKS).join(", ")} (default all)` },
  },
  examples: [["deno task gpu-model --cards rtx-4090", "one card"]],
} as const satisfies CommandSpec;

/** What is predicted of one network on one card. */
export interface Prediction {
  /** Name of the network. */
  readonly network: NetworkName;
  /** Name of the card. */
  readonly card: ModelCardName;
  /** Likely seconds by part. */
  readonly parts: PartSeconds;
  /** Likely seconds, and the ends of the range. */
  readonly total: Readonly<Record<keyof typeof ASSUMPTIONS, number>>;
  /** Dispatches of the plan. */
  readonly dispatches: number;
  /** Dispatches whose kernels have no stored figures. */
  readonly unknown: number;
}

const KEYS = new Map<CardName, Promise<ReadonlyMap<string, string>>>();

/** The keys under which `gpu-lint` stores the kernels of a card, by their texts. */
function keysOf(card: CardName): Promise<ReadonlyMap<string, string>> {
  const known = KEYS.get(card) ??
    allDispatches(COMPILED_CARDS[card].identity).then((dispatches) =>
      new Map(distinctKernels(dispatches).map(({ wgsl, key }) => [wgsl, key]))
    );
  KEYS.set(card, known);
  return known;
}

/** Predicts one network on one card. */
export async function predictionOf(network: NetworkName, card: ModelCardName): Promise<Prediction> {
  const { compiled, speed, occupancy, title }: ModelCard = MODEL_CARDS[card];
  const { identity } = COMPILED_CARDS[compiled];
  const stored = (await storedTable(compiled))?.kernels ?? new Map<string, KernelFigures>();
  const keys = await keysOf(compiled);
  const plan = await planOf({ ...identity, description: title }, network, "forward");
  const works = workOf(plan);
  const figuresOf = ({ wgsl }: { readonly wgsl: string }): KernelFigures | undefined =>
    stored.get(keys.get(wgsl) ?? "");
  const seconds = (set: keyof typeof ASSUMPTIONS): PartSeconds =>
    predict(works, speed, ASSUMPTIONS[set], { figuresOf, occupancy });
  const sum = (parts: PartSeconds): number => PARTS.reduce((total, part) => total + parts[part], 0);
  const parts = seconds("likely");
  return {
    network,
    card,
    parts,
    total: { likely: sum(parts), best: sum(seconds("best")), worst: sum(seconds("worst")) },
    dispatches: works.length,
    unknown: works.filter((work) => figuresOf(work) === undefined).length,
  };
}

/** The predictions as a table. */
export function predictionTable(predictions: readonly Prediction[]): string {
  const head = ["predicted ms", ...PARTS, "total", "range"];
  const rows = predictions.map(({ network, card, parts, total }) => [
    `${network}, ${MODEL_CARDS[card].title}`,
    ...PARTS.map((part) => milliseconds(parts[part])),
    milliseconds(total.likely),
    `${milliseconds(total.best)}-${milliseconds(total.worst)}`,
  ]);
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${
      row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join(" | ")
    } |`;
  return [head, widths.map((width) => "-".repeat(width)), ...rows].map(line).join("\n");
}

/** Two digits: more would promise too much. */
function milliseconds(seconds: number): string {
  return String(Number((1000 * seconds).toPrecision(2)));
}

function listOf<T extends string>(text: string | undefined, known: readonly T[], option: string): readonly T[] {
  const names = text?.split(",") ?? known;
  const unknown = names.find((name) => !known.includes(name as T));
  if (unknown === undefined) return names as readonly T[];
  throw new UsageError(`--${option}: "${unknown}" is not known; known are ${known.join(", ")}`);
}

/** Runs the command and returns its exit code. */
export async function main(words: readonly string[], print: (text: string) => void): Promise<number> {
  let cards: readonly ModelCardName[];
  let networks: readonly NetworkName[];
  try {
    const line = readCommandLine(SPEC, words);
    if (line === "help") return print(helpText(SPEC)), 0;
    cards = listOf(textOf(line.values, "cards"), MODEL_CARD_NAMES, "cards");
    networks = listOf(textOf(line.values, "networks"), Object.keys(NETWORKS) as NetworkName[], "networks");
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return print(error.message), 2;
  }
  const predictions: Prediction[] = [];
  for (const network of networks) for (const card of cards) predictions.push(await predictionOf(network, card));
  print(predictionTable(predictions));
  print("\nA prediction from plans, compilers and data sheets; nothing was measured on a card.");
  const unknown = predictions.filter(({ unknown }) => unknown > 0);
  for (const { network, card, unknown: count, dispatches } of unknown) {
    print(
      `${network}, ${
        MODEL_CARDS[card].title
      }: no figures of ${count} of ${dispatches} dispatches; run gpu-lint --write`,
    );
  }
  return 0;
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the output of the command
  Deno.exit(await main(Deno.args, console.log));
}
