/// <reference lib="dom" />
/** A folder that is dropped or chosen, with its files and those of the folders in it. */
import type { ModelFolder } from "../protocol.ts";

/** Most files that are looked at. */
const MOST_FILES = 10_000;

/**
 * The folder among what is dropped; undefined if there is none. What is dropped must be looked at at once, and may be read
 * later.
 */
export function droppedFolder({ items }: DataTransfer): Promise<ModelFolder> | undefined {
  const entry = Array.from(items, (item) => item.kind === "file" ? item.webkitGetAsEntry() : null)
    .find((found) => found?.isDirectory);
  return entry ? folderOf(entry as FileSystemDirectoryEntry) : undefined;
}

async function folderOf(entry: FileSystemDirectoryEntry): Promise<ModelFolder> {
  const files: { readonly path: string; readonly file: File }[] = [];
  const read = async (folder: FileSystemDirectoryEntry, prefix: string, isTop: boolean): Promise<void> => {
    for (const child of await childrenOf(folder)) {
      if (files.length >= MOST_FILES) return;
      if (child.isFile) files.push({ path: prefix + child.name, file: await fileOf(child as FileSystemFileEntry) });
      // Networks lie no deeper.
      else if (isTop) await read(child as FileSystemDirectoryEntry, `${prefix}${child.name}/`, false);
    }
  };
  await read(entry, "", true);
  return { name: entry.name, files };
}

/** All that lies in a folder, which browsers tell part by part. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return children;
    children.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** The folder whose files were chosen; undefined if none was. */
export function chosenFolder(chosen: Iterable<File>): ModelFolder | undefined {
  const files = Array.from(chosen, (file) => {
    const [name = "", ...rest] = file.webkitRelativePath.split("/");
    return { name, path: rest.join("/"), file };
  });
  return files[0] && { name: files[0].name, files: files.map(({ path, file }) => ({ path, file })) };
}
