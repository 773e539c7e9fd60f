/** The pictures of the report: a grid for each task; a click opens one large, with a slider between two of them. */
import { type Content, html, type Markup } from "../../report/mod.ts";
import { type Results } from "./cells.ts";
import { formatValue } from "./metrics.ts";
import { seedsOf } from "./seeds.ts";
import type { Store } from "./store.ts";

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
      pictures.set(name, `data:image/png;base64,${(await Deno.readFile(store.path(path))).toBase64()}`);
    }
    return name;
  };
  const { plan } = results;
  const sections: Markup[] = [];
  for (const [task, { label }] of limit === 0 ? [] : plan.tasks.entries()) {
    const cells = results.cells.filter((cell) => cell.task === task && cell.units.length > 0);
    const rows: Content[] = [];
    for (const [image, { name }] of plan.images.slice(0, limit).entries()) {
      const shown = cells.flatMap(({ method, units }) => {
        const found = units.find(({ unit }) => unit.image === image && unit.seed === seedsOf(plan.seeds, image)[0]);
        return found ? [{ method, found }] : [];
      });
      const [first] = shown;
      if (!first) continue;
      const truth = await put(`pictures/${first.found.record.truth}`);
      const before = await put(`pictures/${first.found.record.before}`);
      const figures: Content[] = [
        figure(truth, "original", { truth, before }),
        figure(before, "A⁺y", { truth, before }),
      ];
      for (const { method, found: { record, metrics } } of shown) {
        const { psnr } = metrics;
        const note = psnr === undefined ? "" : ` ${formatValue(psnr, "psnr")}`;
        const picture = await put(`units/${record.id}.png`);
        figures.push(figure(picture, `${plan.methods[method]?.label}`, { truth, before, note }));
      }
      rows.push(html`
        <h4>${name}</h4>
        <div class="row">${figures}</div>
      `);
    }
    if (rows.length > 0) {
      sections.push(html`<details${
        task === 0
          ? html`
            open
          `
          : undefined
      }><summary>${label}</summary>${rows}</details>`);
    }
  }
  const all = plan.images.length;
  const note = all > limit ? ` The first ${limit} of ${all} pictures are shown; --report-images N sets how many.` : "";
  return {
    markup: sections.length === 0 ? undefined : html`
      <section
        id="pictures"><h2>Pictures</h2><p>A click opens a picture beside another, with a slider.${note}</p>${sections}</section>
    `,
    pictures: Object.fromEntries(pictures),
  };
}

function figure(
  picture: string,
  caption: string,
  { truth, before, note = "" }: { readonly truth: string; readonly before: string; readonly note?: string },
): Markup {
  return html`<figure><button type="button" data-picture="${picture}" data-truth="${truth}" data-before="${before}" data-caption="${caption}${note}"><img data-source="${picture}" alt="${caption}"></button><figcaption>${caption}<b>${note}</b></figcaption></figure>`;
}
