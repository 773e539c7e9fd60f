/** A server that answers as the Hugging Face Hub does, and misbehaves on demand. */
import { createHash } from "node:crypto";

/** What a request asked for. */
export interface HubRequest {
  readonly path: string;
  readonly range: string | null;
}

/** An entry of a listing, as the Hub writes it. */
export type ListedEntry = Readonly<Record<string, unknown>>;

/** How the server differs from a good one. */
export interface HubBehaviour {
  /** The listing, made from the true one. */
  listing?(entries: readonly ListedEntry[]): unknown;
  /** The answer to a request; undefined for the true one. */
  answer?(path: string, request: Request): Response | undefined;
}

/** A running server. */
export interface HubServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly HubRequest[];
}

/** The files of a repository; what is no text or bytes is written as JSON. */
export type Repository = Readonly<Record<string, unknown>>;

/** Bytes of a file of a repository. */
export function bytesOf(content: unknown): Uint8Array<ArrayBuffer> {
  if (content instanceof Uint8Array) return new Uint8Array(content);
  return new TextEncoder().encode(typeof content === "string" ? content : JSON.stringify(content));
}

/** SHA-256 of bytes, hexadecimal. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Serves the repository `lab/net` at the revision `main`. */
export function serveHub(repository: Repository, behaviour: HubBehaviour = {}): HubServer {
  const files = new Map(Object.entries(repository).map(([path, content]) => [path, bytesOf(content)]));
  const asked: HubRequest[] = [];
  const reply = (request: Request): Response => {
    const { pathname: path } = new URL(request.url);
    const range = request.headers.get("Range");
    asked.push({ path, range });
    const other = behaviour.answer?.(path, request);
    if (other) return other;
    if (path === "/api/models/lab/net/tree/main") {
      const entries = listingOf(files);
      return Response.json(behaviour.listing?.(entries) ?? entries);
    }
    const bytes = files.get(decodeURIComponent(path.replace("/lab/net/resolve/main/", "")));
    return bytes ? fileAnswer(bytes, range) : new Response("Entry not found", { status: 404 });
  };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen: (): void => {},
    onError: (): Response => new Response(null, { status: 500 }),
  }, reply);
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** A file or what is left of it, with an entity tag. */
export function fileAnswer(bytes: Uint8Array<ArrayBuffer>, range: string | null): Response {
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  const headers = { ETag: `"${hashOf(bytes).slice(0, 16)}"`, "Content-Type": "application/octet-stream" };
  if (start === 0) return new Response(bytes, { headers });
  const place = { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
  return new Response(bytes.subarray(start), { status: 206, headers: { ...headers, ...place } });
}

/** The beginning of a file, after which the connection drops. */
export function brokenAnswer(bytes: Uint8Array<ArrayBuffer>, count: number): Response {
  const body = new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      controller.enqueue(bytes.subarray(0, count));
      await new Promise((resolve) => setTimeout(resolve, 20));
      controller.error(new Error("dropped"));
    },
  });
  const headers = { "Content-Length": String(bytes.length), ETag: `"${hashOf(bytes).slice(0, 16)}"` };
  return new Response(body, { headers });
}

function listingOf(files: ReadonlyMap<string, Uint8Array>): readonly ListedEntry[] {
  const folders = new Set([...files.keys()].filter((path) => path.includes("/")).map((path) => path.split("/")[0]));
  return [
    ...Array.from(folders, (path) => ({ type: "directory", oid: "0", size: 0, path })),
    ...Array.from(files, ([path, bytes]) => {
      const { length: size } = bytes;
      const isLarge = /\.(?:safetensors|bin)$/.test(path);
      return { type: "file", oid: "0", size, path, ...(isLarge ? { lfs: { oid: hashOf(bytes), size } } : {}) };
    }),
  ];
}
