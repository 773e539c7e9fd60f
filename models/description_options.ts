/** Options that say what network a file holds which does not say it itself. */
import {
  didYouMean,
  optionName,
  optionOf,
  type OptionSpec,
  type OptionValues,
  textOf,
  UsageError,
} from "../parameters/mod.ts";
import {
  type DescribedCheckpoint,
  type DescriptionOptions,
  descriptionParameters,
  OpenQuestionsError,
} from "./describe_checkpoint.ts";
import { KNOWN_CHECKPOINTS, type KnownCheckpoint, knownCheckpoint } from "./known_checkpoints.ts";

/** Which part of a file is meant, and everything that names and shapes of its tensors cannot say, by option names. */
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
 * What options say about the network in a file.
 * @param values values of `descriptionSpecs`, by option names; others are left out
 * @returns the same as `describeCheckpoint` takes it
 * @throws {UsageError} if --as names no known checkpoint
 */
export function descriptionOptions(values: OptionValues): DescriptionOptions {
  const name = textOf(values, "as");
  if (name !== undefined) requireKnown(name);
  const parameters = Object.entries(descriptionParameters());
  const options: readonly (readonly [key: string, option: string])[] = [
    ["as", "as"],
    ["stateDict", "state-dict"],
    ...parameters.map(([key, answer]) => [key, optionName(key, answer)] as const),
  ];
  const given = options.filter(([, option]) => values[option] !== undefined);
  return Object.fromEntries(given.map(([key, option]) => [key, values[option]]));
}

/**
 * The published checkpoint of that name.
 * @param name as in `KNOWN_CHECKPOINTS`, or its file name
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

/** What can be done about what is left open, with the options that answer it. */
export function explainOpen(error: OpenQuestionsError): UsageError;
/**
 * What can be done about a failure to describe a file: names the options that answer what is open.
 * @param error whatever was thrown
 * @returns a UsageError if something is left open, else the error itself
 */
export function explainOpen(error: unknown): unknown;
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
 * Which tensors of a file its network is, and where a configuration comes from that the file does not hold.
 * @returns sentences without their full stops; none if there is nothing to say
 */
export function originNotes({ known, notes }: Pick<DescribedCheckpoint, "known" | "notes">): readonly string[] {
  if (known.length === 0) return notes;
  const names = known.map(({ name }) => name).join(", ");
  return [...notes, `Its tensors are those of ${names}: schedule, heads and range of values are taken from there`];
}

/** The same as one text; undefined if there is nothing to say. */
export function describeOrigin(found: Pick<DescribedCheckpoint, "known" | "notes">): string | undefined {
  return originNotes(found).join(". ") || undefined;
}
