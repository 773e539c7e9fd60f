/** Showing long work: a bar on a terminal, plain lines otherwise, one JSON object per event with `--json`. */

/** What a command says while it works. Data go to stdout only as JSON; everything for people goes to stderr. */
export interface Reporter extends Disposable {
  /** A sentence for the user, such as what was done to a picture of an odd size. */
  note(text: string): void;
  /** Step `step` of `steps` of a phase is done, with figures to show beside it. */
  step(phase: string, step: number, steps: number, figures?: Readonly<Record<string, number>>): void;
  /** How a few things are that change together: data of an event, and lines that take the place of those before. */
  view(event: string, data: Readonly<Record<string, unknown>>, lines: readonly string[]): void;
  /** The phase is over: ends the line of the bar. */
  done(): void;
  /** What came of one file of a folder, in a line. */
  file(path: string, outcome: FileOutcome, detail: string): void;
  /** The outcome, as data; an empty text is not shown. */
  result(data: Readonly<Record<string, unknown>>, text: string): void;
}

/** What can come of a file of a folder. */
export type FileOutcome = "made" | "kept" | "failed" | "passed over";

/** What lines begin with. */
const SAID = { made: "", kept: "left as it is: ", failed: "failed: ", "passed over": "passed over: " } as const;

/** Milliseconds between two plain lines. */
const PLAIN_INTERVAL = 5000;

/** Milliseconds between two views as plain lines. */
const PLAIN_VIEW_INTERVAL = 60_000;

const BAR_WIDTH = 28;

/**
 * The reporter for this run.
 * @param json whether `--json` was given
 * @param how whether a bar can be drawn, that is, stderr is shown to somebody, and whether results and errors alone are
 *   told
 */
export function makeReporter(
  json: boolean,
  { isTerminal = Deno.stderr.isTerminal(), isQuiet = false }: {
    readonly isTerminal?: boolean;
    readonly isQuiet?: boolean;
  } = {},
): Reporter {
  const reporter = json ? new JsonReporter() : new TextReporter(isTerminal);
  // What is left is what `result` and `file` say.
  return isQuiet
    ? Object.assign(reporter, { note: (): void => {}, step: (): void => {}, view: (): void => {} })
    : reporter;
}

/**
 * Shows work on bytes as the steps of a phase, one for each hundredth.
 * @returns to be called with the bytes done so far, and in all if that is known
 */
export function byteProgress(reporter: Reporter, phase: string): (done: number, total: number | undefined) => void {
  let shown = -1;
  return (done, total) => {
    const hundredth = total === undefined || total === 0 ? 0 : Math.floor(100 * done / total);
    const megabytes = Math.floor(done / 1e6);
    const state = total === undefined ? megabytes : hundredth;
    if (state === shown) return;
    shown = state;
    reporter.step(phase, hundredth, 100, { MB: megabytes });
  };
}

/** Seconds as people read them: `4.2 s`, `3 min 05 s`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

class TextReporter implements Reporter {
  readonly #terminal: boolean;
  #phase = "";
  #first = 0;
  #start = 0;
  #lastLine = 0;
  #bar = "";
  #view: readonly string[] = [];
  #lastView = -Infinity;
  /** Lines that are drawn, and drawn over: those of the view, and the bar as the last one. */
  #drawn = 0;

  constructor(terminal: boolean) {
    this.#terminal = terminal;
  }

  note(text: string): void {
    this.done();
    writeLine(Deno.stderr, text);
  }

  step(phase: string, step: number, steps: number, figures: Readonly<Record<string, number>> = {}): void {
    const now = performance.now();
    const begins = step <= 1 || phase !== this.#phase;
    if (begins) [this.#phase, this.#first, this.#start, this.#lastLine] = [phase, step, now, now];
    // The first step includes compilation, so the estimate begins with the second.
    const { secondsLeft, ...others } = figures;
    const left = secondsLeft ??
      (begins ? undefined : (now - this.#start) / 1000 / (step - this.#first) * (steps - step));
    const shown = Object.entries(others).map(([name, value]) => `${name} ${value}`).join(", ");
    const state = `${phase} ${step}/${steps}${shown && `, ${shown}`}${
      left === undefined ? "" : `, ${formatSeconds(left)} left`
    }`;
    if (this.#terminal) {
      const filled = Math.round(BAR_WIDTH * step / steps);
      this.#bar = `[${"=".repeat(filled).padEnd(BAR_WIDTH)}] ${state}`;
      this.#draw();
    } else if (begins || step === steps || now - this.#lastLine >= PLAIN_INTERVAL) {
      this.#lastLine = now;
      writeLine(Deno.stderr, state);
    }
  }

  view(_event: string, _data: Readonly<Record<string, unknown>>, lines: readonly string[]): void {
    if (this.#terminal) {
      this.#view = lines;
      return this.#draw();
    }
    const now = performance.now();
    if (now - this.#lastView < PLAIN_VIEW_INTERVAL) return;
    this.#lastView = now;
    for (const line of lines) writeLine(Deno.stderr, line);
  }

  /** Draws the view and the bar over what is drawn of them. */
  #draw(): void {
    const lines = [...this.#view, this.#bar];
    // A line that the terminal broke in two would not be drawn over.
    const columns = this.#view.length > 0 ? terminalColumns() : Infinity;
    const up = this.#drawn > 1 ? `\x1b[${this.#drawn - 1}A\x1b[J` : "";
    const text = lines.map((line) => `\x1b[K${line.slice(0, columns - 1)}`).join("\n");
    write(Deno.stderr, `\r${up}${text}`);
    this.#drawn = lines.length;
  }

  done(): void {
    if (this.#drawn > 0) write(Deno.stderr, "\n");
    this.#drawn = 0;
    this.#view = [];
    this.#bar = "";
  }

  file(path: string, outcome: FileOutcome, detail: string): void {
    this.done();
    const line = `"${path}": ${SAID[outcome]}${detail.replaceAll("\n", " ")}`;
    writeLine(outcome === "failed" ? Deno.stderr : Deno.stdout, line);
  }

  result(_data: Readonly<Record<string, unknown>>, text: string): void {
    this.done();
    if (text !== "") writeLine(Deno.stdout, text);
  }

  [Symbol.dispose](): void {
    this.done();
  }
}

class JsonReporter implements Reporter {
  note(text: string): void {
    this.#event({ event: "note", text });
  }

  step(phase: string, step: number, steps: number, figures: Readonly<Record<string, number>> = {}): void {
    this.#event({ event: "step", phase, step, steps, ...figures });
  }

  view(event: string, data: Readonly<Record<string, unknown>>): void {
    this.#event({ event, ...data });
  }

  done(): void {}

  file(file: string, outcome: FileOutcome, detail: string): void {
    this.#event({ event: "file", file, outcome, detail });
  }

  result(data: Readonly<Record<string, unknown>>): void {
    this.#event({ event: "result", ...data });
  }

  [Symbol.dispose](): void {}

  #event(data: Readonly<Record<string, unknown>>): void {
    writeLine(Deno.stdout, JSON.stringify(data));
  }
}

/** Columns of the terminal, or what terminals have at least where none says. */
function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

function write(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  stream.writeSync(new TextEncoder().encode(text));
}

function writeLine(stream: typeof Deno.stdout | typeof Deno.stderr, text: string): void {
  write(stream, `${text}\n`);
}
