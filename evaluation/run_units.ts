/** Carries out the units of a plan: pictures that share task, method and operator are restored in batches. */
import { DeviceLimitError, hostTensor, type Runtime } from "../engine/mod.ts";
import { consistency, faithfulness, imageQuality } from "../metrics/mod.ts";
import type { OpenedModel } from "../models/mod.ts";
import type { MeasurementNoise, Operator } from "../operators/mod.ts";
import { type Raster, rgbToGray } from "../raster/mod.ts";
import {
  applyOperator,
  clamped,
  degrade,
  networkFor,
  offCanvas,
  operatorOptions,
  restoreBy,
  type RunCounts,
  taskOperator,
  timed,
} from "../restoration/mod.ts";
import { seededNoise } from "../samplers/mod.ts";
import { noiseOf } from "./drawn_noise.ts";
import { multipleOf, type Pair, unitKey, type Work } from "./make_plan.ts";
import type { UnitMetrics } from "./metrics.ts";
import { inversionTimesteps, NoiseStudy } from "./noise_study.ts";
import { type Prepared, prepareTruth } from "./pictures.ts";
import { labelsOf, pairName, type Plan, type PlannedUnit } from "./plan.ts";
import { shownFiles, type StepNoise, type Store, UNIT_FILES, type UnitRecord, writeText } from "./store.ts";

/**
 * Is told how far the work is, and waited for; it may throw to stop.
 * @param phase what is being done
 * @param figures to show beside the step
 */
export type Watch = (
  phase: string,
  step: number,
  steps: number,
  figures?: Readonly<Record<string, number>>,
) => void | Promise<void>;

/** What the work is done with. */
export interface Means {
  /** Where the network runs. */
  readonly runtime: Runtime;
  /** The network. */
  readonly model: OpenedModel;
  /** Where units are kept. */
  readonly store: Store;
  /** Most pictures that are restored at once; default: as many as 8 of 64x64 have pixels. */
  readonly batch?: number | undefined;
  /** Is told how far the work is. */
  readonly watch?: Watch | undefined;
}

/** A unit that could not be had, and why. */
export interface Failure {
  /** What failed. */
  readonly unit: PlannedUnit;
  /** The message of the error. */
  readonly reason: string;
  /** Whether the device was too small for it: another one may do it. */
  readonly isDeviceLimit: boolean;
}

/** Failures in sentences: which picture, task, method and seed, and why. */
export function describeFailures(plan: Plan, failures: readonly Failure[]): readonly string[] {
  return failures.map(({ unit, reason }) => {
    const { task, method } = labelsOf(plan, unit);
    return `Failed: ${plan.images[unit.image]?.name}, ${task}, ${method}, seed ${unit.seed}: ${reason}`;
  });
}

/**
 * Makes and stores units; each is complete before the next batch begins.
 * @param pending units that are not stored yet, in the order of the plan
 * @returns those that failed
 * @throws what `watch` throws
 */
export async function runUnits(work: Work, pending: readonly PlannedUnit[], means: Means): Promise<readonly Failure[]> {
  const { size } = work.plan;
  const batch = means.batch ?? Math.max(1, Math.floor(8 * 64 * 64 / (size * size)));
  const chunks = chunksOf(work, pending, batch);
  const bench = new Bench(work, pending, means);
  const failures: Failure[] = [];
  let decoded = bench.prepare(chunks[0] ?? []);
  for (const [index] of chunks.entries()) {
    const items = await decoded;
    // The next pictures are read while the device works on these.
    decoded = bench.prepare(chunks[index + 1] ?? []);
    decoded.catch(() => {});
    const bySize = Map.groupBy(items, ({ prepared: { padded } }) => `${padded.width}x${padded.height}`);
    for (const same of bySize.values()) failures.push(...await bench.restore(same));
  }
  return failures;
}

/** The divergences of an inversion: means over its steps. */
function meanDivergences(noise: readonly StepNoise[]): Pick<UnitMetrics, "divergence" | "effective"> {
  const mean = (of: (step: StepNoise) => number): number =>
    noise.reduce((sum, step) => sum + of(step), 0) / noise.length;
  return { divergence: mean((step) => step.divergence), effective: mean(({ effective }) => effective.divergence) };
}

/** A unit with its picture. */
interface Item {
  readonly unit: PlannedUnit;
  readonly prepared: Prepared;
}

/**
 * Neighbours that share task, method, operator and what the method reckons with, at most `batch` at a time; equal units
 * once.
 */
function chunksOf(
  { pairs }: Work,
  pending: readonly PlannedUnit[],
  batch: number,
): readonly (readonly PlannedUnit[])[] {
  const chunks: PlannedUnit[][] = [];
  for (const unit of new Map(pending.map((unit) => [unit.id, unit])).values()) {
    const last = chunks.at(-1);
    const [first] = last ?? [];
    const isSamePair = first && pairName(first) === pairName(unit);
    const { isDrawn, sigmaMost } = pairs.get(pairName(unit))!;
    const isSame = isSamePair && (first.seed === unit.seed || !(isDrawn || sigmaMost !== undefined));
    if (last && isSame && last.length < batch) last.push(unit);
    else chunks.push([unit]);
  }
  return chunks;
}

/** Most operators that are kept; sizes and seeds of one task alternate between them. */
const KEPT_OPERATORS = 8;

class Bench {
  readonly #operators = new Map<string, Operator>();
  /** Network evaluations of all units, of those that are over, and how many these are; a unit counts at least one. */
  readonly #all: number;
  #done = 0;
  #units = 0;
  /** The pair whose peak of memory is measured, by `pairName`. */
  #measuredPair: string | undefined;

  constructor(readonly work: Work, pending: readonly PlannedUnit[], readonly means: Means) {
    this.#all = pending.reduce((sum, unit) => sum + this.#cost(unit), 0);
  }

  #pair(unit: PlannedUnit): Pair {
    return this.work.pairs.get(pairName(unit))!;
  }

  #cost(unit: PlannedUnit): number {
    return Math.max(1, this.#pair(unit).method.evaluations.actual);
  }

  /** Tells of so many evaluations of the pictures at work. */
  async #show(running: number): Promise<void> {
    const done = Math.min(this.#done + running, this.#all);
    await this.means.watch?.("evaluate, NFE", done, this.#all, { units: this.#units });
  }

  async #finished(unit: PlannedUnit): Promise<void> {
    this.#done += this.#cost(unit);
    this.#units++;
    await this.#show(0);
  }

  /** Reads the pictures of units. */
  async prepare(units: readonly PlannedUnit[]): Promise<readonly Item[]> {
    const { pictures, files, plan } = this.work;
    return await Promise.all(units.map(async (unit) => {
      const { task, taskOptions: options } = this.#pair(unit);
      const multiple = multipleOf(task, this.means.model.downsampling);
      const prepare = { task, options, multiple, longest: plan.size, files };
      return { unit, prepared: await prepareTruth(pictures[unit.image]!, prepare) };
    }));
  }

  /** Restores and stores units of one size; a batch that fails is tried again in halves. */
  async restore(items: readonly Item[]): Promise<readonly Failure[]> {
    try {
      await this.#restoreTogether(items);
      return [];
    } catch (error) {
      const isRefusal = error instanceof RangeError || error instanceof TypeError || error instanceof DeviceLimitError;
      if (!isRefusal) throw error;
      if (items.length === 1) {
        const { unit } = items[0]!;
        await this.#finished(unit);
        return [{ unit, reason: error.message, isDeviceLimit: error instanceof DeviceLimitError }];
      }
      const half = Math.ceil(items.length / 2);
      return [...await this.restore(items.slice(0, half)), ...await this.restore(items.slice(half))];
    }
  }

  async #operator({ unit, prepared: { padded, known } }: Item): Promise<Operator> {
    const { task, taskOptions, isDrawn } = this.#pair(unit);
    const name = `${unit.task}/${isDrawn ? unit.seed : ""}/${padded.width}x${padded.height}`;
    const kept = this.#operators.get(name);
    if (kept) return kept;
    const imageShape = [padded.height, padded.width, 3];
    const files = { ...await this.work.files.values(task, taskOptions), ...known };
    const options = operatorOptions(task, imageShape, taskOptions, { files, seed: unit.seed, isMeasured: false });
    const operator = taskOperator(task, imageShape, options);
    const oldest = this.#operators.keys().next();
    if (this.#operators.size >= KEPT_OPERATORS && !oldest.done) this.#operators.delete(oldest.value);
    this.#operators.set(name, operator);
    return operator;
  }

  async #restoreTogether(items: readonly Item[]): Promise<void> {
    const { runtime, model } = this.means;
    const { label, window, withNoise } = this.work;
    const [{ unit }] = items as readonly [Item, ...Item[]];
    const { method, ...pair } = this.#pair(unit);
    const { noise, sigmaY } = noiseOf(pair, unit.seed);
    const count = items.length;
    const operator = await this.#operator(items[0]!);
    const network = networkFor(model, operator.imageShape, label === undefined ? {} : { label }, window);
    const measured = await this.#measure(items, operator, noise);
    const y = runtime.upload(measured, [count, ...operator.measurementShape]);
    const estimate = await applyOperator(runtime, operator, "estimate", y);
    const free = [y, estimate];
    try {
      const timesteps = withNoise ? inversionTimesteps(method.options) : undefined;
      using study = timesteps && new NoiseStudy(runtime, network, estimate, { ...method.options, timesteps });
      const seeds = seededNoise(items.map(({ unit: { seed } }) => seed));
      let steps = 1;
      this.#beginPeak(unit);
      const restoration = restoreBy(runtime, method, { model: network, operator, y, sigmaY }, { noise: seeds });
      const run = await timed(runtime, restoration, async (progress) => {
        steps = progress.steps;
        await study?.add(progress);
        await this.#show(progress.nfe * count);
      });
      const { peakDeviceBytes } = runtime.statistics();
      const { counts } = run;
      const steady = steps < 2 ? run.seconds : (run.seconds - run.firstStepSeconds) / (steps - 1) * steps;
      const x = runtime.upload(run.image, [count, ...operator.imageShape]);
      const ax = await applyOperator(runtime, operator, "forward", x);
      free.push(x, ax);
      const [guides, again] = [await estimate.read(), await ax.read()];
      const time = { seconds: run.seconds / count, steadySeconds: steady / count, batch: count };
      for (const [index, item] of items.entries()) {
        const part = <T extends Float32Array>(all: T): T =>
          all.slice(index * all.length / count, (index + 1) * all.length / count) as T;
        const [image, guide] = [part(run.image), part(guides)];
        const { rms } = consistency(part(again), part(measured));
        const metrics = { consistency: rms, faithfulness: faithfulness(image, guide).l2 };
        await this.#write(item, image, guide, { metrics, noise: study?.of(index), time, counts, peakDeviceBytes });
        await this.#finished(item.unit);
      }
    } finally {
      for (const tensor of free) tensor.free();
    }
  }

  /** Begins the peak of memory anew; what another method had prepared does not count for this one. */
  #beginPeak(unit: PlannedUnit): void {
    const pair = pairName(unit);
    if (pair !== this.#measuredPair) this.means.runtime.resetPeak();
    this.#measuredPair = pair;
  }

  /** The measurements of all pictures, one after the other. */
  async #measure(
    items: readonly Item[],
    operator: Operator,
    noise: MeasurementNoise,
  ): Promise<Float32Array<ArrayBuffer>> {
    const size = operator.measurementShape.reduce((product, extent) => product * extent, 1);
    const all = new Float32Array(items.length * size);
    for (const [index, { unit: { seed }, prepared: { padded } }] of items.entries()) {
      const x = hostTensor(padded.data, operator.imageShape);
      const y = await degrade(this.means.runtime, operator, x, { noise, seed });
      all.set(await y.read(), index * size);
      y.free();
    }
    return all;
  }

  async #write(
    { unit, prepared: { canvas, padded, ...prepared } }: Item,
    image: Float32Array<ArrayBuffer>,
    guide: Float32Array<ArrayBuffer>,
    { metrics, noise, time, counts, peakDeviceBytes }: Pick<UnitRecord, "metrics" | "time"> & {
      readonly noise: UnitRecord["noise"] | undefined;
      readonly counts: RunCounts;
      readonly peakDeviceBytes: number;
    },
  ): Promise<void> {
    const { store, runtime } = this.means;
    const { task: { isGray = false, scale } } = this.#pair(unit);
    const inItsColours = (raster: Raster): Raster => isGray ? rgbToGray(raster) : raster;
    const shown = (data: Float32Array<ArrayBuffer>): Raster =>
      clamped(inItsColours(offCanvas({ ...padded, data }, canvas)));
    const truth = inItsColours(prepared.truth);
    const { width, height, channels } = truth;
    const restored = shown(image);
    const { psnr, ssim } = imageQuality(this.work.plan.convention, restored.data, truth.data, {
      shape: [height, width, channels],
      scale,
    });
    const key = unitKey(this.work, unit);
    const files = await shownFiles(key, { width, height, isGray });
    const record: UnitRecord = {
      id: unit.id,
      key,
      metrics: {
        psnr: psnr === Infinity ? "infinite" : psnr,
        ...(ssim === undefined ? {} : { ssim }),
        ...metrics,
        ...(noise ? meanDivergences(noise) : {}),
      },
      ...(noise ? { noise } : {}),
      nfe: counts.nfe,
      counts,
      ...files,
      width,
      height,
      time,
      ...(peakDeviceBytes > 0 ? { peakDeviceBytes } : {}),
      device: runtime.description,
    };
    for (const [name, picture] of [[files.truth, clamped(truth)], [files.before, shown(guide)]] as const) {
      const path = UNIT_FILES.shown(name);
      if (!(await store.has(path))) await store.writePicture(path, picture);
    }
    await store.writePicture(UNIT_FILES.picture(unit.id), restored);
    // Last: a unit counts when this file is there.
    await writeText(store, UNIT_FILES.record(unit.id), record);
  }
}
