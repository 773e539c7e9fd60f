/** A network that needs no weights: it takes a tenth of every state for noise. */
import type { Tensor } from "../../engine/mod.ts";
import { weightedSum } from "../../kernels/mod.ts";
import { listedProcess, noiseSchedule, type OpenedModel } from "../../models/mod.ts";

const schedule = noiseSchedule("linear");

/** The process that it is of. */
export const TENTH_PROCESS = listedProcess(schedule);

/** Of 8x8 RGB pictures, and others with even sides. */
export const TENTH_NETWORK = {
  name: "tenth",
  config: { imageSize: 8, inChannels: 3 },
  process: TENTH_PROCESS,
  downsampling: 2,
  noiseModel: ({ width, height }: { readonly width: number; readonly height: number }) => ({
    imageShape: [height, width, 3],
    alphaBar: schedule.alphaBar,
    predictEps: (xt: Tensor) => weightedSum([[0.1, xt]]),
  }),
} as unknown as OpenedModel;
