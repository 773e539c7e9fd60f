/** The documents of the repository as pages: those of the contents, and whatever they link to. */
import { addressOf, escapeHtml, kindOf, linkBetween } from "./addresses.ts";
import { type Entry, framed, type Section, STYLE } from "./frame.ts";
import { type LinkTo, preformatted, renderDocument, type Rendered } from "./markdown.ts";
import { renderNotebook } from "./notebook.ts";

/** The contents: paths relative to the repository, in the order in which they are read. */
const CONTENTS: readonly (readonly [title: string, paths: readonly string[]])[] = [
  ["Restoring pictures", [
    "README.md",
    "docs/install.md",
    "docs/guide.md",
    "docs/studio.md",
    "docs/diagnosis.md",
    "docs/commands.md",
  ]],
  ["Methods and figures", [
    "docs/samplers.md",
    "docs/evaluate.md",
    "docs/frontier.md",
    "docs/metrics.md",
    "models/default/README.md",
  ]],
  ["Programming", ["examples/", "docs/gradients.md", "examples/notebooks/README.md"]],
  ["The project", [
    "docs/design.md",
    "docs/performance.md",
    "docs/visit.md",
    "CONTRIBUTING.md",
    "docs/releasing.md",
    "CHANGELOG.md",
  ]],
];

/** Section of documents that are not named above, and that of notebooks. */
const [OTHERS, NOTEBOOKS] = ["The project", "Programming"];

/** The sections with all documents of `docs` and all notebooks in them. */
async function contentsOf(root: string): Promise<typeof CONTENTS> {
  const named = CONTENTS.flatMap(([, paths]) => paths);
  const found = async (folder: string, ending: string): Promise<readonly string[]> =>
    (await namesIn(root + folder)).filter((name) => name.endsWith(ending)).map((name) => folder + name)
      .filter((path) => !named.includes(path));
  const documents = await found("docs/", ".md");
  const notebooks = await found("examples/notebooks/", ".ipynb");
  return CONTENTS.map(([title, paths]) =>
    [title, [...paths, ...(title === NOTEBOOKS ? notebooks : []), ...(title === OTHERS ? documents : [])]] as const
  );
}

/** Names in a folder, sorted, those of folders with a slash; hidden ones are left out. */
async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (!name.startsWith(".")) names.push(isDirectory ? `${name}/` : name);
  }
  return names.sort();
}

/** What a path is in the repository: with a slash where it is a folder, its README where it has one. */
function located(root: string, path: string): string | undefined {
  const stat = (name: string): Deno.FileInfo | undefined => {
    try {
      return Deno.statSync(root + name);
    } catch {
      return undefined;
    }
  };
  const info = stat(path);
  if (!info?.isDirectory) return info && path;
  const folder = path.replace(/\/?$/, "/");
  return stat(`${folder}README.md`) ? `${folder}README.md` : folder;
}

/** The first sentence of the first comment of a module. */
function about(text: string): string {
  const comment = /\/\*\*([^]*?)\*\//.exec(text)?.[1]?.replace(/\s*\n\s*\*\s?/g, " ").trim() ?? "";
  return /^.*?[.:](?=\s|$)/.exec(comment)?.[0]?.replace(/:$/, ".") ?? comment;
}

/** The files of a folder as a page, with what modules say of themselves. */
async function renderFolder(root: string, path: string, linkTo: LinkTo): Promise<Rendered> {
  const rows = (await namesIn(root + path)).map(async (name) => {
    const said = name.endsWith(".ts") ? about(await Deno.readTextFile(root + path + name)) : "";
    return `<li><a href="${escapeHtml(linkTo(name))}"><code>${escapeHtml(name)}</code></a> ${escapeHtml(said)}</li>`;
  });
  const title = path.replace(/\/$/, "").replace(/^./, (letter) => letter.toUpperCase());
  const body = `<h1>${escapeHtml(title)}</h1>\n<ul>\n${(await Promise.all(rows)).join("\n")}\n</ul>\n`;
  return { title, body, headings: [] };
}

async function render(root: string, path: string, linkTo: LinkTo): Promise<Rendered> {
  const kind = kindOf(path);
  if (kind === "folder") return await renderFolder(root, path, linkTo);
  const text = await Deno.readTextFile(root + path);
  if (kind === "document") return renderDocument(text, linkTo);
  if (kind === "notebook") return renderNotebook(text, linkTo);
  return { title: path, body: `<h1>${escapeHtml(path)}</h1>\n${preformatted(text)}`, headings: [] };
}

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  if (typeof content === "string") await Deno.writeTextFile(path, content);
  else await Deno.writeFile(path, content);
}

/**
 * Writes all pages, what they link to, and their style.
 * @param root the repository, with a slash at its end
 * @param folder where they go
 * @param others lines of the contents for what other programs write there
 * @returns the number of pages
 * @throws {Error} if a document links to what is not there
 */
export async function buildPages(root: string, folder: string, others: readonly Entry[]): Promise<number> {
  const contents = await contentsOf(root);
  const waiting = contents.flatMap(([, paths]) => paths);
  const pages = new Map<string, Rendered>();
  const copies = new Set<string>();
  const linkFrom = (from: string): LinkTo => (href) => {
    if (/^([a-z]+:|#)/i.test(href)) return href;
    const { pathname, hash } = new URL(href, `file:///${from}`);
    const path = located(root, decodeURIComponent(pathname).slice(1));
    if (path === undefined) {
      throw new Error(`Cannot make the page of "${from}": it links to "${href}", and there is no such file`);
    }
    if (kindOf(path) === "copy") copies.add(path);
    else waiting.push(path);
    return linkBetween(addressOf(from), addressOf(path)) + hash;
  };
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (!pages.has(path)) pages.set(path, await render(root, path, linkFrom(path)));
  }
  const entry = (path: string): Entry => ({ title: pages.get(path)!.title, address: addressOf(path) });
  const listed = contents.map(([title, paths]): Section => ({ title, entries: paths.map(entry) }));
  const sections = others.length === 0 ? listed : [...listed, { title: "Beside the documents", entries: others }];
  for (const [path, rendered] of pages) {
    const address = addressOf(path);
    await write(`${folder}/${address}`, framed(rendered, { address, sections }));
  }
  for (const path of copies) await write(`${folder}/${addressOf(path)}`, await Deno.readFile(root + path));
  await Deno.copyFile(new URL(STYLE, import.meta.url), `${folder}/${STYLE}`);
  return pages.size;
}
