/** Notebooks as pages: texts, code, and what the code showed when it was run. */
import { escapeHtml } from "./addresses.ts";
import { type LinkTo, MarkdownRenderer, preformatted, type Rendered } from "./markdown.ts";

/** Text in a notebook: whole, or in lines. */
type Text = string | readonly string[];

/** What a cell showed; formats by media type. */
interface Output {
  readonly "output_type": string;
  readonly text?: Text;
  readonly data?: Readonly<Record<string, Text>>;
  readonly traceback?: readonly string[];
}

/** The part of a notebook file (nbformat 4) that is shown. */
interface Notebook {
  readonly cells: readonly {
    readonly "cell_type": string;
    readonly source: Text;
    readonly outputs?: readonly Output[];
  }[];
}

function joined(text: Text = ""): string {
  return typeof text === "string" ? text : text.join("");
}

/** Text without the codes that colour it in a terminal. */
function withoutColours(text: string): string {
  // deno-lint-ignore no-control-regex -- the codes begin with this character
  return text.replace(/\x1b\[[\d;]*m/g, "");
}

function renderOutput({ "output_type": type, text, data, traceback }: Output, renderer: MarkdownRenderer): string {
  const plain = withoutColours(joined(data?.["text/plain"]));
  if (data?.["image/png"] !== undefined) {
    const bytes = joined(data["image/png"]).replaceAll("\n", "");
    return `<img src="data:image/png;base64,${escapeHtml(bytes)}" alt="${escapeHtml(plain)}">\n`;
  }
  if (data?.["text/markdown"] !== undefined) return renderer.render(joined(data["text/markdown"]));
  const shown = type === "stream" ? joined(text) : type === "error" ? traceback?.join("\n") ?? "" : plain;
  return shown === "" ? "" : preformatted(withoutColours(shown), "output");
}

/**
 * A notebook as a page.
 * @param text the file
 * @throws {SyntaxError} if it is no JSON
 * @throws {Error} if a link names what is not there
 */
export function renderNotebook(text: string, linkTo: LinkTo): Rendered {
  const renderer = new MarkdownRenderer(linkTo);
  const { cells } = JSON.parse(text) as Notebook;
  const body = cells.map(({ "cell_type": type, source, outputs = [] }) =>
    type === "markdown"
      ? renderer.render(joined(source))
      : preformatted(joined(source)) + outputs.map((output) => renderOutput(output, renderer)).join("")
  ).join("");
  return { title: renderer.headings[0]?.text ?? "", body, headings: renderer.headings };
}
