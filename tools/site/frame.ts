/** What stands round every page: head, contents, and the pages before and after it. */
import { escapeHtml, linkBetween } from "./addresses.ts";
import type { Rendered } from "./markdown.ts";

/** Where the style of all pages is. */
export const STYLE = "style.css";

/** A line of the contents. */
export interface Entry {
  readonly title: string;
  readonly address: string;
}

/** Lines of the contents under one heading. */
export interface Section {
  readonly title: string;
  readonly entries: readonly Entry[];
}

/** Nothing but what the site holds, and pictures inside of pages; no scripts. */
const POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'";

/** The headings of a page below its own line; a page with links to them in its text needs none. */
function headingList({ headings, body }: Rendered): string {
  const parts = headings.filter(({ depth }) => depth === 2);
  const own = body.match(/<li><a href="#/g)?.length ?? 0;
  if (parts.length < 3 || own >= parts.length) return "";
  const rows = parts.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`);
  return `<ul>${rows.join("")}</ul>`;
}

/**
 * A whole page.
 * @param rendered what it shows
 * @param place its address and the contents of the site
 */
export function framed(
  rendered: Rendered,
  { address, sections }: { readonly address: string; readonly sections: readonly Section[] },
): string {
  const to = (target: string): string => escapeHtml(linkBetween(address, target));
  const entries = sections.flatMap((section) => section.entries);
  const at = entries.findIndex((entry) => entry.address === address);
  const turn = (entry: Entry | undefined, label: string): string =>
    entry ? `<a href="${to(entry.address)}">${label}: ${escapeHtml(entry.title)}</a>` : "";
  const line = (entry: Entry): string => {
    const isHere = entry.address === address;
    const current = isHere ? ' aria-current="page"' : "";
    const list = isHere ? headingList(rendered) : "";
    return `<li><a href="${to(entry.address)}"${current}>${escapeHtml(entry.title)}</a>${list}</li>`;
  };
  const contents = sections.map(({ title, entries }) =>
    `<h2>${escapeHtml(title)}</h2>\n<ul>\n${entries.map(line).join("\n")}\n</ul>`
  );
  const title = address === "index.html" ? rendered.title : `${rendered.title} - Shortcut`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="content-security-policy" content="${POLICY}">
<meta name="referrer" content="no-referrer">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${to(STYLE)}">
</head>
<body>
<a class="skip" href="#text">To the text</a>
<header>
<a class="name" href="${to("index.html")}">Shortcut</a>
<span class="about">diffusion models restore pictures, on WebGPU</span>
<a class="to-contents" href="#contents">Contents</a>
</header>
<div class="page">
<main id="text">
<article>
${rendered.body}
<div class="turn">${at < 0 ? "" : turn(entries[at - 1], "Before") + turn(entries[at + 1], "Next")}</div>
</article>
</main>
<nav id="contents" aria-label="Contents">
${contents.join("\n")}
</nav>
</div>
</body>
</html>
`;
}
