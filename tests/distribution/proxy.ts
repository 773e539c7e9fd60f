/** A way to a server that can be cut, as a cable can. */

/** Stands between a client and a server of this machine. */
export class Proxy implements Disposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #open = new Set<Deno.Conn>();
  readonly #change: ((text: string) => string) | undefined;
  #isCut = false;

  /** @param change what becomes of what the server says, a byte as a character; texts keep their lengths */
  constructor(host: string, change?: (text: string) => string) {
    this.#change = change;
    void this.#serve(Number(host.split(":")[1]));
  }

  /** Where clients connect. */
  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Breaks all connections, and lets no new one through. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#open) close(connection);
    this.#open.clear();
  }

  /** Lets connections through again. */
  mend(): void {
    this.#isCut = false;
  }

  async #serve(port: number): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#isCut) {
        close(client);
        continue;
      }
      const server = await Deno.connect({ hostname: "127.0.0.1", port });
      for (const connection of [client, server]) this.#open.add(connection);
      const end = (): void => [client, server].forEach(close);
      client.readable.pipeTo(server.writable).then(end, end);
      this.#changed(server.readable).pipeTo(client.writable).then(end, end);
    }
  }

  #changed(said: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array<ArrayBuffer>> {
    const change = this.#change;
    if (!change) return said;
    const transform = (
      bytes: Uint8Array,
      controller: TransformStreamDefaultController<Uint8Array<ArrayBuffer>>,
    ): void => {
      const text = change(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
      controller.enqueue(Uint8Array.from(text, (character) => character.charCodeAt(0)));
    };
    return said.pipeThrough(new TransformStream({ transform }));
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#listener.close();
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // The other side was faster.
  }
}
