/** Installing a software Vulkan driver with apt-get, and looking for an adapter again. */
import {
  BACKPORTS_FILE,
  backportsSource,
  backportsSuite,
  FAST_MESA,
  installArguments,
  type Machine,
  parseAptSources,
  parseOsRelease,
  parsePolicy,
} from "./plan.ts";
import type { FoundAdapter } from "./probe.ts";

/** Raised where apt-get cannot do its part; the message says what it printed and what to do. */
export class InstallError extends Error {}

interface Output {
  readonly ok: boolean;
  readonly text: string;
}

/** Told each line that the user is to see. */
export type Say = (line: string) => void;

async function readIfPresent(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}

/** What of this machine decides how a driver is had. */
export async function readMachine(): Promise<Machine> {
  const names = ["/etc/apt/sources.list"];
  const folder = "/etc/apt/sources.list.d";
  try {
    for await (const { name } of Deno.readDir(folder)) {
      if (/\.(list|sources)$/.test(name)) names.push(`${folder}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const files = await Promise.all(names.map(async (name) => ({ name, text: await readIfPresent(name) })));
  return {
    os: Deno.build.os,
    release: parseOsRelease(await readIfPresent("/etc/os-release")),
    isRoot: Deno.build.os !== "windows" && Deno.uid() === 0,
    sources: parseAptSources(files),
  };
}

async function output(program: string, args: readonly string[]): Promise<Output> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { ok: success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { ok: false, text: `E: ${program} is not there` };
    throw error;
  }
}

function aptGet(args: readonly string[], say: Say): Promise<Output> {
  say(`  apt-get ${args.join(" ")}`);
  return output("apt-get", ["-q", "-o", "DPkg::Lock::Timeout=60", ...args]);
}

/** The lines of apt's output that say what went wrong. */
function complaints({ text }: Output): string {
  const lines = text.split("\n").filter((line) => /^(E|Err|W)\b/.test(line));
  return lines.slice(-6).map((line) => `  ${line}`).join("\n");
}

async function policy(suite: string | undefined): Promise<{ major: number; offered: boolean }> {
  return parsePolicy((await output("apt-cache", ["policy", "mesa-vulkan-drivers"])).text, suite);
}

/** Adds the backports suite and returns whether it offers the driver; takes it away again where it does not. */
async function addBackports(machine: Machine, suite: string, say: Say): Promise<boolean> {
  const text = backportsSource(machine);
  if (text === undefined) return false;
  say(`  adding ${suite} in ${BACKPORTS_FILE}: newer drivers are about twice as fast`);
  await Deno.writeTextFile(BACKPORTS_FILE, text);
  await aptGet(["update"], say);
  const { offered } = await policy(suite);
  if (!offered) {
    say(`  ${suite} cannot be had; removing ${BACKPORTS_FILE}`);
    await Deno.remove(BACKPORTS_FILE);
  }
  return offered;
}

/**
 * Installs Mesa's software Vulkan driver, from backports where that is newer.
 * @throws {InstallError} if apt-get cannot do it
 */
export async function installDriver(machine: Machine, say: Say): Promise<void> {
  const suite = backportsSuite(machine.release);
  const updated = await aptGet(["update"], say);
  let { major, offered } = await policy(suite);
  if (major === 0 && !offered) {
    throw new InstallError(`apt-get knows no package "mesa-vulkan-drivers"\n${complaints(updated)}`);
  }
  if (suite !== undefined && major < FAST_MESA && !offered) offered = await addBackports(machine, suite, say);
  if (offered && major < FAST_MESA) {
    if ((await aptGet(installArguments(suite), say)).ok) return;
    say(`  ${suite} does not fit the installed packages; taking the plain build`);
  }
  const installed = await aptGet(installArguments(undefined), say);
  if (!installed.ok) throw new InstallError(`apt-get failed\n${complaints(installed)}`);
}

/** Looks for the adapter in a new process, which sees what has been installed since this one began. */
export async function findAdapterAnew(): Promise<FoundAdapter> {
  const probe = new URL("./probe.ts", import.meta.url).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env=XDG_RUNTIME_DIR,DENO_WEBGPU_BACKEND", probe],
    env: { DENO_WEBGPU_BACKEND: "" },
    stdin: "null",
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)) as FoundAdapter;
}
