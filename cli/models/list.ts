/** `models`: the published checkpoints, and which of them are in a folder. */
import { byteProgress, FileSource, Interrupt, makeReporter, type Reporter, sha256Of } from "../../io/mod.ts";
import { KNOWN_CHECKPOINTS, type KnownCheckpoint } from "../../models/mod.ts";
import type { Arguments } from "../arguments.ts";

/** Where downloaded checkpoints are looked for and put, below the current folder. */
export const DEFAULT_FOLDER = "models-downloaded";

/**
 * What is there of a checkpoint: nothing; the beginning of a download; a file of its name and of a size that fits; one of
 * another size; one whose hash was compared.
 */
export type Presence = "absent" | "partial" | "present" | "other size" | "hash agrees" | "other hash";

/** A checkpoint's row. */
interface Row {
  readonly known: KnownCheckpoint;
  readonly path: string;
  readonly presence: Presence;
  readonly size: number | undefined;
  readonly sha256: string | undefined;
}

/** Lists the published checkpoints; the exit code is 1 if a hash was compared and differs. */
export async function listModels(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = makeReporter(args.flag("json"));
  const folder = args.text("dir") ?? DEFAULT_FOLDER;
  const rows: Row[] = [];
  for (const known of KNOWN_CHECKPOINTS) {
    const row = await look(known, folder);
    rows.push(args.flag("hash") ? await hashed(row, reporter, interrupt) : row);
  }
  reporter.done();
  const there = rows.filter(({ presence }) => !["absent", "partial"].includes(presence)).length;
  const lines = [...rows.map(formatRow), `${there} of ${rows.length} in "${folder}"`];
  reporter.result({ folder, models: rows.map(rowData) }, lines.join("\n"));
  return rows.some(({ presence }) => presence === "other hash") ? 1 : 0;
}

/**
 * Looks for a checkpoint by its file name and size.
 * @param folder where it may be
 */
export async function look(known: KnownCheckpoint, folder: string): Promise<Row> {
  const path = `${folder.replace(/[\\/]+$/, "")}/${known.file}`;
  const size = await sizeOf(path);
  const presence = size !== undefined
    ? fitsSize(known, size) ? "present" : "other size"
    : await sizeOf(`${path}.part`) === undefined
    ? "absent"
    : "partial";
  return { known, path, presence, size, sha256: undefined };
}

/**
 * Whether a file of this size can be the checkpoint: published sizes are exact; elsewhere parameters of 4 bytes, with up
 * to a hundredth and a megabyte for names and alignment.
 */
export function fitsSize({ bytes, parameters }: KnownCheckpoint, size: number): boolean {
  if (bytes !== undefined) return size === bytes;
  return size >= 4 * parameters && size <= 4.04 * parameters + 1e6;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const info = await Deno.stat(path);
    return info.isFile ? info.size : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
}

async function hashed(row: Row, reporter: Reporter, interrupt: Interrupt): Promise<Row> {
  if (row.presence !== "present" && row.presence !== "other size") return row;
  using source = await FileSource.open(row.path);
  const progress = byteProgress(reporter, `hash ${row.known.file}`);
  await interrupt.check();
  const sha256 = await sha256Of(source, (done, total) => {
    interrupt.checkNow();
    progress(done, total);
  });
  const { sha256: published } = row.known;
  const presence = published === undefined ? row.presence : published === sha256 ? "hash agrees" : "other hash";
  return { ...row, presence, sha256 };
}

function formatRow({ known, path, presence, sha256 }: Row): string {
  const { name, summary, file, parameters, gmac, bytes, licence, page, download } = known;
  const cost = `${(parameters / 1e6).toFixed(1)} M parameters, ${gmac} GMAC`;
  const size = bytes === undefined ? "" : `, ${bytes.toLocaleString("en")} bytes`;
  const mark = presence === "absent" ? "" : `  [${presence}: ${path}]`;
  return [
    `${name.padEnd(24)}${cost}${mark}`,
    `    ${summary}; ${file}${size}`,
    ...(known.sha256 === undefined ? [] : [`    SHA-256 ${known.sha256}`]),
    ...(sha256 === undefined || presence === "hash agrees" ? [] : [`    the file's SHA-256 is ${sha256}`]),
    `    ${licence}`,
    `    ${download === undefined ? `by browser: ${page}` : page}`,
  ].join("\n");
}

function rowData({ known, path, presence, size, sha256 }: Row): Readonly<Record<string, unknown>> {
  const { description, ...published } = known;
  return { ...published, config: description, presence, path, size: size ?? null, hash: sha256 ?? null };
}
