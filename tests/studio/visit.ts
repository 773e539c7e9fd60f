/** What somebody does on the page, for tests in the browser. */
import { Buffer } from "node:buffer";
import type { Download, Page, Worker } from "playwright-core";
import { encodePng } from "../../studio/engine/png.ts";
import { quickModel } from "../cli/random_model.ts";

/** Milliseconds that the software driver may take for what it compiles anew. */
const PATIENCE = 120_000;

/** Side of the picture that tests bring, that of the network's training: of larger ones the software driver takes long. */
export const SIDE = 64;

/** Red, green and blue of the pixels of a square picture, in steps that differ. */
function samplesOf(side: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(
    { length: 3 * side * side },
    (_, index) => 40 + (index % 3) * 50 + Math.floor(index / 3) % side + Math.floor(index / 3 / side) % 32,
  );
}

/** Red, green and blue of the pixels of the picture that tests bring. */
export const SAMPLES: Uint8Array<ArrayBuffer> = samplesOf(SIDE);

/** A square picture as a file. */
export async function pictureFile(
  side = SIDE,
): Promise<{ readonly name: string; readonly mimeType: string; readonly buffer: Buffer }> {
  const image = { width: side, height: side, channels: 3, bitDepth: 8, samples: samplesOf(side) } as const;
  return { name: "picture.png", mimeType: "image/png", buffer: Buffer.from(await encodePng(image, {})) };
}

/** Opens the page and waits until its network is open. */
export async function visit(page: Page, port: number): Promise<void> {
  await page.goto(`http://localhost:${port}/`);
  await page.getByText("Network", { exact: true }).waitFor({ timeout: PATIENCE });
}

/** Opens a checkpoint. */
export async function openCheckpoint(page: Page, path: string): Promise<void> {
  await page.locator('input[aria-label="Open a checkpoint"]').setInputFiles(path);
  await page.getByText(`${path.slice(path.lastIndexOf("/") + 1)} (`).waitFor({ timeout: PATIENCE });
}

/** Opens a network of one level with random weights, which takes a part of the time of the prior. */
export async function openQuickModel(page: Page): Promise<void> {
  await openCheckpoint(page, await quickModel());
}

/** Brings the first picture, and says whether it is a good one. */
export async function bringPicture(
  page: Page,
  { isGood, side = SIDE }: { readonly isGood: boolean; readonly side?: number },
): Promise<void> {
  await page.locator('input[aria-label="Choose a picture"]').setInputFiles(await pictureFile(side));
  await page.getByText("picture.png is open").waitFor({ state: "attached" });
  await page.getByLabel("Degrade").setChecked(isGood);
}

/** Drops a file or folder of the disk on the page. */
export async function drop(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }
}

/** Takes the sample picture, and says whether it is a good one. */
export async function takeSample(page: Page, { isGood }: { readonly isGood: boolean }): Promise<void> {
  await page.getByRole("button", { name: "Use the sample" }).click();
  await page.getByLabel("Degrade").setChecked(isGood);
}

/** Sets the number of steps of the method. */
export async function setSteps(page: Page, steps: number): Promise<void> {
  const field = page.getByLabel("Steps", { exact: true });
  if (!await field.isVisible()) await page.getByText(/^Parameters of/).click();
  await field.fill(String(steps));
}

/** Presses the button that starts, when it is known what that takes. */
export async function start(page: Page): Promise<void> {
  await page.getByText(/^\d+ evaluations?/).waitFor({ timeout: PATIENCE });
  await page.getByRole("button", { name: "Restore", exact: true }).click();
}

/** Waits until something came out. */
export async function results(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Results" }).waitFor({ timeout: PATIENCE });
}

/** The bytes of a file that the page saves when something is done. */
export async function saved(page: Page, act: () => Promise<void>): Promise<Uint8Array<ArrayBuffer>> {
  const [download] = await Promise.all([page.waitForEvent("download") as Promise<Download>, act()]);
  return await Deno.readFile(await download.path());
}

/** The worker of the page, which `watched_devices.ts` looks into. */
export function workerOf(page: Page): Worker {
  return page.workers()[0]!;
}

/** Takes the worker's device away, as a driver does that crashes. */
export async function loseDevice(page: Page): Promise<void> {
  await workerOf(page).evaluate("watched.devices.at(-1).destroy()");
}
