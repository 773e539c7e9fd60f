/** Starting what `launch.ts` has decided, under Node and under Deno: only modules that both have. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { constants, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { denoFile, forwardedSignals, type Launch, planLaunch, type Settings, signalExit } from "./launch.ts";

/** Where the program is: the folder above this one. */
const ROOT = new URL("../", import.meta.url);

const ENDING = import.meta.url.endsWith(".js") ? "js" : "ts";

/**
 * Runs a command line of the program `shortcut`.
 * @param words what follows its name
 * @returns the exit code
 * @throws {Error} if Deno is not there, or the settings of a program at an address cannot be read
 */
export async function runShortcut(words: readonly string[]): Promise<number> {
  const deno = findDeno();
  const { platform, env } = process;
  if (ROOT.protocol === "file:") {
    const root = fileURLToPath(ROOT);
    const config = join(root, "deno.json");
    const settings = JSON.parse(await readFile(config, "utf8")) as Settings;
    return await runSteps(deno, planLaunch(words, settings, { platform, env, root, config, ending: ENDING }));
  }
  const settings = await remoteSettings();
  const folder = await mkdtemp(join(tmpdir(), "shortcut-"));
  try {
    const config = join(folder, "deno.json");
    await writeFile(config, JSON.stringify(settings));
    return await runSteps(
      deno,
      planLaunch(words, settings, { platform, env, root: ROOT.href, config, ending: ENDING }),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The program file of Deno: the one that runs this, or the one that npm has installed. */
function findDeno(): string {
  if (process.versions["deno"] !== undefined) return process.execPath;
  const load = createRequire(import.meta.url);
  try {
    const folder = dirname(load.resolve("deno/package.json"));
    const file = join(folder, denoFile(process.platform));
    if (existsSync(file)) return file;
    // Where npm was told to run no scripts of packages, the file is put there now.
    return (load(join(folder, "install_api.cjs")) as { runInstall(): string }).runInstall();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Error(
      `Cannot start Deno on ${process.platform} ${process.arch}: ${reason}; install this package anew without ` +
        "--omit=optional, on a system that Deno has a build for",
      { cause },
    );
  }
}

/** The settings of a program at an address, with its paths as addresses; nothing is locked or installed there. */
async function remoteSettings(): Promise<Settings> {
  const address = new URL("deno.json", ROOT);
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`Cannot read ${address}: the server answered ${answer.status}`);
  const { imports, permissions, compilerOptions, tasks } = await answer.json() as
    & Settings
    & Record<"imports" | "permissions" | "compilerOptions", Readonly<Record<string, string>>>;
  const absolute = Object.entries(imports).map(([name, target]) =>
    [name, target.startsWith("./") ? new URL(target, ROOT).href : target] as const
  );
  const found = { imports: Object.fromEntries(absolute), permissions, compilerOptions, tasks };
  return { ...found, nodeModulesDir: "none", lock: false } as Settings;
}

/** Runs programs one after the other until one fails. */
async function runSteps(deno: string, { steps, env }: Launch): Promise<number> {
  for (const words of steps) {
    const code = await runStep(deno, words, env);
    if (code !== 0) return code;
  }
  return 0;
}

/** Runs a program in this terminal, hands signals on, and waits for its end. */
async function runStep(
  deno: string,
  words: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = spawn(deno, words, { stdio: "inherit", env: { ...process.env, ...env } });
  const isTerminal = process.stdin.isTTY || process.stderr.isTTY || false;
  const listeners = Object.entries(forwardedSignals(process.platform, isTerminal)).map(([name, isForwarded]) => {
    const signal = name as "SIGINT";
    const listener = (): void => void (isForwarded && child.kill(signal));
    process.on(signal, listener);
    return [signal, listener] as const;
  });
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve(code ?? signalExit(constants.signals, signal ?? "")));
    });
  } finally {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}
