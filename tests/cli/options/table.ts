/**
 * Tables of options: a row runs a command line without an option and with it, and says what must have become different
 * in the outcome. Command lines that several rows share run once.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { readImage } from "../../../io/mod.ts";
import { colourRaster } from "../../../raster/mod.ts";
import { type Folder, type Outcome, runCommand, withoutParameters } from "../run_command.ts";

/** A command line; in every word `@` stands for a path that no other command line has. */
export type Words = readonly string[];

/** How a command line is run: in this process by `runCommand`, or otherwise. */
export type Runner = (words: Words) => Promise<Outcome>;

/** One option of a command. */
export interface Row {
  readonly option: string;
  readonly without: Words;
  readonly given: Words;
  /** What both are run inside of, such as a folder of the user, or no adapter; nothing is shared with other rows then. */
  readonly around?: <T>(body: () => Promise<T>) => Promise<T>;
  /** Exit codes of both; default: 0. */
  readonly codes?: readonly [without: number, given: number];
  /** What the option means, as assertions on both outcomes; `run` makes others to compare with. */
  check(without: Ran, given: Ran, run: (words: Words) => Promise<Ran>): void | Promise<void>;
}

/** What a command line did. */
export class Ran implements Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;

  constructor(outcome: Outcome, /** What `@` stood for. */ readonly out: string) {
    this.code = outcome.code;
    this.stdout = outcome.stdout;
    this.stderr = outcome.stderr;
  }

  /** A field of the JSON report beside the result, by its path, such as `method.eta`. */
  field(path: string): unknown {
    return fieldOf(JSON.parse(Deno.readTextFileSync(`${this.out}.json`)), path);
  }

  /** A field that must be a number. */
  number(path: string): number {
    const value = this.field(path);
    assert(typeof value === "number", `${path} is ${JSON.stringify(value)}, not a number`);
    return value;
  }

  /** A field of the last JSON line on stdout. */
  printed(path: string): unknown {
    return fieldOf(JSON.parse(this.stdout.trim().split("\n").at(-1)!), path);
  }

  /** Bytes of a file that was made; those of a PNG file do not depend on how its text says that it was made. */
  bytes(ending = ".png"): Uint8Array {
    const bytes = Deno.readFileSync(`${this.out}${ending}`);
    return ending.endsWith(".png") ? withoutParameters(bytes) : bytes;
  }

  /** Text of a file that was made. */
  text(ending: string): string {
    return Deno.readTextFileSync(`${this.out}${ending}`);
  }

  /** Whether a file was made. */
  has(ending: string): boolean {
    try {
      return Deno.statSync(`${this.out}${ending}`).isFile;
    } catch {
      return false;
    }
  }

  /** The picture that was made, values in [-1, 1]. */
  async picture(
    ending = ".png",
  ): Promise<
    { readonly width: number; readonly height: number; readonly channels: number; readonly data: Float32Array }
  > {
    return colourRaster(await readImage(`${this.out}${ending}`));
  }
}

/** An entry of nested data by names and indices apart by points. */
export function fieldOf(data: unknown, path: string): unknown {
  return path === ""
    ? data
    : path.split(".").reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], data);
}

/** Runs command lines, each once. */
export class Stage {
  readonly #known = new Map<string, Promise<Ran>>();
  #count = 0;

  constructor(readonly folder: Folder, readonly runner: Runner = runCommand) {}

  /** The outcome of a command line. */
  readonly run = (words: Words): Promise<Ran> => {
    const key = JSON.stringify(words);
    const known = this.#known.get(key) ?? this.#start(words);
    this.#known.set(key, known);
    return known;
  };

  async #start(words: Words): Promise<Ran> {
    const out = this.folder.path(`out-${this.#count++}`);
    return new Ran(await this.runner(words.map((word) => word.replaceAll("@", out))), out);
  }

  /** Runs and judges rows; what does not hold is named by its option. */
  async failuresOf(rows: readonly Row[]): Promise<readonly string[]> {
    const failures: string[] = [];
    for (const row of rows) {
      await this.judge(row).catch((error) => failures.push(`${row.option}: ${(error as Error).message}`));
    }
    return failures;
  }

  /** Runs a row and judges it. */
  async judge({ without, given, around, codes = [0, 0], check }: Row): Promise<void> {
    const [before, after] = around
      ? await around(async () => [await this.#start(without), await this.#start(given)] as const)
      : [await this.run(without), await this.run(given)];
    assertEquals(before.code, codes[0], `without: ${before.stderr}`);
    assertEquals(after.code, codes[1], `given: ${after.stderr}`);
    await check(before, after, this.run);
  }
}

/** The names of the options that a help text lists. */
export function offeredOptions(help: string): readonly string[] {
  const [, listed = ""] = /\nOptions:\n([\s\S]*?)(\n\n|$)/.exec(`\n${help}`) ?? [];
  return [...listed.matchAll(/^ {2}--([a-z0-9-]+)/gm)].map(([, name]) => name!);
}

/** A row for an option that sets a parameter, which the report names. */
export function parameterRow(
  option: string,
  base: Words,
  { value, key, standard, check }: {
    readonly value: string;
    /** Where the report has it. */
    readonly key: string;
    /** The value that help gives for where the option is left out; saying it changes nothing. */
    readonly standard?: string;
    readonly check?: Row["check"];
  },
): Row {
  return {
    option,
    without: base,
    given: [...base, `--${option}=${value}`],
    async check(before, after, run): Promise<void> {
      assertEquals(String(after.field(key)), value, key);
      assertNotEquals(String(before.field(key)), value, key);
      assertNotEquals(after.bytes(), before.bytes(), "the picture is the same");
      if (standard !== undefined) {
        assertEquals((await run([...base, `--${option}=${standard}`])).bytes(), before.bytes(), "the default");
      }
      await check?.(before, after, run);
    },
  };
}

/** Largest difference of two lists of values. */
export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

/** Root mean square of the difference of two lists of values. */
export function rms(a: ArrayLike<number>, b: ArrayLike<number>): number {
  assertEquals(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
}
