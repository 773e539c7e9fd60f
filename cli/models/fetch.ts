/** `models fetch NAME|URL|hf:OWNER/NAME`: downloads a checkpoint, or the folder of one. */
import {
  byteProgress,
  contentOf,
  DEFAULT_DOWNLOADS,
  download,
  type DownloadOptions,
  fetchHubFolder,
  hubEndpoint,
  Interrupt,
  planDownload,
  untilInterrupted,
} from "../../io/mod.ts";
import {
  formatHubAddress,
  type HubAddress,
  hubFolderName,
  hubPage,
  knownFolder,
  readHubAddress,
} from "../../models/mod.ts";
import { type Arguments } from "../arguments.ts";
import { UsageError } from "../../parameters/mod.ts";

/** Downloads a checkpoint, unless it is there. */
export async function fetchModel(args: Arguments, target: string): Promise<number> {
  const address = readHubAddress(target) ?? knownFolder(target)?.address;
  if (address) return await fetchFolder(args, address);
  if (args.has("endpoint")) throw new UsageError("--endpoint belongs to hf:OWNER/NAME");
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  const { url, path, known, sha256 } = planDownload(target, {
    folder: folderOf(args),
    out: args.text("out"),
    from: args.text("from"),
    sha256: args.text("sha256"),
  });
  await makeRoom(args, path);
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
    stopped(`${path}.part`),
    (signal) => download(url, path, { ...options, signal }),
  );
  reporter.done();
  const content = known && await contentOf(path, known.name);
  if (content !== undefined) reporter.note(content);
  const checked = sha256 === undefined ? "no SHA-256 is published to compare with" : "as published";
  reporter.result(
    { url, path, bytes, sha256: found, resumed, checked: sha256 !== undefined, content: content ?? null },
    `wrote ${path} (${bytes.toLocaleString("en")} bytes)\nSHA-256 ${found}, ${checked}`,
  );
  return 0;
}

/** Fetches the folder of a network from the Hub, unless it is there. */
async function fetchFolder(args: Arguments, address: HubAddress): Promise<number> {
  const name = formatHubAddress(address);
  const foreign = ["from", "sha256"].find((option) => args.has(option));
  if (foreign !== undefined) {
    throw new UsageError(`--${foreign} belongs to a file, "${name}" is a folder; leave it out`);
  }
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  const folder = args.text("out") ?? `${folderOf(args)}/${hubFolderName(address)}`;
  await makeRoom(args, folder);
  const bars = { download: byteProgress(reporter, "download"), check: byteProgress(reporter, "check") };
  const files = await untilInterrupted(
    interrupt,
    stopped(`${folder}.part`),
    (signal) =>
      fetchHubFolder(address, folder, args.text("endpoint") ?? hubEndpoint(), {
        signal,
        onNote: (text) => reporter.note(text),
        onProgress: (phase, done, total) => bars[phase](done, total),
        onPlan: ({ files, bytes, variant, hasScheduler }) => {
          const kind = variant === undefined ? "" : ` of the variant ${variant}`;
          reporter.note(
            `${name}: ${files.length} files${kind}, ${bytes.toLocaleString("en")} bytes; terms: ${hubPage(address)}`,
          );
          if (!hasScheduler) reporter.note("It says nothing of the process that the network was trained with");
        },
      }),
  );
  reporter.done();
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const lines = files.map(({ path, sha256, checked }) =>
    `  ${path}  ${checked ? `SHA-256 ${sha256}, as published` : "of the published size"}`
  );
  reporter.result(
    { address: name, folder, bytes, files },
    [`wrote ${folder} (${bytes.toLocaleString("en")} bytes)`, ...lines].join("\n"),
  );
  return 0;
}

/** Where downloads go. */
function folderOf(args: Arguments): string {
  return (args.text("dir") ?? DEFAULT_DOWNLOADS).replace(/[\\/]+$/, "");
}

/** Makes sure that nothing is replaced, and that the folder of downloads is there. */
async function makeRoom(args: Arguments, path: string): Promise<void> {
  if (await Deno.stat(path).then(() => true, () => false)) {
    throw new UsageError(`"${path}" is there already; remove it, or choose another name with --out`);
  }
  if (args.text("out") === undefined) await Deno.mkdir(folderOf(args), { recursive: true });
}

/** What is said after Ctrl-C. */
function stopped(part: string): string {
  return `stopped by Ctrl-C; "${part}" keeps what has arrived, the same command goes on from it`;
}
