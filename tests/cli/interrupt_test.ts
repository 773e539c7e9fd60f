import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { childCommand, commandTest } from "./run_command.ts";

/** Signals cannot be sent on Windows. */
const IS_WINDOWS = Deno.build.os === "windows";

/** Runs code with an `interrupt` and a `ctrlC()` in a process of its own; the test runner keeps signals to itself. */
async function runWithInterrupt(code: string): Promise<{ readonly code: number; readonly stdout: string }> {
  const module = new URL("../../io/interrupt.ts", import.meta.url).href;
  const program = `
    import { Interrupt } from "${module}";
    using interrupt = new Interrupt();
    const ctrlC = async () => {
      Deno.kill(Deno.pid, "SIGINT");
      await new Promise((resolve) => setTimeout(resolve, 50));
    };
    ${code}`;
  const child = new Deno.Command(Deno.execPath(), { args: ["eval", program], stdin: "null", stderr: "null" });
  const { code: exit, stdout } = await child.output();
  return { code: exit, stdout: new TextDecoder().decode(stdout) };
}

Deno.test({
  name: "an interrupt stops work at its next check",
  ignore: IS_WINDOWS,
  fn: async () => {
    const { stdout } = await runWithInterrupt(`
      await interrupt.check();
      await ctrlC();
      await interrupt.check().catch((error) => console.log(error.name));
      try { interrupt.checkNow() } catch (error) { console.log(error.name) }`);
    assertEquals(stdout, "InterruptedError\nInterruptedError\n");
  },
});

Deno.test({
  name: "the second interrupt ends the process at once, but not while results are written",
  ignore: IS_WINDOWS,
  fn: async () => {
    const held = await runWithInterrupt(`
      await interrupt.hold(async () => { await ctrlC(); await ctrlC(); console.log("written") });`);
    assertEquals(held, { code: 0, stdout: "written\n" });
    const impatient = await runWithInterrupt(`await ctrlC(); await ctrlC(); console.log("still here");`);
    assertEquals(impatient, { code: 130, stdout: "" });
  },
});

/** Reads a stream until a text has come, and gives back all that came. */
async function readUntil(reader: ReadableStreamDefaultReader<Uint8Array>, text: string): Promise<string> {
  let seen = "";
  while (!seen.includes(text)) {
    const { value, done } = await reader.read();
    if (done) break;
    seen += new TextDecoder().decode(value);
  }
  return seen;
}

commandTest("Ctrl-C stops within a step with exit code 130 and leaves no file", async (folder) => {
  if (IS_WINDOWS) return;
  const picture = folder.picture("y.png", { width: 8, height: 8 });
  const words = ["restore", picture, "--task", "sr4", "--steps", "400", "--sheet", "--json"];
  const trace = ["--trace", folder.path("t.safetensors")];
  const child = childCommand([...words, ...trace, "--out", folder.path("out.png")]).spawn();
  const reader = child.stdout.getReader();
  await readUntil(reader, '"step":3');
  child.kill("SIGINT");
  const rest = await readUntil(reader, "never printed");
  const { code } = await child.status;
  const error = await new Response(child.stderr).text();
  assertEquals(code, 130, error);
  assertStringIncludes(error, "error: stopped by Ctrl-C; nothing was left half-written");
  assertEquals(folder.list(), ["y.png"]);
  const steps = rest.split("\n").filter((line) => line.includes('"step"')).length;
  assert(steps < 100, `${steps} steps followed`);
});
