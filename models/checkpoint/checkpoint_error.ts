/** Says that a checkpoint file is malformed, cut off, or does not hold what was asked of it. */
export class CheckpointError extends Error {
  /** Class name, as it stands before the message in a stack trace. */
  override readonly name = "CheckpointError";
}

const LONGEST_QUOTED_NAME = 120;

/**
 * A name from a file as it may appear in a message: in double quotes, with control and direction characters escaped and
 * long names cut, so that a hostile file cannot rewrite the terminal.
 * @param name any string
 * @returns printable text of at most a few hundred characters
 */
export function quoteName(name: string): string {
  const shown = name.length > LONGEST_QUOTED_NAME ? `${name.slice(0, LONGEST_QUOTED_NAME)}...` : name;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
