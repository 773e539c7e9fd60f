/** The commands as a user starts them, with the embedded network, each with the permission for its server alone. */
import { assert, assertEquals } from "@std/assert";
import { filesBelow, tablesOf } from "../cli/evaluate_runs.ts";
import { withFolder } from "../cli/run_command.ts";
import { asProgram } from "../../package/words.ts";
import { freePort, natsTest } from "./nats_server.ts";

const adapter = await navigator.gpu?.requestAdapter();

/** Runs a command of the program `shortcut`. */
async function shortcut(...words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const program = new URL("../../package/shortcut.ts", import.meta.url).pathname;
  const args = ["run", "-q", "--no-prompt", "-P=launch", program, ...words];
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

/** Waits until the metrics of a coordinator say something; gives all of them. */
async function metricsOf(port: number, text: string): Promise<string> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
    const found = await response?.text() ?? "";
    if (found.includes(text)) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

natsTest("evaluate --serve and evaluate work give the tables of evaluate", async ({ server: { host } }) => {
  // deno-lint-ignore no-console -- a skipped test must say why
  if (!adapter) return console.log("The commands are not tried: no WebGPU adapter was found");
  await withFolder(async (folder) => {
    const picture = folder.picture("a.png", { width: 64, height: 64 });
    const line = ["evaluate", picture, "--tasks=sr4", "--methods=pseudo-inverse, ddnm steps=1"];
    const [here, there] = [folder.path("here"), folder.path("there")];
    const alone = await shortcut(...line, `--out=${here}`);
    assertEquals(alone.code, 0, alone.text);
    const port = freePort();
    const [served, worked] = await Promise.all([
      shortcut(...line, "--json", `--out=${there}`, `--serve=nats://${host}`, `--metrics=${port}`),
      // By a name, which has to be looked up.
      shortcut("evaluate", "work", `nats://${host.replace("127.0.0.1", "localhost")}`),
      metricsOf(port, 'shortcut_units{state="missing"} 2'),
    ]);
    assertEquals([served.code, worked.code], [0, 0], served.text + worked.text);
    assert(worked.text.includes("The evaluation is over: 2 units were made here"), worked.text);
    assertEquals(tablesOf(there), tablesOf(here));
    assertEquals(filesBelow(there), filesBelow(here));
    const views = served.text.split("\n").filter((text) => text.startsWith('{"event":"overview"'));
    const { units, stored, secondsLeft } = JSON.parse(views.at(-1)!);
    assertEquals([units, stored, secondsLeft], [2, 2, 0]);
    const { command } = JSON.parse(await Deno.readTextFile(`${there}/plan.json`));
    assert(!command.includes("nats"), command);
  });
});

Deno.test("the installed program calls the command by its own name", () => {
  assertEquals(asProgram("deno task evaluate:nats work; deno task merge"), "shortcut evaluate work; shortcut merge");
});

natsTest("without the permission for the server the command says which task has it", async ({ server: { host } }) => {
  const program = new URL("../../cli/main.ts", import.meta.url).pathname;
  const args = [
    "run",
    "-q",
    "--no-prompt",
    "--allow-read",
    "--allow-write",
    program,
    "evaluate",
    "work",
    `nats://${host}`,
  ];
  const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  assert(text.includes(`error: Cannot reach ${host}`) && text.includes("deno task evaluate:nats"), text);
});
