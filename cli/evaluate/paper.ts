/** Published figures that stand beside ours in a report. */
import { UsageError } from "../arguments.ts";

/** One cell of a published table. */
export interface PaperRow {
  /** Heading of the row, such as "SSD-100 (paper)". */
  readonly method: string;
  /** Name of the task whose column it belongs to. */
  readonly task: string;
  /** Network evaluations, where it says. */
  readonly nfe?: number;
  /** Figures by metric. */
  readonly figures: Readonly<Partial<Record<PaperMetric, number>>>;
}

/** What published tables give. */
export type PaperMetric = typeof METRICS[number];

const METRICS = ["psnr", "ssim", "lpips", "fid"] as const;

/**
 * The field `paper` of a config: [{"method", "task", "nfe"?, "psnr"?, "ssim"?, "lpips"?, "fid"?}, ...].
 * @param place the config, for messages
 * @throws {UsageError} if it is something else
 */
export function readPaper(value: unknown, place: string): readonly PaperRow[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new UsageError(`paper of ${place} is ${JSON.stringify(value)}, a list is needed`);
  return value.map((item) => {
    const { method, task, nfe, ...figures } = (item ?? {}) as Record<string, unknown>;
    const isNumber = (entry: unknown): entry is number => typeof entry === "number" && Number.isFinite(entry);
    const known = Object.entries(figures).every(([name, figure]) =>
      METRICS.some((m) => m === name) && isNumber(figure)
    );
    if (typeof method !== "string" || typeof task !== "string" || !known || (nfe !== undefined && !isNumber(nfe))) {
      throw new UsageError(
        `paper of ${place} has ${JSON.stringify(item)}, {"method", "task", "nfe", ${
          METRICS.map((name) => `"${name}"`).join(", ")
        }} with numbers is needed`,
      );
    }
    return { method, task, ...(nfe === undefined ? {} : { nfe }), figures };
  });
}
