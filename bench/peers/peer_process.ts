/**
 * One engine in a process of its own, since engines that share a device or an allocator disturb each other. Run as a
 * program with the name of a peer and a folder for files, it reads one request a line from stdin and answers each with
 * one line on stdout.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { peerCase } from "./cases.ts";
import { openJax } from "./jax.ts";
import { openOrt } from "./ort.ts";
import { openOurs } from "./ours.ts";
import { OURS, type Peer, PeerMissingError, PEERS, type PreparedCase } from "./peer.ts";
import { openTfjs } from "./tfjs.ts";
import { openTorch } from "./torch.ts";

/** What a process is asked to do. */
export type Request =
  /** Loads the engine. */
  | { readonly action: "open" }
  /** Loads a case and runs it once. */
  | { readonly action: "prepare"; readonly case: string }
  /** Runs a loaded case some times, each with a readback. */
  | { readonly action: "run"; readonly case: string; readonly count: number }
  /** Runs a loaded case once and writes its result, channels last, as little-endian f32. */
  | { readonly action: "output"; readonly case: string; readonly file: string }
  /** Times empty round trips. */
  | { readonly action: "wait"; readonly count: number }
  /** Asks for the memory held. */
  | { readonly action: "memory" }
  /** Ends the process. */
  | { readonly action: "quit" };

/** The answers, by action. */
export interface Replies {
  readonly open: {
    readonly milliseconds: number;
    readonly device: string;
    readonly features: readonly string[];
    readonly version?: string;
  };
  /** Loading and compiling; then the first run, in which late compilers do their work. */
  readonly prepare: {
    readonly loadMilliseconds: number;
    readonly firstMilliseconds: number;
  };
  readonly run: { readonly milliseconds: readonly number[] };
  readonly output: { readonly elements: number };
  readonly wait: { readonly milliseconds: readonly number[] };
  /** Most memory that the process has held so far. */
  readonly memory: { readonly peakProcessBytes: number };
  readonly quit: Record<never, never>;
}

/** How an answer's line begins: packages may print lines of their own. */
export const REPLY = '{"reply":';

async function openPeer(name: string, folder: string): Promise<Peer> {
  if (name === OURS) return await openOurs();
  const { packageName, backend } = PEERS[name]!;
  if (packageName.startsWith("onnxruntime-")) return await openOrt(backend);
  if (backend === "native") return await openTorch(folder);
  return packageName === "@jax-js/jax" ? await openJax() : await openTfjs(backend);
}

/** The engine and its cases. */
class Session {
  readonly #name: string;
  readonly #folder: string;
  readonly #cases = new Map<string, PreparedCase>();
  #peer: Peer | undefined;

  constructor(name: string, folder: string) {
    this.#name = name;
    this.#folder = folder;
  }

  async handle(request: Request): Promise<Replies[Request["action"]]> {
    switch (request.action) {
      case "open": {
        const milliseconds = await timed(async () => this.#peer = await openPeer(this.#name, this.#folder));
        const { device, features, version } = this.#peer!;
        return {
          milliseconds,
          device,
          features,
          ...(version === undefined ? {} : { version }),
        };
      }
      case "prepare": {
        const which = peerCase(request.case);
        const loadMilliseconds = await timed(async () =>
          this.#cases.set(request.case, await this.#peer!.prepare(which))
        );
        return {
          loadMilliseconds,
          firstMilliseconds: await timed(() => this.#loaded(request.case).run()),
        };
      }
      case "run":
        return {
          milliseconds: await repeated(
            request.count,
            () => this.#loaded(request.case).run(),
          ),
        };
      case "output": {
        const prepared = this.#loaded(request.case);
        const own = await prepared.run();
        const { buffer, byteOffset, byteLength, length } = prepared
          .channelsLast(await prepared.result?.() ?? own);
        await Deno.writeFile(
          request.file,
          new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
        );
        return { elements: length };
      }
      case "wait":
        return {
          milliseconds: await repeated(
            request.count,
            async () => await this.#peer!.emptyRoundTrip?.(),
          ),
        };
      case "memory":
        return { peakProcessBytes: 1024 * process.resourceUsage().maxRSS };
      case "quit":
        this.#peer?.close?.();
        return {};
    }
  }

  #loaded(name: string): PreparedCase {
    const prepared = this.#cases.get(name);
    if (prepared) return prepared;
    throw new RangeError(`Cannot run the case "${name}": it was not prepared`);
  }
}

async function timed(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

async function repeated(
  count: number,
  body: () => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await timed(body));
  return times;
}

async function serve(name: string, folder: string): Promise<void> {
  const session = new Session(name, folder);
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request;
    const reply = await session.handle(request).catch((error: unknown) => ({
      error: error instanceof Error ? error.message : String(error),
      isMissing: error instanceof PeerMissingError,
    }));
    await Deno.stdout.write(
      new TextEncoder().encode(`\n${REPLY}${JSON.stringify(reply)}}\n`),
    );
    if (request.action === "quit") Deno.exit(0);
  }
}

if (import.meta.main) await serve(Deno.args[0] ?? "", Deno.args[1] ?? "");
