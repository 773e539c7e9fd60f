import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { decodePng } from "../../io/codecs/png_file.ts";
import type { Samples } from "../../raster/mod.ts";
import { casePath } from "../io/cases.ts";
import { browserTest, INSECURE_HOST } from "./chromium.ts";
import {
  bringPicture,
  drop,
  loseDevice,
  openQuickModel,
  results,
  SAMPLES,
  saved,
  setSteps,
  SIDE,
  start,
  visit,
  workerOf,
} from "./visit.ts";

/** Milliseconds that a plan may take. */
const PATIENCE = 120_000;

/** Diameter of the brush at first, in pixels of the picture. */
const BRUSH = SIDE / 16;

/** Where a stroke begins and ends, in pixels of the picture. */
interface Stroke {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
}

/** Puts points of the picture, which is fitted into its canvas, where they are on the page. */
async function onPage(
  page: Page,
): Promise<(point: readonly [number, number]) => { readonly x: number; readonly y: number }> {
  const { x, y, width, height } = (await page.locator(".picture canvas").boundingBox())!;
  const scale = Math.min(width, height) / SIDE;
  return ([px, py]) => ({ x: x + width / 2 + (px - SIDE / 2) * scale, y: y + height / 2 + (py - SIDE / 2) * scale });
}

async function drawByMouse(page: Page, { from, to }: Stroke): Promise<void> {
  const place = await onPage(page);
  const [first, last] = [place(from), place(to)];
  await page.mouse.move(first.x, first.y);
  await page.mouse.down();
  await page.mouse.move(last.x, last.y, { steps: 5 });
  await page.mouse.up();
}

async function drawByTouch(page: Page, { from, to }: Stroke): Promise<void> {
  const place = await onPage(page);
  const session = await page.context().newCDPSession(page);
  const touch = async (
    type: "touchStart" | "touchMove" | "touchEnd",
    touchPoints: { x: number; y: number }[],
  ): Promise<void> => {
    await session.send("Input.dispatchTouchEvent", { type, touchPoints });
  };
  await touch("touchStart", [place(from)]);
  for (const part of [0.25, 0.5, 0.75, 1]) {
    await touch("touchMove", [place([from[0] + part * (to[0] - from[0]), from[1] + part * (to[1] - from[1])])]);
  }
  await touch("touchEnd", []);
  await session.detach();
}

/** Part of the picture that the page says is missing, in percent. */
async function missing(page: Page): Promise<number> {
  return parseFloat((await page.getByText(/% missing$/).textContent())!);
}

/** Distance of a pixel's middle from a stroke. */
function distance({ from: [x0, y0], to: [x1, y1] }: Stroke, pixel: number): number {
  const [px, py] = [pixel % SIDE + 0.5 - x0, Math.floor(pixel / SIDE) + 0.5 - y0];
  const [dx, dy] = [x1 - x0, y1 - y0];
  const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy)));
  return Math.hypot(px - along * dx, py - along * dy);
}

/** Levels by which a pixel differs most. */
function difference(a: Samples, b: Samples, pixel: number): number {
  return Math.max(...[0, 1, 2].map((c) => Math.abs(a[3 * pixel + c]! - b[3 * pixel + c]!)));
}

const BY_MOUSE: Stroke = { from: [12, 20], to: [40, 20] };
const BY_TOUCH: Stroke = { from: [20, 40], to: [50, 48] };

browserTest(
  "what is painted by mouse and finger is filled, what is not stays, and strokes are undone",
  async (opened) => {
    const page = await opened.page({ hasTouch: true, viewport: { width: 1000, height: 800 } });
    await visit(page, opened.port);
    await openQuickModel(page);
    await bringPicture(page, { isGood: false });
    await page.getByLabel(/^Fill/).first().check();
    await page.getByLabel("Method", { exact: true }).selectOption("ddnm");
    await setSteps(page, 3);
    await page.getByRole("button", { name: "Brush" }).click();
    assertEquals(await missing(page), 0);
    await drawByMouse(page, BY_MOUSE);
    const one = await missing(page);
    assert(one > 2 && one < 5, `${one} % of the picture`);
    await drawByTouch(page, BY_TOUCH);
    const two = await missing(page);
    assert(two > one + 2, `${two} % of the picture`);
    await page.getByRole("button", { name: "Undo" }).click();
    assertEquals(await missing(page), one);
    await drawByTouch(page, BY_TOUCH);
    assertEquals(await missing(page), two);
    await start(page);
    await results(page);
    const png = await saved(page, () => page.getByRole("button", { name: /^Save PNG/ }).first().click());
    const { image: restored } = await decodePng(png, 1e6);
    assertEquals([restored.width, restored.height, restored.channels], [SIDE, SIDE, 3]);
    let [changed, inside, most] = [0, 0, 0];
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const away = Math.min(distance(BY_MOUSE, pixel), distance(BY_TOUCH, pixel));
      const levels = difference(restored.samples, SAMPLES, pixel);
      if (away > BRUSH / 2 + 1) most = Math.max(most, levels);
      if (away > BRUSH / 2 - 1) continue;
      inside++;
      if (levels > 0) changed++;
    }
    assertEquals(most, 0, "levels by which a pixel has changed that was not painted");
    assert(inside > 80 && changed > 0.9 * inside, `${changed} of ${inside} painted pixels have changed`);
  },
  { what: "studio" },
);

browserTest(
  "a device that is lost is said, opened anew, and restores",
  async (opened) => {
    const page = await opened.page();
    await visit(page, opened.port);
    await openQuickModel(page);
    await bringPicture(page, { isGood: true });
    await page.getByLabel("Method", { exact: true }).selectOption("ddrm");
    await setSteps(page, 2);
    await page.getByText(/^\d+ evaluations?/).waitFor({ timeout: 120_000 });
    // One by one also those with which the engine asks for features.
    const opens = (): Promise<number> => workerOf(page).evaluate("watched.devices.length");
    const before = await opens();
    await loseDevice(page);
    await start(page);
    const alert = page.getByRole("alert");
    await alert.getByText("The graphics device was lost").waitFor({ timeout: 120_000 });
    await alert.getByRole("button", { name: "Try again" }).click();
    await results(page);
    assert(await opens() > before);
  },
  { what: "studio" },
);

browserTest(
  "what is wrong with a JPEG file is found out and set, and its own tables are what is undone",
  async (opened) => {
    const page = await opened.page();
    await visit(page, opened.port);
    await openQuickModel(page);
    // What is planned meanwhile is small.
    await page.getByLabel(/^Clean a noisy/).check();
    await drop(page, casePath("common/good64-q15.jpg"));
    await page.getByText("good64-q15.jpg is open").waitFor({ state: "attached" });
    await page.getByRole("button", { name: "Find out" }).click();
    await page.getByText("Found: the file is a JPEG of quality 15", { exact: true }).waitFor({ timeout: PATIENCE });
    assertEquals(await page.getByRole("combobox", { name: "Repair" }).inputValue(), "jpeg");
    assertEquals(await page.getByLabel("Quality", { exact: true }).inputValue(), "");
    await page.getByText(/^\d+ evaluations?/).waitFor({ timeout: PATIENCE });
    await page.getByText("Command line", { exact: true }).click();
    await page.getByText("deno task restore good64-q15.jpg --task jpeg").waitFor();
    await page.getByLabel("Degrade").check();
    assertEquals(
      await page.getByRole("button", { name: "Find out" }).count(),
      0,
      "nothing is wrong with a good picture",
    );
  },
  { what: "studio" },
);

browserTest("a photograph that comes with the page is damaged first, and the command names it", async (opened) => {
  const page = await opened.page();
  await visit(page, opened.port);
  await openQuickModel(page);
  await page.getByRole("button", { name: "Use a photograph" }).click();
  await page.getByText("photograph.png is open, 256 by 256 pixels").waitFor({ state: "attached" });
  assertEquals(await page.getByLabel("Degrade").isChecked(), true);
  await page.getByText("Command line", { exact: true }).click({ timeout: PATIENCE });
  await page.getByText(/^deno task restore --example photograph --task \S+ --model /).waitFor();
}, { what: "studio" });

browserTest("an address that is not secure is told apart from a browser without WebGPU", async (opened) => {
  const page = await opened.page();
  await page.goto(`http://${INSECURE_HOST}:${opened.port}/`);
  await page.getByRole("alert").getByText("This address is not secure").waitFor();
  await page.getByText("deno task restore PICTURE").waitFor();
}, { what: "studio" });

browserTest("a browser without WebGPU is told, with the command that does the same", async (opened) => {
  const page = await opened.page();
  await page.goto(`http://localhost:${opened.port}/`);
  await page.getByRole("alert").getByText(/This browser has no WebGPU|finds no graphics card/).waitFor();
  await page.getByText("deno task restore PICTURE").waitFor();
}, { what: "studio", hasGpu: false });
