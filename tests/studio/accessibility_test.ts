import { assertEquals } from "@std/assert";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { BY_CLASS, quickModel, randomModel } from "../cli/random_model.ts";
import { browserTest } from "./chromium.ts";
import { SEEDS } from "./scripted_seeds.ts";
import { pageTest, ready } from "./served_page.ts";
import { openQuickModel, results, takeSample, visit } from "./visit.ts";

/** WCAG 2.1, levels A and AA. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

/** Sizes of the window: a desk and a phone. */
const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const;

/** What the rules find on a state of the page, light and dark, wide and narrow. */
async function check(page: Page, state: string): Promise<void> {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"] as const) {
      // Colours on their way from one scheme to the other are of neither.
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const found = await page.evaluate(
        `axe.run({ runOnly: ${JSON.stringify(RULES)} }).then(({ violations }) =>
          violations.map(({ id, nodes }) => id + ": " + nodes.map(({ target, failureSummary }) => target + " " + failureSummary).join("; ")))`,
      ) as string[];
      assertEquals(found, [], `${state}, ${size}, ${colorScheme}`);
    }
    const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
    assertEquals(isWider, false, `${state}, ${size}: the page is wider than its window`);
  }
  await page.setViewportSize(SIZES.desk);
}

/** Restores with a seed, which says what becomes of it. */
async function restore(page: Page, seed: number): Promise<void> {
  await page.getByLabel("Seed").fill(String(seed));
  await page.getByRole("button", { name: "Restore", exact: true }).click();
}

/** Opens a window over the page, judges it, and closes it. */
async function checkWindow(page: Page, button: string, shown: string): Promise<void> {
  await page.getByRole("button", { name: button }).click();
  await page.getByText(shown).first().waitFor();
  await check(page, button);
  await page.getByRole("button", { name: "Close" }).click();
}

browserTest(
  "no rule of WCAG 2.1 AA is broken in any state of the page, light and dark, wide and narrow",
  async (opened) => {
    const page = await opened.page({ viewport: SIZES.desk });
    await visit(page, opened.port);
    await page.evaluate(axe.source);
    await check(page, "first screen");
    await takeSample(page, { isGood: false });
    await page.getByLabel(/^Fill/).first().check();
    await check(page, "painting");
    await page.getByRole("button", { name: "Find out" }).click();
    await page.getByText("Perhaps: it is gray (30 % sure)").waitFor();
    await check(page, "diagnosed");
    await page.getByLabel(/^Sharpen/).first().check();
    for (const summary of await page.locator("summary").all()) await summary.click();
    await page.getByLabel("Samples").fill("-1");
    await check(page, "all settings, one of them wrong");
    await page.getByLabel("Samples").fill("2");
    await restore(page, SEEDS.endless);
    await page.getByText(/^Step \d+ of/).waitFor();
    await check(page, "running");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Restore", exact: true }).waitFor();
    await restore(page, SEEDS.lost);
    await page.getByRole("alert").waitFor();
    await check(page, "device lost");
    await restore(page, SEEDS.memory);
    await page.getByText("There is too little memory").waitFor();
    await check(page, "too little memory");
    await restore(page, 0);
    await results(page);
    await check(page, "results");
    await checkWindow(page, "Where the time goes", "By stage");
    await checkWindow(page, "Is this adapter right?", "computes 1 wrongly");
  },
  { what: "scripted" },
);

browserTest("no rule of WCAG 2.1 AA is broken where there is no WebGPU", async (opened) => {
  const page = await opened.page({ viewport: SIZES.desk });
  await page.goto(`http://localhost:${opened.port}/`);
  await page.getByRole("alert").waitFor();
  await page.evaluate(axe.source);
  await check(page, "no WebGPU");
}, { what: "studio", hasGpu: false });

pageTest(
  "no rule of WCAG 2.1 AA is broken in the window of models, with one to fetch, one that is kept, and one to keep",
  async (folder) => {
    const write = (name: string, bytes: Uint8Array): string => {
      Deno.writeFileSync(`${folder}/${name}`, bytes);
      return `${folder}/${name}`;
    };
    return [await quickModel(), await randomModel({ write }, "classes.safetensors", BY_CLASS)];
  },
  async ({ context, address }) => {
    const page = await context.newPage();
    await page.goto(address);
    await ready(page);
    await openQuickModel(page);
    await page.evaluate(axe.source);
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByRole("button", { name: /^Download .*classes/ }).click();
    for (const name of [/^Remove: classes/, /^Use: classes/, /^Download .*quick/, /^Keep for the next visit/]) {
      await page.getByRole("button", { name }).waitFor();
    }
    await page.getByText(/^Published elsewhere/).click();
    await check(page, "models");
  },
);
