/** `models fetch NAME|URL`: downloads a checkpoint. */
import {
  byteProgress,
  download,
  type DownloadOptions,
  FileSource,
  Interrupt,
  InterruptedError,
  makeReporter,
} from "../../io/mod.ts";
import {
  describeCheckpoint,
  KNOWN_CHECKPOINTS,
  type KnownCheckpoint,
  openCheckpoint,
  OpenQuestionsError,
} from "../../models/mod.ts";
import { type Arguments } from "../arguments.ts";
import { UsageError } from "../../parameters/mod.ts";
import { requireKnown } from "../description_options.ts";
import { DEFAULT_FOLDER } from "./list.ts";

/** What is fetched, and to where. */
interface Errand {
  readonly url: string;
  readonly path: string;
  readonly known: KnownCheckpoint | undefined;
  readonly sha256: string | undefined;
}

/** Milliseconds between two looks whether the user has pressed Ctrl-C. */
const LOOK = 100;

/** Downloads a checkpoint, unless it is there. */
export async function fetchModel(args: Arguments, target: string): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const { url, path, known, sha256 } = planErrand(args, target);
  if (await Deno.stat(path).then(() => true, () => false)) {
    throw new UsageError(`"${path}" is there already; remove it, or choose another name with --out`);
  }
  if (args.text("out") === undefined) await Deno.mkdir(args.text("dir") ?? DEFAULT_FOLDER, { recursive: true });
  if (known) reporter.note(`${known.summary}: ${known.licence}`);
  const bars = { download: byteProgress(reporter, "download"), check: byteProgress(reporter, "check") };
  const options: DownloadOptions = {
    ...(known?.bytes === undefined ? {} : { bytes: known.bytes }),
    ...(sha256 === undefined ? {} : { sha256 }),
    onProgress: (phase, done, total) => bars[phase](done, total),
    onNote: (text) => reporter.note(text),
  };
  const { bytes, sha256: found, resumed } = await untilInterrupted(
    interrupt,
    path,
    (signal) => download(url, path, { ...options, signal }),
  );
  reporter.done();
  const content = known && await contentOf(path, known);
  if (content !== undefined) reporter.note(content);
  const checked = sha256 === undefined ? "no SHA-256 is published to compare with" : "as published";
  reporter.result(
    { url, path, bytes, sha256: found, resumed, checked: sha256 !== undefined, content: content ?? null },
    `wrote ${path} (${bytes.toLocaleString("en")} bytes)\nSHA-256 ${found}, ${checked}`,
  );
  return 0;
}

function planErrand(args: Arguments, target: string): Errand {
  const isAddress = /^[a-z][a-z0-9+.-]*:/i.test(target);
  const known = isAddress ? KNOWN_CHECKPOINTS.find((row) => row.download === target) : requireKnown(target);
  const from = args.text("from");
  if (isAddress && from !== undefined) throw new UsageError("--from belongs to the name of a published checkpoint");
  const folder = (args.text("dir") ?? DEFAULT_FOLDER).replace(/[\\/]+$/, "");
  const url = isAddress ? target : from ?? known!.download;
  if (url === undefined) {
    throw new UsageError(
      `"${known!.name}" has no address of its own: open ${known!.page} in a browser and save ${known!.file} in ` +
        `"${folder}", or name another address with --from URL`,
    );
  }
  const sha256 = args.text("sha256")?.toLowerCase() ?? known?.sha256;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new UsageError(`--sha256 is "${sha256}", 64 hexadecimal digits are needed`);
  }
  return { url, path: args.text("out") ?? `${folder}/${known?.file ?? fileNameOf(url)}`, known, sha256 };
}

/** The last part of an address, as a file may be called. */
function fileNameOf(url: string): string {
  const last = URL.canParse(url) ? new URL(url).pathname.split("/").at(-1)! : "";
  if (/^\w[\w.+-]*$/.test(last)) return last;
  throw new UsageError(`"${url}" does not end in a file name; give one with --out FILE`);
}

/** Runs a download that Ctrl-C stops also while nothing comes. */
async function untilInterrupted<T>(
  interrupt: Interrupt,
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setInterval(() => {
    try {
      interrupt.checkNow();
    } catch {
      controller.abort(
        new InterruptedError(
          `stopped by Ctrl-C; "${path}.part" keeps what has arrived, the same command goes on from it`,
        ),
      );
    }
  }, LOOK);
  try {
    return await work(controller.signal);
  } finally {
    clearInterval(timer);
  }
}

/** Says whether a file that no hash vouches for holds the tensors that the checkpoint has. */
async function contentOf(path: string, known: KnownCheckpoint): Promise<string> {
  using source = await FileSource.open(path);
  try {
    describeCheckpoint(await openCheckpoint(source), { as: known.name });
  } catch (error) {
    if (!(error instanceof OpenQuestionsError)) {
      return `The file was kept, but: ${error instanceof Error ? error.message : error}`;
    }
  }
  return `It holds the tensors of ${known.name}`;
}
