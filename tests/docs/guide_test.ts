/** The situations of the guide: their commands mean something and start nothing, their pictures are there. */
import { assert, assertEquals } from "@std/assert";
import { TINY } from "../cli/options/materials.ts";
import { randomModel } from "../cli/random_model.ts";
import { commandTest, runCommand } from "../cli/run_command.ts";

const FOLDER = new URL("../../docs/", import.meta.url);
const TEXT = await Deno.readTextFile(new URL("guide.md", FOLDER));

/** Words of a command line; quotes hold spaces. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!);
}

/** A path of the repository as it is anywhere. */
function located(word: string): string {
  return word.startsWith("tests/") ? new URL(`../${word}`, FOLDER).pathname : word;
}

const COMMANDS = [...TEXT.matchAll(/^ {4}deno task restore (tests\/cases\/.*)$/gm)].map(([, line]) => line!);

Deno.test("the guide has ten situations, each with its command and its picture", async () => {
  assertEquals(COMMANDS.length, 10);
  const pictures = [...TEXT.matchAll(/!\[[^\]]+\]\((guide\/[^)]+)\)/g)].map(([, path]) => path!);
  assertEquals(pictures.length, COMMANDS.length);
  for (const picture of pictures) assert((await Deno.stat(new URL(picture, FOLDER))).isFile, picture);
});

commandTest("every command of the guide's situations is one that can be planned", async (folder) => {
  const model = await randomModel(folder, "model.safetensors", TINY);
  for (const line of COMMANDS) {
    const words = [...wordsOf(line).map(located), "--cpu", `--model=${model}`, "--plan"];
    const { code, stderr } = await runCommand(["restore", ...words]);
    assertEquals(code, 0, `${line}: ${stderr}`);
  }
});
