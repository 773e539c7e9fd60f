/**
 * `deno task setup`: makes sure that WebGPU finds an adapter, and installs Mesa's software Vulkan driver where it may.
 * With `--first-step` it is the quiet beginning of another task.
 */
import {
  BACKPORTS_FILE,
  backportsSource,
  backportsSuite,
  choosePlan,
  FAST_MESA,
  installArguments,
  installCommand,
  type Machine,
  parseAptSources,
  parseOsRelease,
  parsePolicy,
} from "./adapter_plan.ts";
import { findAdapter, type FoundAdapter } from "./adapter_probe.ts";

/** Raised where apt-get cannot do its part; the message says what it printed and what to do. */
class InstallError extends Error {}

interface Output {
  readonly ok: boolean;
  readonly text: string;
}

/** Writes a line for the user; to stderr, since the task that follows may print data. */
function say(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(line + "\n"));
}

async function readIfPresent(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return "";
    throw error;
  }
}

async function readMachine(): Promise<Machine> {
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

function aptGet(args: readonly string[]): Promise<Output> {
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
async function addBackports(machine: Machine, suite: string): Promise<boolean> {
  const text = backportsSource(machine);
  if (text === undefined) return false;
  say(`  adding ${suite} in ${BACKPORTS_FILE}: newer drivers are about twice as fast`);
  await Deno.writeTextFile(BACKPORTS_FILE, text);
  await aptGet(["update"]);
  const { offered } = await policy(suite);
  if (!offered) {
    say(`  ${suite} cannot be had; removing ${BACKPORTS_FILE}`);
    await Deno.remove(BACKPORTS_FILE);
  }
  return offered;
}

async function install(machine: Machine): Promise<void> {
  const suite = backportsSuite(machine.release);
  const updated = await aptGet(["update"]);
  let { major, offered } = await policy(suite);
  if (major === 0 && !offered) {
    throw new InstallError(`apt-get knows no package "mesa-vulkan-drivers"\n${complaints(updated)}`);
  }
  if (suite !== undefined && major < FAST_MESA && !offered) offered = await addBackports(machine, suite);
  if (offered && major < FAST_MESA) {
    if ((await aptGet(installArguments(suite))).ok) return;
    say(`  ${suite} does not fit the installed packages; taking the plain build`);
  }
  const installed = await aptGet(installArguments(undefined));
  if (!installed.ok) throw new InstallError(`apt-get failed\n${complaints(installed)}`);
}

/** Looks for the adapter in a new process, which sees what has been installed since this one began. */
async function findAdapterAnew(): Promise<FoundAdapter> {
  const probe = new URL("./adapter_probe.ts", import.meta.url).href;
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env=XDG_RUNTIME_DIR,DENO_WEBGPU_BACKEND", probe],
    env: { DENO_WEBGPU_BACKEND: "" },
    stdin: "null",
    stderr: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout)) as FoundAdapter;
}

/**
 * Looks for an adapter and does what the plan for this machine says.
 * @param isFirstStep whether another command runs next
 * @returns the exit code: 1 where there is no adapter in the end
 */
async function setup(isFirstStep: boolean): Promise<number> {
  const adapter = await findAdapter();
  const machine = await readMachine();
  const plan = choosePlan(adapter, machine, isFirstStep);
  if (plan.message !== "") say(plan.message);
  if (plan.action !== "install") return plan.action === "stop" ? 1 : 0;
  try {
    await install(machine);
  } catch (error) {
    if (!(error instanceof InstallError)) throw error;
    say(`Cannot install the software Vulkan driver: ${error.message}`);
    say(`Check the network and that no other package manager runs, then try again, or:\n  ${installCommand(machine)}`);
    return 1;
  }
  const result = await findAdapterAnew();
  if (result.kind === "hardware" || result.kind === "software") {
    say(`WebGPU adapter: ${result.name} (${result.kind}); ready`);
    return 0;
  }
  say("Cannot find the software Vulkan driver although it is installed: see that the environment variables");
  say("DENO_WEBGPU_BACKEND, VK_DRIVER_FILES and VK_ICD_FILENAMES are unset");
  return result.kind === "none" ? 1 : 0;
}

if (import.meta.main) Deno.exit(await setup(Deno.args.includes("--first-step")));
