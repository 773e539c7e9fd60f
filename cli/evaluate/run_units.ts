/** Carries out the units of a plan: pictures that share task, method and operator are restored in batches. */
import { DeviceLimitError, type DeviceTensor, type Runtime } from "../../engine/mod.ts";
import { writePng } from "../../io/mod.ts";
import { type Raster, rgbToGray, toImage } from "../../raster/mod.ts";
import { consistency, faithfulness, imageQuality } from "../../metrics/mod.ts";
import type { Operator } from "../../operators/mod.ts";
import { seededNoise } from "../../samplers/mod.ts";
import type { Interrupt } from "../interrupt.ts";
import type { LoadedModel } from "../model_file.ts";
import {
  applyOperator,
  clamped,
  degrade,
  maskFileOf,
  offCanvas,
  operatorOptions,
  restoreBy,
  taskOperator,
  timed,
} from "../../restoration/mod.ts";
import type { Reporter } from "../progress.ts";
import { filesWith } from "../task_files.ts";
import { type Prepared, prepareImage } from "./images.ts";
import { inversionTimesteps, NoiseStudy } from "./noise_study.ts";
import { multipleOf, type Pair, pairName, type PlannedUnit, unitKey, type Work } from "./plan.ts";
import { hashOf, type Store, type UnitRecord } from "./store.ts";

/** What the work is done with. */
export interface Means {
  readonly runtime: Runtime;
  readonly loaded: LoadedModel;
  readonly label: number | undefined;
  readonly store: Store;
  /** Most pictures that are restored at once. */
  readonly batch: number;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

/** A unit that could not be had, and why. */
export interface Failure {
  readonly unit: PlannedUnit;
  readonly reason: string;
}

/**
 * Makes and stores units; each is complete on the disk before the next batch begins.
 * @param pending units that are not stored yet, in the order of the plan
 * @returns those that failed
 * @throws {InterruptedError} if the user stops it
 */
export async function runUnits(work: Work, pending: readonly PlannedUnit[], means: Means): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const chunks = chunksOf(work, pending, means.batch);
  const total = new Meter(work, pending, means);
  const bench = new Bench(work, means, total);
  let decoded = decode(work, chunks[0] ?? [], means);
  for (const [index, chunk] of chunks.entries()) {
    const prepared = await decoded;
    // The next pictures are read while the device works on these.
    decoded = decode(work, chunks[index + 1] ?? [], means);
    decoded.catch(() => {});
    for (const same of bySize(chunk, prepared)) failures.push(...await bench.restore(same));
  }
  means.reporter.done();
  return failures;
}

/** A unit with its picture. */
interface Item {
  readonly unit: PlannedUnit;
  readonly prepared: Prepared;
}

/** Neighbours that share task, method and operator, at most `batch` at a time; equal units once. */
function chunksOf(
  { pairs }: Work,
  pending: readonly PlannedUnit[],
  batch: number,
): readonly (readonly PlannedUnit[])[] {
  const chunks: PlannedUnit[][] = [];
  for (const unit of new Map(pending.map((unit) => [unit.id, unit])).values()) {
    const last = chunks.at(-1);
    const [first] = last ?? [];
    const isSamePair = first?.task === unit.task && first.method === unit.method;
    const isSame = isSamePair && (first.seed === unit.seed || !pairs.get(pairName(unit.task, unit.method))!.isDrawn);
    if (last && isSame && last.length < batch) last.push(unit);
    else chunks.push([unit]);
  }
  return chunks;
}

async function decode(
  work: Work,
  units: readonly PlannedUnit[],
  { loaded: { model } }: Means,
): Promise<readonly Prepared[]> {
  return await Promise.all(units.map(({ task, method, image }) => {
    const pair = work.pairs.get(pairName(task, method))!;
    return prepareImage(work.images[image]!.path, {
      multiple: multipleOf(pair.task, model.downsampling),
      longest: work.plan.size,
      mask: maskFileOf(pair.task, pair.taskOptions),
    });
  }));
}

function bySize(units: readonly PlannedUnit[], prepared: readonly Prepared[]): readonly (readonly Item[])[] {
  const groups = Map.groupBy(
    units.map((unit, index): Item => ({ unit, prepared: prepared[index]! })),
    ({ prepared: { padded } }) => `${padded.width}x${padded.height}`,
  );
  return [...groups.values()];
}

/** Counts network evaluations for the bar; a unit counts at least one. */
class Meter {
  readonly #all: number;
  #before = 0;
  #units = 0;

  constructor(readonly work: Work, pending: readonly PlannedUnit[], readonly means: Means) {
    this.#all = pending.reduce((sum, { task, method }) => sum + this.#cost(task, method), 0);
  }

  #cost(task: number, method: number): number {
    return Math.max(1, this.work.pairs.get(pairName(task, method))!.method.evaluations.actual);
  }

  /** Of each picture of a batch so many evaluations are done. */
  during(nfe: number, batch: number): void {
    this.#show(this.#before + nfe * batch);
  }

  /** A unit is over. */
  finished({ task, method }: PlannedUnit): void {
    this.#before += this.#cost(task, method);
    this.#units++;
    this.#show(this.#before);
  }

  #show(done: number): void {
    this.means.reporter.step("evaluate, NFE", Math.min(done, this.#all), this.#all, { units: this.#units });
  }
}

/** Most operators that are kept; sizes and seeds of one task alternate between them. */
const KEPT_OPERATORS = 8;

class Bench {
  readonly #operators = new Map<string, Operator>();

  constructor(readonly work: Work, readonly means: Means, readonly meter: Meter) {}

  /** Restores and stores units of one size; a batch that fails is tried again in halves. */
  async restore(items: readonly Item[]): Promise<readonly Failure[]> {
    try {
      await this.#restoreTogether(items);
      return [];
    } catch (error) {
      const isRefusal = error instanceof RangeError || error instanceof TypeError || error instanceof DeviceLimitError;
      if (!isRefusal) throw error;
      if (items.length === 1) {
        this.meter.finished(items[0]!.unit);
        return [{ unit: items[0]!.unit, reason: error.message }];
      }
      const half = Math.ceil(items.length / 2);
      return [...await this.restore(items.slice(0, half)), ...await this.restore(items.slice(half))];
    }
  }

  async #operator(pair: Pair, unit: PlannedUnit, { padded, mask }: Prepared): Promise<Operator> {
    const name = `${unit.task}/${pair.isDrawn ? unit.seed : ""}/${padded.width}x${padded.height}`;
    const kept = this.#operators.get(name);
    if (kept) return kept;
    const imageShape = [padded.height, padded.width, 3];
    const files = await filesWith(pair.task, pair.taskOptions, mask);
    const setting = { files, seed: unit.seed, isMeasured: false };
    const options = operatorOptions(pair.task, imageShape, pair.taskOptions, setting);
    const operator = taskOperator(pair.task, imageShape, options);
    const oldest = this.#operators.keys().next();
    if (this.#operators.size >= KEPT_OPERATORS && !oldest.done) this.#operators.delete(oldest.value);
    this.#operators.set(name, operator);
    return operator;
  }

  async #restoreTogether(items: readonly Item[]): Promise<void> {
    const { runtime, loaded, label, interrupt } = this.means;
    const [{ unit, prepared: { padded } }] = items as readonly [Item, ...Item[]];
    const pair = this.work.pairs.get(pairName(unit.task, unit.method))!;
    const operator = await this.#operator(pair, unit, items[0]!.prepared);
    const { width, height } = padded;
    const model = loaded.model.noiseModel({ width, height, ...(label === undefined ? {} : { label }) });
    const measured = await this.#measure(items, operator, pair);
    const y = runtime.upload(measured, [items.length, ...operator.measurementShape]);
    const guide = await applyOperator(runtime, operator, "estimate", y);
    try {
      const timesteps = this.work.withNoise ? inversionTimesteps(pair.method.options) : undefined;
      using study = timesteps && new NoiseStudy(runtime, model, guide, timesteps);
      let steps = 1;
      const noise = seededNoise(items.map(({ unit: { seed } }) => seed));
      const run = restoreBy(runtime, pair.method, { model, operator, y, sigmaY: pair.sigmaY }, { noise });
      const restoration = await timed(runtime, run, async (progress) => {
        steps = progress.steps;
        await study?.add(progress);
        this.meter.during(progress.nfe, items.length);
        await interrupt.check();
      });
      const { image, seconds, firstStepSeconds } = restoration;
      const steady = steps < 2 ? seconds : (seconds - firstStepSeconds) / (steps - 1) * steps;
      await this.#store(items, {
        pair,
        operator,
        image,
        measured,
        guide: await guide.read(),
        study,
        time: { seconds: seconds / items.length, steadySeconds: steady / items.length, batch: items.length },
      });
    } finally {
      guide.free();
      y.free();
    }
  }

  /** The measurements of all pictures, one after the other. */
  async #measure(
    items: readonly Item[],
    operator: Operator,
    { noise }: Pair,
  ): Promise<Float32Array<ArrayBuffer>> {
    const { runtime } = this.means;
    const size = operator.measurementShape.reduce((product, extent) => product * extent, 1);
    const all = new Float32Array(items.length * size);
    for (const [index, { unit: { seed }, prepared: { padded } }] of items.entries()) {
      const x = runtime.upload(padded.data, [1, padded.height, padded.width, 3]);
      let y: DeviceTensor | undefined;
      try {
        y = await degrade(runtime, operator, x, { noise, seed });
        all.set(await y.read(), index * size);
      } finally {
        y?.free();
        x.free();
      }
    }
    return all;
  }

  async #store(items: readonly Item[], run: FinishedRun): Promise<void> {
    const { runtime, interrupt } = this.means;
    const [{ prepared: { padded: { width, height } } }] = items as readonly [Item, ...Item[]];
    const x = runtime.upload(run.image, [items.length, height, width, 3]);
    const ax = await applyOperator(runtime, run.operator, "forward", x);
    const again = await ax.read();
    ax.free();
    x.free();
    const part = <T extends Float32Array>(all: T, index: number): T =>
      all.slice(index * all.length / items.length, (index + 1) * all.length / items.length) as T;
    for (const [index, item] of items.entries()) {
      const picture = part(run.image, index);
      const guide = part(run.guide, index);
      const { rms } = consistency(part(again, index), part(run.measured, index));
      const metrics = { consistency: rms, faithfulness: faithfulness(picture, guide).l2 };
      await interrupt.hold(() => this.#write(item, { ...run, index, picture, guide, metrics }));
      this.meter.finished(item.unit);
    }
  }

  async #write({ unit, prepared }: Item, result: FinishedRun & FinishedPicture): Promise<void> {
    const { store, runtime } = this.means;
    const { pair, index, study, time } = result;
    const { canvas, padded } = prepared;
    const { isGray = false, scale } = pair.task;
    const inItsColours = (raster: Raster): Raster => isGray ? rgbToGray(raster) : raster;
    const shown = (data: Float32Array<ArrayBuffer>): Raster =>
      clamped(inItsColours(offCanvas({ width: padded.width, height: padded.height, channels: 3, data }, canvas)));
    const truth = inItsColours(prepared.truth);
    const restored = shown(result.picture);
    const { width, height, channels } = truth;
    const { psnr, ssim } = imageQuality(this.work.plan.convention, restored.data, truth.data, {
      shape: [height, width, channels],
      scale,
    });
    const key = unitKey(this.work, unit);
    const files = {
      truth: `${hashOf({ image: key["image"], size: key["size"], width, height, isGray })}.png`,
      before: `${hashOf({ ...key, method: "A^+ y", sigmaY: 0, noiseStatistics: false })}.png`,
    };
    const rows = study?.of(index);
    const record: UnitRecord = {
      id: unit.id,
      key,
      metrics: {
        psnr: psnr === Infinity ? "infinite" : psnr,
        ...(ssim === undefined ? {} : { ssim }),
        ...result.metrics,
        ...(rows ? { divergence: rows.reduce((sum, { divergence }) => sum + divergence, 0) / rows.length } : {}),
      },
      ...(rows ? { noise: rows } : {}),
      nfe: pair.method.evaluations.actual,
      ...files,
      width,
      height,
      time,
      device: runtime.description,
    };
    for (const [name, raster] of [[files.truth, truth], [files.before, shown(result.guide)]] as const) {
      const path = `pictures/${name}`;
      if (!(await store.has(path))) await writePng(store.path(path), toImage(clamped(raster)));
    }
    await writePng(store.picturePath(unit.id), toImage(restored));
    // Last: a unit counts when this file is there.
    await store.writeJson(`units/${unit.id}.json`, record);
  }
}

/** What came of a batch. */
interface FinishedRun {
  readonly pair: Pair;
  readonly operator: Operator;
  /** [N, H, W, 3] */
  readonly image: Float32Array<ArrayBuffer>;
  /** [N, ...measurementShape] */
  readonly measured: Float32Array<ArrayBuffer>;
  /** A^+ y [N, H, W, 3] */
  readonly guide: Float32Array<ArrayBuffer>;
  readonly study: NoiseStudy | undefined;
  readonly time: UnitRecord["time"];
}

/** What came of one picture of it. */
interface FinishedPicture {
  readonly index: number;
  readonly picture: Float32Array<ArrayBuffer>;
  readonly guide: Float32Array<ArrayBuffer>;
  readonly metrics: Readonly<Record<string, number>>;
}
