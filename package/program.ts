/**
 * The program `shortcut` as it is installed: the commands of `cli/` under its own name, with help, version, completions
 * and a manual page. `run.ts` starts it with the permissions of the command.
 */
import { commandSpecs, main } from "../cli/mod.ts";
import { type CommandSpec, helpText } from "../io/mod.ts";
import { didYouMean, UsageError } from "../parameters/mod.ts";
import { completions } from "./completions.ts";
import { STUDIO } from "./launch.ts";
import { manual } from "./manual.ts";
import { allCommands, asProgram, brief, EXIT_CODES, PROGRAM_NAME, SHELLS, VERSION } from "./words.ts";

/**
 * Runs a command line.
 * @param words what follows the name of the program
 * @returns the exit code
 */
export async function program(words: readonly string[]): Promise<number> {
  const specs = await commandSpecs();
  if (specs.some(({ name }) => name === words[0])) return await main(words, asProgram);
  try {
    await print(Deno.stdout, textOf(words, allCommands(specs)));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    await print(Deno.stderr, `error: ${error.message}`);
    return 2;
  }
}

/**
 * What a command of this program alone prints.
 * @throws {UsageError} if there is no such command
 */
function textOf(words: readonly string[], commands: readonly CommandSpec[]): string {
  const [name = "", ...rest] = words;
  if (name === "--version" || name === "-V") return `${PROGRAM_NAME} ${VERSION}`;
  if (name === "--help" || name === "-h") return overview(commands);
  const known = commands.map((command) => command.name);
  const named = (wanted: string): CommandSpec => {
    const found = commands.find((command) => command.name === wanted);
    if (found) return found;
    const reason = wanted === "" ? "no command was given" : `there is no command "${wanted}"`;
    throw new UsageError(`${reason}${didYouMean(wanted, known)}\n\n${overview(commands)}`);
  };
  const command = named(name);
  if (rest.some((word) => word === "--help" || word === "-h")) return asProgram(helpText(command));
  if (name === STUDIO) {
    throw new UsageError(
      `${name} packs its page from the sources, which are not here: run it in a clone of the repository, by deno task ${name}`,
    );
  }
  const [word = ""] = rest;
  const { operands: { usage, min, max } } = command;
  if (rest.length < min || rest.length > max) {
    throw new UsageError(`${name} was given "${rest.join(" ")}", ${usage || "nothing"} is needed`);
  }
  if (name === "help") return word === "" ? overview(commands) : asProgram(helpText(named(word)));
  if (name === "manual") return manual(commands);
  const shell = SHELLS.find((known) => known === word);
  if (name === "completions" && shell) return completions(shell, commands);
  throw new UsageError(`${name} was given "${rest.join(" ")}", ${usage} is needed`);
}

/** The commands, and what holds for all. */
function overview(commands: readonly CommandSpec[]): string {
  return [
    `Usage: ${PROGRAM_NAME} COMMAND [arguments]`,
    "",
    "Commands, each with --help:",
    ...commands.map((command) => `  ${command.name.padEnd(19)}${brief(command)}`),
    "",
    `Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning.split(":")[0]}`).join("; ")}.`,
    `Version ${VERSION}.`,
  ].join("\n");
}

/** Prints a line or more; a pipe takes them in parts. */
async function print(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${text.trimEnd()}\n`);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

if (import.meta.main) Deno.exit(await program(Deno.args));
