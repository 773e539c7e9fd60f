/** A file that could not be opened, read or written; its message names the file and the reason and is meant for the user. */
export class FileError extends Error {
  /** Always `"FileError"`, or the name of the subclass. */
  override name = "FileError";
}

/** Reasons by operating-system code, each with what the user can do about it. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder; check the path",
  EISDIR: "it is a directory, a file is needed; name a file in it",
  ENOTDIR: "a part of the path is a file where a directory is needed; check the path",
  EACCES: "the permission is missing; change the owner or mode, or choose another path",
  EPERM: "the operation is not permitted there; change the owner or mode, or choose another path",
  EROFS: "the file system is read-only; choose another path",
  ENOSPC: "no space is left on the disk; free some space or choose another disk",
  EDQUOT: "the disk quota is used up; free some space or choose another disk",
  EFBIG: "the file would be larger than the file system or the process limit allows; choose another disk",
  ENAMETOOLONG: "the name is too long for the file system; choose a shorter one",
  ELOOP: "the path runs through a loop of symbolic links; check the links",
  EMFILE: "too many files are open in this process; close some or raise the limit",
  ENFILE: "too many files are open on this machine; close some or raise the limit",
  EIO: "the disk reported an input/output error; check the disk",
};

/**
 * Says in words why a file operation failed: `<what was found>; <what to do>`.
 *
 * @param error What the operating system call threw.
 * @returns One clause without a final period, for use after `Cannot <do what> "<path>": `.
 */
export function describeFileFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotCapable) {
    return "Deno was started without the permission for this path; allow it with --allow-read or --allow-write";
  }
  if (error instanceof Deno.errors.BadResource) return "the file is closed already; open it again";
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS[code] ?? (error instanceof Error ? error.message : String(error));
}
