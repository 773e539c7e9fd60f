import { assert, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { pngTexts } from "../../io/codecs/png_file.ts";
import { PARAMETERS_KEYWORD } from "../../restoration/mod.ts";
import { browserTest } from "./chromium.ts";
import { openQuickModel, pictureFile, results, saved, visit } from "./visit.ts";

/** Most presses of the tab key until something must have the focus. */
const MOST_TABS = 120;

/** Presses the tab key until the element with the focus is called by a name. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let press = 0; press < MOST_TABS; press++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(
      "(({ ariaLabel, labels, textContent }) => ariaLabel ?? labels?.[0]?.textContent ?? textContent)(document.activeElement)",
    ) as string;
    if (name.test(focused)) return;
  }
  throw new Error(`${MOST_TABS} presses of the tab key do not lead to ${name}`);
}

browserTest("a picture is chosen, restored and saved by the keyboard alone", async (opened) => {
  const page = await opened.page();
  await visit(page, opened.port);
  await openQuickModel(page);
  // Waited for before the way there: a key that is pressed at once can come before the browser knows that it is.
  const choose = async (): Promise<void> => {
    await tabTo(page, /^Choose a picture$/);
    await page.keyboard.press("Enter");
  };
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), choose()]);
  await chooser.setFiles(await pictureFile());
  await page.getByText("picture.png is open").waitFor({ state: "attached" });
  await tabTo(page, /^Degrade$/);
  await page.keyboard.press("Space");
  await tabTo(page, /^Method$/);
  await page.keyboard.type("ddrm");
  await tabTo(page, /^Parameters of ddrm$/);
  await page.keyboard.press("Enter");
  await tabTo(page, /^Steps$/);
  await page.keyboard.type("2");
  await page.getByText(/^2 evaluations/).waitFor({ timeout: 120_000 });
  await tabTo(page, /^Restore$/);
  await page.keyboard.press("Enter");
  await results(page);
  await tabTo(page, /^Divider/);
  await page.keyboard.press("ArrowLeft");
  assert(await page.getByRole("slider", { name: /^Divider/ }).getAttribute("aria-valuenow") === "48");
  await tabTo(page, /^Save PNG/);
  const png = await saved(page, () => page.keyboard.press("Enter"));
  assertStringIncludes(pngTexts(png)[PARAMETERS_KEYWORD]!, "ddrm");
}, { what: "studio" });
