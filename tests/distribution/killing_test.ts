/** Whatever is killed at random moments, the tables are those of one process. */
import { assert, assertEquals } from "@std/assert";
import { FolderStore } from "../../cli/evaluate_store.ts";
import { bench, expectedTables, pass, planned, serveAt, tablesOf, workAt } from "./setting.ts";
import { MemoryStore } from "../evaluation/memory_store.ts";
import { natsTest } from "./nats_server.ts";

/** Runs one of the programs until it has printed some lines, and ends it a moment later as a power cut would. */
async function killAt(lines: number, name: string, ...args: readonly string[]): Promise<void> {
  const program = new URL(`programs/${name}.ts`, import.meta.url).pathname;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-check", "-A", program, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let printed = 0;
  for await (const bytes of child.stdout) {
    printed += new TextDecoder().decode(bytes).split("\n").length - 1;
    if (printed >= lines) break;
  }
  await pass(100 * Math.random());
  try {
    child.kill("SIGKILL");
  } catch {
    // It was faster.
  }
  await child.status;
}

natsTest("workers are killed", async ({ server: { host } }) => {
  const store = new MemoryStore();
  const serving = serveAt(host, { store, lease: 1 });
  for (let round = 0; round < 2; round++) await killAt(1 + Math.floor(3 * Math.random()), "worker", host, "60");
  const made = store.files.size;
  const [served] = await Promise.all([serving, workAt(host)]);
  assert(made < store.files.size, "there was something left to do");
  assertEquals([served.failures, served.differences], [[], []]);
  assertEquals(await tablesOf(store), await expectedTables());
});

natsTest("the coordinator is killed", async ({ server: { host }, folder }) => {
  const out = `${folder}/out`;
  const working = workAt(host, { open: () => Promise.resolve(bench(() => pass(60))) });
  let there = 0;
  for (let round = 0; round < 2; round++) {
    await killAt(2 + Math.floor(4 * Math.random()), "coordinator", host, out);
    const now = (await new FolderStore(out).list("units")).length;
    assert(now >= there, "what was stored stays");
    there = now;
  }
  using store = await FolderStore.writing(out);
  const [served] = await Promise.all([serveAt(host, { store }), working]);
  const { plan: { units } } = await planned();
  assert(there > 0 && served.restored < units.length, "what was stored is not made again");
  assertEquals([served.failures, served.differences], [[], []]);
  assertEquals(await tablesOf(store), await expectedTables());
});

natsTest("the server is killed, and comes back once with what it had and once with nothing", async ({ server }) => {
  const store = new MemoryStore();
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const serving = serveAt(server.host, { store, note });
  const working = workAt(server.host, { note, open: () => Promise.resolve(bench(() => pass(120))) });
  await pass(1500 + 500 * Math.random());
  await server.restart({ away: 300 * Math.random() });
  await pass(1500 + 500 * Math.random());
  await server.restart({ isEmptied: true });
  const [served] = await Promise.all([serving, working]);
  assert(
    notes.some((text) => text.includes("is lost")) && notes.some((text) => text.includes("is back")),
    notes.join("\n"),
  );
  assertEquals([served.failures, served.differences], [[], []]);
  assertEquals(await tablesOf(store), await expectedTables());
});
