/** What the program starts for a command line, on every system that it is made for. */
import { assert, assertEquals } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { commandTask, denoFile, forwardedSignals, type Place, planLaunch, signalExit } from "../../package/launch.ts";

const LINUX: Place = { platform: "linux", env: {}, root: "/p/", config: "/p/deno.json", ending: "ts" };
const WINDOWS: Place = {
  platform: "win32",
  env: { LOCALAPPDATA: "C:\\Users\\a b\\AppData\\Local" },
  root: "C:\\Users\\a b\\node_modules\\@shortcut\\shortcut\\",
  config: "C:\\Users\\a b\\node_modules\\@shortcut\\shortcut\\deno.json",
  ending: "js",
};

/** The commands of the program, and what their tasks grant them. */
const SETS: Readonly<Record<string, string>> = {
  restore: "",
  degrade: "",
  metrics: "",
  evaluate: "",
  verify: "verify",
  diagnose: "files",
  convert: "files",
  models: "models",
  profile: "",
  tune: "",
  samples: "",
  "random-checkpoint": "files",
  studio: "studio",
  setup: "setup",
};

Deno.test("commandTask() finds the commands among the tasks with their sets of permissions, and nothing else", () => {
  for (const name of [...Object.keys(settings.tasks), "", "help", "toString", "--version"]) {
    assertEquals(commandTask(settings, name)?.set, Object.hasOwn(SETS, name) ? SETS[name] : undefined, name);
  }
  assertEquals(commandTask(settings, "restore")?.needsAdapter, true);
  assertEquals(commandTask(settings, "convert")?.needsAdapter, false);
});

Deno.test("planLaunch() looks for an adapter, then runs the command with the permissions of its task alone", () => {
  const { steps, env } = planLaunch(["restore", "a b.webp", "--task=sr4"], settings, LINUX);
  const shared = ["run", "--quiet", "--no-prompt", "--config=/p/deno.json"];
  assertEquals(steps, [
    [...shared, "-P=setup", "/p/adapter/setup.ts", "--first-step"],
    [...shared, "-P", "/p/package/program.ts", "restore", "a b.webp", "--task=sr4"],
  ]);
  assertEquals(env, { XDG_RUNTIME_DIR: "/tmp", DENO_NO_UPDATE_CHECK: "1" });
  const fetching = planLaunch(["models", "fetch", "x"], settings, LINUX).steps;
  assertEquals(fetching.map((words) => words[4]), ["-P=models"], "no adapter is needed");
});

Deno.test("planLaunch() grants help, versions and unknown commands nothing, and installs nothing for them", () => {
  for (
    const words of [[], ["--version"], ["help", "restore"], ["completions", "bash"], ["restor"], ["docs"], ["bench"]]
  ) {
    const { steps } = planLaunch(words, settings, LINUX);
    assertEquals(steps.length, 1);
    assertEquals(steps[0]!.slice(4), ["/p/package/program.ts", ...words]);
  }
  assertEquals(planLaunch(["restore", "--help"], settings, LINUX).steps.length, 1);
  assertEquals(planLaunch(["restore", "-h"], settings, LINUX).steps.length, 1);
});

Deno.test("planLaunch() starts programs of their own without their name", () => {
  const [step] = planLaunch(["studio", "--port", "0"], settings, LINUX).steps;
  assertEquals(step!.slice(4), ["-P=studio", "/p/studio/serve.ts", "--port", "0"]);
  assertEquals(planLaunch(["setup"], settings, LINUX).steps[0]!.slice(4), ["-P=setup", "/p/adapter/setup.ts"]);
});

Deno.test("planLaunch() keeps a runtime folder that is set, and sets none on Windows and macOS", () => {
  const envOf = (place: Partial<Place>): unknown =>
    planLaunch(["restore"], settings, { ...LINUX, ...place }).env["XDG_RUNTIME_DIR"];
  assertEquals(envOf({ env: { XDG_RUNTIME_DIR: "/run/user/1000" } }), undefined);
  assertEquals(envOf({ env: { XDG_RUNTIME_DIR: "" } }), "/tmp");
  assertEquals(envOf({ platform: "darwin" }), undefined);
  assertEquals(envOf(WINDOWS), undefined);
});

Deno.test("planLaunch() takes paths of Windows as they are, each one word", () => {
  const packaged = {
    tasks: {
      restore: { command: "deno run -q --no-prompt -P cli/main.js restore", dependencies: ["adapter"] },
      setup: { command: "deno run -q --no-prompt -P=setup adapter/setup.js" },
    },
  };
  const { steps } = planLaunch(["restore", "my photo.webp"], packaged, WINDOWS);
  assertEquals(steps[0]!.at(-2), `${WINDOWS.root}adapter/setup.js`);
  assertEquals(steps[1]!.slice(-3), [`${WINDOWS.root}package/program.js`, "restore", "my photo.webp"]);
});

Deno.test("planLaunch() lets a program that runs from an address reach its own host alone", () => {
  const place = { ...LINUX, root: "https://example.org:8443/s/", config: "/t/deno.json" };
  const { steps } = planLaunch(["restore"], settings, place);
  assertEquals(steps[1]!.slice(3), [
    "--config=/t/deno.json",
    "-P",
    "--allow-import=example.org:8443",
    "--allow-net=example.org:8443",
    "https://example.org:8443/s/package/program.ts",
    "restore",
  ]);
  assertEquals(planLaunch(["studio"], settings, place).steps[0]!.at(-1), "studio", "the program says that it cannot");
  const [help] = planLaunch(["help"], settings, place).steps;
  assert(!help!.some((word) => word.startsWith("--allow-net")));
});

Deno.test("planLaunch() lets an evaluation reach the server of its queue and nothing else, and other commands nothing", () => {
  const netOf = (...words: readonly string[]): unknown =>
    planLaunch(words, settings, LINUX).steps.at(-1)!.filter((word) => word.startsWith("--allow"));
  assertEquals(netOf("evaluate", "a", "--serve", "nats://me:secret@h.example"), ["--allow-net=h.example:4222"]);
  assertEquals(netOf("evaluate", "a", "--serve=tls://127.0.0.1:14222"), ["--allow-net=127.0.0.1:14222"]);
  assertEquals(netOf("evaluate", "work", "--quiet", "nats://[::1]:4"), ["--allow-net=[::1]:4"]);
  assertEquals(netOf("evaluate", "nats://h:1", "--serve", "http://h:1"), []);
  assertEquals(netOf("evaluate", "a", "--serve=nats://a,b:1"), []);
  assertEquals(netOf("restore", "a", "--serve=nats://h:1"), []);
  assertEquals(netOf("evaluate", "work", "nats://h:1", "--help"), ["--allow-net=h:1"]);
  const metrics = ["--allow-net=h:1,127.0.0.1:9100"];
  assertEquals(netOf("evaluate", "a", "--serve=nats://h:1", "--metrics", "9100"), metrics);
  assertEquals(netOf("evaluate", "a", "--serve=nats://h:1", "--metrics=9100"), metrics);
  assertEquals(netOf("evaluate", "a", "--serve=nats://h:1", "--metrics=9100,h:2"), ["--allow-net=h:1"]);
  const place = { ...LINUX, root: "https://example.org:8443/s/", config: "/t/deno.json" };
  const { steps } = planLaunch(["evaluate", "work", "nats://h:1"], settings, place);
  assert(steps.at(-1)!.includes("--allow-net=example.org:8443,h:1"), steps.at(-1)!.join(" "));
});

Deno.test("signals: codes as shells count them, and Ctrl-C is handed on only where the terminal does not", () => {
  assertEquals(signalExit({ SIGINT: 2, SIGKILL: 9 }, "SIGKILL"), 137);
  assertEquals(signalExit({}, "SIGINT"), 128);
  assertEquals(forwardedSignals("linux", true), { SIGINT: false, SIGTERM: true, SIGHUP: true });
  assertEquals(forwardedSignals("darwin", false), { SIGINT: true, SIGTERM: true, SIGHUP: true });
  assertEquals(forwardedSignals("win32", false), { SIGINT: false });
  assertEquals([denoFile("win32"), denoFile("darwin")], ["deno.exe", "deno"]);
});
