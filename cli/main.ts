/** The commands: `main.ts COMMAND [arguments]`. Exit codes: 0 done, 1 bad input, 2 usage, 3 not supported, 130 Ctrl-C. */
import { type Command, type CommandSpec, parseCommand } from "./arguments.ts";
import { didYouMean, UsageError } from "../parameters/mod.ts";
import { helpText, INTERRUPTED_EXIT, InterruptedError } from "../io/mod.ts";

/** Commands by name, loaded when called. */
export const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  restore: async () => (await import("./restore.ts")).RESTORE,
  diagnose: async () => (await import("./diagnose.ts")).DIAGNOSE,
  degrade: async () => (await import("./degrade.ts")).DEGRADE,
  metrics: async () => (await import("./metrics.ts")).METRICS,
  evaluate: async () => (await import("./evaluate.ts")).EVALUATE,
  verify: async () => (await import("./verify.ts")).VERIFY,
  convert: async () => (await import("./convert.ts")).CONVERT,
  models: async () => (await import("./models.ts")).MODELS,
  profile: async () => (await import("./profile.ts")).PROFILE,
  tune: async () => (await import("./tune.ts")).TUNE,
  samples: async () => (await import("./samples.ts")).SAMPLES,
  "random-checkpoint": async () => (await import("./random_checkpoint.ts")).RANDOM_CHECKPOINT,
};

/**
 * Runs one command line.
 * @param phrase what is said to the user, for a program by another name than `deno task`
 * @returns the exit code
 */
export async function main(
  words: readonly string[],
  phrase: (text: string) => string = (text) => text,
): Promise<number> {
  const [name = "", ...rest] = words;
  try {
    if (name === "--help" || name === "-h") {
      await print(Deno.stdout, await overview());
      return 0;
    }
    const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!load) {
      const known = Object.keys(COMMANDS);
      const found = name === "" ? "no command was given" : `there is no command "${name}"`;
      throw new UsageError(`${found}, one of ${known.join(", ")} is needed${didYouMean(name, known)}`);
    }
    const command = await load();
    const args = parseCommand(command.spec, rest);
    if (args === "help") {
      await print(Deno.stdout, phrase(helpText(command.spec)));
      return 0;
    }
    return await command.run(args);
  } catch (error) {
    await print(Deno.stderr, `error: ${phrase(error instanceof Error ? error.message : String(error))}`);
    if (error instanceof InterruptedError) return INTERRUPTED_EXIT;
    return error instanceof UsageError ? 2 : 1;
  }
}

/** What all commands say of themselves. */
export async function commandSpecs(): Promise<readonly CommandSpec[]> {
  return await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).spec));
}

/** The commands with the beginning of what each says of itself. */
async function overview(): Promise<string> {
  const lines = (await commandSpecs()).map(({ name, summary }) =>
    `  deno task ${name.padEnd(19)}${/^[^(:.]*/.exec(summary)?.[0].trim()}`
  );
  return ["Commands, each with --help:", ...lines].join("\n");
}

async function print(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): Promise<void> {
  await stream.write(new TextEncoder().encode(`${text}\n`));
}

if (import.meta.main) Deno.exit(await main(Deno.args));
