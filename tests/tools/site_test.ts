/** The static site: every page of the documents, with links that lead somewhere. */
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { addressOf, linkBetween } from "../../tools/site/addresses.ts";
import { buildPages } from "../../tools/site/build.ts";
import { linkProblems } from "../../tools/site/links.ts";
import { renderDocument } from "../../tools/site/markdown.ts";
import { renderNotebook } from "../../tools/site/notebook.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** Runs a body with an empty folder. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "site-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs `deno task site` as its task does. */
async function site(...words: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-check", "--no-prompt", "-P=site", "tools/site/main.ts", ...words],
    cwd: ROOT,
    env: { NO_COLOR: "1", INIT_CWD: ROOT },
    stdin: "null",
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("the site has a page for every document, and all links between pages lead somewhere", async () => {
  await withFolder(async (folder) => {
    const { code, text } = await site(`--out=${folder}`, "--pages-only");
    assertEquals(code, 0, text);
    assertEquals(await linkProblems(folder), []);
    const index = await Deno.readTextFile(`${folder}/index.html`);
    for await (const { name } of Deno.readDir(`${ROOT}docs`)) {
      if (!name.endsWith(".md")) continue;
      const address = addressOf(`docs/${name}`);
      assertStringIncludes(index, `<a href="${address}">`, `${name} is not in the contents`);
      const page = await Deno.readTextFile(`${folder}/${address}`);
      const title = /^# (.*)$/m.exec(await Deno.readTextFile(`${ROOT}docs/${name}`))![1]!;
      assertStringIncludes(page, `<title>${title} - Shortcut</title>`);
      assert(!/<script|(src|@import)[^>]*https?:/.test(page.replace(/<code>[^]*?<\/code>/g, "")), name);
    }
    const guide = await Deno.readTextFile(`${folder}/docs/guide.html`);
    const picture = /<img src="(guide\/[^"]*)"/.exec(guide)![1]!;
    assertEquals(await Deno.readFile(`${folder}/docs/${picture}`), await Deno.readFile(`${ROOT}docs/${picture}`));
    assertStringIncludes(await Deno.readTextFile(`${folder}/examples/restore.ts.html`), "await openModel(runtime)");
    const report = await Deno.makeTempFile({ suffix: ".html" });
    await Deno.writeTextFile(report, "a report");
    const again = await site(`--out=${folder}`, "--pages-only", `--report=${report}`);
    await Deno.remove(report);
    assertEquals(again.code, 0, `its own folder is written anew: ${again.text}`);
    assertEquals(await Deno.readTextFile(`${folder}/reports/evaluation.html`), "a report");
    assertStringIncludes(
      await Deno.readTextFile(`${folder}/docs/frontier.html`),
      '<a href="../reports/evaluation.html">An evaluation</a>',
    );
  });
});

Deno.test("linkProblems() tells links without a target, wrong anchors, scripts, and what lies elsewhere", async () => {
  await withFolder(async (folder) => {
    const page = '<h2 id="here"></h2><a href="#here"></a><a href="b.html#there"></a><a href="https://example.org"></a>';
    const wrong = '<a href="c.html"></a><a href="a.html#nowhere"></a><img src="https://example.org/x.png"><a ' +
      'href="/absolute"></a><script></script><code>&lt;a href="d.html"&gt;</code>';
    await Deno.writeTextFile(`${folder}/a.html`, page);
    await Deno.writeTextFile(`${folder}/b.html`, '<h2 id="there"></h2>');
    assertEquals(await linkProblems(folder), []);
    await Deno.writeTextFile(`${folder}/b.html`, wrong);
    assertEquals(await linkProblems(folder), [
      'a.html: "b.html#there" has no such place',
      "b.html: holds a script or another page",
      'b.html: "c.html" leads nowhere',
      'b.html: "a.html#nowhere" has no such place',
      'b.html: src of <img> is "https://example.org/x.png"',
      'b.html: href of <a> is "/absolute"',
    ]);
  });
});

Deno.test("a document that links to a file that is not there makes no site, and tells where", async () => {
  await withFolder(async (root) => {
    for await (const name of ["docs", "models/default", "examples/notebooks", "out"]) {
      await Deno.mkdir(`${root}/${name}`, { recursive: true });
    }
    const documents = ["README", "CONTRIBUTING", "CHANGELOG", "models/default/README", "examples/notebooks/README"];
    for await (const { name } of Deno.readDir(`${ROOT}docs`)) {
      if (name.endsWith(".md")) documents.push(`docs/${name.slice(0, -3)}`);
    }
    for (const name of documents) await Deno.writeTextFile(`${root}/${name}.md`, `# ${name}\n`);
    assertEquals(await buildPages(`${root}/`, `${root}/out`, []), documents.length + 1, "and the list of examples");
    await Deno.writeTextFile(`${root}/docs/guide.md`, "# Guide\n\n[gone](../gone.md)\n");
    await assertRejects(
      () => buildPages(`${root}/`, `${root}/out`, []),
      Error,
      'Cannot make the page of "docs/guide.md": it links to "../gone.md", and there is no such file',
    );
  });
});

Deno.test("site refuses a folder with files of others, and leaves it as it was", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/mine.txt`, "mine");
    const { code, text } = await site(`--out=${folder}`, "--pages-only");
    assertEquals(code, 1);
    assertMatch(text, /^error: Cannot write pages into ".*": it holds "mine.txt"/);
    assertEquals(await Deno.readTextFile(`${folder}/mine.txt`), "mine");
    assertEquals((await site("--pages-only")).code, 2, "where they go has no default");
    assertEquals((await site(`--out=${folder}/new`, `--report=${folder}/none.html`)).code, 1);
  });
});

Deno.test("addresses: READMEs are the pages of folders, sources keep their ending, and no name begins with a dot", () => {
  const cases = [
    ["README.md", "index.html"],
    ["models/default/README.md", "models/default/index.html"],
    ["docs/guide.md", "docs/guide.html"],
    ["examples/", "examples/index.html"],
    ["examples/restore.ts", "examples/restore.ts.html"],
    ["examples/notebooks/a.ipynb", "examples/notebooks/a.html"],
    [".ci/run", "ci/run.html"],
    ["docs/sample.png", "docs/sample.png"],
  ] as const;
  for (const [path, address] of cases) assertEquals(addressOf(path), address);
  assertEquals(linkBetween("docs/guide.html", "index.html"), "../index.html");
  assertEquals(linkBetween("index.html", "docs/guide.html"), "docs/guide.html");
  assertEquals(linkBetween("docs/guide.html", "docs/guide/noisy.png"), "guide/noisy.png");
  assertEquals(linkBetween("docs/a/b.html", "docs/a"), "../a");
  assertEquals(linkBetween("docs/a.html", "examples/b/c.html"), "../examples/b/c.html");
});

Deno.test("documents: headings have the names of GitHub, code is text, and wide tables scroll", () => {
  const text = "# A `b` & c\n\n## Same\n\n## Same\n\n[x](y.md) `<script>`\n\n| a |\n| - |\n| b |\n";
  const { title, body, headings } = renderDocument(text, (href) => `to-${href}`);
  assertEquals(title, "A b & c");
  assertEquals(headings.map(({ id }) => id), ["a-b--c", "same", "same-1"]);
  assertStringIncludes(body, '<a href="to-y.md">x</a>');
  assertStringIncludes(body, "&lt;script&gt;");
  assertMatch(body, /<div class="table" tabindex="0"><table>/);
});

Deno.test("notebooks: texts, code, and what it showed, without the colours of a terminal", () => {
  const notebook = {
    cells: [
      { cell_type: "markdown", source: ["# Title\n", "\n", "text"] },
      {
        cell_type: "code",
        source: "1 < 2",
        outputs: [
          { output_type: "stream", text: ["a\n", "b"] },
          { output_type: "execute_result", data: { "text/plain": "\u001b[33mtrue\u001b[39m" } },
          { output_type: "display_data", data: { "image/png": "aGk=\n", "text/plain": "a picture" } },
        ],
      },
    ],
  };
  const { title, body } = renderNotebook(JSON.stringify(notebook), (href) => href);
  assertEquals(title, "Title");
  assertStringIncludes(body, "<code>1 &lt; 2</code>");
  assertStringIncludes(body, "<code>a\nb</code>");
  assertStringIncludes(body, "<code>true</code>");
  assertStringIncludes(body, '<img src="data:image/png;base64,aGk=" alt="a picture">');
});
