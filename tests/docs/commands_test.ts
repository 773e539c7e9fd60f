import { assertEquals, assertStringIncludes } from "@std/assert";
import { commandReference } from "../../package/docs.ts";
import { COMMANDS } from "../../cli/main.ts";

const FILE = new URL("../../docs/commands.md", import.meta.url);

Deno.test("docs/commands.md says what the commands say of themselves; `deno task docs` writes it", async () => {
  assertEquals(await Deno.readTextFile(FILE), await commandReference());
});

Deno.test("the reference has every option of every command", async () => {
  const reference = await commandReference();
  for (const load of Object.values(COMMANDS)) {
    const { name, options } = (await load()).spec;
    const part = reference.slice(reference.indexOf(`\n## ${name}\n`)).split("\n## ")[1]!;
    for (const option of Object.keys(options)) assertStringIncludes(part, `\n- \`--${option}`);
  }
});
