/** What somebody does on the page, for tests in the browser. */
import { type Download, type Page, type Worker } from "playwright-core";
import { quickModel } from "../cli/random_model.ts";

/** Milliseconds that the software driver may take for what it compiles anew. */
const PATIENCE = 120_000;

/** The sample picture as a file. */
export const SAMPLE = new URL("../../models/default/sample.png", import.meta.url).pathname;

/** Opens the page and waits until its network is open. */
export async function visit(page: Page, port: number): Promise<void> {
  await page.goto(`http://localhost:${port}/`);
  await page.getByText("Network", { exact: true }).waitFor({ timeout: PATIENCE });
}

/** Opens a network of one level with random weights, which takes a part of the time of the prior. */
export async function openQuickModel(page: Page): Promise<void> {
  await page.locator('input[aria-label="Open a checkpoint"]').setInputFiles(await quickModel());
  await page.getByText("quick.safetensors (").waitFor({ timeout: PATIENCE });
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
