/** Trajectories of methods over noise levels of their own on a network of the continuous process: DAPS, PnP-DM and LGD-MC. */
import { alphaBarOf, type DiffusionProcess, listedProcess, noiseSchedule } from "../../models/mod.ts";
import { karrasGrid, type Progress, SAMPLERS } from "../../samplers/mod.ts";
import type { ReferenceFile, Settings, StoredTensor } from "../reference_file.ts";
import { NotSupportedError } from "../row.ts";
import { circularBlur } from "./circular_blur.ts";
import { LEVEL_LIMIT, listValues, watched, withoutScale } from "./denoiser_runs.ts";
import { imageShapeOf, type RecordedDraw, storedDraw, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, type RecordedRun, showing, type Steps } from "./posterior.ts";
import { imagesOf, publishedBasis } from "./published_basis.ts";

/** beta(t) = SLOPE t + LEAST of the continuous process whose times 0 to 1 are the timesteps 0 to 999. */
const [SLOPE, LEAST] = [19.9, 0.1];

/** The real-valued timestep of a noise level, with which alphaBar = exp(-SLOPE t^2/2 - LEAST t), t = timestep/999. */
function timestepAt(alphaBar: number): number {
  return 999 * (Math.sqrt(LEAST ** 2 - 2 * SLOPE * Math.log(alphaBar)) - LEAST) / SLOPE;
}

/** A network that predicts noise and is told the time of the continuous process, not rounded. */
export function continuousProcess(): DiffusionProcess {
  const listed = listedProcess(noiseSchedule("linear"));
  return { ...listed, at: (alphaBar) => ({ ...listed.at(alphaBar), noise: timestepAt(alphaBar) }) };
}

/** Times were computed in f32, which costs the least ones most. */
const TIME_LIMIT = 2e-5;

/** What all of them share. */
export const CONTINUOUS = {
  timesteps: (): readonly number[] => [],
  listsOfRun: ["timesteps_seen_by_network"],
  process: continuousProcess,
  limit: (quantity: string): number | undefined =>
    quantity === "timesteps_seen_by_network"
      ? TIME_LIMIT
      : /^(sigmas|sigma_steps|losses)$/.test(quantity)
      ? LEVEL_LIMIT
      : undefined,
  isFinalState: true as const,
};

/** The run on a model that is watched, with the times of its calls among the states. */
export function watching(
  { states }: RecordedRun,
  run: Steps,
  { callsOf, show }: {
    /** sigma of the next calls, so many. */
    callsOf(made: number): readonly number[];
    show?(step: Progress): void | Promise<void>;
  },
): Steps {
  const seen: number[] = [];
  let made = 0;
  return showing(run, async (step) => {
    seen.push(...callsOf(step.nfe - made));
    made = step.nfe;
    states.set("timesteps_seen_by_network", listValues(seen.map((sigma) => timestepAt(alphaBarOf(sigma)))));
    await show?.(step);
  });
}

/** The calls over a list of levels, one after the other. */
function inOrder(calls: () => readonly number[]): (made: number) => readonly number[] {
  let before = 0;
  return (made) => calls().slice(before, before += made);
}

/** DAPS; `x0hat.k` is where the flow ends, `x0y.k` where the chain does, and states have no scale. */
const DAPS = posteriorTrajectory({
  ...CONTINUOUS,
  pattern: /^DAPS$/,
  sigmaY: (config) => config.number("sigma_y"),
  draws(file, config): readonly RecordedDraw[] {
    const [levels, chain] = [config.number("annealing_steps"), config.number("mcmc_steps")];
    const each = Array.from({ length: levels }, (_, k) => [
      storedDraw(file, `noise.v.${k}`, `v.${k}`, true),
      ...Array.from({ length: chain }, (_, j) => storedDraw(file, `noise.m.${k}.${j}`, `m.${k}.${j}`, false)),
      storedDraw(file, `noise.${k}`, String(k), k === levels - 1),
    ]);
    return [...each.flat(), storedDraw(file, "noise.xT", "xT", false)];
  },
  restore(run): Steps {
    const { runtime, config, problem, noise, states } = run;
    const { model, calls } = watched(problem.model);
    const steps = config.number("annealing_steps");
    const range = { sigmaMin: config.number("sigma_min"), sigmaMax: config.number("sigma_max") };
    if (config.number("ode_sigma_min") !== 0.01) throw new NotSupportedError("there is no other end of the flow");
    const algorithm = config.text("mc_algo");
    const restored = SAMPLERS.daps.restore(runtime, { ...problem, model }, {
      ...range,
      steps,
      flowSteps: config.number("ode_steps"),
      chainSteps: config.number("mcmc_steps"),
      chainRate: config.number("lr"),
      chainDecay: config.number("lr_min_ratio"),
      momentum: algorithm === "langevin" ? 0 : config.number("momentum"),
      tau: config.number("tau"),
      noise,
    });
    const sigmas = [...karrasGrid(steps + 1, { ...range, rho: 7 }).slice(0, -1), 0];
    states.set("sigmas", listValues(sigmas));
    return watching(run, restored, {
      callsOf: inOrder(calls),
      async show({ name, x0, xt, step }): Promise<void> {
        states.set(`x0y.${name}`, await valuesOf(x0));
        states.set(`x_t.${name}`, withoutScale(await valuesOf(xt), sigmas[step]!));
      },
    });
  },
});

/** PnP-DM; `z.k` is the draw from the likelihood. */
const PNP_DM = posteriorTrajectory({
  ...CONTINUOUS,
  pattern: /^PnP-DM$/,
  inputs: /^t_steps$/,
  sigmaY: (config) => config.number("sigma_y"),
  operatorFor: (file, description) => circularBlur(file, description, 1),
  draws(file, config): readonly RecordedDraw[] {
    const [pairs, levels] = [config.number("num_iters"), config.number("num_steps")];
    return Array.from({ length: pairs }, (_, k) => [
      likelihoodNoise(file, k),
      // A reverse diffusion begins somewhere on the list, and its last step draws nothing.
      ...Array.from({ length: levels }, (_, j) => storedDraw(file, `noise.x.${k}.${j}`, `x.${k}.${j}`, true)),
    ]).flat();
  },
  restore(run): Steps {
    const { runtime, config, problem, noise, states } = run;
    const { model, calls } = watched(problem.model);
    const restored = SAMPLERS.pnp_dm.restore(runtime, { ...problem, model }, {
      steps: config.number("num_iters"),
      couplingStart: config.number("rho"),
      couplingDecay: config.number("rho_decay_rate"),
      couplingEnd: config.number("rho_min"),
      levels: config.number("num_steps"),
      ...gridOf(config),
      noise,
    });
    const size = problem.model.imageShape;
    const count = size.reduce((product, extent) => product * extent, 1);
    states.set("x_init", { data: new Float32Array(count), shape: [1, ...size] });
    return watching(run, restored, {
      callsOf: (made) => calls().slice(-made),
      show: () => void states.set("sigma_steps", listValues([...calls(), 0])),
    });
  },
});

/** The levels of a mode, limited to those of the network. */
function gridOf(
  config: Settings,
): { readonly grid: "edm" | "vp"; readonly sigmaMin: number; readonly sigmaMax: number } {
  const limits = { edm: [0.002, 80], vp: [0, Infinity] } as const;
  const mode = config.text("mode");
  const grid = (["edm", "vp"] as const).find((grid) => mode === `${grid}_sde`);
  if (!grid) throw new NotSupportedError(`there is no PnP-DM of mode "${mode}"`);
  return {
    grid,
    sigmaMin: Math.max(limits[grid][0], config.number("net_sigma_min")),
    sigmaMax: Math.min(limits[grid][1], config.number("net_sigma_max")),
  };
}

/** The draw of the likelihood: coefficients in the basis of the file, or the picture itself. */
function likelihoodNoise(file: ReferenceFile, k: number): RecordedDraw {
  const stored = `noise.z.${k}`;
  if (!file.has("svd.V")) return storedDraw(file, stored, `z.${k}`, false);
  const imageShape = imageShapeOf(file, ["gt"]);
  return {
    name: `z.${k}`,
    isOptional: false,
    read: async () => {
      const basis = await publishedBasis(file, file.metadata.text("operator"), imageShape);
      return imagesOf(basis, await file.read(stored), imageShape);
    },
  };
}

/** LGD-MC; `losses` lists the sums over the samples of every step. */
const LGD = posteriorTrajectory({
  ...CONTINUOUS,
  pattern: /^LGD-MC$/,
  sigmaY: (config) => config.number("sigma_y"),
  draws(file, config): readonly RecordedDraw[] {
    const each = Array.from({ length: config.number("num_steps") }, (_, k): readonly RecordedDraw[] => [
      { name: `mc.${k}`, isOptional: false, read: () => behindEachOther(file, `noise.mc.${k}`) },
      storedDraw(file, `noise.${k}`, String(k), true),
    ]);
    return [...each.flat(), storedDraw(file, "noise.xT", "xT", false)];
  },
  restore(run): Steps {
    const { runtime, config, problem, noise, states } = run;
    const { model, calls } = watched(problem.model);
    const sigmaAt = (t: number): number => Math.sqrt(Math.expm1(SLOPE * t * t / 2 + LEAST * t));
    const restored = SAMPLERS.lgd.restore(runtime, { ...problem, model }, {
      steps: config.number("num_steps"),
      samples: config.number("num_samples"),
      scale: config.number("guidance_scale"),
      stepRule: config.flag("sde") ? "sde" : "ode",
      sigmaMin: sigmaAt(1e-3),
      sigmaMax: sigmaAt(1),
      noise,
    });
    const losses: number[] = [];
    return watching(run, restored, {
      callsOf: inOrder(calls),
      async show({ parts }): Promise<void> {
        losses.push(...await parts!["losses"]!.read());
        states.set("losses", listValues(losses));
      },
    });
  },
});

/** A batch of images as one image, the channels of one behind those of the other. */
async function behindEachOther(file: ReferenceFile, name: string): Promise<StoredTensor> {
  const { data, shape } = await file.readChannelsLast(name);
  const [count, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  const joined = Float32Array.from(data, (_, i) => {
    const [pixel, rest] = [Math.floor(i / (count * channels)), i % (count * channels)];
    return data[Math.floor(rest / channels) * size + pixel * channels + rest % channels]!;
  });
  return { data: joined, shape: [1, height, width, count * channels] };
}

/** All of them. */
export const DECOUPLED_METHODS: readonly TrajectoryMethod[] = [DAPS, PNP_DM, LGD];
