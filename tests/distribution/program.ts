/** Programs of `programs/` in processes of their own. */

/** What programs say that were started while the server was away. */
const AWAY = /Cannot reach 127|JetStream does not answer/;

/** One of them: it can be killed and started again, and must not fail by itself. */
export class Program implements AsyncDisposable {
  readonly #words: readonly string[];
  #child: Deno.ChildProcess | undefined;
  #status: Promise<void> = Promise.resolve();
  #isOver = false;
  #env: Readonly<Record<string, string>> = {};
  #error: Error | undefined;
  /** The lines that it has printed since it was started first. */
  readonly printed: string[] = [];

  constructor(readonly name: string, ...words: readonly string[]) {
    this.#words = words;
  }

  /** Starts it, unless it runs. */
  start(env: Readonly<Record<string, string>> = {}): void {
    if (this.#child) return;
    this.#env = env;
    const program = new URL(`programs/${this.name}.ts`, import.meta.url).pathname;
    const args = ["run", "-q", "--no-check", "-A", program, ...this.#words];
    const command = new Deno.Command(Deno.execPath(), { args, env, stdin: "null", stdout: "piped", stderr: "piped" });
    const child = command.spawn();
    this.#child = child;
    this.#isOver = false;
    this.#status = this.#watch(child);
  }

  async #watch(child: Deno.ChildProcess): Promise<void> {
    const [text] = await Promise.all([new Response(child.stderr).text(), this.#read(child.stdout)]);
    const { success, code } = await child.status;
    // Another one was started meanwhile: this one was killed.
    if (this.#child !== child) return;
    this.#child = undefined;
    this.#isOver = success;
    // As a person would who reads that the server is away.
    if (!success && AWAY.test(text)) return this.start(this.#env);
    if (!success) this.#error = new Error(`${this.name} ended with code ${code}: ${text}`);
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.printed.push(...lines);
    }
  }

  /**
   * Whether it has ended by itself, and well.
   * @throws {Error} if it failed
   */
  get isOver(): boolean {
    if (this.#error) throw this.#error;
    return this.#isOver;
  }

  /** Waits until it has ended, however that is. */
  async over(): Promise<void> {
    await this.#status;
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    try {
      child?.kill("SIGKILL");
    } catch {
      // It was faster.
    }
    await this.#status;
  }

  /** Ends it as a power cut would, and starts it again. */
  async killAndStart(): Promise<void> {
    await this.kill();
    this.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
