/** What the process that compiles is given and what it says, in one place for both sides. */

/** A kernel to be compiled. */
export interface CompiledText {
  /** Names it in the output. */
  readonly key: string;
  /** The module, entry point `main`. */
  readonly wgsl: string;
  /** How each storage binding of group 0 is used, in order. */
  readonly bindings: readonly ("read" | "write" | "sample")[];
  /** Whether a uniform of sizes follows the bindings. */
  readonly hasParams: boolean;
  /** Whether group 1 holds the scalars of a run. */
  readonly usesScalars: boolean;
}

/** Begins the line that tells which adapter was opened, as JSON. */
export const OPEN_MARK = "=== adapter ";

/** Begins the line before a kernel, followed by its key. */
export const FIRST_MARK = "=== kernel ";

/** Begins the line after a kernel, followed by the message of its error as JSON, empty without one. */
export const LAST_MARK = "=== end ";

/**
 * A module with the directives that its builtins need.
 * @param wgsl the text as kernels write it
 * @param subgroups whether the provider wants subgroups to be enabled
 */
export function codeOf(wgsl: string, subgroups: boolean): string {
  const half = /\b(f16|vec[234]h)\b/.test(wgsl) ? "enable f16;\n" : "";
  return half + (subgroups && /\bsubgroup[A-Z]/.test(wgsl) ? "enable subgroups;\n" : "") + wgsl;
}

/** What is said of one kernel. */
export interface CompiledOutput {
  /** Its key. */
  readonly key: string;
  /** The message of its error, empty without one; undefined if the process ended before its end was told. */
  readonly error: string | undefined;
  /** What the driver printed meanwhile. */
  readonly text: string;
}

/** The adapter that was opened. */
export interface OpenedAdapter {
  /** As WebGPU tells it. */
  readonly vendor: string;
  /** Likewise. */
  readonly description: string;
  /** Least lanes of a subgroup. */
  readonly subgroupMinSize: number;
  /** Most lanes of a subgroup. */
  readonly subgroupMaxSize: number;
  /** Limits that plans depend on, by name. */
  readonly limits: Readonly<Record<string, number>>;
}

/** Takes the output of a compiling process apart, line by line as it comes. */
export class OutputReader {
  /** The adapter, once it is told. */
  adapter: OpenedAdapter | undefined;
  /** What is not of a kernel, such as an error that ended the process. */
  readonly rest: string[] = [];
  /** The kernels that were begun. */
  readonly kernels: CompiledOutput[] = [];
  readonly #restart: RegExp | undefined;
  #lines: string[] = [];
  #key: string | undefined;

  /** @param restart a line that makes those before it, of the same kernel, superfluous */
  constructor(restart?: RegExp) {
    this.#restart = restart;
  }

  /**
   * Takes a line.
   * @returns the kernel that it ends, if it does
   */
  line(line: string): CompiledOutput | undefined {
    if (line.startsWith(OPEN_MARK)) this.adapter = JSON.parse(line.slice(OPEN_MARK.length));
    else if (line.startsWith(FIRST_MARK)) this.#key = line.slice(FIRST_MARK.length);
    else if (line.startsWith(LAST_MARK)) return this.#end(JSON.parse(line.slice(LAST_MARK.length)));
    else if (this.#key === undefined) this.rest.push(line);
    else {
      if (this.#restart?.test(line)) this.#lines = [];
      this.#lines.push(line);
    }
    return undefined;
  }

  /** Tells that no line follows. */
  close(): void {
    if (this.#key !== undefined) this.#end(undefined);
  }

  #end(error: string | undefined): CompiledOutput {
    const output = { key: this.#key ?? "", error, text: this.#lines.join("\n") };
    this.kernels.push(output);
    [this.#key, this.#lines] = [undefined, []];
    return output;
  }
}
