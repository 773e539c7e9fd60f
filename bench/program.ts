/** What the programs of this folder have in common: a command line in, an exit code out. */
import { type OptionValues, UsageError } from "../parameters/mod.ts";
import { type CommandSpec, helpText, readCommandLine } from "../io/mod.ts";

/**
 * Runs a program on a command line.
 * @param run what it does with the options and operands
 * @returns the exit code: 2 where the command line is wrong, 1 where the program fails
 */
export async function runProgram(
  spec: CommandSpec,
  words: readonly string[],
  run: (values: OptionValues, operands: readonly string[]) => Promise<number>,
): Promise<number> {
  try {
    const line = readCommandLine(spec, words);
    if (line !== "help") return await run(line.values, line.operands);
    await print(Deno.stdout, helpText(spec));
    return 0;
  } catch (error) {
    await print(Deno.stderr, `error: ${error instanceof Error ? error.message : String(error)}`);
    return error instanceof UsageError ? 2 : 1;
  }
}

/** Prints lines. */
export async function print(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): Promise<void> {
  await stream.write(new TextEncoder().encode(`${text}\n`));
}
