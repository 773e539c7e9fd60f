/** Runs that are stopped from outside, and go on with the same command. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TINY } from "./options/materials.ts";
import { randomModel } from "./random_model.ts";
import { childCommand, commandTest, runWell } from "./run_command.ts";

/** Signals cannot be sent on Windows. */
const IS_WINDOWS = Deno.build.os === "windows";

/** Starts a command in a process of its own and stops it once something was printed. */
async function stopped(words: readonly string[], signal: Deno.Signal, wanted: RegExp): Promise<number> {
  const child = childCommand(words).spawn();
  const errors = new Response(child.stderr).text();
  let [printed, isSent] = ["", false];
  // Read to the end: a process whose output nobody reads would end for that reason.
  for await (const bytes of child.stdout) {
    printed += new TextDecoder().decode(bytes);
    if (isSent || !wanted.test(printed)) continue;
    isSent = true;
    child.kill(signal);
  }
  await errors;
  return (await child.status).code;
}

commandTest("a run that is killed goes on with the bytes of one that is not", async (folder) => {
  if (IS_WINDOWS) return;
  const picture = folder.picture("y.png", { width: 16, height: 16 });
  const model = await randomModel(folder, "model.safetensors", { ...TINY, attention_resolutions: [] });
  const how = [`--model=${model}`, "--task=sr4", "--method=ddnm", "--steps=10"];
  const line = (out: string): string[] => ["restore", picture, folder.path(out), ...how];
  await stopped([...line("out.png"), "--save-every", "0", "--json"], "SIGKILL", /"step":3,/);
  assert(folder.list().includes("out.png.state"), `${folder.list()}`);
  const { stderr } = await runWell(line("out.png"));
  assertMatch(stderr, /Goes on at step \d+ of 10 from ".*out\.png\.state"/);
  await runWell(line("whole.png"));
  assertEquals(await Deno.readFile(folder.path("out.png")), await Deno.readFile(folder.path("whole.png")));
  assertEquals(folder.list(), ["model.safetensors", "out.json", "out.png", "whole.json", "whole.png", "y.png"]);
});

commandTest("Ctrl-C saves the file of a folder that is at work; the finished ones stay", async (folder) => {
  if (IS_WINDOWS) return;
  folder.folder("in");
  for (const name of ["in/a.png", "in/b.png"]) folder.picture(name, { width: 2, height: 2 });
  const how = ["--task=sr4", "--method=ddnm", "--steps=10", "--save-every=1000", "--json"];
  const model = await randomModel(folder, "model.safetensors", { ...TINY, attention_resolutions: [] });
  const words = ["restore", folder.path("in"), folder.path("out"), `--model=${model}`, ...how];
  assertEquals(await stopped(words, "SIGINT", /"event":"file"[^]*"step":2,/), 130);
  assertEquals(folder.list("out"), ["a.json", "a.png", "b.png.state"]);
  const { stdout } = await runWell(words);
  assertMatch(stdout, /Goes on at step \d+ of 10 from /);
  assertStringIncludes(stdout, '"made":1,"kept":1');
  assertEquals(folder.list("out"), ["a.json", "a.png", "b.json", "b.png"]);
});
