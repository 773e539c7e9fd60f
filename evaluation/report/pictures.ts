/** The pictures of the report: a grid for each task; a click opens one large, with a slider between two of them. */
import { type Content, html, type Markup } from "../../report/mod.ts";
import type { Results } from "../cells.ts";
import { formatValue } from "../metrics.ts";
import { type Store, UNIT_FILES } from "../store.ts";
import { details, section } from "./parts.ts";

/** The grids, and the pictures they show as data URIs by name. */
export interface Gallery {
  readonly markup: Markup | undefined;
  readonly pictures: Readonly<Record<string, string>>;
}

/**
 * Reads the pictures of the first images, with the first seed.
 * @param limit images for each task at most
 */
export async function makeGallery(store: Store, results: Results, limit: number): Promise<Gallery> {
  const pictures = new Map<string, string>();
  const put = async (path: string): Promise<string> => {
    const name = path.replace(/^.*\//, "").replace(/\.png$/, "").slice(0, 20);
    if (!pictures.has(name)) {
      const bytes = await store.read(path);
      if (!bytes) throw new RangeError(`Cannot show "${path}" in the report: it is not among the results; merge again`);
      pictures.set(name, `data:image/png;base64,${bytes.toBase64()}`);
    }
    return name;
  };
  const { plan } = results;
  const sections: Markup[] = [];
  for (const [task, { label }] of limit === 0 ? [] : plan.tasks.entries()) {
    const rows: Content[] = [];
    for (const [image, { name }] of plan.images.slice(0, limit).entries()) {
      const shown = results.cells.filter((cell) => cell.task === task).flatMap((cell) => {
        const found = cell.shown.get(image);
        return found ? [{ label: plan.methods[cell.method]?.label ?? "", ...found }] : [];
      });
      const [first] = shown;
      if (!first) continue;
      const truth = await put(UNIT_FILES.shown(first.truth));
      const before = await put(UNIT_FILES.shown(first.before));
      const figure = (picture: string, caption: string, note = ""): Markup =>
        html`<figure><button type="button" data-picture="${picture}" data-truth="${truth}" data-before="${before}" data-caption="${caption}${note}"><img data-source="${picture}" alt="${caption}"></button><figcaption>${caption}<b>${note}</b></figcaption></figure>`;
      const figures = [figure(truth, "original"), figure(before, "A⁺y")];
      for (const { label, id, psnr } of shown) {
        const note = psnr === undefined ? "" : ` ${formatValue(psnr, "psnr")}`;
        figures.push(figure(await put(UNIT_FILES.picture(id)), label, note));
      }
      rows.push(html`
        <h4>${name}</h4>
        <div class="row">${figures}</div>
      `);
    }
    if (rows.length > 0) sections.push(details(label, rows, task === 0));
  }
  const all = plan.images.length;
  const note = all > limit ? ` The first ${limit} of ${all} pictures are shown; --report-images N sets how many.` : "";
  const help = html`<p>A click opens a picture beside another, with a slider.${note}</p>`;
  return {
    markup: sections.length === 0 ? undefined : section("Pictures", help, sections),
    pictures: Object.fromEntries(pictures),
  };
}
