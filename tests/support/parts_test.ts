import { assert, assertEquals } from "@std/assert";
import { allParts, ALONE, BROWSER, EXAMPLES, INSTALLING, LARGE, LONG, needAll, SERVERS, withJoined } from "./parts.ts";
import { readRepository } from "./architecture.ts";

const TESTS = new URL("../", import.meta.url).pathname;

Deno.test("every test file is in one part, and what has a place of its own is there", async () => {
  const parts = await allParts(TESTS);
  const files = parts.flat().map((path) => path.slice(TESTS.length));
  const all = [...(await readRepository()).keys()].filter((path) => /^tests\/.*_test\.ts$/.test(path));
  assertEquals(
    [...files, ...BROWSER, ...EXAMPLES, ...INSTALLING, ...SERVERS, ...LARGE].toSorted(),
    all.map((path) => path.slice("tests/".length)).toSorted(),
  );
  for (const place of LONG) assert(files.some((file) => file === place || file.startsWith(`${place}/`)), place);
  for (const file of ALONE) assert(parts.some((part) => part.length === 1 && part[0] === TESTS + file), file);
});

Deno.test("only what starts a browser has all permissions, and is left to the tests of the studio", async () => {
  const starting = [...await readRepository()].filter(([path, text]) =>
    path.endsWith("_test.ts") && /from "\.\/(chromium|served_page)\.ts"/.test(text)
  );
  assertEquals(BROWSER.toSorted(), starting.map(([path]) => path.slice("tests/".length)).toSorted());
  assert((await allParts(TESTS)).every((part) => !needAll(TESTS, part)));
  assert(needAll(TESTS, [`${TESTS}studio/`]) && !needAll(TESTS, [`${TESTS}stud`]));
});

Deno.test("files in one module are all loaded, and the module is gone afterwards", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const files = ["a", "b"].map((name) => `${folder}/${name}.ts`);
    for (const file of files) {
      await Deno.writeTextFile(file, "(globalThis as { loaded?: string[] }).loaded?.push(import.meta.url);");
    }
    const loaded: string[] = [];
    Object.assign(globalThis, { loaded });
    const module = await withJoined(files, async (path) => {
      await import(`file://${path}`);
      return path;
    });
    assertEquals(loaded, files.map((file) => `file://${file}`));
    assertEquals(await Deno.stat(module).then(() => true, () => false), false);
  } finally {
    Object.assign(globalThis, { loaded: undefined });
    await Deno.remove(folder, { recursive: true });
  }
});
