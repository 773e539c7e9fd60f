/** The pictures of an evaluation on its page: a row for each picture and seed, from the measurement to the truth. */
import { escapeText } from "../html.ts";
import type { Store } from "./store.ts";
import type { Row, Tables } from "./tables.ts";

/**
 * A grid for each task, pictures inside the page.
 * @param most rows of a task at most
 */
export async function pictureGrid(store: Store, { evaluation, rows }: Tables, most: number): Promise<string> {
  const grids: string[] = [];
  for (const { name } of evaluation.tasks) {
    const own = rows.filter(({ task }) => task === name);
    const methods = evaluation.methods.filter((method) => own.some((row) => row.method === method.name));
    const cases = [...Map.groupBy(own, (row) => row.case)].slice(0, most);
    if (cases.length === 0) continue;
    const lines: string[] = [];
    for (const [hash, results] of cases) {
      const { image, seed } = results[0]!;
      const label = `${image}${evaluation.seeds.length > 1 ? `, seed ${seed}` : ""}`;
      const cells = [
        await cell(store.casePath(hash, "measurement"), "measurement"),
        ...await Promise.all(
          methods.map((method) => {
            const row = results.find((row) => row.method === method.name);
            return row ? cell(store.picturePath(row.hash), method.name, captionOf(row)) : "<td>–</td>";
          }),
        ),
        await cell(store.casePath(hash, "truth"), "original"),
      ];
      lines.push(`<tr data-case="${escapeText(label)}"><th>${escapeText(label)}</th>${cells.join("")}</tr>`);
    }
    const heads = ["measurement", ...methods.map((method) => method.name), "original"];
    grids.push(
      `<h3>${escapeText(name)}</h3><div class="scroll"><table class="pictures"><thead><tr><th></th>${
        heads.map((head) => `<th>${escapeText(head)}</th>`).join("")
      }</tr></thead><tbody>${lines.join("\n")}</tbody></table></div>`,
    );
  }
  return grids.join("\n");
}

function captionOf({ metrics: { psnr, ssim } }: Row): string {
  const closeness = psnr === "infinite" ? "exact" : `${psnr.toFixed(2)} dB`;
  return ssim === null ? closeness : `${closeness}, ${ssim.toFixed(3)}`;
}

async function cell(path: string, name: string, caption = ""): Promise<string> {
  const bytes = await Deno.readFile(path);
  const source = `data:image/png;base64,${bytes.toBase64()}`;
  return `<td><button type="button" data-name="${escapeText(name)}"><img loading="lazy" alt="${escapeText(name)}" ` +
    `src="${source}"></button><small>${escapeText(caption)}</small></td>`;
}
