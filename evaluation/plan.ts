/** The plan of an evaluation as data: which units there are, which pairs of task and method cannot be, and what they cost. */
import type { ConventionName } from "../metrics/mod.ts";
import { type OptionSpec, shellQuoted, UsageError } from "../parameters/mod.ts";
import type { Evaluations } from "../samplers/mod.ts";
import type { Expectations } from "./expectations.ts";
import { countSeeds, type Seeds } from "./seeds.ts";

/** How a model is told apart from others. */
export interface ModelIdentity {
  /** What tables call it. */
  readonly name: string;
  /** SHA-256 of its file. */
  readonly sha256: string;
  /** Published checkpoints with the same tensors. */
  readonly known: readonly string[];
}

/** A task or method as plans and tables know it. */
export interface Label {
  /** Name of the task or method, such as `sr4`. */
  readonly name: string;
  /** What tables call it: the name with its options, unless the study says otherwise. */
  readonly label: string;
  /** The curve of the report that its results are points of. */
  readonly series: string;
}

/** A task and a method: indices into the lists of the plan. */
export interface Place {
  /** Place of the task in the plan, from 0. */
  readonly task: number;
  /** Place of the method in the plan, from 0. */
  readonly method: number;
}

/** A result to be had: indices into the lists of the plan. */
export interface PlannedUnit extends Place {
  /** Hash of all that decides the result. */
  readonly id: string;
  /** Place of the picture in the plan, from 0. */
  readonly image: number;
  /** Seed of all that is drawn. */
  readonly seed: number;
}

/**
 * Units in the order of the plan. They need not be in memory: whoever goes through them computes them, or reads them from a
 * file.
 */
export type Units = (Iterable<PlannedUnit> | AsyncIterable<PlannedUnit>) & {
  /** How many there are. */
  readonly length: number;
};

/** How much work units are. */
export interface Amount {
  /** Units. */
  readonly units: number;
  /** Network evaluations of them. */
  readonly evaluations: number;
}

/** A pair of task and method that can be, and what a run of it costs. */
export interface PlannedPair extends Place {
  /** Network evaluations of one picture. */
  readonly evaluations: Evaluations;
}

/** The plan as data, the same for all shards. */
export interface Plan {
  /** Version of the engine. */
  readonly version: string;
  /** Heading of the report. */
  readonly title: string;
  /** Which network it is. */
  readonly model: ModelIdentity;
  /** How weights are kept, such as "f32". */
  readonly precision: string;
  /** Longest side of the pictures. */
  readonly size: number;
  /** How PSNR and SSIM are computed. */
  readonly convention: ConventionName;
  /** Of the intervals of means. */
  readonly confidence: number;
  /** The pictures. */
  readonly images: readonly { readonly name: string; readonly sha256: string }[];
  /** What is wrong with the pictures. */
  readonly tasks: readonly Label[];
  /** What restores them. */
  readonly methods: readonly Label[];
  /** Seeds of every pair of a task and a method. */
  readonly seeds: Seeds;
  /** Whether a picture counts with the best of its seeds, quantity by quantity, instead of their mean. */
  readonly bestOfSeeds?: boolean;
  /** Pairs of a task and a method that fits it. */
  readonly pairs: readonly PlannedPair[];
  /** The other pairs, with what does not fit. */
  readonly notApplicable: readonly (Place & { readonly reason: string })[];
  /** Every picture and seed of every pair: pair after pair, each with its runs. */
  readonly units: Units;
  /** What the results are compared with. */
  readonly expectations: Expectations;
}

/** Name of a pair, as a key of maps. */
export function pairName({ task, method }: Place): string {
  return `${task}/${method}`;
}

/** The labels of a pair. */
export function labelsOf({ tasks, methods }: Plan, { task, method }: Place): Record<keyof Place, string | undefined> {
  return { task: tasks[task]?.label, method: methods[method]?.label };
}

/** Part `index`, from 1, of `count`. */
export interface Shard {
  /** Which shard it is, from 1. */
  readonly index: number;
  /** Number of shards. */
  readonly count: number;
}

/**
 * A shard as a command line names it, such as `2/3`; undefined where it names none.
 * @throws {UsageError} if it is none
 */
export function readShard(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const [, first, second] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const [index, count] = [Number(first), Number(second)];
  if (index >= 1 && index <= count) return { index, count };
  throw new UsageError(`--shard is "${text}", a part such as 2/3 is needed, from 1/3 to 3/3`);
}

/**
 * A command line as text for a shell.
 * @param words of the command line
 * @param leftOut options, with their declarations, that belong to one run and not to what is evaluated
 */
export function commandText(words: readonly string[], leftOut: Readonly<Record<string, OptionSpec>>): string {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [, name = "", value] = /^--([^=]+)(=.*)?$/s.exec(word) ?? [];
    const spec = Object.hasOwn(leftOut, name) ? leftOut[name] : undefined;
    if (!spec) kept.push(/^[\w./=:+-]+$/.test(word) ? word : shellQuoted(word));
    else if (spec.kind !== "flag" && value === undefined) at++;
  }
  return kept.join(" ");
}

/** The units of a shard: every count-th. */
export function shardOf(units: Units, { index, count }: Shard): Units {
  return {
    length: Math.max(0, Math.ceil((units.length - index + 1) / count)),
    async *[Symbol.asyncIterator](): AsyncGenerator<PlannedUnit, void> {
      let place = 0;
      for await (const unit of units) if (place++ % count === index - 1) yield unit;
    },
  };
}

/** Network evaluations of a unit, by its pair. */
export function costsOf({ pairs }: Pick<Plan, "pairs">): (unit: Place) => number {
  const costs = new Map(pairs.map((pair) => [pairName(pair), pair.evaluations.actual]));
  return (unit) => costs.get(pairName(unit)) ?? 0;
}

/** How much work the whole plan is. */
export function amountOf({ pairs, units }: Plan): Amount {
  const runs = units.length / Math.max(1, pairs.length);
  return { units: units.length, evaluations: pairs.reduce((sum, pair) => sum + runs * pair.evaluations.actual, 0) };
}

/** A plan in sentences: how much it is, and what does not go together. */
export function describePlan(plan: Plan, mine: Pick<Units, "length">, shard: Shard | undefined): readonly string[] {
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  const part = shard ? `; shard ${shard.index} of ${shard.count} has ${mine.length}` : "";
  const total = `${count(plan.images.length, "picture")} x ${count(plan.tasks.length, "task")} x ` +
    `${count(plan.methods.length, "method")} x ${countSeeds(plan.seeds)}${
      plan.bestOfSeeds ? ", of which the best counts" : ""
    }: ${count(plan.units.length, "unit")}, ` +
    `${amountOf(plan).evaluations} network evaluations${part}`;
  const refused = Map.groupBy(plan.notApplicable, ({ reason }) => reason);
  const refusals = Array.from(refused, ([reason, pairs]) => {
    const labels = pairs.map((pair) => labelsOf(plan, pair));
    const listed = (key: keyof Place): string => [...new Set(labels.map((each) => each[key]))].join(", ");
    return `Not applicable: ${listed("method")} on ${listed("task")}: ${reason}`;
  });
  return [total, ...refusals];
}

/** A plan as data: what it costs, and what of it is to be done. */
export function planData(plan: Plan, mine: Amount, pending: Amount): Readonly<Record<string, unknown>> {
  return {
    units: mine.units,
    pending: pending.units,
    evaluations: mine.evaluations,
    pendingEvaluations: pending.evaluations,
    pairs: plan.pairs.map(({ evaluations, ...pair }) => ({ ...labelsOf(plan, pair), nfe: evaluations })),
    notApplicable: plan.notApplicable.map(({ reason, ...pair }) => ({ ...labelsOf(plan, pair), reason })),
  };
}
