/** The whole page in Chromium, served by a server that can be switched off, or made to fail. */
import type { BrowserContext, Page } from "playwright-core";
import { buildStudio } from "../../studio/build.ts";
import { serveFolder } from "../../studio/serve.ts";
import { inBrowser, within } from "./chromium.ts";

/** How a request is answered; undefined: with the file. */
export type Whim = (request: Request, path: string) => Promise<Response | undefined>;

/** What a test is given. */
export interface ServedPage {
  /** Storage is shared by all pages of it. */
  readonly context: BrowserContext;
  /** Address of the page. */
  readonly address: string;
  /** The folder that is served. */
  readonly folder: string;
  /** Serves what the whim leaves over, from now on. */
  answer(whim: Whim): void;
  /** Serves another folder from now on. */
  replace(folder: string): void;
  /** Switches the server off. */
  stop(): Promise<void>;
}

/** Gives the paths of the checkpoints that are offered; the folder may take some, and is removed in the end. */
export type Models = (folder: string) => Promise<readonly string[]>;

/** Registers a test of the whole page, built for it alone. */
export function pageTest(
  name: string,
  models: Models,
  body: (served: ServedPage) => Promise<void>,
): void {
  inBrowser(
    name,
    (closing) => serve(models, closing),
    async (browser, served) => await body({ ...served, context: await browser.newContext() }),
  );
}

async function serve(models: Models, closing: AsyncDisposableStack): Promise<Omit<ServedPage, "context">> {
  const temporaryFolder = async (): Promise<string> => {
    const folder = await Deno.makeTempDir();
    closing.defer(() => Deno.remove(folder, { recursive: true }));
    return folder;
  };
  const folder = await temporaryFolder();
  await buildStudio(folder, await models(await temporaryFolder()), Deno.symlink);
  const serveFrom = (place: string): Deno.HttpServer<Deno.NetAddr> => {
    const server = serveFolder(place, 0);
    closing.defer(() => server.shutdown());
    return server;
  };
  let whim: Whim = () => Promise.resolve(undefined);
  let files = serveFrom(folder);
  const front = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const own = await whim(request, pathname);
    return own ?? await fetch(`http://127.0.0.1:${files.addr.port}${pathname}`, { headers: request.headers });
  });
  closing.defer(() => front.shutdown());
  return {
    address: `http://localhost:${front.addr.port}/`,
    folder,
    answer: (next) => void (whim = next),
    replace: (other) => void (files = serveFrom(other)),
    stop: () => front.shutdown(),
  };
}

/** Waits until an expression is true in the page, which lets nobody else evaluate texts. */
export async function until(page: Page, expression: string): Promise<void> {
  const start = Date.now();
  // What is evaluated while another page is loaded is lost, with an error or without an answer.
  while (!await within(5_000, "evaluate", () => page.evaluate(expression)).catch(() => false)) {
    if (Date.now() - start > 30_000) throw new Error(`Waited for ${expression}`);
    await page.waitForTimeout(50);
  }
}

/** Waits until a network is open. */
export async function ready(page: Page): Promise<void> {
  await page.getByText("Network", { exact: true }).waitFor({ timeout: 120_000 });
}

/** Restores the sample in two steps. */
export async function restoreSample(page: Page): Promise<void> {
  await ready(page);
  await page.getByRole("button", { name: "Use the sample" }).click();
  await page.getByLabel("Method", { exact: true }).selectOption("ddrm");
  await page.getByText("Parameters of ddrm").click();
  await page.getByLabel("Steps", { exact: true }).fill("2");
  await page.getByText("2 evaluations").waitFor({ timeout: 120_000 });
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.getByRole("heading", { name: "Results" }).waitFor({ timeout: 120_000 });
}
