/** How far an evaluation on several machines is, and who is at work: as data, as lines of a terminal, and as metrics. */
import { formatSeconds } from "../io/mod.ts";

/** One of the workers. */
export interface WorkerView {
  /** 8 hexadecimal digits that it has drawn. */
  readonly worker: string;
  /** What it computes with. */
  readonly adapter: string;
  /** What it is at. */
  readonly state: "working" | "waiting";
  /** Units that it has made. */
  readonly units: number;
  /** Units that it could not make. */
  readonly failed: number;
  /** Units that it makes per second, of the last minute. */
  readonly unitsPerSecond: number;
}

/** All of it. */
export interface Overview {
  /** Units of the plan. */
  readonly units: number;
  /** Units that are stored. */
  readonly stored: number;
  /** Units that were given up. */
  readonly failed: number;
  /** Units that came twice with other results. */
  readonly differences: number;
  /** Units that are stored per second, of the last minute. */
  readonly unitsPerSecond: number;
  /** Seconds until all are stored at that rate; absent while there is none. */
  readonly secondsLeft?: number;
  /** Those that are there, in the order of their coming. */
  readonly workers: readonly WorkerView[];
}

/** Most workers that a terminal shows one by one. */
const SHOWN = 16;

/** The overview as lines: one for each worker, as far as a terminal has room for them, and one for the others together. */
export function overviewLines({ workers, unitsPerSecond, secondsLeft, differences }: Overview): readonly string[] {
  const shown = workers.length > SHOWN ? workers.slice(0, SHOWN - 1) : workers;
  const others = workers.slice(shown.length);
  const sum = (key: "units" | "failed" | "unitsPerSecond"): number =>
    others.reduce((total, worker) => total + worker[key], 0);
  const left = secondsLeft === undefined ? "" : `, ${formatSeconds(secondsLeft)} left`;
  const twice = differences === 0 ? "" : `, ${differences} units came twice with other results`;
  return [
    `${perSecond(unitsPerSecond)} from ${workers.length} workers${left}${twice}`,
    ...shown.map((each) => `  ${each.worker} ${each.state} ${figures(each)}  ${each.adapter}`),
    ...(others.length === 0 ? [] : [
      `  ${others.length} others  ${
        figures({ units: sum("units"), failed: sum("failed"), unitsPerSecond: sum("unitsPerSecond") })
      }`,
    ]),
  ];
}

function figures({ units, failed, unitsPerSecond }: Pick<WorkerView, "units" | "failed" | "unitsPerSecond">): string {
  const lost = failed === 0 ? "" : `, ${failed} failed`;
  return `${String(units).padStart(6)} units${lost}, ${perSecond(unitsPerSecond)}`;
}

function perSecond(rate: number): string {
  return `${rate < 10 ? rate.toFixed(2) : rate.toFixed(0)} units/s`;
}

/** The overview in the text format of Prometheus. */
export function metricsText(view: Overview): string {
  const lines: string[] = [];
  const metric = (name: string, kind: "gauge" | "counter", help: string, values: readonly Sample[]): void => {
    lines.push(`# HELP shortcut_${name} ${help}`, `# TYPE shortcut_${name} ${kind}`);
    for (const { labels = {}, value } of values) lines.push(`shortcut_${name}${labelText(labels)} ${value}`);
  };
  const { units, stored, failed, differences, unitsPerSecond, secondsLeft, workers } = view;
  const ofWorkers = (key: "units" | "failed" | "unitsPerSecond"): readonly Sample[] =>
    workers.map(({ worker, adapter, [key]: value }) => ({ labels: { worker, adapter }, value }));
  metric("units", "gauge", "Units of the evaluation by what came of them", [
    { labels: { state: "stored" }, value: stored },
    { labels: { state: "failed" }, value: failed },
    { labels: { state: "missing" }, value: units - stored - failed },
  ]);
  metric("units_per_second", "gauge", "Units stored per second, of the last minute", [{ value: unitsPerSecond }]);
  metric("differences_total", "counter", "Units that came twice with other results", [{ value: differences }]);
  if (secondsLeft !== undefined) {
    metric("seconds_left", "gauge", "Seconds until all units are stored at this rate", [{ value: secondsLeft }]);
  }
  metric(
    "workers",
    "gauge",
    "Workers by what they are at",
    ["working", "waiting"].map((state) => ({
      labels: { state },
      value: workers.filter((worker) => worker.state === state).length,
    })),
  );
  metric("worker_units_total", "counter", "Units that a worker has made", ofWorkers("units"));
  metric("worker_failures_total", "counter", "Units that a worker could not make", ofWorkers("failed"));
  metric("worker_units_per_second", "gauge", "Units that a worker makes per second", ofWorkers("unitsPerSecond"));
  return `${lines.join("\n")}\n`;
}

/** A value with what tells it from others of the same metric. */
interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Labels between braces; a worker says its adapter itself, so that it may hold anything. */
function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([name, text]) =>
    `${name}="${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`
  );
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}
