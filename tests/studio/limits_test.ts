// deno-lint-ignore-file camelcase -- constructor keywords keep their published spelling
import type { Page } from "playwright-core";
import { BY_CLASS, randomModel } from "../cli/random_model.ts";
import { type Folder, withFolder } from "../cli/run_command.ts";
import { browserTest, type Opened } from "./chromium.ts";
import {
  bringPicture,
  loseDevice,
  openCheckpoint,
  openQuickModel,
  results,
  setSteps,
  start,
  visit,
  workerOf,
} from "./visit.ts";

/** The limits that every device of WebGPU has. */
const LEAST = { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 } as const;

/** Sides of a picture and of the result, of which a layer of the network exceeds the largest buffer of these limits. */
const LARGE = { picture: 384, result: 1536 } as const;

const { num_classes: _, ...WITHOUT_CLASSES } = BY_CLASS;

/** Bytes of memory behind what a small network takes: less than the largest layer of a picture of tests needs. */
const LEFT = 3_000_000;

/**
 * Leaves so many bytes of memory to the worker's devices: a buffer beyond them is invalid, and the device reports that it
 * is out of memory, as drivers do.
 */
const LEAVE = (bytes: number): string =>
  `(() => {
  const { createBuffer } = GPUDevice.prototype;
  const most = watched.bytes + ${bytes};
  GPUDevice.prototype.createBuffer = function (descriptor) {
    if (watched.bytes + descriptor.size <= most) return createBuffer.call(this, descriptor);
    this.pushErrorScope("validation");
    const buffer = createBuffer.call(this, { ...descriptor, usage: 0 });
    void this.popErrorScope();
    const error = new GPUOutOfMemoryError("no memory for " + descriptor.size + " bytes");
    this.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error }));
    return buffer;
  };
})()`;

/** Opens a network for small pictures, of which the file stays: a device that is opened anew reads it again. */
async function openTinyModel(page: Page, folder: Folder): Promise<void> {
  const schedule = { noise_schedule: "linear", diffusion_steps: 1000, value_range: [-1, 1] };
  const description = { ...WITHOUT_CLASSES, ...schedule };
  await openCheckpoint(page, await randomModel(folder, "tiny.safetensors", description));
}

/** Waits until the page says what went wrong, and what to do. */
async function trouble(page: Page, ...texts: readonly (string | RegExp)[]): Promise<void> {
  for (const text of texts) await page.getByRole("alert").getByText(text).waitFor({ timeout: 120_000 });
}

async function tryAgain(page: Page): Promise<void> {
  await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
}

/** Sets one of the controls of size. */
async function setSize(page: Page, control: "Size" | "Window", value: string): Promise<void> {
  const field = page.getByLabel(control, { exact: true });
  if (!await field.isVisible()) await page.locator("summary", { hasText: /^Size/ }).click();
  await field.fill(value);
}

browserTest(
  "what exceeds the limits of a device is refused with what to do, and something smaller is restored",
  async (opened) => {
    const page = await opened.page();
    await visit(page, opened.port);
    await openQuickModel(page);
    await bringPicture(page, { isGood: false, side: LARGE.picture });
    await page.getByLabel("Method", { exact: true }).selectOption("ddnm");
    await setSteps(page, 1);
    await setSize(page, "Window", String(LARGE.result));
    await page.getByText(`Result ${LARGE.result}x${LARGE.result}`).waitFor({ timeout: 120_000 });
    await workerOf(page).evaluate(`watched.limits = ${JSON.stringify(LEAST)}`);
    await loseDevice(page);
    await start(page);
    await trouble(page, "The graphics device was lost");
    await tryAgain(page);
    await trouble(page, "There is too little memory", "A smaller size needs less.", `${LEAST.maxBufferSize}`);
    await setSize(page, "Window", "");
    await setSize(page, "Size", "64");
    await start(page);
    await results(page);
  },
  { what: "studio" },
);

/** A page with a tiny network and a good picture, which DDNM restores. */
async function preparedPage(opened: Opened, folder: Folder): Promise<Page> {
  const page = await opened.page();
  await visit(page, opened.port);
  await openTinyModel(page, folder);
  await bringPicture(page, { isGood: true });
  await page.getByLabel("Method", { exact: true }).selectOption("ddnm");
  return page;
}

browserTest(
  "a device that is lost in the middle of a run is told, and the run can be repeated",
  (opened) =>
    withFolder(async (folder) => {
      const page = await preparedPage(opened, folder);
      await setSteps(page, 50);
      await start(page);
      await page.getByText(/^Step [2-9] of/).waitFor({ timeout: 120_000 });
      await loseDevice(page);
      await trouble(page, "The graphics device was lost");
      await setSteps(page, 2);
      await tryAgain(page);
      await results(page);
    }),
  { what: "studio" },
);

browserTest(
  "memory that becomes full in a run is told with what to do",
  (opened) =>
    withFolder(async (folder) => {
      const page = await preparedPage(opened, folder);
      await setSteps(page, 2);
      await page.getByText(/of device memory/).waitFor({ timeout: 120_000 });
      await workerOf(page).evaluate(LEAVE(LEFT));
      await start(page);
      await trouble(page, "There is too little memory", "its memory is full", "A smaller size needs less.");
    }),
  { what: "studio" },
);
