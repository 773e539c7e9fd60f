/// <reference lib="dom" />
/**
 * The page without its server. The build writes `self.BUILD` before this program; all files of a build lie in one cache,
 * and are taken into it only with the hashes that they were built with, so that files of two builds never meet. A new
 * build waits until no page of the old one is open, or the last one is loaded again and asks for it.
 */
import { TAKE_OVER } from "./take_over.ts";

/** A build of the page. */
export interface Build {
  /** Hash of all files. */
  readonly version: string;
  /** SHA-256 by path, hexadecimal. */
  readonly files: Readonly<Record<string, string>>;
}

/** What a service worker has, as far as it is used; the types of pages do not know it. */
interface Scope {
  readonly BUILD: Build;
  readonly registration: { readonly scope: string };
  readonly clients: { matchAll(options: { includeUncontrolled: boolean }): Promise<readonly unknown[]> };
  skipWaiting(): Promise<void>;
  addEventListener(type: string, listener: (event: ScopeEvent) => void): void;
}

/** An event of a service worker. */
interface ScopeEvent {
  readonly request: Request;
  readonly data: unknown;
  waitUntil(done: Promise<unknown>): void;
  respondWith(response: Promise<Response>): void;
}

const scope = self as unknown as Scope;

/** What names of caches begin with. */
const PREFIX = "shortcut-";

/** What an address without a file stands for. */
const INDEX = "index.html";

const { version, files } = scope.BUILD;

/** All files of the build, each checked. */
async function store(): Promise<void> {
  const cache = await caches.open(PREFIX + version);
  try {
    await Promise.all(Object.keys(files).map(async (path) => await cache.put(addressOf(path), await fetched(path))));
  } catch (error) {
    await caches.delete(PREFIX + version);
    throw error;
  }
}

/** A file from the server, if it is that of the build. */
async function fetched(path: string): Promise<Response> {
  const response = await fetch(addressOf(path), { cache: "no-cache" });
  const bytes = await response.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (!response.ok || found !== files[path]) {
    throw new Error(`Cannot keep ${path} for offline use: the server has another file than the page was built with`);
  }
  // A new answer, as one that was redirected opens no page. Headers stay, except those of the way that it was packed.
  const headers = new Headers(response.headers);
  for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  return new Response(bytes, { headers });
}

function addressOf(path: string): string {
  return new URL(path, scope.registration.scope).href;
}

/** The file of the build that an address names; undefined if it names none. */
function pathOf(address: string): string | undefined {
  const { origin, pathname } = new URL(address);
  const here = new URL(scope.registration.scope);
  if (origin !== here.origin || !pathname.startsWith(here.pathname)) return undefined;
  const path = pathname.slice(here.pathname.length) || INDEX;
  return Object.hasOwn(files, path) ? path : undefined;
}

/** A file of the build. Where the browser has removed the cache, the server is asked. */
async function answer(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(PREFIX + version);
  return await cache.match(addressOf(path), { ignoreVary: true }) ?? await fetch(request);
}

async function removeOthers(): Promise<void> {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== PREFIX + version);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Takes over from the build before, unless another page of it is open. */
async function takeOver(): Promise<void> {
  const pages = await scope.clients.matchAll({ includeUncontrolled: true });
  if (pages.length < 2) await scope.skipWaiting();
}

scope.addEventListener("install", (event) => event.waitUntil(store()));
scope.addEventListener("activate", (event) => event.waitUntil(removeOthers()));
scope.addEventListener("message", (event) => {
  if (event.data === TAKE_OVER) event.waitUntil(takeOver());
});
scope.addEventListener("fetch", (event) => {
  const path = event.request.method === "GET" ? pathOf(event.request.url) : undefined;
  if (path !== undefined) event.respondWith(answer(event.request, path));
});
