/** Running commands inside the test process, in a folder of their own, with what they print. */
import { assertEquals } from "@std/assert";
import { main } from "../../cli/main.ts";
import { chooseBackend } from "../../engine/mod.ts";
import "../support/user_cache.ts";
import { makePng, type PngRecipe } from "../io/png_maker.ts";

/** What a command did. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What is printed while something runs. */
export async function printedBy<T>(
  body: () => T | Promise<T>,
): Promise<{ readonly value: T; readonly stdout: string; readonly stderr: string }> {
  const printed = { stdout: "", stderr: "" };
  const undo = (["stdout", "stderr"] as const).map((name) => {
    const stream = Deno[name];
    const { write, writeSync } = stream;
    stream.writeSync = (bytes) => {
      printed[name] += new TextDecoder().decode(bytes);
      return bytes.length;
    };
    stream.write = (bytes) => Promise.resolve(stream.writeSync(bytes));
    return () => Object.assign(stream, { write, writeSync });
  });
  try {
    return { value: await body(), ...printed };
  } finally {
    for (const restore of undo) restore();
  }
}

/** Runs a command line and keeps what it prints. */
export async function runCommand(words: readonly string[]): Promise<Outcome> {
  const { value, stdout, stderr } = await printedBy(() => main(words));
  return { code: value, stdout, stderr };
}

/** Runs a command line that must succeed. */
export async function runWell(words: readonly string[]): Promise<Outcome> {
  const outcome = await runCommand(words);
  assertEquals(outcome.code, 0, outcome.stderr);
  return outcome;
}

/** A folder for one test, with paths made from names in it. */
export interface Folder {
  path(name: string): string;
  /** Names of all files in it, or in a folder of it, sorted. */
  list(name?: string): string[];
  /** Makes a folder and returns its path. */
  folder(name: string): string;
  /** Writes a file and returns its path. */
  write(name: string, bytes: Uint8Array): string;
  /** Writes a PNG of smooth colours and returns its path. */
  picture(name: string, recipe: Partial<PngRecipe>): string;
}

/** Gives a test an empty folder and removes it afterwards. */
export async function withFolder(body: (folder: Folder) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  const path = (name: string): string => `${root}/${name}`;
  const write = (name: string, bytes: Uint8Array): string => {
    Deno.writeFileSync(path(name), bytes);
    return path(name);
  };
  const list = (name = ""): string[] => Array.from(Deno.readDirSync(path(name)), (entry) => entry.name).sort();
  const folder = (name: string): string => {
    Deno.mkdirSync(path(name));
    return path(name);
  };
  const picture = (name: string, recipe: Partial<PngRecipe>): string => write(name, makePng(smooth(recipe)));
  try {
    await body({ path, write, list, folder, picture });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Waves of colour, 16 x 16 and 8-bit RGB unless said otherwise; a last channel of alpha fades to the right. */
function smooth(recipe: Partial<PngRecipe>): PngRecipe {
  const { width = 16, height = 16, bitDepth = 8, colorType = 2 } = recipe;
  const max = 2 ** bitDepth - 1;
  const alphaAt = { 4: 1, 6: 3 }[colorType];
  const wave = (x: number, y: number, c: number): number => 0.5 + 0.4 * Math.sin(x / 4 + c) * Math.cos(y / 5 - c);
  return {
    width,
    height,
    bitDepth,
    colorType,
    sample: (x, y, c) => Math.round(max * (c === alphaAt ? Math.max(0, 1 - x / width) : wave(x, y, c))),
    ...recipe,
  };
}

await chooseBackend();
const adapter = await navigator.gpu?.requestAdapter();
// deno-lint-ignore no-console -- a skipped test must say why
if (!adapter) console.log("Commands are not tried: no WebGPU adapter was found; `deno task setup` installs one");

/** A test that runs commands on the GPU; skipped with a printed reason where there is no adapter. */
export function commandTest(name: string, body: (folder: Folder) => Promise<void>): void {
  Deno.test({ name, ignore: !adapter, fn: () => withFolder(body) });
}

/** The command line of a child process; it has the permissions of the task, but finds no cache folder. */
export function childCommand(words: readonly string[], env: Readonly<Record<string, string>> = {}): Deno.Command {
  const program = new URL("../../cli/main.ts", import.meta.url).pathname;
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", "--allow-write", program, ...words],
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** A PNG file without the text that says how it was made, so that pictures of different command lines can be compared. */
export function withoutParameters(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const kept = [bytes.subarray(0, 8)];
  for (let at = 8; at < bytes.length;) {
    const end = at + 12 + view.getUint32(at);
    if (new TextDecoder().decode(bytes.subarray(at + 4, at + 8)) !== "iTXt") kept.push(bytes.subarray(at, end));
    at = end;
  }
  return Uint8Array.from(kept.flatMap((part) => [...part]));
}

/** The JSON report beside a picture. */
export function readReport(path: string): Record<string, unknown> {
  return JSON.parse(Deno.readTextFileSync(path.replace(/\.png$/, ".json")));
}
