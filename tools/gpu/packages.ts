/** Debian packages in a folder of the user: fetched by apt with a configuration of its own, unpacked, never installed. */
import { writeAtomically } from "../../io/mod.ts";

/** What cannot be fetched, unpacked or built here; the cards that need it are skipped with the reason. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

/** What a step tells and obeys. */
export interface StepOptions {
  /** Told what is being done. */
  readonly say: (text: string) => void;
  /** Ends the processes of the step. */
  readonly signal: AbortSignal;
}

/** Packages of one release. */
export interface PackageSet {
  /** Release of Debian. */
  readonly suite: string;
  /** Names of packages; what they depend on comes along. */
  readonly packages: readonly string[];
  /** The package whose version tables name. */
  readonly named: string;
  /** Packages that come along and are not unpacked. */
  readonly leftOut?: readonly string[];
}

/** Unpacked packages. */
export interface Unpacked {
  /** Folder that stands for the root of a system. */
  readonly root: string;
  /** Version of the package that tables name. */
  readonly version: string;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/**
 * Fetches and unpacks packages, once: later calls find them in the folder.
 * @param folder where everything goes; it need not exist
 * @throws {UnavailableError} if there is no apt, the packages cannot be fetched, or they cannot be unpacked
 */
export async function unpack(folder: string, set: PackageSet, options: StepOptions): Promise<Unpacked> {
  const done = `${folder}/unpacked.json`;
  const wanted = JSON.stringify(set);
  try {
    const known = JSON.parse(await Deno.readTextFile(done));
    if (JSON.stringify(known.set) === wanted) return { root: `${folder}/root`, version: known.version };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) throw error;
  }
  options.say(`fetching packages of Debian ${set.suite} into ${folder}`);
  const apt = await prepareApt(folder, set.suite, "deb", options);
  await apt("apt-get", "-q", "-y", "--download-only", "install", ...set.packages);
  const version = versionOf(await apt("apt-cache", "policy", set.named), set.named);
  options.say(`unpacking packages of Debian ${set.suite}`);
  const root = `${folder}/root`;
  await remove(root);
  await Deno.mkdir(root);
  const archives = `${folder}/cache/archives`;
  for await (const { name } of Deno.readDir(archives)) {
    if (name.endsWith(".deb") && !set.leftOut?.includes(name.split("_")[0]!)) {
      await runTool(["dpkg-deb", "-x", `${archives}/${name}`, root], options);
    }
  }
  await remove(archives);
  await writeAtomically(done, new TextEncoder().encode(JSON.stringify({ set, version })));
  return { root, version };
}

/**
 * Fetches the archive that a package was made of, as its authors published it.
 * @param folder a folder that `unpack` has filled
 * @returns the path of the archive
 * @throws {UnavailableError} if it cannot be fetched
 */
export async function fetchSource(
  folder: string,
  set: PackageSet,
  name: string,
  options: StepOptions,
): Promise<string> {
  const apt = await prepareApt(folder, set.suite, "deb-src", options);
  const sources = `${folder}/source`;
  await Deno.mkdir(sources, { recursive: true });
  await apt("apt-get", "-q", "source", "--tar-only", "--download-only", name);
  for await (const { name: file } of Deno.readDir(sources)) {
    if (file.includes(".orig.tar.")) return `${sources}/${file}`;
  }
  throw new UnavailableError(`no source of ${name} was fetched from Debian ${set.suite}`);
}

type Apt = (program: string, ...words: readonly string[]) => Promise<string>;

/** Writes a configuration for apt that knows one release and nothing of this system, and reads its lists. */
async function prepareApt(
  folder: string,
  suite: string,
  types: "deb" | "deb-src",
  options: StepOptions,
): Promise<Apt> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    throw new UnavailableError("the packages are for Linux on x86-64");
  }
  for (const path of ["lists/partial", "cache/archives/partial", "state", "sources", "source"]) {
    await Deno.mkdir(`${folder}/${path}`, { recursive: true });
  }
  const mirror = await mirrorOf(options);
  const lines = [
    `Types: ${types}`,
    `URIs: ${mirror}`,
    `Suites: ${suite}`,
    "Components: main",
    `Signed-By: ${KEYRING}`,
    "",
  ];
  await Deno.writeTextFile(`${folder}/sources/debian.sources`, lines.join("\n"));
  const settings = {
    "Dir::Etc::sourcelist": "/dev/null",
    "Dir::Etc::sourceparts": `${folder}/sources`,
    "Dir::State": `${folder}/state`,
    "Dir::State::lists": `${folder}/lists`,
    "Dir::State::status": "/dev/null",
    "Dir::Cache": `${folder}/cache`,
    "APT::Install-Recommends": "false",
    "APT::Architecture": "amd64",
  };
  const file = `${folder}/apt.conf`;
  await Deno.writeTextFile(file, Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`).join(""));
  const apt: Apt = (...words) =>
    runTool(words, { ...options, cwd: `${folder}/source`, env: { APT_CONFIG: file, LC_ALL: "C" } });
  await apt("apt-get", "-q", "update");
  return apt;
}

/** Where this system gets Debian's packages from. */
async function mirrorOf(options: StepOptions): Promise<string> {
  const format = "$(REPO_URI) $(COMPONENT) $(ORIGIN)";
  const text = await runTool(["apt-get", "indextargets", "--format", format, "Created-By: Packages"], options);
  const mirror = /^(\S+) main Debian$/m.exec(text)?.[1];
  if (mirror === undefined) throw new UnavailableError("apt of this system knows no mirror of Debian");
  return mirror;
}

function versionOf(policy: string, name: string): string {
  const version = /Candidate: (\S+)/.exec(policy)?.[1];
  if (version === undefined) throw new UnavailableError(`apt tells no version of ${name}`);
  return version;
}

/** Removes a folder if it is there. */
export async function remove(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Characters of what a program wrote that a reason holds at most. */
const TOLD = 300;

/**
 * Runs a program to its end.
 * @returns what it wrote on standard output
 * @throws {UnavailableError} if it is not there or fails, with the last lines that it wrote; the reason of the signal
 */
export async function runTool(
  words: readonly string[],
  { signal, cwd, env = {} }: StepOptions & {
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const [program, ...args] = words;
  const options = { args, env, signal, stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const { success, stdout, stderr } = await output(program!, cwd === undefined ? options : { ...options, cwd });
  signal.throwIfAborted();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  const lines = (decoder.decode(stdout) + decoder.decode(stderr)).trim().split("\n");
  const told = lines.filter((line) => /^E:|\berror:/i.test(line));
  const shown = (told.length > 0 ? told : lines).slice(-2).join("; ").slice(-TOLD);
  throw new UnavailableError(`${program} ${args[0] ?? ""} failed: ${shown}`);
}

async function output(program: string, options: Deno.CommandOptions): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command(program, options).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UnavailableError(`${program} is not installed`);
    throw error;
  }
}
