/**
 * Everything that is measured on a machine with a graphics card, in one command of less than nine minutes and without
 * a network. Each figure is in a file of the folder as soon as it exists, as the machine can be gone at any moment; at
 * the end stands what the figures decide. Packages must be in Deno's cache; PyTorch and Dawn are optional.
 */
import type { CommandSpec } from "../../io/mod.ts";
import { type OptionValues, UsageError } from "../../parameters/mod.ts";
import { print, runProgram } from "../program.ts";
import { type Origin, recordRow } from "../row.ts";
import { decide, type Decision, type VisitRow } from "./rules.ts";
import { runStep, type StepResult } from "./run_step.ts";
import { gpuSteps, type Step, VISIT_SECONDS } from "./steps.ts";

const DEFAULT_FOLDER = "out/gpu";

/** Seconds of a dry run unless others are asked for. */
const DRY_SECONDS = 55;

/** What the command takes. */
const SPEC: CommandSpec = {
  name: "gpu",
  summary: "Measures a graphics card in one visit: correctness, ceilings, every form, networks, PyTorch, Dawn.",
  operands: { usage: "[FOLDER]", min: 0, max: 1 },
  options: {
    "budget-seconds": {
      kind: "integer",
      min: 1,
      max: 86400,
      help: `Time for all steps, shared out as they are worth (default ${VISIT_SECONDS}; dry runs ${DRY_SECONDS})`,
    },
    steps: { kind: "text", value: "NAME[,NAME]", help: "These steps alone" },
    "dry-run": { kind: "flag", help: "All steps at tiny sizes, on any adapter; nothing is recorded" },
    "no-record": { kind: "flag", help: "Do not append the rows to bench/results" },
  },
  lists: [{ title: "Steps", rows: gpuSteps().map(({ name, about }) => [name, about]) }],
  examples: [
    ["deno task gpu", `everything, into ${DEFAULT_FOLDER}`],
    ["deno task gpu --dry-run", "whether all would run, before the visit"],
  ],
};

/** One visit. */
interface Visit {
  readonly folder: string;
  readonly seconds: number;
  readonly isDry: boolean;
  readonly isRecorded: boolean;
  readonly steps: readonly Step[];
}

function visitOf(values: OptionValues, folder = DEFAULT_FOLDER): Visit {
  const isDry = values["dry-run"] === true;
  const all = gpuSteps(isDry);
  const wanted = values.steps === undefined ? all.map(({ name }) => name) : String(values.steps).split(",");
  const unknown = wanted.find((name) => !all.some((step) => step.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`--steps: there is no step "${unknown}"; those are ${all.map(({ name }) => name).join(", ")}`);
  }
  return {
    folder,
    seconds: Number(values["budget-seconds"] ?? (isDry ? DRY_SECONDS : VISIT_SECONDS)),
    isDry,
    isRecorded: !isDry && values["no-record"] !== true,
    steps: all.filter(({ name }) => wanted.includes(name)),
  };
}

/** Runs the steps one after another, each until its share of the time ends, and says what the figures decide. */
async function run({ folder, seconds, steps, isRecorded }: Visit): Promise<number> {
  await Deno.mkdir(folder, { recursive: true });
  const start = performance.now();
  const shares = steps.reduce((sum, step) => sum + step.seconds, 0);
  const results: StepResult[] = [];
  const rows: Record<string, readonly VisitRow[]> = {};
  let end = 0;
  for (const step of steps) {
    // What a step leaves of its time is there for all that follow.
    end += (step.seconds * seconds) / shares;
    const left = Math.max(0, end - (performance.now() - start) / 1000);
    await print(Deno.stdout, `${step.name}: ${step.about}; up to ${left.toFixed(0)} s`);
    const result = await runStep(step, left, folder);
    results.push(result);
    rows[step.name] = await readRows(`${folder}/${step.name}.jsonl`);
    if (isRecorded) await record(rows[step.name]!);
    const decisions = decide(rows);
    await writeWhole(`${folder}/summary.json`, `${JSON.stringify({ steps: results, decisions }, undefined, 2)}\n`);
    await print(Deno.stdout, `${step.name}: ${result.status} after ${result.seconds} s`);
  }
  await print(Deno.stdout, `\n${formatDecisions(decide(rows))}`);
  return results.every(({ status }) => status === "ok" || status === "missing") ? 0 : 1;
}

/** The JSON objects that a step has printed; none where it could not be started. */
async function readRows(path: string): Promise<readonly VisitRow[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").flatMap((line): readonly VisitRow[] => {
    // The last line of a step that was stopped may be half a line, and nvidia-smi prints none of JSON.
    try {
      const value: unknown = JSON.parse(line);
      return typeof value === "object" && value !== null ? [value as VisitRow] : [];
    } catch {
      return [];
    }
  });
}

/** Appends what has the form of results to those of its adapter. */
async function record(rows: readonly VisitRow[]): Promise<void> {
  const kinds = ["network", "form"];
  for (const row of rows) {
    if (kinds.includes(String(row.kind)) && row.error === undefined && row.provider === "deno") {
      await recordRow(row as VisitRow & Origin);
    }
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.part`, text);
  await Deno.rename(`${path}.part`, path);
}

function formatDecisions(decisions: readonly Decision[]): string {
  if (decisions.length === 0) return "No figure decides anything.";
  return decisions.map(({ rule, verdict, text }) => `${verdict.padEnd(6)} ${rule.padEnd(10)} ${text}`).join("\n");
}

if (import.meta.main) {
  Deno.exit(await runProgram(SPEC, Deno.args, (values, [folder]) => run(visitOf(values, folder))));
}
