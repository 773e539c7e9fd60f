/** Trajectories of GibbsDDRM, of a blur that the program is not told. */
import { DEFAULT_PROCESS } from "../../models/mod.ts";
import { createOperator } from "../../operators/mod.ts";
import { SAMPLERS, strideTimesteps } from "../../samplers/mod.ts";
import { pictureLayout, type PublishedOperator } from "../published_operator.ts";
import { channelsLast, type ReferenceFile, type Settings, type StoredTensor } from "../reference_file.ts";
import { NotSupportedError, type Values } from "../row.ts";
import { listValues } from "./denoiser_runs.ts";
import { type RecordedDraw, storedDraw, type TrajectoryMethod, valuesOf } from "./method.ts";
import { posteriorTrajectory, showing, type Steps } from "./posterior.ts";

const T = DEFAULT_PROCESS.diffusion_steps;

/** Draws of a run, as many of each kind as it may have. */
function draws(file: ReferenceFile, config: Settings): readonly RecordedDraw[] {
  const [steps, updates, inner] = ["steps", "iter_Hupdate", "iter_optim"].map((key) => config.number(key));
  const list = [storedDraw(file, "noise.xT", "xT", false), storedDraw(file, "noise.interp.init", "interp.init", false)];
  for (let k = 0; k < steps!; k++) {
    for (let u = 0; u <= updates! && file.has(`noise.interp.${k}.${u}`); u++) {
      list.push(storedDraw(file, `noise.interp.${k}.${u}`, `interp.${k}.${u}`, false));
      list.push({ name: `${k}.${u}`, isOptional: false, read: () => behindEachOther(file, `${k}.${u}`) });
      for (let j = 0; j < inner! && u < updates!; j++) {
        const stored = `noise.kernel.${k}.${u}.${j}`;
        if (file.has(stored)) {
          list.push({ name: `kernel.${k}.${u}.${j}`, isOptional: false, read: () => kernelNoise(file, stored) });
        }
      }
    }
  }
  return list;
}

/** The noises D, A and B of an update, the channels of one behind those of the other. */
async function behindEachOther(file: ReferenceFile, update: string): Promise<StoredTensor> {
  const all = await Promise.all(["D", "A", "B"].map((kind) => file.readChannelsLast(`noise.${kind}.${update}`)));
  const [count, height, width, channels] = all[0]!.shape as [number, number, number, number];
  const data = new Float32Array(3 * all[0]!.data.length);
  all.forEach(({ data: own }, kind) =>
    own.forEach((value, i) => {
      data[Math.floor(i / channels) * 3 * channels + kind * channels + i % channels] = value;
    })
  );
  return { data, shape: [count, height, width, 3 * channels] };
}

/** Noise [N, K, K] of a kernel. */
async function kernelNoise(file: ReferenceFile, name: string): Promise<StoredTensor> {
  const { data, shape } = await file.read(name);
  return { data, shape: [...shape, 1] };
}

/** GibbsDDRM; `x_t.k.u` is the state behind update u of step k, `kernel.k.h` the kernel behind update h. */
export const BLIND_METHOD: TrajectoryMethod = posteriorTrajectory({
  pattern: /^GibbsDDRM$/,
  inputs: /^kernel\.(init|true)$/,
  timesteps: (config) => strideTimesteps(T, config.number("steps")),
  listsOfRun: ["timesteps_seen_by_network"],
  limit: (quantity) => quantity === "timesteps_seen_by_network" ? 0 : 1e-4,
  sigmaY: (config) => 2 * config.number("sigma_0"),
  draws,
  operatorFor(_file, { imageShape, measurementShape }): Promise<PublishedOperator> {
    const operator = createOperator("identity", imageShape);
    return Promise.resolve({ operator, ...pictureLayout(operator, measurementShape) });
  },
  async restore({ runtime, file, config, problem, noise, states }): Promise<Steps> {
    if (config.number("etaA") !== 0) throw new NotSupportedError("there is no noise of the network where y is worse");
    const { data, shape } = await file.read("kernel.init");
    const timesteps = strideTimesteps(T, config.number("steps")).toReversed();
    const seen: number[] = [];
    const restored = SAMPLERS.gibbs_ddrm.restore(runtime, problem, {
      steps: config.number("steps"),
      eta: config.number("etaD"),
      etaB: config.number("etaB"),
      etaC: config.number("etaC"),
      taps: shape.at(-1)!,
      kernelStart: config.number("Hupdate_start"),
      kernelUpdates: config.number("iter_Hupdate"),
      kernelSteps: config.number("iter_optim"),
      kernelRate: config.number("lr_Hupdate"),
      sparsity: config.number("reg_H_gamma"),
      kernel: data,
      noise,
    });
    return showing(restored, async ({ name, nfe, parts = {} }) => {
      const k = Number(name);
      seen.push(timesteps[k]!, ...new Array<number>(nfe - seen.length - 1).fill(timesteps[k + 1]!));
      states.set("timesteps_seen_by_network", listValues(seen));
      for (const [part, tensor] of Object.entries(parts)) {
        const [, kind, update] = /^(x_t|kernel|start)(\d*)$/.exec(part)!;
        const values = await valuesOf(tensor);
        if (kind === "start") states.set("x_init", values);
        else if (kind === "x_t") states.set(`x_t.${k}.${update}`, values);
        else for (const name of [`kernel.${k}.${update}`, "kernel.final"]) states.set(name, kernelValues(values));
      }
    });
  },
  isFinalState: true,
});

/** A kernel [N, K, K, 1] as the file's [N, K, K] is compared. */
function kernelValues({ data, shape }: Values): Values {
  const stored = shape.slice(0, 3);
  return { data: channelsLast(data, stored), shape: stored };
}
