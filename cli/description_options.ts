/** Options that say what network a file holds which does not say it itself. */
import { type DescriptionOptions, KNOWN_CHECKPOINTS, type KnownCheckpoint, OpenQuestionsError } from "../models/mod.ts";
import { type Arguments } from "./arguments.ts";
import { didYouMean, type OptionSpec, UsageError } from "../parameters/mod.ts";

/** Which part of a file is meant, and everything that names and shapes of its tensors cannot say. */
export const DESCRIPTION_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  as: {
    kind: "text",
    value: "NAME",
    help: 'The published checkpoint that the file is, where its tensors do not tell ("deno task models" lists them)',
  },
  "state-dict": {
    kind: "text",
    value: "NAME",
    help: "The state dict that is meant, where a PyTorch file has several, such as ema",
  },
  "image-size": { kind: "integer", min: 1, max: 65535, help: "Side of the training images" },
  "head-channels": { kind: "integer", min: 1, max: 65535, help: "Channels of each attention head" },
  heads: { kind: "integer", min: 1, max: 65535, help: "Heads of each attention, instead of --head-channels" },
  "attention-order": {
    kind: "choice",
    choices: ["legacy", "new"],
    help: "Order of attention channels: head, q|k|v (legacy) or q|k|v, head (new)",
  },
  schedule: { kind: "choice", choices: ["linear", "cosine"], help: "Noise schedule of the training" },
  "diffusion-steps": { kind: "integer", min: 1, max: 1_000_000, help: "Diffusion steps of the training, often 1000" },
  "value-range": { kind: "choice", choices: ["-1..1", "0..1"], help: "Range of the images in training" },
  network: {
    kind: "choice",
    choices: ["unet", "super-resolution"],
    help: "Whether the network is given a low-resolution image, where its channels can be read both ways",
  },
  levels: {
    kind: "integer",
    min: 1,
    max: 16,
    help: "Levels of a classifier, where its blocks can be counted two ways",
  },
};

/** The option for each thing that can be said. */
const OPTION_OF: Readonly<Record<keyof DescriptionOptions, string>> = {
  as: "as",
  imageSize: "image-size",
  headChannels: "head-channels",
  heads: "heads",
  attentionOrder: "attention-order",
  schedule: "schedule",
  diffusionSteps: "diffusion-steps",
  valueRange: "value-range",
  network: "network",
  levels: "levels",
};

/**
 * What a command line says about the network in a file.
 * @throws {UsageError} if --as names no known checkpoint
 */
export function descriptionOptions(args: Arguments): DescriptionOptions {
  const name = args.text("as");
  if (name !== undefined) requireKnown(name);
  const given = Object.entries(OPTION_OF).filter(([, option]) => args.has(option));
  return Object.fromEntries(given.map(([key, option]) => [key, args.values[option]]));
}

/**
 * The published checkpoint of that name.
 * @throws {UsageError} if there is none
 */
export function requireKnown(name: string): KnownCheckpoint {
  const found = KNOWN_CHECKPOINTS.find((row) => row.name === name || row.file === name);
  if (found) return found;
  const names = KNOWN_CHECKPOINTS.map((row) => row.name);
  throw new UsageError(
    `there is no known checkpoint "${name}"${didYouMean(name, names)}; "deno task models" lists them`,
  );
}

/**
 * What a command can do about a failure to describe a file: names the options that answer what is open.
 * @param error whatever was thrown
 * @returns a UsageError if something is left open, else the error itself
 */
export function explainOpen(error: unknown): unknown {
  if (!(error instanceof OpenQuestionsError)) return error;
  const answers = error.questions.map(({ options, what, choices }) =>
    `  ${options.map((option) => `--${OPTION_OF[option]}`).join(" or ").padEnd(28)}${what}: ${choices}`
  );
  const hint = "Say it with these options, or which published checkpoint it is with --as NAME";
  return new UsageError([`${error.lead}:`, ...answers, hint].join("\n"));
}

/** Says where a configuration comes from that the file does not hold; undefined if the file does. */
export function describeOrigin(known: readonly KnownCheckpoint[]): string | undefined {
  if (known.length === 0) return undefined;
  const names = known.map(({ name }) => name).join(", ");
  return `Its tensors are those of ${names}: schedule, heads and range of values are taken from there`;
}
