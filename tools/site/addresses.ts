/** Which files of the repository become pages, and at which address of the site. */

/** What a file becomes: a page of its own kind, or a copy. */
export type Kind = "document" | "notebook" | "source" | "folder" | "copy";

/** Endings of files whose text is shown as it is. */
const SOURCES = /\.(ts|tsx|js|json|jsonl|css|html|sh|py|cff|csv|txt|yml|yaml)$|(^|\/)[^./]+$/;

/**
 * What a file becomes.
 * @param path relative to the repository; that of a folder ends with a slash
 */
export function kindOf(path: string): Kind {
  if (path.endsWith("/")) return "folder";
  if (path.endsWith(".md")) return "document";
  if (path.endsWith(".ipynb")) return "notebook";
  return SOURCES.test(path) ? "source" : "copy";
}

/**
 * Address of what a file becomes, relative to the site, without a slash in front. A README is the first page of its
 * folder, and no name begins with a dot, as some hosts leave such files out.
 * @param path as of `kindOf`
 */
export function addressOf(path: string): string {
  const shown = path.replace(/(^|\/)\./g, "$1");
  switch (kindOf(path)) {
    case "folder":
      return `${shown}index.html`;
    case "document":
      return shown.replace(/(^|\/)README\.md$/, "$1index.html").replace(/\.md$/, ".html");
    case "notebook":
      return shown.replace(/\.ipynb$/, ".html");
    case "source":
      return `${shown}.html`;
    case "copy":
      return shown;
  }
}

/** A link from one address of the site to another one, relative, so that the site may lie in any folder of a host. */
export function linkBetween(from: string, to: string): string {
  const [here, there] = [from.split("/").slice(0, -1), to.split("/")];
  const shared = here.findIndex((folder, k) => k === there.length - 1 || folder !== there[k]);
  const common = shared < 0 ? here.length : shared;
  return [...here.slice(common).map(() => ".."), ...there.slice(common)].join("/");
}

/** Text with the characters that mean something in HTML and its attributes written out. */
export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character]!);
}
