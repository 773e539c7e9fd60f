/** What the documents of a release say of versions and files is so. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { sha256OfFile } from "../../io/mod.ts";
import { EXIT_CODES } from "../../package/words.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** A text of the repository. */
function read(path: string): Promise<string> {
  return Deno.readTextFile(ROOT + path);
}

Deno.test("the citation and the instructions of the package name the version of deno.json", async () => {
  assertStringIncludes(await read("CITATION.cff"), `\nversion: ${settings.version}\n`);
  assertStringIncludes(await read("docs/install.md"), `./shortcut-shortcut-${settings.version}.tgz`);
});

Deno.test("docs/releasing.md has the hashes of the files that are released with the program", async () => {
  const rows = [...(await read("docs/releasing.md")).matchAll(/^\| `([\w.]+)` +\| `([0-9a-f]{64})`/gm)];
  assertEquals(rows.map(([, name]) => name), ["prior.safetensors", "sample.png", "photograph.png"]);
  for (const [, name, hash] of rows) assertEquals(await sha256OfFile(`${ROOT}models/default/${name}`), hash, name);
});

Deno.test("docs/install.md has every exit code", async () => {
  const text = await read("docs/install.md");
  for (const [code] of EXIT_CODES) assertStringIncludes(text, `\n| ${code} `);
});
