/** Options that say what network a file holds which does not say it itself. */
import {
  type DescribedCheckpoint,
  type DescriptionOptions,
  descriptionParameters,
  KNOWN_CHECKPOINTS,
  type KnownCheckpoint,
  knownCheckpoint,
  OpenQuestionsError,
} from "../models/mod.ts";
import { didYouMean, optionName, optionOf, type OptionSpec, UsageError } from "../parameters/mod.ts";
import type { Arguments } from "./arguments.ts";

/** Which part of a file is meant, and everything that names and shapes of its tensors cannot say. */
export function descriptionSpecs(): Readonly<Record<string, OptionSpec>> {
  const answers = Object.entries(descriptionParameters());
  return {
    as: {
      kind: "text",
      value: "NAME",
      help: 'The published checkpoint that the file is, where its tensors do not tell ("deno task models" lists them)',
    },
    "state-dict": {
      kind: "text",
      value: "NAME",
      help:
        "The network that is meant, where a file has several: its state dict or the beginning of its names, such as ema",
    },
    ...Object.fromEntries(answers.map(([name, answer]) => [optionName(name, answer), optionOf(answer)])),
  };
}

/**
 * What a command line says about the network in a file.
 * @throws {UsageError} if --as names no known checkpoint
 */
export function descriptionOptions(args: Arguments): DescriptionOptions {
  const name = args.text("as");
  if (name !== undefined) requireKnown(name);
  const parameters = Object.entries(descriptionParameters());
  const options: readonly (readonly [key: string, option: string])[] = [
    ["as", "as"],
    ["stateDict", "state-dict"],
    ...parameters.map(([key, answer]) => [key, optionName(key, answer)] as const),
  ];
  const given = options.filter(([, option]) => args.has(option));
  return Object.fromEntries(given.map(([key, option]) => [key, args.values[option]]));
}

/**
 * The published checkpoint of that name.
 * @throws {UsageError} if there is none
 */
export function requireKnown(name: string): KnownCheckpoint {
  const found = knownCheckpoint(name);
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
  const parameters = descriptionParameters();
  const answers = error.questions.map(({ options, what, choices }) =>
    `  ${options.map((key) => `--${optionName(key, parameters[key]!)}`).join(" or ").padEnd(28)}${what}: ${choices}`
  );
  const hint = "Say it with these options, or which published checkpoint it is with --as NAME";
  return new UsageError([`${error.lead}:`, ...answers, hint].join("\n"));
}

/**
 * Says which tensors of a file its network is, and where a configuration comes from that the file does not hold; undefined
 * if there is nothing to say.
 */
export function describeOrigin(
  { known, notes }: Pick<DescribedCheckpoint, "known" | "notes">,
): string | undefined {
  const names = known.map(({ name }) => name).join(", ");
  const origin = known.length === 0
    ? []
    : [`Its tensors are those of ${names}: schedule, heads and range of values are taken from there`];
  return [...notes, ...origin].join(". ") || undefined;
}
