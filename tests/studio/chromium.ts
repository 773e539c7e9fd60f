/** Tests in Chromium, with WebGPU on its software driver. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { buildStudio, bundle, copyData } from "../../studio/build.ts";
import { serveFolder } from "../../studio/serve.ts";
import { CHROMIUM, isChromiumThere, SKIPPED } from "./chromium_path.ts";

/** Whether there is a browser for tests. */
export const isThere: boolean = await isChromiumThere();
if (!isThere) {
  // deno-lint-ignore no-console -- a skipped test must say why
  console.log(SKIPPED);
}

/** How long a test in a browser may take, in milliseconds; the longest takes half a minute on two quiet cores. */
const LIMIT = 300_000;

/** How long the browser and the servers of a test may take to end, in milliseconds. */
const END_LIMIT = 30_000;

/** A host name that leads to this machine and is no secure origin. */
export const INSECURE_HOST = "studio.test";

/** What a test is given. */
export interface Opened {
  /** Another page of the browser. */
  page(options?: BrowserContextOptions): Promise<Page>;
  /** Port on which it is served. */
  readonly port: number;
}

/** A browser with WebGPU, or without. */
export async function launch(hasGpu = true): Promise<Browser> {
  const gpu = hasGpu
    ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    : ["--disable-features=WebGPU,WebGPUService", "--disable-blink-features=WebGPU"];
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`,
      ...gpu,
    ],
  });
}

/** What is served, built once for all tests of a file. */
const built = new Map<string, Promise<string>>();

/** A folder with what is served, in place until the program ends. */
export function served(what: Served): Promise<string> {
  const known = built.get(what) ?? build(what);
  built.set(what, known);
  return known;
}

/** What is served: the worker with a page that speaks to it, the studio, or the studio with a worker that plays a part. */
export type Served = "worker" | "studio" | "scripted";

/** The worker of each: those that compute have an eye on their devices. */
const WORKERS = { worker: "watched_worker", studio: "watched_worker", scripted: "scripted_worker" } as const;

async function build(what: Served): Promise<string> {
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  if (what !== "worker") await buildStudio(folder);
  await bundle([`tests/studio/${WORKERS[what]}.ts`], folder);
  await Deno.rename(`${folder}/${WORKERS[what]}.js`, `${folder}/worker.js`);
  if (what !== "worker") return folder;
  await bundle(["tests/studio/harness.ts"], folder);
  await copyData(folder);
  const page =
    '<!DOCTYPE html><title>Test</title><link rel="icon" href="data:,"><script type="module" src="harness.js">';
  await Deno.writeTextFile(`${folder}/index.html`, `${page}</script>`);
  return folder;
}

/**
 * Registers a test with a browser of its own; skipped where there is no Chromium. In the end the browser is closed first,
 * then what it was served by, whatever the test has thrown.
 * @param serve what there must be before the browser; what it defers is done behind the browser's end, the last one first
 */
export function inBrowser<S>(
  name: string,
  serve: (closing: AsyncDisposableStack) => Promise<S>,
  body: (browser: Browser, served: S) => Promise<void>,
  hasGpu = true,
): void {
  Deno.test({
    name,
    ignore: !isThere,
    // What the driver of the browser keeps open is its own.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      within(LIMIT + END_LIMIT, "end the test with its browser and servers", async () => {
        await using closing = new AsyncDisposableStack();
        const served = await serve(closing);
        const browser = await launch(hasGpu);
        closing.defer(() => browser.close());
        await within(LIMIT, "end the test", () => body(browser, served));
      }),
  });
}

/**
 * Waits for something, but not for ever: what is asked of a page that is lost is never answered.
 * @throws {Error} if it takes longer than a number of milliseconds
 */
export async function within<T>(limit: number, what: string, work: () => Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Cannot ${what} within ${limit / 1000} s`)), limit);
  try {
    return await Promise.race([work(), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Registers a test of what is built once for all tests of a file. */
export function browserTest(
  name: string,
  body: (opened: Opened) => Promise<void>,
  { hasGpu = true, what = "worker" }: { readonly hasGpu?: boolean; readonly what?: Served } = {},
): void {
  inBrowser(
    name,
    async (closing) => {
      const server = serveFolder(await served(what), 0);
      closing.defer(() => server.shutdown());
      return server.addr;
    },
    (browser, { port }) => body({ page: (options) => browser.newPage(options), port }),
    hasGpu,
  );
}

/** Opens the page with the engine as `globalThis.engine`. */
export async function openEngine(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.waitForFunction("globalThis.comlink !== undefined");
  await page.evaluate(
    'globalThis.engine = comlink.wrap(new Worker("worker.js", { type: "module" }))' +
      ", undefined",
  );
}
