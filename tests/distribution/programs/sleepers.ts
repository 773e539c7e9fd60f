/** Workers that only sleep, many in one process: `sleepers.ts HOST WORKERS MILLISECONDS`, which every chunk takes. */
import type { Work } from "../../../evaluation/mod.ts";
import type { Offer } from "../../../distribution/mod.ts";
import { workOf } from "../../../distribution/offer.ts";
import { work } from "../../../distribution/worker.ts";
import { NO_FILES } from "../../../evaluation/mod.ts";
import { imageOfPng } from "../../../io/mod.ts";
import { colourRaster } from "../../../raster/mod.ts";
import { asleepBench } from "../asleep.ts";
import { openQueue, pass, SUBJECT } from "../setting.ts";

const [host, count, delay] = Deno.args;
const folder = await Deno.makeTempDir();
const readPicture = async (path: string): Promise<ReturnType<typeof colourRaster>> =>
  colourRaster(await imageOfPng(await Deno.readFile(path), 1e6));

/** What all of them work for, made by the first one. */
let prepared: Promise<Work> | undefined;

async function sleeper(index: number): Promise<void> {
  // Not all at the same time, as machines do not come either.
  await pass(10 * index);
  await work(await openQueue(host!), {
    prepare: (offer: Offer, fetch) =>
      prepared ??= workOf(offer, { subject: SUBJECT, fetch, readPicture, files: NO_FILES }),
    open: () => Promise.resolve(asleepBench(Number(delay))),
    folder,
    check: () => Promise.resolve(),
    watch: () => {},
    note: () => {},
  });
}

await Promise.all(Array.from({ length: Number(count) }, (_, index) => sleeper(index)));
