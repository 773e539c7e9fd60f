/** Trajectories of methods that follow several images at once: DDSMC and FPS-SMC. */
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import { fpsSmcStart, type Progress, SAMPLERS, spaceTimesteps } from "../../samplers/mod.ts";
import type { ReferenceFile, Settings, StoredTensor } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { CONTINUOUS, watching } from "./decoupled_methods.ts";
import { watched, withoutScale } from "./denoiser_runs.ts";
import { imageShapeOf, type RecordedDraw, storedDraw, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type RecordedRun, showing, type Steps } from "./posterior.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

/** Logarithms of weights are differences of sums over all pixels. */
const WEIGHTS_LIMIT = 1e-3;

/** A draw of several particles, which the sampler makes as one. */
function ofParticles(name: string, read: () => Promise<StoredTensor>): RecordedDraw {
  const together = async (): Promise<StoredTensor> => {
    const { data, shape } = await read();
    return { data, shape: [1, ...shape] };
  };
  return { name, isOptional: false, read: together };
}

/** Even numbers as the pairs of deviates that have them for their angles. */
async function angles(numbers: Promise<ArrayLike<number>>): Promise<StoredTensor> {
  const turns = Array.from(await numbers, (number) => 2 * Math.PI * number);
  const data = Float32Array.from(turns.flatMap((turn) => [Math.sin(turn), Math.cos(turn)]));
  return { data, shape: [1, turns.length, 2] };
}

/** Resampling draws of a file. */
function uniformDraws(file: ReferenceFile, steps: number): readonly RecordedDraw[] {
  return Array.from({ length: steps }, (_, k) => ({
    name: `uniform.${k}`,
    isOptional: false,
    read: () => angles(file.readNumbers(`uniform.${k}`)),
  }));
}

/** Puts the particles of a step and what decides about them among the states. */
async function showParticles(
  { states }: RecordedRun,
  { name, parts = {} }: Progress,
  stateOf: (particles: StoredTensor) => StoredTensor = (particles) => particles,
): Promise<void> {
  const { particles, logWeights, ancestors } = parts;
  if (particles) states.set(`x_t.${name}`, stateOf(await valuesOf(particles)));
  if (logWeights) states.set(`log_weights.${name}`, await valuesOf(logWeights));
  if (ancestors) states.set(`ancestors.${name}`, await valuesOf(ancestors));
}

const isWeight = (quantity: string): boolean => quantity.startsWith("log_weights");
const isDecision = (quantity: string): boolean => quantity.startsWith("ancestors");

/** DDSMC. */
const DDSMC = posteriorTrajectory({
  ...CONTINUOUS,
  pattern: /^DDSMC$/,
  inputs: /^(uniform\..+|chosen|basis\.Q)$/,
  limit: (quantity) => isWeight(quantity) ? WEIGHTS_LIMIT : isDecision(quantity) ? 0 : CONTINUOUS.limit(quantity),
  sigmaY: (config) => config.number("sigma_y"),
  draws(file, config): readonly RecordedDraw[] {
    const steps = config.number("num_steps");
    const fresh = Array.from(
      { length: steps },
      // The last step draws nothing.
      (_, k) => file.has(`noise.${k}`) ? ofParticles(String(k), () => coefficients(file, k)) : silent(file, config, k),
    );
    return [
      ...fresh,
      ...uniformDraws(file, steps),
      { name: "uniform.final", isOptional: false, read: () => angles(chosenPosition(file)) },
      ofParticles("xT", () => file.readChannelsLast("noise.xT")),
    ];
  },
  restore(run): Steps {
    const { runtime, config, problem, noise, states } = run;
    const { model, calls } = watched(problem.model);
    const resampling = (["systematic", "stratified", "multinomial"] as const)
      .find((known) => known === config.text("resampling"));
    if (!resampling) throw new NotSupportedError(`there is no resampling "${config.text("resampling")}"`);
    const restored = SAMPLERS.ddsmc.restore(runtime, { ...problem, model }, {
      steps: config.number("num_steps"),
      particles: config.number("num_particles"),
      eta: config.number("eta"),
      sigmaMax: config.number("sigma_max"),
      sigmaMin: config.number("sigma_min"),
      spreadMax: config.number("rho_max"),
      spreadMin: config.number("rho_min"),
      resampling,
      noise,
    });
    let call = 0;
    return watching(run, restored, {
      // All particles are one call of the program's network.
      callsOf: () => [calls()[call++]!],
      async show(step): Promise<void> {
        const sigma = calls()[step.step] ?? 0;
        await showParticles(run, step, (particles) => withoutScale(particles, sigma));
        const { finalWeights } = step.parts ?? {};
        if (finalWeights) states.set("log_weights.final", await valuesOf(finalWeights));
      },
    });
  },
});

/** Coefficients [P, C H W] of the particles as pictures: pixels, or blocks in the basis of the file. */
async function coefficients(file: ReferenceFile, k: number): Promise<StoredTensor> {
  const { data, shape: [count] } = await file.read(`noise.${k}`);
  const [height, width, channels] = imageShapeOf(file, ["gt"]) as [number, number, number];
  const size = height * width * channels;
  const basis = file.has("basis.Q") ? await file.read("basis.Q") : undefined;
  const side = basis ? Math.round(Math.sqrt(basis.shape[0]!)) : 1;
  const [across, area] = [width / side, side * side];
  const pictures = Float32Array.from({ length: count! * size }, (_, i) => {
    const [particle, pixel, channel] = [Math.floor(i / size), Math.floor(i % size / channels), i % channels];
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const block = (channel * (height / side) + Math.floor(row / side)) * across + Math.floor(column / side);
    const place = particle * size + block * area;
    if (!basis) return data[place]!;
    const own = row % side * side + column % side;
    let sum = 0;
    for (let j = 0; j < area; j++) sum += basis.data[own * area + j]! * data[place + j]!;
    return sum;
  });
  return { data: pictures, shape: [count!, height, width, channels] };
}

/** Noise of no weight. */
function silent(file: ReferenceFile, config: Settings, k: number): RecordedDraw {
  const shape = [config.number("num_particles"), ...imageShapeOf(file, ["gt"])];
  const size = shape.reduce((product, extent) => product * extent, 1);
  return ofParticles(String(k), () => Promise.resolve({ data: new Float32Array(size), shape }));
}

/** A position among the final weights at which the chosen particle lies. */
async function chosenPosition(file: ReferenceFile): Promise<readonly number[]> {
  const [picked] = Array.from(await file.readNumbers("chosen"));
  const weights = (await file.read("log_weights.final")).data.map(Math.exp);
  const before = weights.slice(0, picked).reduce((sum, weight) => sum + weight, 0);
  return [before + weights[picked!]! / 2];
}

/** FPS-SMC; steps count from the highest level, measurements and their noise by level. */
const FPS_SMC = posteriorTrajectory({
  pattern: /^FPS-SMC$/,
  inputs: /^uniform\./,
  timesteps: (config) => spaceTimesteps(T, String(config.number("steps"))).slice(0, -1),
  limit: (quantity) => isWeight(quantity) ? 1e-2 : isDecision(quantity) ? 0 : 1e-4,
  sigmaY: (config) => config.number("sigma_y"),
  draws(file, config): readonly RecordedDraw[] {
    const [steps, particles] = [config.number("steps"), config.number("particles")];
    const levels = Array.from({ length: steps }, (_, k) => storedDraw(file, `noise.y.${k}`, `y.${k}`, false));
    const fresh = Array.from({ length: steps - 2 }, (_, j) =>
      ofParticles(String(j), async () => {
        const each = await Promise.all(
          Array.from({ length: particles }, (_, i) => file.readChannelsLast(`noise.${j}.${i}`)),
        );
        const data = Float32Array.from(each.flatMap(({ data }) => [...data]));
        return { data, shape: [particles, ...each[0]!.shape.slice(1)] };
      }));
    const start = ofParticles("xT", () => file.readChannelsLast("noise.init"));
    return [...levels, ...fresh, ...uniformDraws(file, steps - 2), start];
  },
  async restore(run): Promise<Steps> {
    const { runtime, config, problem, noise, states } = run;
    const particles = config.number("particles");
    if (config.number("weight_power", 1) !== particles) {
      throw new NotSupportedError("there are no weights to another power than the number of particles");
    }
    const options = {
      ...{ steps: config.number("steps"), particles, share: config.number("c_rate"), noise },
      ...{ resampling: "multinomial", form: "published" } as const,
    };
    const start = await fpsSmcStart(runtime, problem, options);
    states.set("x_init", await valuesOf(start));
    start.free();
    const restored = SAMPLERS.fps_smc.restore(runtime, problem, options);
    return showing(restored, async (step) => {
      await showParticles(run, step);
      const { measured } = step.parts ?? {};
      if (measured) states.set(`y_seq.${step.name}`, await valuesOf(measured));
    });
  },
  isFinalState: true,
});

/** Both. */
export const PARTICLE_METHODS: readonly TrajectoryMethod[] = [DDSMC, FPS_SMC];
