import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { spreadOf } from "../../bench/statistics.ts";
import { browserTest } from "./chromium.ts";
import { heapsOf } from "./memory.ts";
import { bringPicture, openQuickModel, setSteps, visit, workerOf } from "./visit.ts";

/** Runs in a row. */
const RUNS = 50;

/** The run behind which the device holds all that it will: from the second on a result takes the place of another. */
const SETTLED = 3;

/** The runs behind which heaps are measured; before the first of them the compiler of JavaScript is at work. */
const MEASURED = [10, 15, 20, 40, 45, 50];

/** Side of the picture, small so that the network takes little time. */
const SIDE = 32;

/**
 * Bytes by which a heap may grow in a run. The smallest array that a run leaves to be let go is that of the result's
 * samples, of which this is a quarter. Objects are code among others, which V8 makes faster and larger for a long time.
 */
const MOST = { buffers: 3 * SIDE * SIDE / 4, objects: 20_000 } as const;

/** Presses the button, and ends when the page says that it has restored. */
const RESTORE = `new Promise((resolve, reject) => {
  const status = document.querySelector("[role=status]");
  let hasBegun = false;
  const observer = new MutationObserver(() => {
    const isRestored = status.textContent.startsWith("Restored");
    const trouble = document.querySelector("[role=alert]");
    if (trouble || (hasBegun && isRestored)) observer.disconnect();
    if (trouble) reject(new Error(trouble.textContent));
    else if (hasBegun && isRestored) resolve();
    hasBegun ||= !isRestored;
  });
  observer.observe(document.body, { childList: true, characterData: true, subtree: true });
  document.querySelector(".main-button").click();
})`;

/** What the devices of the worker hold. */
async function onDevices(page: Page): Promise<{ readonly bytes: number; readonly pipelines: number }> {
  return await workerOf(page).evaluate("({ bytes: watched.bytes, pipelines: watched.pipelines })");
}

/** By how much measurements grow from their first half to their second, in the middle of each. */
function growth(measured: readonly number[]): number {
  const half = measured.length / 2;
  return spreadOf(measured.slice(half)).median - spreadOf(measured.slice(0, half)).median;
}

browserTest("fifty runs in a row leave nothing on the device, and the heaps do not grow", async (opened) => {
  const page = await opened.page();
  await visit(page, opened.port);
  await openQuickModel(page);
  await bringPicture(page, { isGood: true, side: SIDE });
  await page.getByLabel("Method", { exact: true }).selectOption("ddrm");
  await setSteps(page, 1);
  await page.getByText(/^1 evaluation,/).waitFor();
  const heaps = await heapsOf(page);
  const [settled, measured]: [unknown[], Awaited<ReturnType<typeof heaps>>[]] = [[], []];
  for (let run = 1; run <= RUNS; run++) {
    await page.evaluate(RESTORE);
    if (run >= SETTLED) settled.push(await onDevices(page));
    if (MEASURED.includes(run)) measured.push(await heaps());
  }
  for (const held of settled) assertEquals(held, settled[0]);
  const runs = MEASURED.at(-2)! - MEASURED[1]!;
  for (const where of ["page", "worker"] as const) {
    for (const what of ["buffers", "objects"] as const) {
      const bytes = measured.map((held) => held[where][what]);
      const each = growth(bytes) / runs;
      assert(each < MOST[what], `${what} of the ${where} grow by ${each} bytes a run: ${bytes.join(", ")}`);
    }
  }
}, { what: "studio" });
