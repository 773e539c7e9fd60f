/** The whole static site, as it is put on a web host: documents, API and studio. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import settings from "../../deno.json" with { type: "json" };
import { linkProblems } from "../../tools/site/links.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

Deno.test("the site holds API and studio, and all links of documents and API lead somewhere", async () => {
  const folder = await Deno.makeTempDir({ prefix: "site-" });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "site", "--out", folder],
      cwd: ROOT,
      env: { NO_COLOR: "1", INIT_CWD: ROOT },
      stdin: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals(await linkProblems(folder), []);
    const index = await Deno.readTextFile(`${folder}/index.html`);
    for (const part of ["api/index.html", "studio/index.html"]) assertStringIncludes(index, `href="${part}"`);
    // Every entry of the package has a page, and the main one stands on the first.
    for (const entry of Object.keys(settings.exports).filter((name) => name !== ".")) {
      assert((await Deno.stat(`${folder}/api/${entry}/index.html`)).isFile, entry);
    }
    for (
      const file of [
        "main.js",
        "worker.js",
        "style.css",
        "default/prior.safetensors",
        "default/sample.png",
        "default/photograph.png",
      ]
    ) {
      assert((await Deno.stat(`${folder}/studio/${file}`)).size > 0, file);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
