/** `deno task docs`: the reference of all commands, from what they say of themselves. */
import { BENCH_SPEC, PEERS_SPEC } from "../bench/mod.ts";
import { type OptionSpec, placeholder } from "../parameters/mod.ts";
import { type CommandSpec } from "../io/mod.ts";
import { COMMANDS } from "./main.ts";

const FILE = new URL("../docs/commands.md", import.meta.url);

/** All commands with their options, as Markdown. */
export async function commandReference(): Promise<string> {
  const own = await Promise.all(Object.values(COMMANDS).map(async (load) => (await load()).spec));
  const specs = [...own, BENCH_SPEC, PEERS_SPEC];
  const text = [
    "# Commands",
    "Every command with its options, their ranges and defaults, as `deno task COMMAND --help` prints them; written by " +
    "`deno task docs`. The [guide](guide.md) shows how they are used.",
    specs.map(({ name }) => `- [${name}](#${name})`).join("\n"),
    ...specs.flatMap(section),
  ].join("\n\n");
  return await formatted(`${text}\n`);
}

function section({ name, summary, operands, options, lists = [], examples }: CommandSpec): readonly string[] {
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

/** Markdown as `deno fmt` leaves it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--ext", "md", "--line-width", "120", "-"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  return new TextDecoder().decode((await child.output()).stdout);
}

if (import.meta.main) await Deno.writeTextFile(FILE, await commandReference());
