/** What the program says of itself: its commands beside those of `cli/`, and what can follow each. */
import { type OptionSpec } from "../parameters/mod.ts";
import type { CommandSpec } from "../io/mod.ts";
import { STUDIO } from "./launch.ts";
import settings from "../deno.json" with { type: "json" };

/** The name by which it is called. */
export const PROGRAM_NAME = "shortcut";

/** Its version, as in `deno.json`. */
export const VERSION: string = settings.version;

/** Shells for which completions are written. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell of `SHELLS`. */
export type Shell = typeof SHELLS[number];

/** What all exit codes mean, each in a word or two and then at length. */
export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, "done"],
  [1, "failed: an input, a result or the adapter was at fault, or --strict found the result no better"],
  [2, "not understood: the command line is wrong, or asks for what does not go together"],
  [3, "not supported: verify found a file that holds what this version cannot compare"],
  [130, "stopped: by Ctrl-C; nothing was left half-written"],
];

/** What the environment changes. */
export const VARIABLES: readonly (readonly [name: string, meaning: string])[] = [
  ["DENO_WEBGPU_BACKEND", "graphics API to compute with: vulkan, metal, dx12 or gl; --backend says it for one run"],
  ["XDG_CACHE_HOME", "folder in which a folder shortcut keeps what tune has measured, instead of ~/.cache"],
  ["LOCALAPPDATA", "the same on Windows; on macOS it is ~/Library/Caches"],
  ["HF_ENDPOINT", "models fetch hf:OWNER/NAME: the host to ask instead of the Hugging Face Hub"],
  ["NO_COLOR", "where it is set, Deno's own messages are without colours; those of this program always are"],
];

/** Commands beside those of `cli/`: programs of their own, which explain their options themselves, and those of this one. */
const OTHERS: readonly (readonly [name: string, usage: string, summary: string])[] = [
  [STUDIO, "", settings.tasks.studio.description],
  ["setup", "", settings.tasks.setup.description],
  ["help", "[COMMAND]", "List the commands, or explain one"],
  ["completions", SHELLS.join("|"), "Print what makes a shell complete command lines"],
  ["manual", "", "Print the manual page in roff, as man shows it"],
];

/**
 * All commands of the program.
 * @param specs those of `cli/`
 */
export function allCommands(specs: readonly CommandSpec[]): readonly CommandSpec[] {
  return [
    ...specs,
    ...OTHERS.map(([name, usage, summary]): CommandSpec => ({
      name,
      summary,
      operands: { usage, min: usage === "" || usage.startsWith("[") ? 0 : 1, max: usage === "" ? 0 : 1 },
      options: {},
      examples: [],
    })),
  ];
}

/** What a command does, in a line: the beginning of what its task says. */
export function brief({ name, summary }: CommandSpec): string {
  const { description } = (settings.tasks as Readonly<Record<string, { readonly description: string }>>)[name] ?? {};
  return /^[^(:.;]*/.exec(description ?? summary)![0].trim();
}

/** A text of a command with the name of this program instead of the tasks of its repository. */
export function asProgram(text: string): string {
  // The program has no second name for a command that may reach a server: it grants that where one is named.
  return text.replaceAll(/deno task ([a-z-]+):nats\b/g, `${PROGRAM_NAME} $1`).replaceAll(
    "deno task ",
    `${PROGRAM_NAME} `,
  );
}

/** Words that may stand first after a command: its actions, or the shells. */
export function actionsOf({ operands }: CommandSpec): readonly string[] {
  return operands.usage.match(/\b[a-z]+\b(?![.:])/g) ?? [];
}

/** Whether files may follow a command. */
export function takesFiles({ operands }: CommandSpec): boolean {
  return /\b(?!COMMAND\b)[A-Z]+\b/.test(operands.usage);
}

/** What the value of an option is: one of some words, a folder, a file, or something else. */
export type Value = readonly string[] | "folder" | "file" | "other";

/** What may follow an option; undefined for a flag. */
export function valueOf(name: string, option: OptionSpec, { lists = [] }: CommandSpec): Value | undefined {
  if (option.kind === "flag") return undefined;
  if (option.choices) return option.choices;
  // The values of --task are the rows of the list "Tasks".
  const list = lists.find(({ title }) => title.toLowerCase() === `${name}s`);
  if (list) return list.rows.map(([word]) => word).filter((word) => /^[\w+.-]+$/.test(word));
  if (option.value === "FOLDER") return "folder";
  return option.kind === "text" && /^(FILE|OUT|ORIGINAL)$/.test(option.value ?? "") ? "file" : "other";
}
