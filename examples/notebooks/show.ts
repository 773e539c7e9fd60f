/** Pictures and tables in a notebook: what its kernel draws below a cell. */
import { type HostTensor, writePicture } from "@shortcut/shortcut";
import { makeSheet, type Raster } from "@shortcut/shortcut/raster";

/** Height of a picture below a cell, pixels; smaller ones are enlarged by repeating pixels. */
const HEIGHT = 128;

/** Milliseconds in which the kernel hands on what was drawn: what is still under way when a cell ends can be lost. */
const UNDER_WAY = 100;

/** Draws a bundle of formats, by media type. */
async function show(bundle: Readonly<Record<string, string>>): Promise<void> {
  await Deno.jupyter.display(bundle, { raw: true });
  await new Promise((resolve) => setTimeout(resolve, UNDER_WAY));
}

function rasterOf({ shape, data }: HostTensor): Raster {
  const [height = 0, width = 0, channels = 0] = shape.slice(-3);
  return { width, height, channels, data: Float32Array.from(data) };
}

/**
 * Pictures side by side, in the order of their names; these are the text of the picture.
 * @param named [H, W, C] or [1, H, W, C] with values in [-1, 1], C 1 or 3
 */
export async function pictures(named: Readonly<Record<string, HostTensor>>): Promise<void> {
  const sheet = makeSheet([Object.values(named).map(rasterOf)], HEIGHT);
  const file = await Deno.makeTempFile({ suffix: ".png" });
  try {
    await writePicture(file, {
      shape: [sheet.height, sheet.width, 3],
      dtype: "f32",
      data: Float32Array.from(sheet.data),
    });
    const png = await Deno.readFile(file);
    await show({ "image/png": png.toBase64(), "text/plain": Object.keys(named).join(", ") });
  } finally {
    await Deno.remove(file);
  }
}

/**
 * Rows as a table; the keys of the first are the head, and columns of numbers stand to the right.
 * @param rows each with the same keys
 */
export async function table(rows: readonly Readonly<Record<string, string | number>>[]): Promise<void> {
  const names = Object.keys(rows[0] ?? {});
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const rule = names.map((name) => typeof rows[0]![name] === "number" ? "---:" : "---");
  const text = [line(names), line(rule), ...rows.map((row) => line(names.map((name) => row[name] ?? "")))].join("\n");
  await show({ "text/markdown": text, "text/plain": text });
}
