/** An HTTP server for one file, that misbehaves on demand: it writes its answers byte by byte, also false ones. */

/** How one request is answered; by default as a good server does. */
export interface Answer {
  /** Bytes of the body after which the connection is closed. */
  readonly cutAfter?: number;
  /** Bytes of the body after which nothing more comes, while the connection stays open. */
  readonly hangAfter?: number;
  /** Status instead of 200 or 206. */
  readonly status?: number;
  /** Headers that replace the true ones; null leaves one out. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** The file at this request. */
  readonly file?: Uint8Array;
  /** Whether ranges are ignored. */
  readonly ignoreRange?: boolean;
  /** Whether `If-Range` is ignored. */
  readonly ignoreCondition?: boolean;
}

/** What a client asked. */
export interface Asked {
  readonly path: string;
  readonly range: string | undefined;
  readonly condition: string | undefined;
}

/** A running server. */
export interface FileServer extends AsyncDisposable {
  readonly url: string;
  /** All requests so far. */
  readonly asked: readonly Asked[];
}

/**
 * Serves a file with an entity tag that depends on its bytes.
 * @param file the file
 * @param answers how the first, second, ... request is answered; the last holds for all later ones
 */
export function serveFile(file: Uint8Array, ...answers: readonly Answer[]): FileServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: Asked[] = [];
  const open = new Set<Deno.Conn>();
  const handle = async (connection: Deno.Conn): Promise<void> => {
    open.add(connection);
    try {
      const head = await readHead(connection);
      if (head === undefined) return;
      const header = (name: string): string | undefined => new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim();
      const request = { path: head.split(" ")[1]!, range: header("range"), condition: header("if-range") };
      asked.push(request);
      const answer = answers[Math.min(asked.length, answers.length) - 1] ?? {};
      if (await reply(connection, answer.file ?? file, request, answer)) return;
      open.delete(connection);
      connection.close();
    } catch {
      // The client has closed the connection, which is its right.
      if (open.delete(connection)) connection.close();
    }
  };
  const accepting = (async () => {
    for await (const connection of listener) void handle(connection);
  })();
  const { port } = listener.addr as Deno.NetAddr;
  return {
    url: `http://127.0.0.1:${port}/model.pt`,
    asked,
    async [Symbol.asyncDispose](): Promise<void> {
      listener.close();
      await accepting;
      for (const connection of open) connection.close();
    },
  };
}

/** The entity tag that the server gives to these bytes. */
export function tagOf(file: Uint8Array): string {
  return `"${file.reduce((sum, byte) => (sum * 31 + byte) % 1_000_003, 7)}"`;
}

async function readHead(connection: Deno.Conn): Promise<string | undefined> {
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) return undefined;
    head += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return head;
}

/** Writes the answer; returns whether the connection stays open. */
async function reply(connection: Deno.Conn, file: Uint8Array, request: Asked, answer: Answer): Promise<boolean> {
  const matches = answer.ignoreCondition === true || request.condition === undefined ||
    request.condition === tagOf(file);
  const wanted = !answer.ignoreRange && matches ? /^bytes=(\d+)-$/.exec(request.range ?? "") : null;
  const start = wanted ? Number(wanted[1]) : 0;
  const outside = wanted !== null && start >= file.length;
  const status = answer.status ?? (outside ? 416 : wanted ? 206 : 200);
  const body = status === 200 || status === 206 ? file.subarray(start) : new Uint8Array();
  const headers: Record<string, string | null> = {
    "Content-Length": String(body.length),
    "Content-Type": "application/octet-stream",
    ETag: tagOf(file),
    "Content-Range": status === 206
      ? `bytes ${start}-${file.length - 1}/${file.length}`
      : status === 416
      ? `bytes */${file.length}`
      : null,
    Connection: "close",
    ...answer.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) => value === null ? [] : [`${name}: ${value}\r\n`]);
  await write(connection, new TextEncoder().encode(`HTTP/1.1 ${status} Answer\r\n${lines.join("")}\r\n`));
  await write(connection, body.subarray(0, answer.cutAfter ?? answer.hangAfter ?? body.length));
  return answer.hangAfter !== undefined;
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
