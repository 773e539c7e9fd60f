/** The time that a plan would take on a card, from what its data sheet says and what compilers made of the kernels. */
import type { KernelFigures } from "./statistics.ts";
import { type Part, PARTS, type Touch, type Work } from "./work.ts";

/** What is taken from the data sheet of a card. */
export interface CardSpeed {
  /** Single-precision operations in a second, a multiply-add being two. */
  readonly flops: number;
  /** Bytes in a second from and to the memory. */
  readonly bandwidth: number;
  /** Bytes of the last cache before the memory. */
  readonly cacheBytes: number;
  /** Bytes in a second from and to that cache. */
  readonly cacheBandwidth: number;
  /** Processors that workgroups are spread over. */
  readonly cores: number;
  /** Schedulers of a processor, each of which issues for one subgroup at a time. */
  readonly schedulers: number;
  /** Lanes that a scheduler issues for at once. */
  readonly lanes: number;
  /** Seconds that a load takes. */
  readonly latency: number;
  /** Seconds between two dispatches that wait for each other. */
  readonly gap: number;
}

/** What no data sheet says. */
export interface Assumptions {
  /** Subgroups on a scheduler with which it issues half of the time; with w it issues w / (w + half). */
  readonly half: number;
  /** Share of the time that barriers leave. */
  readonly barriers: number;
  /** Share of the bandwidths that is reached. */
  readonly bandwidth: number;
  /** Instructions that a spilled value costs in each turn besides its own. */
  readonly spill: number;
  /** Factor on the latency and on the gaps. */
  readonly waiting: number;
  /** Share of the instructions of an attention that multiply and add. */
  readonly attention: number;
}

/** Three sets: the likely one, and the ends of the range. */
export const ASSUMPTIONS = {
  likely: { half: 0.9, barriers: 0.92, bandwidth: 0.8, spill: 6, waiting: 1, attention: 0.35 },
  best: { half: 0.5, barriers: 0.97, bandwidth: 0.92, spill: 3, waiting: 0.6, attention: 0.5 },
  worst: { half: 1.8, barriers: 0.85, bandwidth: 0.6, spill: 14, waiting: 1.5, attention: 0.2 },
} as const satisfies Readonly<Record<string, Assumptions>>;

/** Share of a cache within which what was touched is found again. */
const CACHE_SHARE = 0.7;

/** Share of multiply-adds in the loop of a product of which no figures are stored. */
const UNKNOWN_SHARE = 0.75;

/** Subgroups on a scheduler where no figures are stored. */
const UNKNOWN_OCCUPANCY = 4;

/** How the occupancy that a compiler tells becomes subgroups on one scheduler. */
export type OccupancyRule = (figures: KernelFigures) => number;

/** Seconds by part. */
export type PartSeconds = Readonly<Record<Part, number>>;

/**
 * The seconds of each part of a plan.
 * @param works of the dispatches, in order
 * @param figuresOf what a compiler made of a kernel; undefined where it is not known
 */
export function predict(
  works: readonly Work[],
  card: CardSpeed,
  assumptions: Assumptions,
  { figuresOf, occupancy }: {
    readonly figuresOf: (work: Work) => KernelFigures | undefined;
    readonly occupancy: OccupancyRule;
  },
): PartSeconds {
  const seconds = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  const cache = new TouchedLately(card.cacheBytes * CACHE_SHARE);
  for (const work of works) {
    const figures = figuresOf(work);
    const subgroups = figures ? occupancy(figures) : UNKNOWN_OCCUPANCY;
    const traffic = cache.touch(work.touches);
    seconds[work.part] += Math.max(
      arithmeticSeconds(work, card, assumptions, { figures, subgroups }),
      traffic.missed / (card.bandwidth * assumptions.bandwidth) +
        traffic.hit / (card.cacheBandwidth * assumptions.bandwidth),
      work.chain * card.latency * assumptions.waiting,
    );
    seconds.gaps += card.gap * assumptions.waiting;
  }
  return seconds;
}

/** Executed instructions over the rate at which they are issued. */
function arithmeticSeconds(
  { part, flops, perTurn, workgroups, invocations }: Work,
  { flops: peak, cores, schedulers, lanes }: CardSpeed,
  { half, barriers, spill, attention }: Assumptions,
  { figures, subgroups }: { readonly figures: KernelFigures | undefined; readonly subgroups: number },
): number {
  const perGroup = Math.max(1, invocations / lanes);
  const onCore = Math.max(1, Math.floor(subgroups * schedulers / perGroup));
  const waves = workgroups / (onCore * cores);
  // Less than a wave leaves schedulers with fewer subgroups, and the last of many is not full.
  const resident = Math.min(onCore, workgroups / cores) * perGroup / schedulers;
  const fill = waves <= 1 ? 1 : waves / Math.ceil(waves);
  const issued = resident / (resident + half) * fill;
  if (part === "products" || part === "attention") {
    const share = part === "attention" ? attention : perTurn === undefined || figures === undefined
      ? UNKNOWN_SHARE
      // Compilers that issue two operations as one instruction have shares above 1.
      : Math.min(1, perTurn / (figures.hotLoop + spill * figures.spills));
    return flops / (peak * share * barriers * issued);
  }
  return workgroups * invocations * (figures?.instructions ?? 0) / (peak / 2 * issued);
}

/** A cache that keeps what was touched while not more than its size was touched since. */
class TouchedLately {
  readonly #size: number;
  readonly #last = new Map<number, number>();
  #total = 0;

  constructor(size: number) {
    this.#size = size;
  }

  /** Bytes that are found, and bytes that come from the memory. */
  touch(touches: readonly Touch[]): { readonly hit: number; readonly missed: number } {
    let [hit, missed] = [0, 0];
    for (const { id, bytes } of touches) {
      const since = this.#total - (this.#last.get(id) ?? -Infinity);
      if (since + bytes <= this.#size) hit += bytes;
      else missed += bytes;
      this.#total += bytes;
      this.#last.set(id, this.#total);
    }
    return { hit, missed };
  }
}
