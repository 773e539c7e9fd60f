/** Published figures beside ours, where the network is one that they were made with. */
import { csv, type Field, textColumns } from "../report/mod.ts";
import { cellOf, meanOf, type Results } from "./cells.ts";
import type { Paper } from "./expectations.ts";
import { formatValue, type MetricName, METRICS } from "./metrics.ts";
import type { Plan } from "./plan.ts";

/** One published figure and ours. */
export interface PublishedFigure {
  /** Label of the method. */
  readonly method: string;
  /** Label of the task. */
  readonly task: string;
  /** What it is a figure of. */
  readonly metric: MetricName;
  /** As it is published. */
  readonly published: number;
  /** Our mean; NaN where it was not measured. */
  readonly ours: number;
}

/** The tables of a plan that were made with its network, known by the names of the checkpoints with its tensors. */
export function papersOf({ expectations, model }: Pick<Plan, "expectations" | "model">): readonly Paper[] {
  const { papers = [] } = expectations;
  return papers.filter(({ checkpoints }) => checkpoints.some((name) => model.known.includes(name)));
}

/**
 * Why a table may be of another network: several checkpoints have the tensors of the file, and nothing says which it is.
 * @returns undefined where there is no doubt
 */
export function doubtOf({ model: { known } }: Pick<Plan, "model">, { checkpoints }: Paper): string | undefined {
  if (known.every((name) => checkpoints.includes(name))) return undefined;
  return `the tensors of the file are those of ${known.join(", ")} alike, the figures of ${checkpoints.join(", ")}; ` +
    "say which it is by --as NAME";
}

/** The figures of a published table, in its order, each with ours. */
export function publishedFigures(results: Results, { rows }: Paper): readonly PublishedFigure[] {
  return rows.flatMap(({ task, method, values }) =>
    Object.entries(values).map(([name, published]): PublishedFigure => {
      const metric = name as MetricName;
      return { method, task, metric, published, ours: meanOf(cellOf(results, { task, method }), metric) };
    })
  );
}

/** Headings of a table of published figures. */
export const PUBLISHED_HEADS: readonly string[] = ["Method", "Task", "Quantity", "Published", "Here", "Difference"];

/** A figure as tables show it, below `PUBLISHED_HEADS`. */
export function publishedTexts({ method, task, metric, published, ours }: PublishedFigure): readonly string[] {
  const figures = [published, ours, ours - published].map((value) => formatValue(value, metric));
  return [method, task, METRICS[metric].title, ...figures];
}

/** One line a published figure, with where it is from and what differs; undefined where none is of this network. */
export function publishedCsv(results: Results): string | undefined {
  const papers = papersOf(results.plan);
  if (papers.length === 0) return undefined;
  return csv([
    ["source", "method", "task", "quantity", "published", "here", "differs"],
    ...papers.flatMap((paper) =>
      publishedFigures(results, paper).map(({ method, task, metric, published, ours }): readonly Field[] => [
        paper.source,
        method,
        task,
        metric,
        published,
        Number.isNaN(ours) ? undefined : ours,
        paper.differs,
      ])
    ),
  ]);
}

/** Published figures beside ours as text, a block for each table; nothing where none is of this network. */
export function formatPublished(results: Results): readonly string[] {
  return papersOf(results.plan).map((paper) => {
    const { source, differs } = paper;
    const rows = publishedFigures(results, paper).map(publishedTexts);
    const heading = `Beside ${source}${differs === undefined ? "" : ` (what differs: ${differs})`}:`;
    const doubt = doubtOf(results.plan, paper);
    return [heading, ...(doubt === undefined ? [] : [`In doubt: ${doubt}`]), textColumns([PUBLISHED_HEADS, ...rows])]
      .join("\n");
  });
}
