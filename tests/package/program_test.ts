/** The program under its own name: help, version, completions, manual page. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { commandSpecs } from "../../cli/mod.ts";
import { manual } from "../../package/manual.ts";
import { program } from "../../package/program.ts";
import { allCommands, EXIT_CODES } from "../../package/words.ts";
import { type Outcome, printedBy } from "../cli/run_command.ts";

/** Runs a command line of the program. */
async function run(...words: readonly string[]): Promise<Outcome> {
  const { value, stdout, stderr } = await printedBy(() => program(words));
  return { code: value, stdout, stderr };
}

/** Runs a shell on a script; undefined, with a printed reason, where it is not installed. */
async function shell(name: string, args: readonly string[], script: string): Promise<string | undefined> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, script);
    const { code, stdout, stderr } = await new Deno.Command(name, { args: [...args, path], stdin: "null" }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // deno-lint-ignore no-console -- a skipped test must say why
    console.log(`Completions for ${name} are not tried: it is not installed`);
    return undefined;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("--version prints the version of deno.json", async () => {
  assertEquals(await run("--version"), { code: 0, stdout: `shortcut ${settings.version}\n`, stderr: "" });
  assertEquals(await run("-V"), await run("--version"));
});

Deno.test("help lists all commands with what they do, help COMMAND explains one by the name of the program", async () => {
  const help = await run("help");
  assertEquals(help.code, 0);
  for (const { name } of allCommands(await commandSpecs())) assertMatch(help.stdout, new RegExp(`\n  ${name} +[A-Z]`));
  assertEquals(await run("--help"), help);
  assertStringIncludes(
    help.stdout,
    "\nExit codes: 0 done; 1 failed; 2 not understood; 3 not supported; 130 stopped.\n",
  );
  const restore = await run("help", "restore");
  assertEquals(restore, await run("restore", "--help"));
  assertStringIncludes(restore.stdout, "Usage: shortcut restore [IMAGE");
  assert(!restore.stdout.includes("deno task"));
  assertStringIncludes((await run("help", "completions")).stdout, "bash|zsh|fish");
});

Deno.test("an unknown command and none at all name the nearest one and list all, with exit code 2", async () => {
  const typo = await run("restor");
  assertEquals([typo.code, typo.stdout], [2, ""]);
  assertStringIncludes(typo.stderr, 'there is no command "restor"; did you mean "restore"?');
  const none = await run();
  assertEquals(none.code, 2);
  for (const { stderr } of [typo, none]) {
    for (const name of ["degrade", "studio"]) assertMatch(stderr, RegExp(`\n  ${name} `));
  }
  assertEquals((await run("help", "restor")).code, 2);
  const { code, stderr } = await run("restore", "--sede", "1");
  assertEquals([code, stderr], [2, 'error: restore has no option "--sede"; did you mean "--seed"?\n']);
});

Deno.test("own commands refuse words that they do not take", async () => {
  const studio = await run("studio", "--port", "0");
  assertEquals(studio.code, 2);
  assertStringIncludes(studio.stderr, "run it in a clone of the repository, by deno task studio");
  for (const words of [["completions"], ["completions", "tcsh"], ["completions", "bash", "x"], ["manual", "x"]]) {
    const { code, stdout } = await run(...words);
    assertEquals([code, stdout], [2, ""], words.join(" "));
  }
});

Deno.test("bash completes commands, options, words and files, with spaces in their names", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/my photo.webp`, "");
    await Deno.mkdir(`${folder}/my folder`);
    const lines = [
      "shortcut re",
      "shortcut restore --qu",
      "shortcut restore --task sr1",
      "shortcut restore --task = sr16-",
    ];
    const more = [
      "shortcut restore my",
      "shortcut restore --out = my",
      "shortcut restore --seed ''",
      "shortcut help de",
    ];
    const dirs = ["shortcut models --dir my", "shortcut models i", "shortcut completions ''", "shortcut verify --"];
    const script = `${(await run("completions", "bash")).stdout}
complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shortcut; (IFS='|'; echo "\${COMPREPLY[*]}"); }
cd '${folder}'
${[...lines, ...more, ...dirs].map((line) => `complete_line ${line}`).join("\n")}
`;
    const printed = await shell("bash", [], script);
    if (printed === undefined) return;
    const found = printed.trimEnd().split("\n").map((line) => line.split("|").sort().join("|"));
    const [options, files] = ["--quality|--quiet", "my folder|my photo.webp"];
    assertEquals(found.slice(0, 8), [
      "restore",
      options,
      "sr16|sr16-bicubic",
      "sr16-bicubic",
      files,
      files,
      "",
      "degrade",
    ]);
    assertEquals(found.slice(8, 11), ["my folder", "inspect", "bash|fish|zsh"]);
    const { options: verify } = (await commandSpecs()).find(({ name }) => name === "verify")!;
    assertEquals(found[11], [...Object.keys(verify), "help"].map((name) => `--${name}`).sort().join("|"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("zsh and fish take their completions, which have every option of every command", async () => {
  const [zsh, fish] = [(await run("completions", "zsh")).stdout, (await run("completions", "fish")).stdout];
  for (const { name, options } of await commandSpecs()) {
    for (const option of Object.keys(options)) {
      assertMatch(fish, new RegExp(`__fish_seen_subcommand_from ${name}' -l ${option} `));
      assertMatch(zsh, new RegExp(`'--${option}=?\\[`));
    }
  }
  await shell("zsh", ["-n"], zsh);
  await shell("fish", ["-n"], fish);
  const script = `${fish}\ncomplete -C 'shortcut restore --method ddn'\n`;
  const completed = await shell("fish", [], script);
  if (completed !== undefined) assertMatch(completed, /^ddnm\t.*\nddnm\+\t/);
});

Deno.test("manual() hides what roff would take for a request or an escape", () => {
  const spec = { name: "x", operands: { usage: "", min: 0, max: 0 }, options: {}, examples: [] };
  const page = manual([{ ...spec, summary: "Paints.\n.png files\n'quoted' a\\b --c" }]);
  assertStringIncludes(page, "\nPaints.\n\\&.png files\n\\&'quoted' a\\eb \\-\\-c\n");
});

Deno.test("the manual page has every command, option and exit code, and man finds nothing wrong in it", async () => {
  const page = (await run("manual")).stdout;
  for (const { name, options } of await commandSpecs()) {
    assertStringIncludes(page, `.SH "${name.toUpperCase().replaceAll("-", "\\-")}"`);
    for (const option of Object.keys(options)) {
      assertStringIncludes(page, `\n.B \\-\\-${option.replaceAll("-", "\\-")}`);
    }
  }
  for (const [code] of EXIT_CODES) assertStringIncludes(page, `.TP\n.B ${code}\n`);
  assert(
    page.split("\n").every((line) => !/^'|^\.(?!TH|SH|TP|PP|B|I)/.test(line)),
    "a line that roff takes for a request",
  );
  await shell("groff", ["-man", "-Tutf8", "-ww"], page);
});
