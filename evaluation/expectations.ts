/** What a study says that should come out: figures of a paper, and trends that hold for any network. */
import { UsageError } from "../parameters/mod.ts";
import type { Entry } from "./entries.ts";
import { listAt, objectAt, shown, textAt, wordAt } from "./json.ts";
import { METRIC_NAMES, type MetricName } from "./metrics.ts";

/** Published figures of one method and task. */
export interface PaperRow {
  /** Label of the method, as in the tables. */
  readonly method: string;
  /** Label of the task. */
  readonly task: string;
  /** What is published, by metric. */
  readonly values: Readonly<Partial<Record<MetricName, number>>>;
}

/** Published figures. */
export interface Paper {
  /** Where they are published. */
  readonly source: string;
  /** What of the published setting, or of how its figures were taken, is another one here; undefined if nothing is. */
  readonly differs?: string;
  /** Known checkpoints that they were made with; beside results of another network they would mean nothing. */
  readonly checkpoints: readonly string[];
  /** One for each method and task. */
  readonly rows: readonly PaperRow[];
}

/** An order of means that is expected. */
export interface Trend {
  /** What is expected, in words. */
  readonly statement: string;
  /** The metric of which means are compared. */
  readonly metric: MetricName;
  /** Labels of methods, or of tasks, from the least mean to the greatest. */
  readonly rising: readonly string[];
  /** Where methods are compared: the label of the task; where tasks are: that of the method. */
  readonly task?: string;
  /** Label of the method, where tasks are compared. */
  readonly method?: string;
}

/** All that is expected. */
export interface Expectations {
  /** Published results, if there are any; more than one where the figures are of several networks. */
  readonly papers?: readonly Paper[];
  /** Orders that means should have. */
  readonly trends: readonly Trend[];
}

/** The labels that rows and trends may speak of. */
type Labels = Readonly<Record<"task" | "method", readonly string[]>>;

/**
 * Reads `paper` and `trends` of a study.
 * @param at makes the place of a key, for messages
 * @throws {UsageError} naming the place of what does not fit
 */
export function readExpectations(
  found: Readonly<Record<string, unknown>>,
  { tasks, methods }: { readonly tasks: readonly Entry[]; readonly methods: readonly Entry[] },
  at: (key: string) => string,
): Expectations {
  const labels = { task: tasks.map(({ label }) => label), method: methods.map(({ label }) => label) };
  const { paper, trends = [] } = found;
  return {
    ...(paper === undefined ? {} : { papers: readPapers(paper, at("paper"), labels) }),
    trends: listAt(trends, at("trends"), (trend, place) => readTrend(trend, place, labels)),
  };
}

/** One table of published figures, or a list of them. */
function readPapers(found: unknown, place: string, labels: Labels): readonly Paper[] {
  if (!Array.isArray(found)) return [readPaper(found, place, labels)];
  return listAt(found, place, (paper, where) => readPaper(paper, where, labels));
}

function readPaper(found: unknown, place: string, labels: Labels): Paper {
  const { source, differs, checkpoints, rows } = objectAt(found, place, ["source", "differs", "checkpoints", "rows"]);
  return {
    source: textAt(source, `${place}.source`),
    ...(differs === undefined ? {} : { differs: textAt(differs, `${place}.differs`) }),
    checkpoints: listAt(checkpoints, `${place}.checkpoints`, textAt),
    rows: listAt(rows, `${place}.rows`, (row, where) => {
      const { method, task, ...values } = objectAt(row, where, ["method", "task", ...METRIC_NAMES]);
      for (const [metric, value] of Object.entries(values)) {
        if (typeof value === "number" && Number.isFinite(value)) continue;
        throw new UsageError(`${where}.${metric} is ${shown(value)}, a number is needed`);
      }
      return {
        method: wordAt(method, `${where}.method`, labels.method),
        task: wordAt(task, `${where}.task`, labels.task),
        values: values as PaperRow["values"],
      };
    }),
  };
}

function readTrend(found: unknown, place: string, labels: Labels): Trend {
  const { task, method, ...trend } = objectAt(found, place, ["statement", "metric", "rising", "task", "method"]);
  if ((task === undefined) === (method === undefined)) {
    throw new UsageError(`${place} needs either "task", to compare methods, or "method", to compare tasks`);
  }
  const compared = task === undefined ? labels.task : labels.method;
  const rising = listAt(trend["rising"], `${place}.rising`, (label, where) => wordAt(label, where, compared));
  if (rising.length < 2) throw new UsageError(`${place}.rising has ${rising.length} labels, at least 2 are needed`);
  return {
    statement: textAt(trend["statement"], `${place}.statement`),
    metric: wordAt(trend["metric"], `${place}.metric`, METRIC_NAMES),
    rising,
    ...(task === undefined ? {} : { task: wordAt(task, `${place}.task`, labels.task) }),
    ...(method === undefined ? {} : { method: wordAt(method, `${place}.method`, labels.method) }),
  };
}
