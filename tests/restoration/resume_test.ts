/** Runs go on behind any of their steps with the same bytes: every sampler of the register, and samplers of one's own. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  constant,
  type DeviceTensor,
  type HostTensor,
  hostTensor,
  ReferenceRuntime,
  type Runtime,
  type Tensor,
  type Tensors,
} from "../../engine/mod.ts";
import { add, reshape, weightedSum } from "../../kernels/mod.ts";
import {
  bytesByteSource,
  CheckpointError,
  type NoiseModel,
  noiseSchedule,
  safetensorsBytes,
} from "../../models/mod.ts";
import { createOperator, type LinearOperator } from "../../operators/mod.ts";
import {
  decodeRunState,
  encodeRunState,
  type Method,
  restoreBy,
  type ResumableStep,
  type RunState,
} from "../../restoration/mod.ts";
import {
  type GeneralProblem,
  isPlain,
  type Progress,
  registeredSamplers,
  type SamplerName,
  SAMPLERS,
} from "../../samplers/mod.ts";
import { FEW_STEPS } from "../samplers/few_steps.ts";
import { gaussianModel } from "../samplers/gaussian_model.ts";
import { fading } from "../support/own_sampler.ts";
import { gpuTest } from "../support/gpu.ts";
import { randomValues } from "../support/random.ts";

const SHAPE = [8, 8, 3];
const GAUSSIAN = gaussianModel(randomValues(192, 1), 0.2, SHAPE);
const operator = createOperator("inpaint", SHAPE, {
  mask: hostTensor(Float32Array.from({ length: 64 }, (_, k) => k % 3 ? 1 : 0), [8, 8]),
});
const Y = hostTensor(randomValues(192, 2), [1, ...operator.measurementShape]);
/** What bicubic interpolation takes. */
const SHRUNK = {
  operator: createOperator("sr_average", SHAPE, { scale: 2 }),
  y: hostTensor(randomValues(48, 3), [1, 4, 4, 3]),
};
const PROBLEM = { model: GAUSSIAN, operator, y: Y, sigmaY: 0 };

/** What is run. */
interface Setting extends Pick<Method, "run"> {
  readonly model?: NoiseModel;
  readonly operator?: LinearOperator;
  readonly y?: HostTensor;
  readonly sigmaY?: number;
}

/** What a run gives: all its steps with what they hold, and the states behind them. */
interface Course {
  readonly steps: readonly (readonly [name: string, nfe: number, x0: Float32Array, xt: Float32Array])[];
  readonly states: readonly RunState[];
  readonly image: HostTensor | undefined;
}

async function course(
  runtime: Runtime,
  { run, ...parts }: Setting,
  from?: RunState,
): Promise<Course> {
  const steps: [string, number, Float32Array, Float32Array][] = [];
  const states: RunState[] = [];
  let image: HostTensor | undefined;
  for await (const step of restoreBy(runtime, { run }, { ...PROBLEM, ...parts }, { seed: 3, from })) {
    steps.push([step.name, step.nfe, await step.x0.read(), await step.xt.read()]);
    if (step.step < step.steps) states.push(await step.state());
    image = step.image;
  }
  return { steps, states, image };
}

/** A state through its file. */
async function stored(state: RunState): Promise<RunState> {
  const bytes = await safetensorsBytes(await encodeRunState({ state, about: {} }));
  return (await decodeRunState(bytesByteSource(bytes, "run.state"))).state;
}

/** Goes on behind each step, in a runtime of its own, and must come to the same. */
async function checkAllStates(
  run: Setting,
  runtimeOf: () => Runtime = () => new ReferenceRuntime(),
): Promise<void> {
  const whole = await course(runtimeOf(), run);
  assert(whole.states.every(({ step }, k) => step === k + 1));
  for (const state of whole.states) {
    const rest = await course(runtimeOf(), run, await stored(state));
    assertEquals(rest.steps, whole.steps.slice(state.step));
    assertEquals(rest.image, whole.image);
    assertEquals(rest.states, whole.states.slice(state.step));
  }
}

for (const entry of registeredSamplers()) {
  Deno.test(`${entry.name} goes on behind each of its steps with the same bytes`, async () => {
    if (isPlain(entry)) {
      const options = { ...entry.defaults, steps: 4 };
      const problem = { model: GAUSSIAN, count: 1 };
      await checkAllStates({ run: (on, _, noise) => entry.sample(on, problem, { ...options, noise }) });
    } else {
      const options = { ...entry.defaults, ...FEW_STEPS[entry.name as SamplerName] };
      const run: Setting["run"] = (on, problem, noise) => entry.restore(on, problem, { ...options, noise });
      await checkAllStates({ run, sigmaY: entry.handlesNoise ? 0.05 : 0, ...(entry.name === "bicubic" && SHRUNK) });
    }
  });
}

/** eps = 0.3 (queries and keys), which are x_t. */
const ATTENTIVE: NoiseModel = {
  imageShape: SHAPE,
  alphaBar: noiseSchedule("linear").alphaBar,
  predictEps(xt, _timestep, exchange): Tensor {
    const own = reshape(xt, [xt.shape[0]!, 64, 3]);
    return reshape(weightedSum([[0.3, exchange ? exchange("middle", own) : own]]), xt.shape);
  },
};

Deno.test("attention that a run remembers is part of its state", async () => {
  const options = { ...SAMPLERS.ssd_plus.defaults, inversionSteps: 4, generationSteps: 5, injectedSteps: 3 };
  const run: Setting["run"] = (on, problem, noise) => SAMPLERS.ssd_plus.restore(on, problem, { ...options, noise });
  await checkAllStates({ run, model: ATTENTIVE });
});

/**
 * A sampler of one's own that does what none of the register does: it computes on the host what it read, and writes into
 * it; decides by it how often a stage runs, and in which of two forms; and has a constant that another stage made.
 */
async function* restless(on: Runtime, { y }: GeneralProblem): AsyncGenerator<Progress, DeviceTensor> {
  const first = on.stage("first", ({ y }: Tensors<"y">) => ({ half: weightedSum([[0.5, y]]) }));
  const half = (await first({ y }, {})).half.keep();
  first.release();
  const mix = on.stage("mix", ({ x, other }: Record<string, Tensor>) => ({
    x: add(weightedSum([[0.7, x!]]), other ?? constant(half)),
    twice: weightedSum([[2, x!]]),
  }));
  const sum = on.stage("sum", ({ x, before }: Tensors<"x" | "before">) => ({ x: add(x, before) }));
  let x = half;
  let before = half;
  for (let k = 0; k < 6; k++) {
    const values = await x.read();
    const isOdd = Math.round(1000 * Math.abs(values[0]!)) % 2 === 1;
    const other = on.upload(values.fill(values[k]!), x.shape);
    let twice = half;
    for (let times = isOdd ? 2 : 1; times > 0; times--) {
      ({ x, twice } = await mix(k % 2 === 0 ? { x } : { x, other }, {}) as Record<"x" | "twice", DeviceTensor>);
    }
    // The results of the other form of the stage, a step ago, are still there.
    const x0 = (await sum({ x, before }, {})).x;
    before = twice;
    other.free();
    yield { name: String(k), step: k + 1, steps: 6, nfe: 0, x0, xt: x };
  }
  const image = x.keep();
  for (const stage of [mix, sum]) stage.release();
  half.free();
  return image;
}

Deno.test("samplers of one's own go on, also one that reads to the host and has constants of its own making", async () => {
  await checkAllStates({ run: restless });
  await checkAllStates({ run: (on, problem, noise) => fading.restore(on, problem, { noise }) });
});

Deno.test("a run that is stopped again goes on from either state", async () => {
  const run: Setting["run"] = (on, problem, noise) => SAMPLERS.ddrm.restore(on, problem, { steps: 5, noise });
  const whole = await course(new ReferenceRuntime(), { run });
  const second = await course(new ReferenceRuntime(), { run }, whole.states[1]);
  const third = await course(new ReferenceRuntime(), { run }, second.states[1]);
  assertEquals([second.steps.length, third.steps.length], [3, 1]);
  assertEquals(third.image, whole.image);
});

Deno.test("a state holds what a run may still use, and nothing else", async () => {
  const run: Setting["run"] = (on, problem, noise) => SAMPLERS.ddnm.restore(on, problem, { steps: 4, noise });
  const { states } = await course(new ReferenceRuntime(), { run });
  for (const { tensors, reads } of states) {
    // The state that it began with, and what the last step made.
    assertEquals([...tensors.keys()].map((name) => name.replace(/.*\./, "")).toSorted(), [
      "keep0",
      "predicted",
      "x0",
      "xt",
    ]);
    assertEquals(reads.size, 0);
  }
});

Deno.test("a state is refused behind the step that it is of, and by a run that takes another course", async () => {
  const runOf = (steps: number): Setting["run"] => (on, problem, noise) =>
    SAMPLERS.ddnm.restore(on, problem, { steps, noise });
  let old: ResumableStep | undefined;
  for await (const step of restoreBy(new ReferenceRuntime(), { run: runOf(3) }, PROBLEM, { seed: 3 })) {
    if (old) await assertRejects(() => old!.state(), Error, `Cannot take the state of step ${old.step}`);
    old = step;
  }
  await assertRejects(() => old!.state(), Error, "Cannot take the state of step 3: the run has gone on");
  const { states } = await course(new ReferenceRuntime(), { run: runOf(5) });
  await assertRejects(
    () => course(new ReferenceRuntime(), { run: runOf(2) }, states[2]),
    Error,
    "Cannot go on behind step 3: the run has 2 steps",
  );
  await assertRejects(
    () => course(new ReferenceRuntime(), { run: restless }, states[2]),
    Error,
    "the run takes another course",
  );
});

Deno.test("a file of a state is refused if a bit of it has changed, or it is none", async () => {
  const run: Setting["run"] = (on, problem, noise) => SAMPLERS.ddnm.restore(on, problem, { steps: 3, noise });
  const { states: [state] } = await course(new ReferenceRuntime(), { run });
  const bytes = await safetensorsBytes(await encodeRunState({ state: state!, about: { input: "a" } }));
  const decode = (changed: Uint8Array) => decodeRunState(bytesByteSource(changed, "run.state"));
  const { about, state: { step, steps } } = await decode(bytes);
  assertEquals([about, step, steps], [{ input: "a" }, 1, 3]);
  const changed = bytes.slice();
  changed[bytes.length - 9]! ^= 1;
  await assertRejects(() => decode(changed), CheckpointError, '"run.state": its bytes are not those that were written');
  await assertRejects(() => decode(bytes.slice(0, -9)), CheckpointError);
  const other = await safetensorsBytes({ tensors: [] });
  await assertRejects(() => decode(other), CheckpointError, '"run.state": it is no state of a run');
});

gpuTest("a run on the device goes on with the same bytes, and leaves nothing there", async (runtime) => {
  const run: Setting["run"] = (on, problem, noise) =>
    SAMPLERS.ssd.restore(on, problem, { inversionSteps: 2, generationSteps: 4, noise });
  const whole = await course(runtime, { run });
  const before = runtime.statistics().deviceBytes;
  const rest = await course(runtime, { run }, await stored(whole.states[2]!));
  assertEquals([rest.steps, rest.image], [whole.steps.slice(3), whole.image]);
  assertEquals(runtime.statistics().deviceBytes, before);
  const other = await course(runtime, { run: restless });
  assertEquals((await course(runtime, { run: restless }, other.states[3])).image, other.image);
});
