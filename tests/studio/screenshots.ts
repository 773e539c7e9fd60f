/**
 * `deno task studio:screenshots`: pictures of the page for docs/studio.md, taken in Chromium with the embedded sample.
 * Names of pictures behind it take those alone.
 */
import type { BrowserContextOptions, Page } from "playwright-core";
import { decodePng } from "../../io/codecs/png_file.ts";
import { writeImage } from "../../io/mod.ts";
import { casePath } from "../io/cases.ts";
import { serveFolder } from "../../studio/serve.ts";
import { launch, served } from "./chromium.ts";

const FOLDER = new URL("../../docs/studio/", import.meta.url).pathname;

const DESKTOP = { viewport: { width: 1280, height: 800 } } as const;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 } as const;

/** A picture: in what window, and what is done before it is taken. */
interface Shot {
  readonly name: string;
  readonly context: BrowserContextOptions;
  readonly hasGpu?: boolean;
  prepare(page: Page): Promise<void>;
}

/** Waits until the network is open. */
async function ready(page: Page): Promise<void> {
  await page.getByText("Network", { exact: true }).waitFor({ timeout: 120_000 });
}

/** Brings the sample, and waits until it is known what it takes. */
async function sample(page: Page): Promise<void> {
  await ready(page);
  await page.getByRole("button", { name: "Use the sample" }).click();
  await page.getByText(/\d+ evaluations?/).first().waitFor({ timeout: 180_000 });
}

async function restored(page: Page): Promise<void> {
  await sample(page);
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await page.getByRole("heading", { name: "Results" }).waitFor({ timeout: 300_000 });
}

const SHOTS: readonly Shot[] = [
  { name: "first", context: DESKTOP, prepare: ready },
  { name: "result", context: DESKTOP, prepare: restored },
  { name: "dark", context: { ...DESKTOP, colorScheme: "dark" }, prepare: restored },
  { name: "phone", context: PHONE, prepare: sample },
  {
    name: "running",
    context: DESKTOP,
    prepare: async (page) => {
      await sample(page);
      await page.getByRole("button", { name: "Restore", exact: true }).click();
      await page.getByText(/^Step (9|1\d) of/).waitFor({ timeout: 300_000 });
    },
  },
  {
    name: "diagnosis",
    context: DESKTOP,
    prepare: async (page) => {
      await ready(page);
      await page.locator('input[aria-label="Choose a picture"]').setInputFiles(
        casePath("old-photo/scratched-sepia.jpg"),
      );
      await page.getByRole("button", { name: "Find out" }).click();
      await page.getByText(/^Set to undo it/).waitFor({ timeout: 120_000 });
      await page.getByText(/\d+ evaluations?/).first().waitFor({ timeout: 180_000 });
      await page.getByRole("button", { name: "Find out" }).scrollIntoViewIfNeeded();
    },
  },
  {
    name: "profile",
    context: DESKTOP,
    prepare: async (page) => {
      await sample(page);
      await page.getByRole("button", { name: "Where the time goes" }).click();
      await page.getByText("By stage").waitFor({ timeout: 300_000 });
    },
  },
  {
    name: "check",
    context: DESKTOP,
    prepare: async (page) => {
      await ready(page);
      await page.getByRole("button", { name: "Is this adapter right?" }).click();
      await page.locator(".verdict, .warning").filter({ hasText: /^(Yes|No)/ }).waitFor({ timeout: 300_000 });
    },
  },
  {
    name: "missing",
    context: DESKTOP,
    hasGpu: false,
    prepare: (page) => page.getByRole("alert").waitFor(),
  },
];

/** Most bytes of a picture. */
const MOST_BYTES = 150_000;

/** Of WebP, at which text stays sharp. */
const QUALITY = 85;

async function take({ name, context, hasGpu, prepare }: Shot, address: string): Promise<void> {
  const browser = await launch(hasGpu);
  try {
    const page = await browser.newPage(context);
    await page.goto(address);
    await prepare(page);
    const { image } = await decodePng(Uint8Array.from(await page.screenshot({ animations: "disabled" })), 1e8);
    const path = `${FOLDER}${name}.webp`;
    await writeImage(path, image, { quality: QUALITY });
    const { size } = await Deno.stat(path);
    if (size > MOST_BYTES) throw new Error(`Cannot keep ${name}.webp: it has ${size} bytes, at most ${MOST_BYTES}`);
  } finally {
    await browser.close();
  }
}

if (import.meta.main) {
  const server = serveFolder(await served("studio"), 0);
  await Deno.mkdir(FOLDER, { recursive: true });
  for (const shot of SHOTS) {
    if (Deno.args.length === 0 || Deno.args.includes(shot.name)) {
      await take(shot, `http://localhost:${server.addr.port}/`);
    }
  }
  await server.shutdown();
}
