/** A profile made by hand, small enough to check every number of what is made from it. */
import { FORMAT, type ProfileDocument } from "../../profiling/document.ts";
import type { KernelTime } from "../../engine/mod.ts";

/** One dispatch. */
export function kernelTime(label: string, scope: string, milliseconds: number, flops = 0, bytes = 0): KernelTime {
  return { label, scope, milliseconds, flops, bytes, workgroups: [1, 2, 3] };
}

/** Six dispatches in two stages, three values in two slots; times add up to 16 ms. */
export function sampleDocument(changes: Partial<ProfileDocument> = {}): ProfileDocument {
  return {
    format: FORMAT,
    adapter: "an adapter <of glass>",
    model: { name: "model.safetensors", parameters: 4_500_000 },
    task: "sr4",
    batch: 1,
    height: 64,
    width: 64,
    method: "timestamps",
    replays: 5,
    ceilings: { gflopPerSecond: 40, gigabytesPerSecond: 4 },
    replayMilliseconds: 17,
    kernelMilliseconds: 16,
    fastest: { replayMilliseconds: 16.5, kernelMilliseconds: 15.5 },
    spanMilliseconds: 16.5,
    hostMilliseconds: 0.17,
    pipelines: 3,
    compileMilliseconds: 120,
    kernels: [
      kernelTime("conv2d.direct", "network.input_blocks.0.0", 4, 80e6, 1e6),
      kernelTime("conv2d.direct", "network.input_blocks.1.0.in_layers.2", 6, 120e6, 2e6),
      kernelTime("groupNorm.apply", "network.input_blocks.1.0.out_layers.0", 2, 2e6, 4e6),
      kernelTime("conv2d.direct", "network.out.2", 2, 60e6, 1e6),
      kernelTime("weightedSum", "update", 1, 1e6, 1e6),
      kernelTime("weightedSum", "update", 1, 1e6, 1e6),
    ],
    memory: {
      slotBytes: [4000, 1000],
      values: [
        { name: "input xt", slot: 0, bytes: 4000, first: -1, last: 6 },
        { name: "conv2d.direct at network.input_blocks.0.0", slot: 1, bytes: 1000, first: 0, last: 1 },
        { name: "groupNorm.apply at network.input_blocks.1.0.out_layers.0", slot: 1, bytes: 500, first: 2, last: 3 },
      ],
      deviceBytes: 20_000_000,
      peakDeviceBytes: 30_000_000,
    },
    ...changes,
  };
}
