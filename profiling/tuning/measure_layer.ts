/** Timing the algorithms of one layer in turn. */
import type { DeviceTensor, ReplayTimer, TimingMethod, WebGpuRuntime } from "../../engine/mod.ts";
import { type Candidate, openCandidate, uploadOperands } from "./candidate.ts";
import { LEAST_ROUNDS, median, type Timing } from "./decide.ts";
import type { Layer } from "./layers.ts";

/** How layers are timed. */
export interface LayerTiming {
  /** Images in a batch: times are of one. */
  readonly batch: number;
  /** By default timestamps where the adapter has them. */
  readonly method: TimingMethod | undefined;
  /** Rounds that a median is over. */
  readonly rounds: number;
  /** Called between samples; throws to stop. */
  check(): Promise<void>;
}

/** What is the default where it is none of the named algorithms. */
const UNNAMED = "auto";

/** After the first round and after the least rounds, what takes so many times as long as the best is timed no further. */
const HOPELESS: ReadonlyMap<number, number> = new Map([[1, 4], [LEAST_ROUNDS, 2]]);

/** Milliseconds of one image in the default algorithm of a layer, from one sample. */
export async function lookAt(base: WebGpuRuntime, layer: Layer, { batch, method }: LayerTiming): Promise<number> {
  return await withOperands(base, layer, async (operands) => {
    using standard = await openCandidate(base, layer, operands, {}, method);
    return await (await standard.timer()).sample() / batch;
  });
}

/**
 * Times all algorithms of a layer, one sample of each in every round, beginning with another one each time.
 * @param onRound told of what was measured so far, the default first: what counts if `check` stops the next round
 */
export async function measureLayer(
  base: WebGpuRuntime,
  layer: Layer,
  timing: LayerTiming,
  onRound: (timings: readonly Timing[]) => void,
): Promise<void> {
  await withOperands(base, layer, async (operands) => {
    using candidates = new DisposableStack();
    const opened = await openAll(candidates, base, layer, operands, timing);
    let running: TimedCandidate[] = [];
    for (const [algorithm, candidate] of opened) {
      await timing.check();
      running.push({ algorithm, candidate, timer: await candidate.timer(), samples: [] });
    }
    const all = running;
    for (let round = 0; round < timing.rounds; round++) {
      const start = round % running.length;
      const found: (readonly [TimedCandidate, number])[] = [];
      for (const one of [...running.slice(start), ...running.slice(0, start)]) {
        await timing.check();
        found.push([one, await one.timer.sample() / timing.batch]);
      }
      for (const [one, milliseconds] of found) one.samples.push(milliseconds);
      onRound(all.map(timingOf));
      running = withoutHopeless(running, HOPELESS.get(round + 1) ?? Infinity);
      if (all.length === 1 && round + 1 === LEAST_ROUNDS) return;
    }
  });
}

interface TimedCandidate {
  readonly algorithm: string;
  readonly candidate: Candidate;
  readonly timer: ReplayTimer;
  readonly samples: number[];
}

function timingOf({ algorithm, candidate, samples }: TimedCandidate): Timing {
  return { algorithm, samples: [...samples], preparedBytes: candidate.preparedBytes };
}

/** The default, which is the first, is timed to the end. */
function withoutHopeless(running: TimedCandidate[], factor: number): TimedCandidate[] {
  const best = Math.min(...running.map(({ samples }) => median(samples)));
  return running.filter(({ samples }, index) => index === 0 || median(samples) <= factor * best);
}

/** Opens the algorithms of a layer that come to different dispatches, the default first. */
async function openAll(
  candidates: DisposableStack,
  base: WebGpuRuntime,
  layer: Layer,
  operands: readonly DeviceTensor[],
  { method, check }: LayerTiming,
): Promise<ReadonlyMap<string, Candidate>> {
  const standard = candidates.use(await openCandidate(base, layer, operands, {}, method));
  const others = new Map<string, Candidate>();
  const names = new Map<string, string>();
  for (const algorithm of layer.algorithms) {
    await check();
    const candidate = candidates.use(
      await openCandidate(base, layer, operands, { [layer.key]: algorithm }, method),
    );
    if (names.has(candidate.signature)) continue;
    names.set(candidate.signature, algorithm);
    if (candidate.signature !== standard.signature) others.set(algorithm, candidate);
  }
  return new Map([[names.get(standard.signature) ?? UNNAMED, standard], ...others]);
}

async function withOperands<T>(
  base: WebGpuRuntime,
  layer: Layer,
  body: (operands: readonly DeviceTensor[]) => Promise<T>,
): Promise<T> {
  const operands = uploadOperands(base, layer);
  try {
    return await body(operands);
  } finally {
    for (const operand of operands) operand.free();
    // Freed memory can be used again only after the work on it is done.
    await base.settle();
  }
}
