/** Markup with its values escaped. */

/** Markup that is put in as it is. */
export class Markup {
  /** Takes HTML. */
  constructor(readonly text: string) {}
}

/** What a template takes: texts are escaped, markup is not, lists are joined, undefined is nothing. */
export type Content = string | number | Markup | undefined | readonly Content[];

/** Markup from a template. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((part, index) => index === 0 ? part : textOf(values[index - 1]) + part).join(""));
}

function textOf(value: Content): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  if (typeof value === "object") return value.map(textOf).join("");
  return escapeText(String(value));
}

const NAMES: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };

/** Text for HTML, in elements and attributes. */
export function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&${NAMES[sign]};`);
}
