/** Parts that pages repeat: sections, notes and tables. */
import { type Content, html, type Markup } from "../../report/mod.ts";

/** A part of the page with a heading. */
export function section(title: string, ...content: readonly Content[]): Markup {
  return html`<section><h2>${title}</h2>${content}</section>`;
}

/** A paragraph that stands back. */
export function note(...text: readonly string[]): Markup {
  return html`<p class="soft">${text}</p>`;
}

/** A table that is moved sideways where it is wider than the page. */
export function table(head: Content, rows: Content): Markup {
  return html`
    <div class="scroll">
      <table>
        <thead>${head}</thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}

/** The heading of a table of one line. */
export function headRow(names: readonly string[]): Markup {
  return html`<tr>${names.map((name) => html`<th scope="col">${name}</th>`)}</tr>`;
}

/** A line of a table. */
export function row(head: Content, cells: readonly Content[]): Markup {
  return html`<tr><th scope="row">${head}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
}

/** A part that is folded until it is asked for. */
export function details(summary: string, content: Content, isOpen = false): Markup {
  return html`<details${isOpen ? " open" : ""}><summary>${summary}</summary>${content}</details>`;
}
