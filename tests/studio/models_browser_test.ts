import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { knownCheckpoint, planDescription } from "../../models/mod.ts";
import type { ListedModel } from "../../studio/models/listing.ts";
import { quickModel } from "../cli/random_model.ts";
import { peakOfTabs } from "./memory.ts";
import { writePytorch } from "./large_pytorch.ts";
import { pageTest, ready, type ServedPage, until } from "./served_page.ts";
import { drop } from "./visit.ts";

const DIFFUSERS = new URL("../golden/diffusers-celebahq-tiny", import.meta.url).pathname;

/** Opens the page and its models. */
async function openModels(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await ready(page);
  await page.getByRole("button", { name: "Models" }).click();
  await page.getByText("Kept models take").waitFor();
}

/** Names in the folder of models of the browser. */
async function namesKept(page: Page): Promise<readonly string[]> {
  return await page.evaluate(`(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle("models", { create: true });
    return await Array.fromAsync(folder.keys());
  })()`);
}

/** The model that the host offers. */
async function offered({ folder }: ServedPage): Promise<ListedModel & { readonly bytes: number }> {
  const models: readonly ListedModel[] = JSON.parse(await Deno.readTextFile(`${folder}/models/models.json`));
  return models[1] as ListedModel & { readonly bytes: number };
}

/** A body that is shorter than its headers say, so that the connection is closed behind it. */
function brokenOff(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async start(controller): Promise<void> {
      controller.enqueue(bytes);
      // The bytes are on their way before that.
      await new Promise((resolve) => setTimeout(resolve, 300));
      controller.close();
    },
  });
}

pageTest(
  "a download that breaks at 60 % goes on from what is kept, passes its hash, and is there at the next visit",
  async () => [await quickModel()],
  async (served) => {
    const { context, address } = served;
    const { address: path, bytes, sha256 } = await offered(served);
    const file = await Deno.readFile(`${served.folder}/models/${path}`);
    const part = Math.floor(0.6 * bytes);
    const asked: (string | null)[] = [];
    served.answer((request, asking) => {
      if (!asking.endsWith(path!)) return Promise.resolve(undefined);
      asked.push(request.headers.get("range"), request.headers.get("if-range"));
      if (asked.length > 2) return Promise.resolve(new Response(null, { status: 503 }));
      const headers = { "content-length": String(bytes), etag: '"one"' };
      return Promise.resolve(new Response(brokenOff(file.slice(0, part)), { headers }));
    });
    const page = await context.newPage();
    await openModels(page, address);
    await page.getByRole("button", { name: /^Download / }).click();
    await until(page, "document.querySelector('.model-list progress')?.value > 0.59");
    while (asked.length <= 2) await page.waitForTimeout(50);
    await page.getByRole("button", { name: /^Pause/ }).click();
    await page.getByText("60 % has arrived.").waitFor();

    asked.length = 0;
    served.answer((request, asking) => {
      if (!asking.endsWith(path!)) return Promise.resolve(undefined);
      asked.push(request.headers.get("range"), request.headers.get("if-range"));
      const headers = { "content-range": `bytes ${part}-${bytes - 1}/${bytes}`, etag: '"one"' };
      return Promise.resolve(new Response(file.slice(part), { status: 206, headers }));
    });
    await openModels(page, address);
    await page.getByText("60 % has arrived.").waitFor();
    await page.getByRole("button", { name: /^Go on/ }).click();
    await page.getByRole("button", { name: /^Use: quick/ }).waitFor();
    assertEquals(asked, [`bytes=${part}-`, '"one"']);

    await openModels(page, address);
    await page.getByRole("button", { name: /^Use: quick/ }).click();
    await page.getByText(/^quick.safetensors \(/).waitFor();
    assertEquals(await namesKept(page), [sha256!]);
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByText("In use").waitFor();
    await page.getByRole("button", { name: /^Remove: quick/ }).click();
    await page.getByRole("button", { name: /^Download / }).waitFor();
    assertEquals(await namesKept(page), []);
  },
);

pageTest(
  "a file with a wrong hash is refused and removed, and one for which there is no room is not begun",
  async () => [await quickModel()],
  async (served) => {
    const { context, address } = served;
    const { address: path, bytes } = await offered(served);
    const file = await Deno.readFile(`${served.folder}/models/${path}`);
    file[bytes - 1]! ^= 1;
    let asked = 0;
    served.answer((_, asking) => {
      if (!asking.endsWith(path!)) return Promise.resolve(undefined);
      asked++;
      return Promise.resolve(new Response(file));
    });
    const page = await context.newPage();
    await openModels(page, address);
    await page.getByRole("button", { name: /^Download / }).click();
    const alert = page.getByRole("dialog").getByRole("alert");
    await alert.waitFor();
    assertStringIncludes((await alert.textContent())!, "its SHA-256 is");
    assertEquals([await namesKept(page), asked], [[], 1]);

    // Browsers tell pages of more room than there is, so that it may end while a model is written.
    const session = await context.newCDPSession(page);
    await session.send("Storage.overrideQuotaForOrigin", { origin: new URL(address).origin, quotaSize: bytes / 2 });
    // The browser may tell the page of the new room before it writes, or a little later; until then the file is refused
    // by its hash as before.
    const full = page.getByText(/the browser has no room left|are needed, and the browser has room for/);
    for (let isTold = false, time = 0; !isTold; time++) {
      assert(time < 5, `the room that there is counts: ${await page.getByRole("dialog").innerText()}`);
      await page.getByRole("button", { name: /^Download / }).click();
      isTold = await full.first().waitFor({ timeout: 10_000 }).then(() => true, () => false);
    }

    const models = JSON.parse(await Deno.readTextFile(`${served.folder}/models/models.json`));
    models[1].bytes = 1e15;
    asked = 0;
    served.answer((_, asking) => {
      if (asking.endsWith(path!)) asked++;
      return Promise.resolve(asking.endsWith("models.json") ? Response.json(models) : undefined);
    });
    // A first visit, as later ones have the list that they kept.
    const first = await context.browser()!.newPage();
    await openModels(first, address);
    await first.getByRole("button", { name: /^Download / }).click();
    await first.getByText("1000 TB are needed, and the browser has room for").waitFor();
    assertEquals(asked, 0);
  },
);

pageTest(
  "a dropped file of PyTorch of 100 MB is read in place: the tab takes at most 300 MB more than it has",
  () => Promise.resolve([]),
  async ({ context, address }) => {
    const folder = await Deno.makeTempDir();
    try {
      // A published network, as the names of its tensors leave nothing open.
      const { file, description } = knownCheckpoint("ffhq-256")!;
      const bytes = await writePytorch(`${folder}/${file}`, planDescription(description).plan.parameters);
      assert(bytes > 9e7 && bytes < 1.1e8);
      const page = await context.newPage();
      await page.goto(address);
      await ready(page);
      await drop(page, `${folder}/${file}`);
      await page.getByText(`${file} (94 M)`).waitFor({ timeout: 120_000 });
      const peak = await peakOfTabs(page);
      assert(peak < bytes + 3e8, `the tab took ${peak / 1e6} MB`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

pageTest(
  "a dropped folder of diffusers is read in place, and kept for the next visit where that is asked for",
  () => Promise.resolve([]),
  async ({ context, address }) => {
    const page = await context.newPage();
    await page.goto(address);
    await ready(page);
    await drop(page, DIFFUSERS);
    await page.getByText(/^diffusers-celebahq-tiny \(/).waitFor();
    await page.getByRole("button", { name: "Models" }).click();
    await page.getByRole("button", { name: "Keep for the next visit" }).click();
    await page.getByRole("button", { name: /^Remove: diffusers/ }).waitFor();
    await openModels(page, address);
    await page.getByRole("button", { name: /^Use: diffusers/ }).click();
    await page.getByText(/^diffusers-celebahq-tiny \(/).waitFor();
  },
);
