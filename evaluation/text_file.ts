/** Texts of a store that may be larger than memory, and larger than a text of JavaScript can be. */
import type { FileSink, Store } from "./store.ts";

/** Characters that are written together. */
const PIECE = 1 << 16;

/** A text that is written piece by piece; nothing is there before it is complete. */
export class TextFile implements AsyncDisposable {
  readonly #sink: FileSink;
  readonly #encoder = new TextEncoder();
  #waiting: string[] = [];
  #length = 0;

  private constructor(sink: FileSink) {
    this.#sink = sink;
  }

  /** Begins a text. */
  static async create(store: Store, name: string): Promise<TextFile> {
    return new TextFile(await store.create?.(name) ?? wholeFile(store, name));
  }

  /** Appends to it. */
  async write(text: string): Promise<void> {
    this.#waiting.push(text);
    this.#length += text.length;
    if (this.#length >= PIECE) await this.#flush();
  }

  /** Lets it appear. */
  async commit(): Promise<void> {
    await this.#flush();
    await this.#sink.commit();
  }

  /** Leaves nothing behind, unless it has appeared. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink.abort();
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join("");
    this.#waiting = [];
    this.#length = 0;
    await this.#sink.write(this.#encoder.encode(text));
  }
}

/** A file of a store that writes whole files alone. */
function wholeFile(store: Store, name: string): FileSink {
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (bytes) => Promise.resolve(void pieces.push(Uint8Array.from(bytes))),
    commit: async () => await store.write(name, new Uint8Array(await new Blob(pieces).arrayBuffer())),
    abort: () => Promise.resolve(),
  };
}

/** The lines of a text, one after the other; undefined if there is no such file. */
export async function linesOf(store: Store, name: string): Promise<AsyncIterable<string> | undefined> {
  const opened = store.open ? await store.open(name) : await store.read(name);
  return opened && split(opened instanceof Uint8Array ? [opened] : opened);
}

async function* split(pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let last = "";
  for await (const bytes of pieces) {
    const [first, ...lines] = decoder.decode(bytes, { stream: true }).split("\n");
    last += first;
    for (const line of lines) {
      yield last;
      last = line;
    }
  }
  if (last !== "") yield last;
}

/** The names of a folder of a store, one after the other. */
export async function* namesOf(store: Store, folder: "units" | "pictures"): AsyncGenerator<string, void> {
  yield* store.names?.(folder) ?? await store.list(folder);
}
