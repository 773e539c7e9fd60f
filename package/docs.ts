/** `deno task docs`: the reference of all commands, from what they say of themselves. */
import { BENCH_SPEC, PEERS_SPEC } from "../bench/mod.ts";
import { commandSection } from "../io/mod.ts";
import { commandSpecs } from "../cli/mod.ts";

const FILE = new URL("../docs/commands.md", import.meta.url);

/** All commands with their options, as Markdown. */
export async function commandReference(): Promise<string> {
  const specs = [...await commandSpecs(), BENCH_SPEC, PEERS_SPEC];
  const text = [
    "# Commands",
    "Every command with its options, their ranges and defaults, as `deno task COMMAND --help` prints them; written by " +
    "`deno task docs`. The [guide](guide.md) shows how they are used.",
    specs.map(({ name }) => `- [${name}](#${name})`).join("\n"),
    ...specs.flatMap(commandSection),
  ].join("\n\n");
  return await formatted(`${text}\n`);
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
