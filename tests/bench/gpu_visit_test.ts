/** A visit to a graphics card, dry: on this machine's adapter, at tiny sizes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { gpuTest } from "../support/gpu.ts";

/** Runs `bench/gpu/main.ts`: its exit code and what it printed. */
async function visit(...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const program = new URL("../../bench/gpu/main.ts", import.meta.url).pathname;
  const args = ["run", "-q", "--no-check", "--allow-all", program, ...words];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** The JSON lines of a file. */
async function rowsOf(path: string): Promise<readonly Record<string, unknown>[]> {
  return (await Deno.readTextFile(path)).trim().split("\n").map((line) => JSON.parse(line));
}

gpuTest("a dry visit measures every form of its products, and says what that decides", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { code, stdout, stderr } = await visit(
      folder,
      ...["--dry-run", "--steps", "products", "--budget-seconds", "90"],
    );
    assertEquals(code, 0, `${stdout}${stderr}${await Deno.readTextFile(`${folder}/products.log`)}`);
    const { steps, decisions } = JSON.parse(await Deno.readTextFile(`${folder}/summary.json`));
    assertEquals(steps.map(({ status }: { status: string }) => status), ["ok"]);
    const products = await rowsOf(`${folder}/products.jsonl`);
    const defaults = products.slice(0, 2);
    assertEquals(defaults.map(({ kernel, form }) => [kernel, form]), [
      ["matmul 33x20x36 of 3", "default"],
      ["conv3x3 8@9x9", "default"],
    ]);
    assert(products.length > 4 && products.every(({ error }) => error === undefined), JSON.stringify(products));
    assert(products.some(({ dispatches }) => String(dispatches).includes("shared")), "forms for graphics cards");
    assert(products.some(({ form }) => String(form).startsWith("winograd")));
    assert(decisions.every(({ rule }: { rule: string }) => rule === "forms"), JSON.stringify(decisions));
    assertMatch(stdout, /products: ok after [\d.]+ s/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a visit refuses steps that are not there", async () => {
  const { code, stderr } = await visit("unused", "--steps", "products,nothing");
  assertEquals(code, 2);
  assertMatch(stderr, /there is no step "nothing"; those are card, adapter, clock,/);
});
