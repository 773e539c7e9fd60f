import { assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { bundle } from "../../studio/build.ts";
import { writeServiceWorker } from "../../studio/offline/write_worker.ts";
import { INSECURE_HOST } from "./chromium.ts";
import { pageTest, ready, restoreSample, until } from "./served_page.ts";

/** Waits until the page is kept. */
async function kept(page: Page): Promise<void> {
  await until(page, "navigator.serviceWorker.getRegistration().then((registration) => !!registration?.active)");
}

pageTest(
  "the page restores with its server off, after one visit, under the same headers",
  () => Promise.resolve([]),
  async ({ context, address, stop }) => {
    const page = await context.newPage();
    await page.goto(address);
    await kept(page);
    await stop();
    const response = await page.reload();
    assertEquals(response?.fromServiceWorker(), true);
    assertEquals(response?.headers()["cross-origin-opener-policy"], "same-origin");
    await restoreSample(page);
    assertEquals(await page.evaluate("crossOriginIsolated"), true);
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByText("Published elsewhere").waitFor();
  },
);

pageTest(
  "a new build takes over when the page is loaded next, all of it at once, and where there are no service workers the " +
    "page goes on without",
  () => Promise.resolve([]),
  async ({ context, address, folder, replace, answer }) => {
    const next = await Deno.makeTempDir();
    try {
      await new Deno.Command("cp", { args: ["-r", `${folder}/.`, next] }).output();
      await Deno.writeTextFile(`${next}/style.css`, "body { --build: 2 }");
      await bundle(["studio/offline/service_worker.ts"], next);
      await writeServiceWorker(next);
      const page = await context.newPage();
      await page.goto(address);
      await kept(page);
      const build = (): Promise<string> =>
        page.evaluate("getComputedStyle(document.body).getPropertyValue('--build').trim()");
      const isWaiting = "navigator.serviceWorker.getRegistration().then(({ waiting }) => waiting !== null)";

      // Half of the next build: its files are not those that it was built with.
      answer((_, path) => Promise.resolve(path === "/style.css" ? new Response("body { --build: half }") : undefined));
      replace(next);
      await page.reload();
      await page.evaluate("navigator.serviceWorker.getRegistration().then((it) => it.update().catch(() => {}))");
      await until(page, "navigator.serviceWorker.getRegistration().then(({ installing }) => installing === null)");
      assertEquals([await build(), await page.evaluate(isWaiting)], ["", false]);

      answer(() => Promise.resolve(undefined));
      await page.reload();
      await until(page, isWaiting);
      assertEquals(await build(), "", "the page that is open stays what it is");
      await page.reload();
      await until(page, "getComputedStyle(document.body).getPropertyValue('--build').trim() === '2'");
      assertEquals(await page.evaluate("caches.keys().then(({ length }) => length)"), 1);
      await ready(page);

      const insecure = await context.newPage();
      const errors: Error[] = [];
      insecure.on("pageerror", (error) => errors.push(error));
      await insecure.goto(address.replace("localhost", INSECURE_HOST));
      await insecure.getByText("This address is not secure").waitFor();
      assertEquals(errors, []);
    } finally {
      await Deno.remove(next, { recursive: true });
    }
  },
);
