/** Tests in Chromium, with WebGPU on its software driver. */
import { type Browser, chromium, type Page } from "playwright-core";
import { bundle, copyData } from "../../studio/build.ts";
import { serveFolder } from "../../studio/serve.ts";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

const isThere = await Deno.stat(CHROMIUM).then(({ isFile }) => isFile, () => false);
if (!isThere) {
  // deno-lint-ignore no-console -- a skipped test must say why
  console.log(
    "Tests of the studio are skipped: there is no Chromium; as root, apt-get install -y chromium installs it",
  );
}

/** A host name that leads to this machine and is no secure origin. */
export const INSECURE_HOST = "studio.test";

/** What a test is given. */
export interface Opened {
  /** Another page of the browser. */
  page(): Promise<Page>;
  /** Port on which worker and harness are served. */
  readonly port: number;
}

/** A browser with WebGPU, or without. */
async function launch(hasGpu: boolean): Promise<Browser> {
  const gpu = hasGpu
    ? ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
    : ["--disable-features=WebGPU,WebGPUService", "--disable-blink-features=WebGPU"];
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", `--host-resolver-rules=MAP ${INSECURE_HOST} 127.0.0.1`, ...gpu],
  });
}

/** Worker and harness with a page that loads them, built once for all tests of a file. */
let built: Promise<string> | undefined;

async function build(): Promise<string> {
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  await bundle(["studio/worker.ts", "tests/studio/harness.ts"], folder);
  await copyData(folder);
  const page =
    '<!DOCTYPE html><title>Test</title><link rel="icon" href="data:,"><script type="module" src="harness.js">';
  await Deno.writeTextFile(`${folder}/index.html`, `${page}</script>`);
  return folder;
}

/** Registers a test in a browser; skipped where there is no Chromium. */
export function browserTest(
  name: string,
  body: (opened: Opened) => Promise<void>,
  { hasGpu = true }: { readonly hasGpu?: boolean } = {},
): void {
  Deno.test({
    name,
    ignore: !isThere,
    // What the driver of the browser keeps open is its own.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const server = serveFolder(await (built ??= build()), 0);
      const browser = await launch(hasGpu);
      try {
        await body({ page: () => browser.newPage(), port: server.addr.port });
      } finally {
        await browser.close();
        await server.shutdown();
      }
    },
  });
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
