/** The cards for which `gpu-model` predicts, as data. */
import type { CardName } from "./cards.ts";
import type { CardSpeed, OccupancyRule } from "./predict.ts";

/** A card whose speed is known from its data sheet. */
export interface ModelCard {
  /** What it is. */
  readonly title: string;
  /** The card whose plans and compiled figures stand for it. */
  readonly compiled: CardName;
  /** Its data sheet. */
  readonly speed: CardSpeed;
  /** How the occupancy that the compiler tells becomes subgroups on one scheduler. */
  readonly occupancy: OccupancyRule;
}

/** Warps of a multiprocessor are spread over its schedulers. */
const warps: OccupancyRule = ({ occupancy }) => occupancy / 4;

/** Invocations that fit a core of Apple's are spread over four schedulers of 32 lanes. */
const apple: OccupancyRule = ({ occupancy }) => occupancy / 128;

/** An execution unit of Intel's holds seven threads, whatever they do. */
const intel: OccupancyRule = () => 7;

const NVIDIA = { schedulers: 4, lanes: 32 } as const;

/**
 * The cards by name. Latencies and gaps are of the order of published measurements and of no data sheet.
 */
export const MODEL_CARDS = {
  h100: {
    title: "NVIDIA H100",
    compiled: "ada",
    occupancy: warps,
    speed: {
      ...NVIDIA,
      flops: 66.9e12,
      bandwidth: 3.35e12,
      cacheBytes: 50e6,
      cacheBandwidth: 5.5e12,
      cores: 132,
      latency: 310e-9,
      gap: 3.5e-6,
    },
  },
  "rtx-4090": {
    title: "NVIDIA RTX 4090",
    compiled: "ada",
    occupancy: warps,
    speed: {
      ...NVIDIA,
      flops: 82.6e12,
      bandwidth: 1.008e12,
      cacheBytes: 72e6,
      cacheBandwidth: 5e12,
      cores: 128,
      latency: 220e-9,
      gap: 3.5e-6,
    },
  },
  "rtx-3060": {
    title: "NVIDIA RTX 3060",
    compiled: "ampere",
    occupancy: warps,
    speed: {
      ...NVIDIA,
      flops: 12.7e12,
      bandwidth: 0.36e12,
      cacheBytes: 3e6,
      cacheBandwidth: 1.2e12,
      cores: 28,
      latency: 320e-9,
      gap: 3.5e-6,
    },
  },
  "m2-pro": {
    title: "Apple M2 Pro, 19 cores",
    compiled: "m1",
    occupancy: apple,
    speed: {
      schedulers: 4,
      lanes: 32,
      flops: 6.8e12,
      bandwidth: 0.2e12,
      cacheBytes: 24e6,
      cacheBandwidth: 0.5e12,
      cores: 19,
      latency: 550e-9,
      gap: 5e-6,
    },
  },
  "iris-xe": {
    title: "Intel Iris Xe, 96 units",
    compiled: "xe",
    occupancy: intel,
    speed: {
      schedulers: 16,
      lanes: 8,
      flops: 2.0e12,
      bandwidth: 0.068e12,
      cacheBytes: 3.8e6,
      cacheBandwidth: 0.2e12,
      cores: 6,
      latency: 600e-9,
      gap: 6e-6,
    },
  },
} as const satisfies Record<string, ModelCard>;

/** Name of a card. */
export type ModelCardName = keyof typeof MODEL_CARDS;

/** All names. */
export const MODEL_CARD_NAMES = Object.keys(MODEL_CARDS) as readonly ModelCardName[];
