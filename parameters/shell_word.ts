/** Words of command lines, as a POSIX shell reads them. */

/** A word as a POSIX shell takes it: as it is where that means the same, else between single quotes. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : shellQuoted(text);
}

/** A word between single quotes, whatever it holds. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
