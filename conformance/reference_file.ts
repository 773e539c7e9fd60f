/**
 * A file of recorded numbers: a safetensors file whose metadata say by `kind` what it holds. Every value of the
 * metadata that is not plain text is JSON. Tensors are [N, C, ...] in the file and [N, ..., C] when they leave it.
 */
import { elementCount, type Shape } from "../engine/mod.ts";
import { type ByteSource, openSafetensors, type SafetensorsFile } from "../models/mod.ts";
import type { Values } from "./row.ts";

/** The bytes of a file, to be closed after use. */
export type OpenFile = ByteSource & Disposable;

/** Opens the file of a path, as whoever asks for a comparison names files; it throws if the file cannot be read. */
export type FileOpener = (path: string) => Promise<OpenFile>;

/** A tensor of f32 numbers. */
export interface StoredTensor {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** A JSON object of the metadata whose entries are read by type. */
export class Settings {
  /**
   * @param where what messages call the object
   * @param values its entries
   */
  constructor(readonly where: string, readonly values: Readonly<Record<string, unknown>>) {}

  /** Whether the object has an entry. */
  has(key: string): boolean {
    return Object.hasOwn(this.values, key);
  }

  /**
   * A number.
   * @throws {TypeError} if the entry is something else, or is missing and there is no fallback
   */
  number(key: string, fallback?: number): number {
    return this.#entry(key, fallback, "a number", (value) => typeof value === "number");
  }

  /**
   * True or false.
   * @throws {TypeError} if the entry is something else, or is missing and there is no fallback
   */
  flag(key: string, fallback?: boolean): boolean {
    return this.#entry(key, fallback, "true or false", (value) => typeof value === "boolean");
  }

  /**
   * A text.
   * @throws {TypeError} if the entry is something else, or is missing and there is no fallback
   */
  text(key: string, fallback?: string): string {
    return this.#entry(key, fallback, "a text", (value) => typeof value === "string");
  }

  /**
   * A list of numbers.
   * @throws {TypeError} if the entry is missing or something else
   */
  numbers(key: string): readonly number[] {
    return this.#entry<readonly number[]>(
      key,
      undefined,
      "a list of numbers",
      (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
    );
  }

  /**
   * An object.
   * @throws {TypeError} if the entry is missing or something else
   */
  settings(key: string): Settings {
    const accepts = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
    const values = this.#entry<Record<string, unknown>>(key, undefined, "an object", accepts);
    return new Settings(`${this.where}.${key}`, values);
  }

  #entry<T>(key: string, fallback: T | undefined, needed: string, accepts: (value: unknown) => boolean): T {
    const value = this.has(key) ? this.values[key] : fallback;
    if (accepts(value)) return value as T;
    throw new TypeError(
      `Cannot read "${key}" of ${this.where}: it is ${JSON.stringify(value) ?? "missing"}, ${needed} is needed`,
    );
  }
}

/**
 * An open reference file. It remembers which tensors were read, and nothing but reading makes a tensor used, so that none
 * is passed over in silence: what is neither read nor has a row of its own is left over.
 */
export class ReferenceFile {
  /** The metadata; a value that is no JSON stands for itself. */
  readonly metadata: Settings;
  readonly #file: SafetensorsFile;
  readonly #source: OpenFile;
  readonly #openFile: FileOpener;
  readonly #used = new Set<string>();
  readonly #inputs: RegExp[] = [];

  private constructor(source: OpenFile, file: SafetensorsFile, openFile: FileOpener) {
    this.#source = source;
    this.#openFile = openFile;
    this.#file = file;
    const parsed = [...file.metadata].map(([key, text]) => [key, jsonOrText(text)]);
    this.metadata = new Settings(`the metadata of "${source.name}"`, Object.fromEntries(parsed));
  }

  /**
   * Opens a file.
   * @param path where it is
   * @param openFile opens it, and the files that it names
   * @throws what `openFile` throws, if it cannot be read
   * @throws {CheckpointError} if it is no safetensors file
   */
  static async open(path: string, openFile: FileOpener): Promise<ReferenceFile> {
    const source = await openFile(path);
    try {
      return new ReferenceFile(source, await openSafetensors(source), openFile);
    } catch (error) {
      source[Symbol.dispose]();
      throw error;
    }
  }

  /** Closes the file at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.#source[Symbol.dispose]();
  }

  /** The file as a checkpoint, for loading weights. */
  get checkpoint(): SafetensorsFile {
    return this.#file;
  }

  /**
   * Another file, by a path relative to this one's folder.
   * @throws as `open`
   */
  async openBeside(path: string): Promise<ReferenceFile> {
    return await ReferenceFile.open(this.#beside(path), this.#openFile);
  }

  /**
   * What the `config.json` beside this file says, as metadata of recordings do: `class` and `constructor`.
   * @throws what opening it throws, if it cannot be read, and {SyntaxError} if it is no JSON
   */
  async readConfigBeside(): Promise<Settings> {
    using source = await this.#openFile(this.#beside("config.json"));
    const config = JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
    return new Settings(`"${source.name}"`, { class: config._class_name, constructor: config });
  }

  #beside(path: string): string {
    const folder = this.#source.name.replace(/[^/\\]*$/, "");
    return /^([/\\]|\w:)/.test(path) ? path : folder + path;
  }

  /** Whether the file holds a tensor. */
  has(name: string): boolean {
    return this.#file.tensors.has(name);
  }

  /** Names of the tensors that match, in the order of the file. */
  names(pattern: RegExp): readonly string[] {
    return [...this.#file.tensors.keys()].filter((name) => pattern.test(name));
  }

  /** Shape of a tensor as it is stored; undefined if there is none. */
  shape(name: string): Shape | undefined {
    return this.#file.tensors.get(name)?.shape;
  }

  /** Says which tensors are no results; that does not make them used. */
  declareInputs(pattern: RegExp): void {
    this.#inputs.push(pattern);
  }

  /** Whether a tensor was declared to be no result. */
  isInput(name: string): boolean {
    return this.#inputs.some((pattern) => pattern.test(name));
  }

  /** Says that a tensor was used which was read by way of `checkpoint` or `preview`. */
  use(name: string): void {
    this.#used.add(name);
  }

  /** Names of the tensors that nothing has used. */
  unused(): readonly string[] {
    return [...this.#file.tensors.keys()].filter((name) => !this.#used.has(name));
  }

  /**
   * A tensor in the order of the file, for a caller that says by `use` whether it comes to use it.
   * @throws {CheckpointError} as `read`
   */
  async preview(name: string): Promise<StoredTensor> {
    return { data: await this.#file.readFloat32(name), shape: this.shape(name)! };
  }

  /**
   * A tensor in the order of the file.
   * @throws {CheckpointError} if there is none, or it is not of real numbers
   */
  async read(name: string): Promise<StoredTensor> {
    const tensor = await this.preview(name);
    this.use(name);
    return tensor;
  }

  /**
   * A batch [N, C, ...] of the file as [N, ..., C].
   * @throws {CheckpointError} as `read`
   */
  async readChannelsLast(name: string): Promise<StoredTensor> {
    const { data, shape } = await this.read(name);
    return { data: Float32Array.from(channelsLast(data, shape)), shape: shapeChannelsLast(shape) };
  }

  /**
   * Numbers of any type, exact, in the order of the file.
   * @throws {CheckpointError} if there are none of that name, or they are too large
   */
  async readNumbers(name: string): Promise<ArrayLike<number>> {
    const isInteger = /^[IU]/.test(this.#file.tensors.get(name)?.dtype ?? "");
    const numbers = isInteger ? await this.#file.readIntegers(name) : await this.#file.readFloat64(name);
    this.use(name);
    return numbers;
  }

  /**
   * A tensor to compare with: exact, channels last; or else the list of numbers that the metadata have of that name.
   * @throws {CheckpointError} as `readNumbers`, if the metadata have none either; {TypeError} if they have another thing
   */
  async expected(name: string): Promise<Values> {
    if (!this.has(name) && this.metadata.has(name)) {
      const data = this.metadata.numbers(name);
      return { data, shape: [data.length] };
    }
    const data = await this.readNumbers(name);
    const shape = this.shape(name)!;
    return { data: channelsLast(data, shape), shape: shapeChannelsLast(shape) };
  }
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** [N, C, ...] -> [N, ..., C]; shapes of less than three dimensions stay. */
export function shapeChannelsLast(shape: Shape): Shape {
  if (shape.length < 3) return shape;
  const [batch, channels, ...extents] = shape as [number, number, ...number[]];
  return [batch, ...extents, channels];
}

/** Elements of a tensor [N, C, ...] in the order [N, ..., C]; those of less than three dimensions stay in place. */
export function channelsLast(data: ArrayLike<number>, shape: Shape): ArrayLike<number> {
  if (shape.length < 3) return data;
  const channels = shape[1]!;
  const pixels = elementCount(shape.slice(2));
  const moved = new Float64Array(data.length);
  for (let from = 0; from < data.length; from++) {
    const item = Math.floor(from / (channels * pixels));
    const channel = Math.floor(from / pixels) % channels;
    moved[(item * pixels + from % pixels) * channels + channel] = data[from]!;
  }
  return moved;
}
