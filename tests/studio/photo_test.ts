import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { peakOfTabs } from "./memory.ts";
import { browserTest } from "./chromium.ts";
import { drop, openQuickModel, pictureFile, results, setSteps, SIDE, start, visit, workerOf } from "./visit.ts";

/** Pixels of the photo: twelve megapixels, as cameras and phones take them. */
const [WIDTH, HEIGHT] = [4096, 3072];

/** Milliseconds that a plan of it may take: all its steps are walked through on the host. */
const PATIENCE = 240_000;

/** Bytes of the photo as the engine takes it. */
const BYTES = 4 * 3 * WIDTH * HEIGHT;

/** How often the tab may hold it, besides what it has without: as pixels of the page, and as values of the engine. */
const MOST_COPIES = 8;

/** What is said of it: evaluations and time; size, windows and memory. */
const COST =
  /^2 evaluations, about [\d.]+ (?:s|min|h|days)\s+Result (\d+x\d+), seen in (\d+) windows of (\d+) pixels\. [\d.]+ [MG]B of device memory;/;

/** The photo as a JPEG, made by the browser. */
const PHOTO = `(async () => {
  const context = new OffscreenCanvas(${WIDTH}, ${HEIGHT}).getContext("2d");
  const gradient = context.createLinearGradient(0, 0, ${WIDTH}, ${HEIGHT});
  ["#204060", "#c0a080", "#306020"].forEach((colour, index) => gradient.addColorStop(index / 2, colour));
  context.fillStyle = gradient;
  context.fillRect(0, 0, ${WIDTH}, ${HEIGHT});
  const blob = await context.canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 });
  return (await blob.bytes()).toBase64();
})()`;

/** Writes the photo into a folder. */
async function writePhoto(page: Page, folder: string): Promise<string> {
  const path = `${folder}/photo.jpg`;
  await Deno.writeFile(path, Uint8Array.fromBase64(await page.evaluate(PHOTO) as string));
  return path;
}

browserTest(
  "a photo of twelve megapixels is planned in windows, nothing is begun, and its plan is given up",
  async (opened) => {
    const folder = await Deno.makeTempDir();
    try {
      const page = await opened.page();
      await visit(page, opened.port);
      await openQuickModel(page);
      await page.getByLabel("Colour a gray picture").check();
      await page.getByLabel("Method", { exact: true }).selectOption("ddnm");
      await setSteps(page, 2);
      await page.locator("summary", { hasText: /^Size/ }).click();
      await page.getByLabel("Size", { exact: true }).fill(String(WIDTH));
      const onDevices = (): Promise<number> => workerOf(page).evaluate("watched.bytes");
      const path = await writePhoto(page, folder);
      const [held, before] = [await onDevices(), await peakOfTabs(page)];
      await drop(page, path);
      await page.locator(".run").getByText(/of device memory|Cannot/).first().waitFor({ timeout: PATIENCE });
      const said = await page.locator(".run").innerText();
      const [, result, windows, side] = COST.exec(said) ?? [];
      assertEquals(result, `${WIDTH}x${HEIGHT}`, said);
      assert(Number(windows) * Number(side) ** 2 >= WIDTH * HEIGHT, said);
      assertEquals(await page.getByRole("button", { name: "Restore", exact: true }).isEnabled(), true);
      assertEquals(await page.getByRole("heading", { name: "Results" }).count(), 0);
      assert(await onDevices() < held + BYTES / 100, "nothing of it is on the device");
      const taken = await peakOfTabs(page) - before;
      assert(taken < MOST_COPIES * BYTES, `the tab took ${taken / 1e6} MB for it`);

      await setSteps(page, 3);
      await page.getByText("Reckoning").waitFor();
      await page.locator('input[aria-label="Another picture"]').setInputFiles(await pictureFile());
      await page.getByText("picture.png is open").waitFor({ state: "attached", timeout: PATIENCE });
      await page.getByText(`Result ${SIDE}x${SIDE}`).waitFor({ timeout: PATIENCE });
      await start(page);
      await results(page);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
  { what: "studio" },
);
