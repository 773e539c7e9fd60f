/** Rows with made-up figures. */
import type { GradientRow, KernelRow, NetworkRow } from "../../bench/row.ts";

const ORIGIN = {
  date: "2026-01-02T03:04:05.000Z",
  commit: "0123456789ab",
  adapter: "Some (GPU 1.2, 8 bits)",
  features: ["subgroups"],
  deno: "2.9.6",
  os: "linux 6.1 x86_64",
  cpu: "some processor",
  cpus: 2,
};

const START = { total: 3000, process: 40, device: 60, weights: 200, build: 50, compile: 150, firstRun: 2500 };

/** UNet-64 well within the bounds. */
export const NETWORK_ROW: NetworkRow = {
  kind: "network",
  ...ORIGIN,
  network: "unet-64",
  batch: 1,
  height: 64,
  width: 64,
  parameters: 7831174,
  gflop: 9.864,
  dispatches: 270,
  pipelines: 15,
  check: { method: "repeat", error: 0 },
  nfeMilliseconds: { median: 730.4, min: 720, max: 1400.2, samples: 5 },
  gflopPerSecond: 13.5,
  hostMilliseconds: { median: 1.2, min: 1, max: 3, samples: 5 },
  idleWaitMilliseconds: 11,
  peakProcessBytes: 330e6,
  deviceBytes: 43e6,
  peakDeviceBytes: 44e6,
  coldStartMilliseconds: START,
  warmStartMilliseconds: { ...START, total: 1000, firstRun: 500 },
};

/** One kernel. */
export const KERNEL_ROW: KernelRow = {
  kind: "kernel",
  ...ORIGIN,
  kernel: "conv3x3 64@64x64",
  gflop: 0.302,
  dispatches: ["conv2d.broadcast"],
  check: { method: "reference", error: 4.3e-7 },
  milliseconds: { median: 23.3, min: 22.8, max: 23.7, samples: 5 },
  gflopPerSecond: 12.9,
};

const TIMES = { median: 200, min: 190, max: 230, samples: 3 };

/** What a gradient costs. */
export const GRADIENT_ROW: GradientRow = {
  kind: "gradient",
  ...ORIGIN,
  network: "unet-64",
  height: 64,
  width: 64,
  parameters: 7831174,
  gflop: { forward: 10, gradient: 20.5, checkpointed: 26 },
  activationBytes: { forward: 20e6, gradient: 44e6, checkpointed: 35e6 },
  constantBytes: { forward: 77e6, gradient: 149e6, checkpointed: 149e6 },
  milliseconds: { forward: TIMES, gradient: { ...TIMES, median: 460 }, checkpointed: { ...TIMES, median: 600 } },
  processMilliseconds: { forward: TIMES, gradient: { ...TIMES, median: 470 }, checkpointed: { ...TIMES, median: 610 } },
};
