/** Where the time of a step goes on this adapter, as tables and boxes that the page shows. */
import { hostTensor, type TimingMethod, type WebGpuRuntime } from "../../engine/mod.ts";
import type { OperatorValues } from "../../operators/mod.ts";
import { numberOf } from "../../parameters/mod.ts";
import {
  blockOf,
  colouredOperations,
  explainTime,
  flameBoxes,
  htmlPage,
  kernelOf,
  profile,
  type ProfileDocument,
  type ProfileRun,
  ratesOf,
  stageOf,
  titleOf,
  totalsBy,
} from "../../profiling/mod.ts";
import { chooseMethod, NOISE_LEVEL, taskNamed } from "../../restoration/mod.ts";
import type { Profile, ProfileRow } from "../inspection.ts";
import { DEFAULT_TASK, type Job } from "./job.ts";
import type { OpenNetwork } from "./network.ts";

/** Replays that medians are over: an odd number, so that each is a time that was measured. */
const REPLAYS = { software: 3, card: 5 } as const;

/** Of the times of so many dispatches and more, less than this part are different where a browser rounds its clock. */
const ROUNDED = { dispatches: 50, different: 0.25 } as const;

/**
 * Profiles a step of a job, of pictures as large as those of the network's training. What a picture holds does not change
 * how long a step takes.
 * @param job whose task and method are taken; undefined: those where nothing is said
 */
export async function profileJob(runtime: WebGpuRuntime, network: OpenNetwork, job: Job | undefined): Promise<Profile> {
  const side = network.model.config.imageSize;
  const task = job?.task ?? taskNamed(DEFAULT_TASK);
  const options = job?.input.options ?? {};
  const run: ProfileRun = {
    network: { name: network.name, model: network.model, precision: "f32" },
    task,
    method: job?.method ?? chooseMethod({}, task),
    options,
    files: job ? filesAt(job, side) : {},
    side,
    batch: 1,
    label: numberOf(options, "class"),
    sigmaY: numberOf(options, NOISE_LEVEL) ?? 0,
    replays: runtime.software ? REPLAYS.software : REPLAYS.card,
  };
  const document = await documentOf(runtime, run);
  return profileOf(document);
}

/** What files of the job hold, with a mask as large as the picture that is profiled. */
function filesAt({ input: { source: { files, mask } } }: Job, side: number): OperatorValues {
  if (!mask) return files ?? {};
  const isKnown = (index: number): boolean => index % side < side / 2;
  const known = Float32Array.from({ length: side * side }, (_, index) => isKnown(index) ? 1 : 0);
  return { ...files, [mask.parameter]: hostTensor(known, [side, side]) };
}

/** By timestamps, or where the browser rounds them or they do not agree with its clock by repeated dispatches. */
async function documentOf(runtime: WebGpuRuntime, run: ProfileRun): Promise<ProfileDocument> {
  const repeated: TimingMethod = "repeated dispatches";
  if (!runtime.features.includes("timestamp-query")) return await profile(runtime, { ...run, timing: repeated });
  const document = await profile(runtime, run);
  return isRounded(document) ? await profile(runtime, { ...run, timing: repeated }) : document;
}

/** Whether times are so few values that a clock was rounded. */
export function isRounded({ kernels, method }: Pick<ProfileDocument, "kernels" | "method">): boolean {
  const different = new Set(kernels.map(({ milliseconds }) => milliseconds)).size;
  return method === "timestamps" && kernels.length >= ROUNDED.dispatches &&
    different < ROUNDED.different * kernels.length;
}

/** A profile as the page shows it. */
export function profileOf(document: ProfileDocument): Profile {
  const { kernels, ceilings, method, replays, adapter } = document;
  const rowsBy = (nameOf: (typeof kernelOf) | (typeof blockOf)): readonly ProfileRow[] =>
    totalsBy(kernels, nameOf).map((total) => ({ ...total, ...ratesOf(total, ceilings) }));
  return {
    title: `${titleOf(document)}, on ${adapter}`,
    method: method === "timestamps"
      ? `Times are those of the adapter's clock, medians of ${replays} replays.`
      : `Every dispatch was repeated between two waits, medians of ${replays} replays: this browser has no clock of the ` +
        "adapter that is fine enough.",
    notes: explainTime(document),
    ceilings,
    tables: [
      { what: "Stage", rows: rowsBy(stageOf) },
      { what: "Kernel", rows: rowsBy(kernelOf) },
      { what: "Block", rows: rowsBy(blockOf) },
    ],
    boxes: flameBoxes(kernels),
    operations: colouredOperations(kernels),
    page: htmlPage(document),
    data: `${JSON.stringify(document)}\n`,
  };
}
