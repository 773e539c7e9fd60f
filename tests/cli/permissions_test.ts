import { assert, assertEquals, assertMatch } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };

type Granted = Readonly<Record<string, boolean | readonly string[]>>;

const SETS: Readonly<Record<string, Granted>> = settings.permissions;

/** The commands that run a program with the settings of this repository, by task. */
const PROGRAMS = Object.entries(settings.tasks).filter(([, { command }]) =>
  /\bdeno run\b/.test(command) && !command.includes(" --config ")
);

/** What a task may do. */
function permissionsOf(name: string): Granted {
  const { command } = settings.tasks[name as keyof typeof settings.tasks];
  return SETS[/ -P(?:=([a-z-]+))? /.exec(command)?.[1] ?? "default"]!;
}

Deno.test("no task lists permissions itself, and each takes a set that is there", () => {
  for (const [name, { command }] of Object.entries(settings.tasks)) {
    assert(!/--allow|--deny|-A\b/.test(command), `${name}: ${command}`);
  }
  for (const [name, { command }] of PROGRAMS) {
    assertMatch(command, / -P(=[a-z-]+)? /, name);
    assert(permissionsOf(name) !== undefined, name);
  }
  const used = new Set(PROGRAMS.map(([name]) => permissionsOf(name)));
  assertEquals(Object.keys(SETS).filter((set) => !used.has(SETS[set]!)), [], "sets that no task takes");
});

Deno.test("of all commands only models may use the network beyond this machine, and few may start programs", () => {
  const may = (what: string): string[] =>
    PROGRAMS.map(([name]) => name).filter((name) => {
      const { all, [what]: granted } = permissionsOf(name);
      return all !== true && granted !== undefined;
    });
  assertEquals(may("net"), [
    "models",
    "studio",
    "test",
    "test:studio",
    "test:package",
    "test:distribution",
    "test:large",
    "test:examples",
  ]);
  for (const set of ["studio", "test"]) assertEquals(SETS[set]!["net"], ["127.0.0.1"]);
  const starting = [
    "evaluate:nats",
    "studio",
    "bench",
    "setup",
    "test",
    "test:studio",
    "test:package",
    "test:distribution",
    "test:large",
    "test:examples",
    "jupyter",
    "chromium",
    "mutate",
    "docs",
    "site",
    "package",
    "gpu-lint",
  ];
  assertEquals(may("run"), starting);
  assert(!may("write").includes("verify"));
});

Deno.test("restore is refused the network by Deno itself", async () => {
  const root = new URL("../../", import.meta.url);
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/states.ts`;
    const kinds = ["read", "write", "net", "run", "sys", "ffi"];
    await Deno.writeTextFile(
      program,
      `for (const name of ${JSON.stringify(kinds)}) console.log((await Deno.permissions.query({ name })).state);`,
    );
    const args = settings.tasks.restore.command.replace(/^\S*=\S* deno /, "").replace(/ cli\/main.ts.*$/, "").split(
      " ",
    );
    const config = ["--config", new URL("deno.json", root).pathname];
    const child = new Deno.Command(Deno.execPath(), { args: [...args, ...config, program], stdin: "null" });
    const { stdout, stderr } = await child.output();
    const states = new TextDecoder().decode(stdout).trim().split("\n");
    assertEquals(states, ["granted", "granted", "prompt", "prompt", "prompt", "prompt"]);
    assertEquals(new TextDecoder().decode(stderr), "", "nothing is printed beside");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
