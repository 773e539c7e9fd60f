/**
 * What the program `shortcut` starts for a command line: decisions only. They are those of the tasks in `deno.json`: which
 * program a command is, what it may do, and whether an adapter is looked for first.
 */

/** What `deno.json` says of the commands. */
export interface Settings {
  readonly tasks: Readonly<Record<string, Task>>;
}

/** A task of `deno.json`. */
export interface Task {
  readonly description?: string;
  readonly command: string;
  readonly dependencies?: readonly string[];
}

/** Where the program is, and what it runs on. */
export interface Place {
  /** As `process.platform`. */
  readonly platform: string;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the program, a path or an address with a slash at its end. */
  readonly root: string;
  /** The settings as a file that Deno reads. */
  readonly config: string;
  /** What modules end in: sources, or what a package has in their stead. */
  readonly ending: "ts" | "js";
}

/** Programs to run one after the other, each only if the one before succeeded. */
export interface Launch {
  /** Words after `deno`. */
  readonly steps: readonly (readonly string[])[];
  /** Variables that are set for them beside those of this process. */
  readonly env: Readonly<Record<string, string>>;
}

/** A command as its task starts it. */
export interface CommandTask {
  /** The name of its set of permissions in `deno.json`, empty for the default. */
  readonly set: string;
  /** Its module, relative to the program. */
  readonly file: string;
  /** Whether an adapter is looked for first. */
  readonly needsAdapter: boolean;
}

/** The module that has the commands. */
const COMMANDS_FILE = /^cli\/main\.[jt]s$/;

/** Modules that are commands by themselves. */
const PROGRAMS = /^(adapter\/setup|studio\/serve)\.[jt]s$/;

/** The command that needs a folder with the sources of the program. */
export const STUDIO = "studio";

/** A task that runs a module by a set of permissions, and no other settings than those it stands in. */
const RUN = /\bdeno run (?:(?!--config )\S+ )*?-P(?:=([a-z-]+))? (\S+\.[jt]s)(?: (.*))?$/;

/**
 * How a command is started.
 * @param name as it is written
 * @returns undefined where no task is a command of that name
 */
export function commandTask({ tasks }: Settings, name: string): CommandTask | undefined {
  if (!Object.hasOwn(tasks, name)) return undefined;
  const { command, dependencies = [] } = tasks[name]!;
  const [, set = "", file = "", words = ""] = RUN.exec(command) ?? [];
  const isCommand = PROGRAMS.test(file) ? words === "" : COMMANDS_FILE.test(file) && words === name;
  return isCommand ? { set, file, needsAdapter: dependencies.includes("adapter") } : undefined;
}

/**
 * Decides what is started.
 * @param words the command line after the name of the program
 */
export function planLaunch(words: readonly string[], settings: Settings, place: Place): Launch {
  const [name = "", ...rest] = words;
  const { root, env, platform } = place;
  // The studio packs modules of a folder.
  const task = name === STUDIO && isAddress(root) ? undefined : commandTask(settings, name);
  const variables = {
    // Older Mesa drivers look for a display and print an error where this is unset.
    ...(platform === "linux" && !env["XDG_RUNTIME_DIR"] ? { XDG_RUNTIME_DIR: "/tmp" } : {}),
    DENO_NO_UPDATE_CHECK: "1",
  };
  const start = (set: string | undefined, file: string, more: readonly string[]): readonly string[] => [
    "run",
    "--quiet",
    "--no-prompt",
    `--config=${place.config}`,
    ...(set === undefined ? [] : [set === "" ? "-P" : `-P=${set}`]),
    ...hostPermissions(root, set !== undefined, queueHosts(words)),
    root + file,
    ...more,
  ];
  const program = `package/program.${place.ending}`;
  // Help, versions and unknown commands need no permission.
  if (!task) return { steps: [start(undefined, program, words)], env: variables };
  const isProgram = PROGRAMS.test(task.file);
  const step = start(task.set, isProgram ? task.file : program, isProgram ? rest : words);
  const setup = commandTask(settings, "setup");
  const asksHelp = rest.some((word) => word === "--help" || word === "-h");
  const first = task.needsAdapter && setup && !asksHelp ? [start(setup.set, setup.file, ["--first-step"])] : [];
  return { steps: [...first, step], env: variables };
}

/** Whether a program is at an address rather than in a folder. */
function isAddress(root: string): boolean {
  return /^https?:/.test(root);
}

/**
 * What a program needs to reach: its modules, if it is run from an address, and for a command the files beside them and the
 * servers that it is given.
 */
function hostPermissions(root: string, isCommand: boolean, servers: readonly string[]): readonly string[] {
  const own = isAddress(root) ? [new URL(root).host] : [];
  const hosts = isCommand ? [...own, ...servers] : [];
  return [
    ...own.map((host) => `--allow-import=${host}`),
    ...(hosts.length === 0 ? [] : [`--allow-net=${hosts.join(",")}`]),
  ];
}

/** The command that may hand its work to others through a server, which its command line names. */
const EVALUATE = "evaluate";

/**
 * `HOST:PORT` of the server that a command line names as its queue, and of this machine where it serves metrics; nothing
 * where it names none, or none that is well-formed.
 */
function queueHosts([name, ...words]: readonly string[]): readonly string[] {
  if (name !== EVALUATE) return [];
  const port = valueOf(words, "--metrics") ?? "";
  return [...serverHosts(words), ...(/^\d{1,5}$/.test(port) ? [`127.0.0.1:${Number(port)}`] : [])];
}

/** The value of an option of a command line. */
function valueOf(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  return words.find((word) => word.startsWith(`${option}=`))?.slice(option.length + 1) ??
    (at >= 0 ? words[at + 1] : undefined);
}

function serverHosts(words: readonly string[]): readonly string[] {
  const text = valueOf(words, "--serve") ?? (words.includes("work") ? words.find(isServer) : undefined);
  if (text === undefined || !isServer(text) || !URL.canParse(text)) return [];
  const { hostname, port } = new URL(text);
  return /^[\w.:[\]-]+$/.test(hostname) ? [`${hostname}:${port || 4222}`] : [];
}

function isServer(word: string): boolean {
  return /^(nats|tls):\/\//.test(word);
}

/** The exit code of a program that a signal ended, as shells count: 128 and its number. */
export function signalExit(numbers: Readonly<Record<string, number>>, signal: string): number {
  return 128 + (numbers[signal] ?? 0);
}

/**
 * The signals that this program hands on, and whether it does so with Ctrl-C. On a terminal Ctrl-C reaches all programs
 * that run there by itself, and a second one would end the work at once.
 */
export function forwardedSignals(platform: string, isTerminal: boolean): Readonly<Record<string, boolean>> {
  const interrupt = { SIGINT: !isTerminal };
  return platform === "win32" ? { SIGINT: false } : { ...interrupt, SIGTERM: true, SIGHUP: true };
}

/** The name of Deno's program file. */
export function denoFile(platform: string): string {
  return platform === "win32" ? "deno.exe" : "deno";
}
