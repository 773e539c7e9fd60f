/** The manual page, from what the commands say of themselves. */
import { placeholder } from "../parameters/mod.ts";
import type { CommandSpec } from "../io/mod.ts";
import { asProgram, EXIT_CODES, PROGRAM_NAME, VARIABLES, VERSION } from "./words.ts";

/**
 * The manual page in roff, as `man` shows it.
 * @param commands what the program has
 */
export function manual(commands: readonly CommandSpec[]): string {
  return [
    `.TH ${PROGRAM_NAME.toUpperCase()} 1 "" "${PROGRAM_NAME} ${VERSION}" "User Commands"`,
    ".SH NAME",
    `${PROGRAM_NAME} \\- restore damaged pictures with diffusion models`,
    ".SH SYNOPSIS",
    `.B ${PROGRAM_NAME}\n.I COMMAND\n[arguments]`,
    `.PP\n.B ${PROGRAM_NAME} help\n[\\fICOMMAND\\fR] | \\fB\\-\\-version\\fR`,
    ".SH DESCRIPTION",
    escaped(
      "Enlarges, sharpens, colours and fills in pictures. All arithmetic runs on the GPU through WebGPU, or on the " +
        "CPU by a software driver. Paths are those of the folder in which the program is called.",
    ),
    ...commands.flatMap(section),
    ".SH EXIT STATUS",
    ...EXIT_CODES.map(([code, meaning]) => term(String(code), meaning)),
    ".SH ENVIRONMENT",
    ...VARIABLES.map(([name, meaning]) => term(name, meaning)),
  ].join("\n") + "\n";
}

/** What is said of a command. */
function section({ name, summary, operands, options, lists = [], examples }: CommandSpec): readonly string[] {
  return [
    `.SH "${escaped(name.toUpperCase())}"`,
    `.B ${escaped(`${PROGRAM_NAME} ${name}`)}\n${escaped(`${operands.usage} [options]`.trim())}`,
    `.PP\n${escaped(summary)}`,
    ...Object.entries(options).map(([option, spec]) =>
      term(spec.kind === "flag" ? `--${option}` : `--${option} ${placeholder(spec)}`, spec.help)
    ),
    ...lists.flatMap((
      { title, rows },
    ) => [`.PP\n${escaped(title)}:`, ...rows.map(([word, about]) => term(word, about))]),
    ...(examples.length > 0 ? [".PP\nExamples:"] : []),
    ...examples.map(([command, comment]) => term(command, comment)),
  ];
}

/** A word and what it means. */
function term(word: string, meaning: string): string {
  return `.TP\n.B ${escaped(word)}\n${escaped(meaning)}`;
}

/** A text in which roff finds no marks of its own. */
function escaped(text: string): string {
  return asProgram(text).replace(/\\/g, "\\e").replace(/-/g, "\\-").replace(/^(['.])/gm, "\\&$1");
}
