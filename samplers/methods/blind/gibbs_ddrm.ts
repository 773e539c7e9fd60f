/**
 * GibbsDDRM: DDRM in the Fourier domain of a blur that nobody knows. Steps of Langevin's draw the kernel towards what
 * turns the predicted image into the measurement, and the state is drawn anew with the kernel that they come to. Murata,
 * Saito, Lai, Takida, Uesaka, Mitsufuji, Ermon, GibbsDDRM: A Partially Collapsed Gibbs Sampler for Solving Blind Inverse
 * Problems with Denoising Diffusion Restoration, ICML 2023.
 */
import { type DeviceTensor, formatShape, type Runtime, sameShape, type Tensor } from "../../../engine/mod.ts";
import { add, copy, mul, sliceChannels, weightedSum } from "../../../kernels/mod.ts";
import { integer, number, type Parameter, type ValuesOf } from "../../../parameters/mod.ts";
import { type Level, respace, sigmaOf } from "../../coefficients.ts";
import { freshNoise, steps } from "../../common_parameters.ts";
import { sampler } from "../../entry.ts";
import { type Draw, type NoiseSource, silence } from "../../noise_source.ts";
import type { Problem, Progress, Sampler } from "../../sampler.ts";
import { START, trajectory } from "../../steps/run.ts";
import { type SpectralWeight, spectralWeights } from "../../steps/spectral.ts";
import { networkStep, noisyStage, type Step } from "../../steps/step.ts";
import { strideTimesteps } from "../../timesteps.ts";
import { type Drawn, kernelDraw, offsetOf } from "./kernel_draw.ts";
import {
  type BlurFrame,
  blurFrame,
  type BlurSpectrum,
  blurSpectrum,
  convolved,
  fromCoefficients,
  measuredCoefficients,
  toCoefficients,
  type WindowPart,
  withWindow,
} from "./blur_spectrum.ts";

/** The parameters of `gibbs-ddrm`. */
export const PARAMETERS = {
  steps: steps(100, 1) as Parameter<number>,
  eta: freshNoise(0.8, "fresh noise where the blur leaves nothing") as Parameter<number>,
  etaB: number(0.9, { min: 0, max: 1 }, "share of the measurement where it is better") as Parameter<number>,
  etaC: number(0.8, { min: 0, max: 1 }, "pull of the measurement where it is worse") as Parameter<number>,
  taps: integer(64, { min: 1, max: 1024, option: "kernel-taps" }, "side of the kernel that is looked for") as Parameter<
    number
  >,
  kernelStart: number(0.7, { min: 0, max: 1 }, "share of the timesteps below which the kernel is drawn") as Parameter<
    number
  >,
  kernelUpdates: integer(3, { min: 0, max: 100 }, "times that it is drawn in a step, an evaluation each") as Parameter<
    number
  >,
  kernelSteps: integer(500, { min: 1, max: 10000 }, "steps of Langevin's each time") as Parameter<number>,
  // Published for 256x256 pixels: 1e-11 for faces of people, 2e-11 for those of animals.
  kernelRate: number(1e-11, { min: 0 }, "length of these steps; smaller pictures want more") as Parameter<number>,
  sparsity: number(1000, { min: 0 }, "weight of the kernel's absolute sum") as Parameter<number>,
};

/** Parameters of GibbsDDRM. */
export type GibbsDdrmOptions = ValuesOf<typeof PARAMETERS> & {
  /** Kernels to begin with, taps x taps numbers for each image; otherwise exp(-r/10) around the middle. */
  readonly kernel?: Float32Array;
  /** What finds the kernels in place of Langevin's steps, from predicted images and measurements. */
  readonly kernelStep?: (seen: SeenBlur) => Float32Array;
  /** The part of the image that was measured, the same of all; otherwise all of it. Beyond it y is a first guess. */
  readonly measured?: WindowPart;
};

/** What a step of the kernel is given. */
export interface SeenBlur {
  /** Kernels [N, K, K] until now. */
  readonly kernels: Float32Array;
  /** Predicted images [N, H, W, C]. */
  readonly x0: Float32Array;
  /** Measurements [N, H, W, C]. */
  readonly y: Float32Array;
  /** Deviation of the noise of the level of the prediction, in units of the image. */
  readonly sigma: number;
}

/** GibbsDDRM. The operator of a problem says the shape alone. */
export const gibbsDdrm: Sampler<GibbsDdrmOptions> = sampler<typeof PARAMETERS, GibbsDdrmOptions>({
  name: "gibbs_ddrm",
  paper: "Murata et al., GibbsDDRM: A Partially Collapsed Gibbs Sampler for Solving Blind Inverse Problems with " +
    "Denoising Diffusion Restoration, ICML 2023",
  about: "ddrm with a blur kernel that is drawn along with the picture (--noise-level)",
  handlesNoise: true,
  parameters: PARAMETERS,
  inputs: ["kernel", "kernelStep", "measured"],
  evaluations(options, timesteps): { readonly nominal: number; readonly actual: number } {
    const list = strideTimesteps(timesteps, options.steps);
    const drawn = list.filter((timestep) => drawsKernel(timestep, timesteps, options)).length;
    return {
      nominal: list.length + drawn * options.kernelUpdates,
      actual: list.length + drawn * options.kernelUpdates,
    };
  },
  restore(runtime, problem, options): AsyncGenerator<Progress, DeviceTensor> {
    const { name, imageShape, measurementShape } = problem.operator;
    if (!sameShape(imageShape, measurementShape)) {
      throw new TypeError(
        `Cannot run gibbs_ddrm on "${name}": its measurements are ${formatShape(measurementShape)}, blurred pictures ` +
          `${formatShape(imageShape)} are needed`,
      );
    }
    return run(runtime, problem, options);
  },
});

function drawsKernel(
  timestep: number,
  timesteps: number,
  { kernelStart }: Pick<GibbsDdrmOptions, "kernelStart">,
): boolean {
  return timestep > 0 && timestep <= kernelStart * timesteps;
}

/** Share of the timesteps below which the predicted image stands for what lies beyond the measurement. */
const TRUSTED_BELOW = 0.7;

/** Deviation that an exact measurement counts as having. */
const LEAST_NOISE = 1e-3;

/** The kernels of a run, and what they are in the Fourier domain. */
interface Blur {
  /** [N, K, K, 1] */
  readonly kernel: DeviceTensor;
  readonly transfer: DeviceTensor;
  readonly phase: DeviceTensor;
  readonly spectrum: BlurSpectrum;
  free(): void;
}

function blurOf(runtime: Runtime, frame: BlurFrame, kernels: Float32Array): Blur {
  const { taps } = frame;
  const spectrum = blurSpectrum(frame, kernels);
  const kernel = runtime.upload(kernels, [kernels.length / taps ** 2, taps, taps, 1]);
  const transfer = runtime.upload(spectrum.transfer.data as Float32Array, spectrum.transfer.shape);
  const phase = runtime.upload(spectrum.phase.data as Float32Array, spectrum.phase.shape);
  return { kernel, transfer, phase, spectrum, free: () => [kernel, transfer, phase].forEach((each) => each.free()) };
}

/** exp(-r/10) around the middle, of sum 1. */
function firstKernels(taps: number, count: number): Float32Array {
  const middle = (taps - 1) / 2;
  const one = Array.from(
    { length: taps * taps },
    (_, i) => Math.exp(-Math.hypot(Math.floor(i / taps) - middle, i % taps - middle) / 10),
  );
  const sum = one.reduce((total, tap) => total + tap, 0);
  return Float32Array.from({ length: count * taps * taps }, (_, i) => one[i % one.length]! / sum);
}

/** Kernels of sum 1. */
function normalised(kernels: Float32Array, taps: number): Float32Array {
  const size = taps * taps;
  const sums = Array.from(
    { length: kernels.length / size },
    (_, n) => kernels.subarray(n * size, (n + 1) * size).reduce((sum, tap) => sum + tap, 0),
  );
  return kernels.map((tap, i) => tap / sums[Math.floor(i / size)]!);
}

async function* run(
  runtime: Runtime,
  { model, y, sigmaY: given, ...rest }: Problem,
  options: GibbsDdrmOptions & { readonly noise: NoiseSource },
): AsyncGenerator<Progress, DeviceTensor> {
  const { noise, taps, kernelUpdates, kernelSteps, kernelStep, measured } = options;
  const problem = { model, y, sigmaY: Math.max(given, LEAST_NOISE), ...rest };
  const frame = blurFrame(model.imageShape, taps);
  const T = model.alphaBar.length;
  const places = respace(model.alphaBar, strideTimesteps(T, options.steps)).toReversed();
  const prediction = (name: string): ReturnType<typeof predictor> => predictor(runtime, problem, name);
  const [predict, again] = [prediction("prediction"), prediction("second prediction")];
  const embed = embedding(runtime, frame, { sigmaY: problem.sigmaY, noise, measured });
  const renew = renewal(runtime, problem, frame, options);
  const langevin = kernelDraw(runtime, frame, options);
  let blur = blurOf(runtime, frame, options.kernel ?? firstKernels(taps, y.shape[0]!));
  let shown: DeviceTensor[] = [];
  const forget = (): void => {
    for (const tensor of shown) tensor.free();
    shown = [];
  };
  const drawsOfStep = 2 * (kernelUpdates + 1) + kernelUpdates * kernelSteps;
  const first = await embed({ name: "interp.init", ordinal: 1 }, { v: y, y, transfer: blur.transfer });
  const start = await startState(runtime, problem, frame, { whole: first, blur, level: places[0]!, noise });
  const stages = [predict, again, embed, renew, langevin, { release: forget }, { release: (): void => blur.free() }];
  return yield* trajectory({ start, places, stages }, async (state, level, k) => {
    forget();
    let ordinal = 2 + k * drawsOfStep;
    const next = (name: string): Draw => ({ name, ordinal: ordinal++ });
    const name = String(k);
    const { x0, eps } = await predict(state, level, { name, ordinal: 0 });
    const v = level.timestep < TRUSTED_BELOW * T ? x0 : y;
    const parts: Record<string, DeviceTensor> = k === 0 ? { start } : {};
    const show = (part: string, tensor: DeviceTensor): void => void shown.push(parts[part] = tensor.keep());
    const renewed = async (u: number): Promise<DeviceTensor> => {
      const whole = await embed(next(`interp.${k}.${u}`), { v, y, transfer: blur.transfer });
      const xt = await renew(next(`${k}.${u}`), { x0, eps, whole }, { blur, level });
      show(`x_t${u}`, xt);
      return xt;
    };
    let xt = await renewed(0);
    const updates = drawsKernel(level.timestep, T, options) ? kernelUpdates : 0;
    for (let h = 0; h < updates; h++) {
      const seen = await again(xt, places[k + 1]!, { name, ordinal: 0 });
      let kernel = blur.kernel;
      for (let j = 0; j < kernelSteps && !kernelStep; j++) {
        kernel = await langevin(next(`kernel.${k}.${h}.${j}`), { kernel, x: seen.x0, y });
      }
      const kernels = await kernel.read();
      const found = kernelStep?.({
        kernels,
        x0: await seen.x0.read(),
        y: await y.read(),
        sigma: sigmaOf(places[k + 1]!.alphaBar),
      });
      const drawn = normalised(found ?? kernels, taps);
      blur.free();
      blur = blurOf(runtime, frame, drawn);
      show(`kernel${h}`, blur.kernel);
      xt = await renewed(h + 1);
    }
    return { name, x0, xt, evaluations: 1 + updates, parts };
  });
}

/** Prepares what the network says of a state. */
function predictor(runtime: Runtime, { model }: Problem, name: string): Step<Level, "x0" | "eps"> {
  return networkStep(runtime, model, {
    name,
    noise: silence,
    update: ({ x0, eps }) => ({ x0: copy(x0), eps: copy(eps) }),
  });
}

/** Prepares a whole convolution [N, Fh, Fw, C]: y, and around it that of a picture v with noise. */
function embedding(
  runtime: Runtime,
  frame: BlurFrame,
  { sigmaY, noise, measured }: {
    readonly sigmaY: number;
    readonly noise: NoiseSource;
    readonly measured: WindowPart | undefined;
  },
): Drawn<"v" | "y" | "transfer"> {
  const stage = noisyStage<"v" | "y" | "transfer", never, "whole">(
    runtime,
    "embedding",
    noise,
    ({ v, y, transfer }, _c, normal) => {
      const blurred = convolved(frame, v, transfer);
      const noisy = weightedSum([[1, blurred], [sigmaY, normal(blurred.shape)]]);
      return { whole: withWindow(frame, noisy, y, offsetOf(frame), measured) };
    },
  );
  const run = async (...[draw, inputs]: Parameters<Drawn<"v" | "y" | "transfer">>): Promise<DeviceTensor> =>
    (await stage(draw, inputs, {})).whole;
  return Object.assign(run, { release: stage.release });
}

/** The weights of coefficients in the next state, by the gain s of their frequency. */
type StateWeights = Record<"ofX0" | "ofEps" | "ofY" | "lost" | "worse" | "better", SpectralWeight>;

/**
 * The weights of V^T x0, V^T eps and U^T Y and of three noises, with d the noise of the next level in units of the image:
 *
 * | | x0 | eps | Y | noise |
 * | --- | --- | --- | --- | --- |
 * | s = 0 or s d = sigmaY | 1 | d sqrt(1 - eta^2) | 0 | d eta |
 * | s d < sigmaY | 1 - s k, k = d etaC/sigmaY | 0 | k | d sqrt(1 - etaC^2) |
 * | s d > sigmaY | 1 - etaB | 0 | etaB/s | sqrt(d^2 - (sigmaY etaB/s)^2) |
 */
function stateWeights(d: number, sigmaY: number, { eta, etaB, etaC }: GibbsDdrmOptions): StateWeights {
  const by = (lost: number, worse: SpectralWeight, better: SpectralWeight): SpectralWeight => (s) =>
    s === 0 || s * d === sigmaY ? lost : s * d < sigmaY ? worse(s) : better(s);
  const pull = d * etaC / sigmaY;
  return {
    ofX0: by(1, (s) => 1 - s * pull, () => 1 - etaB),
    ofEps: by(d * Math.sqrt(1 - eta * eta), () => 0, () => 0),
    ofY: by(0, () => pull, (s) => etaB / s),
    lost: by(d * eta, () => 0, () => 0),
    worse: by(0, () => d * Math.sqrt(1 - etaC * etaC), () => 0),
    better: by(0, () => 0, (s) => Math.sqrt(Math.max(0, d * d - (sigmaY * etaB / s) ** 2))),
  };
}

/** The draw of the next state. */
interface Renewal {
  (
    draw: Draw,
    from: Readonly<Record<"x0" | "eps" | "whole", DeviceTensor>>,
    at: { readonly blur: Blur; readonly level: Level },
  ): Promise<DeviceTensor>;
  release(): void;
}

function renewal(
  runtime: Runtime,
  { sigmaY }: Problem,
  frame: BlurFrame,
  options: GibbsDdrmOptions & { readonly noise: NoiseSource },
): Renewal {
  const [height, width, channels] = frame.image;
  const kinds = ["lost", "worse", "better"] as const;
  const stage = noisyStage<"x0" | "eps" | "whole" | "phase" | keyof StateWeights, "scale", "xt">(
    runtime,
    "renewal",
    options.noise,
    ({ x0, eps, whole, phase, ...weights }, c, normal) => {
      const weighed = (x: Tensor, name: keyof StateWeights): Tensor =>
        mul(toCoefficients(frame, x, phase), weights[name]);
      // A frequency has one of three noises, each an image of its own.
      const noises = normal([x0.shape[0]!, height, width, kinds.length * channels]);
      const drawn = kinds.map((kind, i) => weighed(sliceChannels(noises, i * channels, (i + 1) * channels), kind));
      const measured = mul(measuredCoefficients(whole), weights.ofY);
      const sum = [weighed(x0, "ofX0"), weighed(eps, "ofEps"), measured, ...drawn].reduce((all, term) =>
        add(all, term)
      );
      return { xt: weightedSum([[c.scale, fromCoefficients(frame, sum, phase)]]) };
    },
  );
  const run: (...args: Parameters<Renewal>) => Promise<DeviceTensor> = async (draw, from, { blur, level }) => {
    const weights = stateWeights(sigmaOf(level.alphaBarPrevious), sigmaY, options);
    const own = spectralWeights(runtime, blur.spectrum.singularValues, weights);
    try {
      const scale = Math.sqrt(level.alphaBarPrevious);
      return (await stage(draw, { ...from, phase: blur.phase, ...own.tensors }, { scale })).xt;
    } finally {
      own.free();
    }
  };
  return Object.assign(run, { release: stage.release });
}

/** The state at the noisiest level: V (U^T Y/s + sqrt(d^2 - sigmaY^2/s^2) V^T z)/d where s d > sigmaY, noise elsewhere. */
async function startState(
  runtime: Runtime,
  { sigmaY }: Problem,
  frame: BlurFrame,
  { whole, blur, level, noise }: {
    readonly whole: DeviceTensor;
    readonly blur: Blur;
    readonly level: Level;
    readonly noise: NoiseSource;
  },
): Promise<DeviceTensor> {
  const d = sigmaOf(level.alphaBar);
  const isKnown = (s: number): boolean => s * d > sigmaY;
  const weights = spectralWeights(runtime, blur.spectrum.singularValues, {
    ofY: (s) => isKnown(s) ? 1 / (s * d) : 0,
    fresh: (s) => isKnown(s) ? Math.sqrt(d * d - (sigmaY / s) ** 2) / d : 1,
  });
  const stage = noisyStage<"whole" | "phase" | "ofY" | "fresh", never, "xt">(
    runtime,
    "start",
    noise,
    ({ whole, phase, ofY, fresh }, _c, normal) => {
      const z = toCoefficients(frame, normal([whole.shape[0]!, ...frame.image]), phase);
      const sum = add(mul(measuredCoefficients(whole), ofY), mul(z, fresh));
      return { xt: fromCoefficients(frame, sum, phase) };
    },
  );
  try {
    return (await stage(START, { whole, phase: blur.phase, ...weights.tensors }, {})).xt.keep();
  } finally {
    stage.release();
    weights.free();
  }
}
