/** Making the units of an evaluation, one after the other, each written when it is done. */
import type { Runtime, Scalars, Tensors } from "../../engine/mod.ts";
import { seededNoise } from "../../samplers/mod.ts";
import type { Interrupt } from "../interrupt.ts";
import type { LoadedModel } from "../model_file.ts";
import { type Picture, preparePicture } from "../picture.ts";
import type { Reporter } from "../progress.ts";
import { measureConsistency } from "../report.ts";
import { runRestoration } from "../restoration.ts";
import { finishPicture } from "../result.ts";
import { readSource, type Source } from "../source.ts";
import type { Evaluation } from "./config.ts";
import { argumentsOf, commandOf, type Unfit, type Unit } from "./plan.ts";
import type { Store } from "./store.ts";

/** What units are made with. */
export interface Workshop {
  readonly runtime: Runtime;
  readonly loaded: LoadedModel;
  readonly evaluation: Evaluation;
  readonly store: Store;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
}

/** A unit that could not be made, and why. */
export interface Failure {
  readonly unit: Unit;
  readonly reason: string;
}

/**
 * Makes units. Those of one picture, task and seed follow one another and share the measurement; the next picture is
 * read while the last results of one are computed.
 * @param units in the order of the plan
 * @returns those that failed; what could be made is written all the same
 * @throws {InterruptedError} if the user stops; units that are done stay
 */
export async function makeUnits(workshop: Workshop, units: readonly Unit[]): Promise<readonly Failure[]> {
  const { reporter, evaluation } = workshop;
  const failures: Failure[] = [];
  const cases = [...Map.groupBy(units, (unit) => unit.case).values()];
  const sources = cases.map((group) => () => readSource(argumentsOf(group[0]!, evaluation), group[0]!.image.path, 1));
  const steps = units.reduce((sum, { chosen }) => sum + stepsOf(chosen.evaluations.actual), 0);
  let done = 0;
  let next: Promise<Source> | undefined = sources[0]?.();
  for (const [index, group] of cases.entries()) {
    const source = await next!;
    next = sources[index + 1]?.();
    // A picture that cannot be read is reported when its turn comes.
    next?.catch(() => {});
    const picture = await prepare(workshop, group[0]!, source);
    for (const unit of group) {
      const before = done;
      const progress = (nfe: number): void => {
        done = Math.max(done, before + Math.min(nfe, unit.chosen.evaluations.actual));
        if (done > before) reporter.step("evaluate", done, steps, { units: units.indexOf(unit) + 1 });
      };
      try {
        await makeUnit(workshop, unit, picture, progress);
      } catch (error) {
        if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
        failures.push({ unit, reason: error.message });
      }
      done = before + stepsOf(unit.chosen.evaluations.actual);
      reporter.step("evaluate", done, steps, { units: units.indexOf(unit) + 1 });
    }
    picture.problem.y.free();
  }
  reporter.done();
  return failures;
}

/** Steps that a unit counts for on the bar: its network evaluations, and something where there are none. */
function stepsOf(evaluations: number): number {
  return Math.max(1, evaluations);
}

async function prepare({ runtime, loaded, evaluation }: Workshop, unit: Unit, source: Source): Promise<Picture> {
  const { model } = loaded;
  return await preparePicture(runtime, source, {
    args: argumentsOf(unit, evaluation),
    task: unit.entry.task,
    model,
    isTruth: true,
  });
}

async function makeUnit(
  { runtime, evaluation, store, interrupt }: Workshop,
  unit: Unit,
  picture: Picture,
  onEvaluations: (nfe: number) => void,
): Promise<void> {
  const { entry, chosen, seed, image } = unit;
  const restoration = await runRestoration(
    { runtime, ...picture.problem, sigmaY: noiseLevel(unit, evaluation), method: chosen, noise: seededNoise([seed]) },
    async ({ nfe }) => {
      onEvaluations(nfe);
      await interrupt.check();
    },
  );
  const { raster, comparison, sheet } = await finishPicture(runtime, entry.task, picture, restoration);
  const { psnr, ssim } = comparison!.result;
  const { rms } = await measureConsistency(runtime, picture, restoration);
  const { evaluations, seconds, firstStepSeconds } = restoration;
  const record = {
    image: image.name,
    task: entry.name,
    method: unit.method.name,
    seed,
    sampler: { name: chosen.name, ...chosen.options },
    evaluations,
    width: raster.width,
    height: raster.height,
    metrics: { psnr: psnr === Infinity ? "infinite" as const : psnr, ssim: ssim ?? null, consistency: rms },
    adapter: runtime.description,
    command: commandOf(unit, evaluation),
    timings: { seconds, secondsPerNfe: (seconds - firstStepSeconds) / Math.max(1, evaluations.actual - 1) },
  };
  await interrupt.check();
  await interrupt.hold(async () => {
    await store.writeCase(unit, { measurement: sheet[0]!, truth: sheet.at(-1)! });
    await store.write(unit, record, raster);
  });
}

/** The deviation that the method reckons with. */
function noiseLevel(unit: Unit, evaluation: Evaluation): number {
  const args = argumentsOf(unit, evaluation);
  return args.number("noise-level") ?? args.number("sigma-y") ?? 0;
}

/**
 * Finds out which methods do not go with which tasks, by beginning a run of each without a step of it.
 * @param units all units; those of the first picture and seed are tried
 */
export async function findUnfit(workshop: Workshop, units: readonly Unit[]): Promise<readonly Unfit[]> {
  const [first] = units;
  const tried = units.filter(({ image, seed }) => image === first?.image && seed === first.seed);
  const unfit: Unfit[] = [];
  for (const group of Map.groupBy(tried, (unit) => unit.case).values()) {
    const args = argumentsOf(group[0]!, workshop.evaluation);
    const picture = await prepare(workshop, group[0]!, await readSource(args, group[0]!.image.path, 1));
    for (const unit of group) {
      const sigmaY = noiseLevel(unit, workshop.evaluation);
      try {
        const problem = { ...picture.problem, sigmaY };
        await unit.chosen.run(workshop.runtime, problem, seededNoise([unit.seed])).return(undefined as never);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        unfit.push({ task: unit.entry.name, method: unit.method.name, reason: error.message });
      }
    }
    picture.problem.y.free();
    await workshop.interrupt.check();
  }
  return unfit;
}

/**
 * Times a network evaluation at the size of the first picture of units.
 * @returns seconds, without tracing and compilation
 */
export async function secondsPerEvaluation(workshop: Workshop, [first]: readonly [Unit, ...Unit[]]): Promise<number> {
  const { runtime, evaluation } = workshop;
  const source = await readSource(argumentsOf(first, evaluation), first.image.path, 1);
  const { problem: { model, y } } = await prepare(workshop, first, source);
  y.free();
  const stage = runtime.stage(
    "one evaluation",
    ({ x }: Tensors<"x">, { timestep }: Scalars<"timestep">) => ({ eps: model.predictEps(x, timestep) }),
  );
  const x = runtime.upload(new Float32Array(model.imageShape.reduce((a, b) => a * b, 1)), [1, ...model.imageShape]);
  let seconds = 0;
  // The first of them is traced and compiled.
  for (let k = 0; k < 2; k++) {
    const start = performance.now();
    await stage({ x }, { timestep: 500 });
    await runtime.settle();
    seconds = (performance.now() - start) / 1000;
  }
  stage.release();
  x.free();
  return seconds;
}
