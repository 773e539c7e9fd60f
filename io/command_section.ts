/** What a command says of itself, as Markdown. */
import { type OptionSpec, placeholder } from "../parameters/mod.ts";
import type { CommandSpec } from "./command_line.ts";

/**
 * The chapter of a command in Markdown.
 * @returns its paragraphs
 */
export function commandSection(
  { name, summary, operands, options, lists = [], examples }: CommandSpec,
): readonly string[] {
  const row = ([term, meaning]: readonly [string, string]): string => `- \`${term}\`: ${escaped(meaning)}`;
  return [
    `## ${name}`,
    escaped(summary),
    ["```sh", `deno task ${name} ${operands.usage} [options]`.replace(/ +/g, " "), "```"].join("\n"),
    Object.entries(options).map(([option, spec]) => `- ${optionTerm(option, spec)}: ${escaped(spec.help)}`).join("\n"),
    ...lists.flatMap(({ title, rows }) => [`${title}:`, rows.map(row).join("\n")]),
    ["Examples:", "", "```sh", ...examples.map(([command, comment]) => `${command} # ${comment}`), "```"].join("\n"),
  ];
}

/** An option with its value, and what that may be. */
function optionTerm(name: string, spec: OptionSpec): string {
  if (spec.kind === "flag") return `\`--${name}\``;
  const { min, max, value, choices = [] } = spec;
  const range = value !== undefined && choices.length > 0
    ? `, one of ${choices.join(", ")}`
    : min === undefined && max === undefined
    ? ""
    : `, ${min ?? ""}..${max ?? ""}`;
  return `\`--${name} ${placeholder(spec)}\`${escaped(range)}`;
}

/** A text without what Markdown would take for marks. */
function escaped(text: string): string {
  return text.replace(/[\\*_<>[\]`|]/g, (mark) => `\\${mark}`);
}
