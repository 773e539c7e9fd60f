/** Markdown as HTML: headings that can be linked to as on GitHub, links as they are on the site. */
import GithubSlugger from "github-slugger";
import { Marked, Renderer, type Tokens } from "marked";
import { escapeHtml } from "./addresses.ts";

/** A heading of a page. */
export interface Heading {
  /** 1 for the title of the page. */
  readonly depth: number;
  /** What a link names behind `#`. */
  readonly id: string;
  readonly text: string;
}

/** A page without its frame. */
export interface Rendered {
  readonly title: string;
  readonly body: string;
  readonly headings: readonly Heading[];
}

/** Address of what a link of a document names. */
export type LinkTo = (href: string) => string;

/** A region that scrolls sideways where it is too wide, also by the keyboard. */
const SCROLLS = 'tabindex="0"';

/** Characters of the longest code that is kept in one line: names of options would be broken at their dashes. */
const UNBROKEN = 24;

/** Text that is kept as it is written. */
export function preformatted(text: string, className?: string): string {
  const attribute = className === undefined ? "" : ` class="${className}"`;
  return `<pre${attribute} ${SCROLLS}><code>${escapeHtml(text)}</code></pre>\n`;
}

/** What makes HTML of Markdown; texts given one after the other are parts of one page. */
export class MarkdownRenderer {
  /** The headings of all texts so far. */
  readonly headings: Heading[] = [];
  readonly #slugger = new GithubSlugger();
  readonly #marked: Marked;

  /** @param linkTo address of what a link or a picture names; it throws if that is not there */
  constructor(linkTo: LinkTo) {
    const headings = this.headings;
    const slugger = this.#slugger;
    this.#marked = new Marked({
      gfm: true,
      async: false,
      renderer: {
        heading({ tokens, depth }: Tokens.Heading): string {
          const text = this.parser.parseInline(tokens, this.parser.textRenderer);
          const id = slugger.slug(text);
          headings.push({ depth, id, text });
          const inner = this.parser.parseInline(tokens);
          const isLinked = depth > 1 && !inner.includes("<a ");
          return `<h${depth} id="${id}">${isLinked ? `<a href="#${id}">${inner}</a>` : inner}</h${depth}>\n`;
        },
        link({ href, tokens }: Tokens.Link): string {
          return `<a href="${escapeHtml(linkTo(href))}">${this.parser.parseInline(tokens)}</a>`;
        },
        image({ href, text }: Tokens.Image): string {
          return `<img src="${escapeHtml(linkTo(href))}" alt="${escapeHtml(text)}" loading="lazy">`;
        },
        html({ text }: Tokens.HTML | Tokens.Tag): string {
          return text.replace(/ (href|src)="([^"]*)"/g, (_, name, link) => ` ${name}="${escapeHtml(linkTo(link))}"`);
        },
        table(token: Tokens.Table): string {
          return `<div class="table" ${SCROLLS}>${Renderer.prototype.table.call(this, token)}</div>\n`;
        },
        codespan({ text }: Tokens.Codespan): string {
          const className = text.length <= UNBROKEN ? ' class="unbroken"' : "";
          return `<code${className}>${escapeHtml(text)}</code>`;
        },
        code({ text }: Tokens.Code): string {
          return preformatted(text);
        },
      },
    });
  }

  /** HTML of a text. */
  render(text: string): string {
    return this.#marked.parse(text) as string;
  }
}

/**
 * A document as a page.
 * @param text Markdown
 * @throws {Error} if a link names what is not there
 */
export function renderDocument(text: string, linkTo: LinkTo): Rendered {
  const renderer = new MarkdownRenderer(linkTo);
  const body = renderer.render(text);
  return { title: renderer.headings[0]?.text ?? "", body, headings: renderer.headings };
}
