/** A copy of the tree in a temporary folder, in which mutants stand and tests run; the tree itself is never written. */
import { applyMutant, type Mutant, testOf } from "./mutant.ts";
import type { RunTests } from "./trial.ts";
import type { TestRun } from "./verdict.ts";

/** The root of the repository. */
export const ROOT = new URL("../../", import.meta.url);

/** Folders of the root that are no part of the code. */
const LEFT_OUT = new Set([".git", "node_modules", "coverage", "out", "evaluation-results", "models-downloaded"]);

/** Files of so many bytes are data that nobody writes: the copy links to them. */
const LINKED_BYTES = 2 ** 20;

const TEST_FLAGS = [
  "test",
  "--no-check",
  "--no-prompt",
  "--fail-fast",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-run",
  "--allow-sys",
  "--allow-net=127.0.0.1",
];

/** A copy of the tree. */
export class TreeCopy {
  readonly #root: URL;
  readonly #folder: string;

  private constructor(root: URL, folder: string) {
    [this.#root, this.#folder] = [root, folder];
  }

  /** Copies a tree; `root` ends with a slash. */
  static async make(root: URL = ROOT): Promise<TreeCopy> {
    const folder = await Deno.makeTempDir({ prefix: "shortcut-mutate-" });
    const copy = new TreeCopy(root, folder);
    await copy.#copyFolder("");
    return copy;
  }

  async #copyFolder(path: string): Promise<void> {
    for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(path, this.#root))) {
      if (path === "" && LEFT_OUT.has(name)) continue;
      const from = new URL(path + encodeURIComponent(name), this.#root);
      const to = `${this.#folder}/${path}${name}`;
      if (isDirectory) {
        await Deno.mkdir(to);
        await this.#copyFolder(`${path}${name}/`);
      } else if (isFile) {
        if ((await Deno.stat(from)).size < LINKED_BYTES) await Deno.copyFile(from, to);
        else await Deno.symlink(from, to);
      }
    }
  }

  /** Where a file of the copy is. */
  pathOf(file: string): string {
    return `${this.#folder}/${file}`;
  }

  /**
   * Puts a mutant into the copy while `body` runs.
   * @throws {MutantError} if it does not fit the code; whatever `body` throws
   */
  async withMutant<T>(mutant: Mutant, body: () => Promise<T>): Promise<T> {
    const text = await Deno.readTextFile(new URL(mutant.file, this.#root));
    await Deno.writeTextFile(this.pathOf(mutant.file), applyMutant(text, mutant));
    try {
      return await body();
    } finally {
      await Deno.writeTextFile(this.pathOf(mutant.file), text);
    }
  }

  /** A function that runs test files of the copy, each for `seconds` at most; the signal ends it with its reason. */
  runner(seconds: number, signal?: AbortSignal): RunTests {
    return (test) => runTests(this.#folder, test, { seconds, signal });
  }

  /** Removes the copy. */
  async remove(): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }
}

async function runTests(
  cwd: string,
  test: string,
  { seconds, signal }: { readonly seconds: number; readonly signal: AbortSignal | undefined },
): Promise<TestRun> {
  signal?.throwIfAborted();
  const { file, filter } = testOf(test);
  const child = new Deno.Command(Deno.execPath(), {
    args: [...TEST_FLAGS, ...(filter === undefined ? [] : [`--filter=${filter}`]), file],
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  let timedOut = false;
  const end = (): void => killGroup(child);
  const timer = setTimeout(() => {
    timedOut = true;
    end();
  }, 1000 * seconds);
  signal?.addEventListener("abort", end);
  try {
    const { stdout, stderr } = await child.output();
    signal?.throwIfAborted();
    const decoder = new TextDecoder();
    return { output: decoder.decode(stderr) + "\n" + decoder.decode(stdout), timedOut };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}

/** Ends a test process and those it has started: as it is detached, it leads a process group of its own. */
function killGroup(child: Deno.ChildProcess): void {
  if (Deno.build.os === "windows") child.kill("SIGKILL");
  else Deno.kill(-child.pid, "SIGKILL");
}
