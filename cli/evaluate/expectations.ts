/** What a configuration says that should come out: figures of a paper, and trends that hold for any network. */
import { didYouMean, UsageError } from "../../parameters/mod.ts";
import type { Entry } from "./entries.ts";
import { type MetricName, METRICS } from "./metrics.ts";

/** Published figures of one method and task. */
export interface PaperRow {
  /** Label of the method, as in the tables. */
  readonly method: string;
  /** Label of the task. */
  readonly task: string;
  readonly values: Readonly<Partial<Record<MetricName, number>>>;
}

/** Published figures. */
export interface Paper {
  /** Where they are published. */
  readonly source: string;
  /** Known checkpoints that they were made with; beside results of another network they would mean nothing. */
  readonly checkpoints: readonly string[];
  readonly rows: readonly PaperRow[];
}

/** An order of means that is expected. */
export interface Trend {
  /** What is expected, in words. */
  readonly statement: string;
  readonly metric: MetricName;
  /** Labels of methods, or of tasks, from the least mean to the greatest. */
  readonly rising: readonly string[];
  /** Where methods are compared: the label of the task; where tasks are: that of the method. */
  readonly task?: string;
  readonly method?: string;
}

/** All that is expected. */
export interface Expectations {
  readonly paper: Paper | undefined;
  readonly trends: readonly Trend[];
}

/** The labels that rows and trends may speak of. */
interface Labels {
  readonly tasks: readonly Entry[];
  readonly methods: readonly Entry[];
}

/**
 * Reads `paper` and `trends` of a configuration.
 * @param at makes the place of a key, for messages
 * @throws {UsageError} naming the place of what does not fit
 */
export function readExpectations(
  found: Readonly<Record<string, unknown>>,
  { tasks, methods }: Labels,
  at: (key: string) => string,
): Expectations {
  const labels = { task: tasks.map(({ label }) => label), method: methods.map(({ label }) => label) };
  const trends = found["trends"] ?? [];
  if (!Array.isArray(trends)) throw new UsageError(`${at("trends")} is ${JSON.stringify(trends)}, a list is needed`);
  return {
    paper: found["paper"] === undefined ? undefined : readPaper(found["paper"], at("paper"), labels),
    trends: trends.map((trend, index) => readTrend(trend, `${at("trends")}[${index}]`, labels)),
  };
}

type KnownLabels = Readonly<Record<"task" | "method", readonly string[]>>;

function readPaper(found: unknown, place: string, labels: KnownLabels): Paper {
  const { source, checkpoints, rows } = objectAt(found, place, ["source", "checkpoints", "rows"]);
  if (!Array.isArray(rows)) throw new UsageError(`${place}.rows is ${JSON.stringify(rows)}, a list is needed`);
  return {
    source: textAt(source, `${place}.source`),
    checkpoints: textsAt(checkpoints, `${place}.checkpoints`),
    rows: rows.map((row, index) => {
      const where = `${place}.rows[${index}]`;
      const { method, task, ...values } = objectAt(row, where, ["method", "task", ...METRIC_NAMES]);
      for (const [metric, value] of Object.entries(values)) {
        if (typeof value === "number" && Number.isFinite(value)) continue;
        throw new UsageError(`${where}.${metric} is ${JSON.stringify(value)}, a number is needed`);
      }
      return {
        method: labelAt(method, `${where}.method`, labels.method),
        task: labelAt(task, `${where}.task`, labels.task),
        values: values as PaperRow["values"],
      };
    }),
  };
}

function readTrend(found: unknown, place: string, labels: KnownLabels): Trend {
  const { statement, metric, rising, task, method } = objectAt(found, place, [
    "statement",
    "metric",
    "rising",
    "task",
    "method",
  ]);
  if ((task === undefined) === (method === undefined)) {
    throw new UsageError(`${place} needs either "task", to compare methods, or "method", to compare tasks`);
  }
  const name = textAt(metric, `${place}.metric`);
  const known = METRIC_NAMES.find((each) => each === name);
  if (known === undefined) {
    throw new UsageError(`${place}.metric is "${name}", one of ${METRIC_NAMES.join(", ")} is needed`);
  }
  const compared = task === undefined ? labels.task : labels.method;
  const order = textsAt(rising, `${place}.rising`);
  order.forEach((label, index) => labelAt(label, `${place}.rising[${index}]`, compared));
  if (order.length < 2) throw new UsageError(`${place}.rising has ${order.length} labels, at least 2 are needed`);
  return {
    statement: textAt(statement, `${place}.statement`),
    metric: known,
    rising: order,
    ...(task === undefined ? {} : { task: labelAt(task, `${place}.task`, labels.task) }),
    ...(method === undefined ? {} : { method: labelAt(method, `${place}.method`, labels.method) }),
  };
}

const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

function objectAt(found: unknown, place: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new UsageError(`${place} is ${JSON.stringify(found)}, an object with ${keys.join(", ")} is needed`);
  }
  const foreign = Object.keys(found).find((key) => !keys.includes(key));
  if (foreign !== undefined) {
    throw new UsageError(`${place} has the key "${foreign}", which means nothing${didYouMean(foreign, keys)}`);
  }
  return found as Record<string, unknown>;
}

function textAt(found: unknown, place: string): string {
  if (typeof found === "string" && found !== "") return found;
  throw new UsageError(`${place} is ${JSON.stringify(found) ?? "missing"}, a text is needed`);
}

function textsAt(found: unknown, place: string): readonly string[] {
  if (!Array.isArray(found)) {
    throw new UsageError(`${place} is ${JSON.stringify(found) ?? "missing"}, a list is needed`);
  }
  return found.map((item, index) => textAt(item, `${place}[${index}]`));
}

function labelAt(found: unknown, place: string, known: readonly string[]): string {
  const label = textAt(found, place);
  if (known.includes(label)) return label;
  throw new UsageError(`${place} is "${label}", one of ${known.join(", ")} is needed${didYouMean(label, known)}`);
}
