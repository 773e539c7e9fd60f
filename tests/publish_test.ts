/** What is published: every export of the public entry says what it is, and no test, measurement or tool goes along. */
import { assert, assertEquals } from "@std/assert";
import { modulesOf } from "../package/files.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** Runs deno in the repository; what it prints, without colours. */
async function deno(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("every export of the public entry has a comment, and names only types that the entry has", async () => {
  const { code, text } = await deno("doc", "--lint", "mod.ts");
  assertEquals(code, 0, text);
});

Deno.test("every export of all entries has a comment, and names only types that an entry has", async () => {
  const { exports } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
  const { code, text } = await deno("doc", "--lint", ...Object.values<string>(exports));
  assertEquals(code, 0, text);
});

Deno.test("the published package holds the rooms and what a reader needs", async () => {
  // Without slow types: the text says the type of every export. Types are checked elsewhere.
  const { code, text } = await deno("publish", "--dry-run", "--allow-dirty", "--no-check");
  assertEquals(code, 0, text);
  const root = new URL("..", import.meta.url).href;
  assertEquals(text.match(/^warning.*/gm), null, "a warning of what does not work once it is published");
  const paths = text.split("\n").map((line) => line.trim()).filter((line) => line.startsWith(root))
    .map((line) => line.slice(root.length).replace(/ \(.*$/, ""));
  for (const needed of ["mod.ts", "README.md", "LICENSE", "models/default/prior.safetensors", "cli/main.ts"]) {
    assert(paths.includes(needed), `${needed} is not published`);
  }
  assertEquals(paths.filter((path) => /^(tests|tools|\.ci)\/|golden|_test\.ts$/.test(path)), []);
  const program = await modulesOf(["package/program.ts", "package/shortcut.ts", "adapter/setup.ts"], ROOT);
  assertEquals(program.filter((path) => !paths.includes(path)), [], "modules of the program that are not published");
  assertEquals(paths.filter((path) => path.startsWith("bench/") && !program.includes(path)), []);
  const others = paths.filter((path) => !path.endsWith(".ts"));
  assert(others.length < 150, `${others.length} files besides sources`);
});
