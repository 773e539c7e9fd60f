/** The other side of a peer's process: requests out, answers in. */
import { PeerMissingError, PEERS, PYTHON } from "./peer.ts";
import { type Replies, REPLY, type Request } from "./peer_process.ts";

/** Longest wait for an answer; a peer may compile a network for minutes. */
const ANSWER_MILLISECONDS = 600_000;

/** Characters of a failed process's last words that are passed on. */
const COMPLAINT_LENGTH = 1000;

/** What a process may do: read packages and the program, ask for the machine, write its output. */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-read",
  "--allow-env",
  "--allow-sys",
];

/** A running process of one engine. */
export class PeerChild {
  readonly #name: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #lines: AsyncGenerator<string, void>;
  /** What the process has said on stderr, once it has ended. */
  readonly #complaint: Promise<string>;

  /**
   * Starts a process.
   * @param name which engine
   * @param outputFolder the only folder in which it may write
   */
  constructor(name: string, outputFolder: string) {
    this.#name = name;
    const settings = new URL("./deno.json", import.meta.url).pathname;
    const program = new URL("./peer_process.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--config",
        settings,
        ...PERMISSIONS,
        ...PEERS[name]?.backend === "native" ? ["--allow-ffi", `--allow-run=${PYTHON.join()}`] : [],
        `--allow-write=${outputFolder}`,
        program,
        name,
        outputFolder,
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#lines = linesOf(this.#child.stdout);
    this.#complaint = new Response(this.#child.stderr).text();
  }

  /**
   * Sends a request and waits for its answer.
   * @throws {PeerMissingError} if the engine is not installed
   * @throws {Error} in the words of the process if it fails, ends, or does not answer within ten minutes
   */
  async request<R extends Request>(request: R): Promise<Replies[R["action"]]> {
    const fail = (found: string): Error => new Error(`Cannot ${request.action} "${this.#name}": ${found}`);
    await this.#writer.write(
      new TextEncoder().encode(`${JSON.stringify(request)}\n`),
    );
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(fail(`no answer came in ${ANSWER_MILLISECONDS / 1000} s`)),
        ANSWER_MILLISECONDS,
      );
    });
    try {
      const answer = await Promise.race([this.#answer(), late]);
      if (answer === undefined) {
        throw fail(
          `its process ended: ${
            (await this.#complaint).trim().slice(-COMPLAINT_LENGTH) ||
            "without a word"
          }`,
        );
      }
      if ("error" in answer) {
        throw answer.isMissing ? new PeerMissingError(answer.error) : fail(answer.error);
      }
      return answer as Replies[R["action"]];
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the process, also one that does not answer. */
  async end(): Promise<void> {
    try {
      this.#child.kill();
    } catch (error) {
      if (
        !(error instanceof TypeError) &&
        !(error instanceof Deno.errors.NotFound)
      ) throw error;
    }
    await this.#lines.return();
    await this.#complaint;
    await this.#child.status;
  }

  async #answer(): Promise<
    Replies[keyof Replies] | {
      readonly error: string;
      readonly isMissing: boolean;
    } | undefined
  > {
    while (true) {
      const { value, done } = await this.#lines.next();
      if (done) return undefined;
      if (value.startsWith(REPLY)) return JSON.parse(value).reply;
    }
  }
}

async function* linesOf(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string, void> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
