/** `models`: what is published, and which of it is in a folder. */
import {
  byteProgress,
  DEFAULT_DOWNLOADS,
  FileSource,
  findCheckpoint,
  findHubFolder,
  type Found,
  Interrupt,
  type Reporter,
  sha256Of,
} from "../../io/mod.ts";
import {
  formatHubAddress,
  KNOWN_CHECKPOINTS,
  KNOWN_FOLDERS,
  type KnownCheckpoint,
  type KnownFolder,
} from "../../models/mod.ts";
import type { Arguments } from "../arguments.ts";

/** A row: what is published, what is there of it, and the SHA-256 of that if it was read. */
interface Row extends Found {
  readonly known: KnownCheckpoint | KnownFolder;
  readonly sha256?: string;
}

/** Lists what is published; the exit code is 1 if a hash was compared and differs. */
export async function listModels(args: Arguments): Promise<number> {
  using interrupt = new Interrupt();
  using reporter = args.reporter();
  const folder = args.text("dir") ?? DEFAULT_DOWNLOADS;
  const rows: Row[] = [];
  for (const known of KNOWN_CHECKPOINTS) {
    const row = { known, ...await findCheckpoint(known, folder) };
    rows.push(args.flag("hash") && row.size !== undefined ? await hashed(row, reporter, interrupt) : row);
  }
  for (const known of KNOWN_FOLDERS) rows.push({ known, ...await findHubFolder(known.address, folder) });
  reporter.done();
  const there = rows.filter(({ presence }) => !["absent", "partial"].includes(presence)).length;
  const lines = [...rows.map(formatRow), `${there} of ${rows.length} in "${folder}"`];
  reporter.result({ folder, models: rows.map(rowData) }, lines.join("\n"));
  return rows.some(({ presence }) => presence === "other hash") ? 1 : 0;
}

async function hashed<T extends Found & { readonly known: KnownCheckpoint }>(
  row: T,
  reporter: Reporter,
  interrupt: Interrupt,
): Promise<T & { readonly sha256: string }> {
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
  const { name, summary, parameters, gmac, licence, page } = known;
  const { file, bytes, sha256: published, download } = "file" in known
    ? known
    : { file: formatHubAddress(known.address), download: page } as Partial<KnownCheckpoint>;
  const cost = `${(parameters / 1e6).toFixed(1)} M parameters, ${gmac} GMAC`;
  const size = bytes === undefined ? "" : `, ${bytes.toLocaleString("en")} bytes`;
  const mark = presence === "absent" ? "" : `  [${presence}: ${path}]`;
  return [
    `${name.padEnd(23)} ${cost}${mark}`,
    `    ${summary}; ${file}${size}`,
    ...(published === undefined ? [] : [`    SHA-256 ${published}`]),
    ...(sha256 === undefined || presence === "hash agrees" ? [] : [`    the file's SHA-256 is ${sha256}`]),
    `    ${licence}`,
    `    ${download === undefined ? `by browser: ${page}` : page}`,
  ].join("\n");
}

function rowData({ known, path, presence, size, sha256 }: Row): Readonly<Record<string, unknown>> {
  const state = { presence, path, size: size ?? null, hash: sha256 ?? null };
  if (!("file" in known)) return { ...known, address: formatHubAddress(known.address), ...state };
  const { description, ...published } = known;
  return { ...published, config: description, ...state };
}
