// deno-lint-ignore-file camelcase -- keys of configurations keep their published spelling
/** What a scheduler of the diffusers library says of the process that a network was trained with. */
import { quoteName } from "../checkpoint/checkpoint_error.ts";
import type { Description } from "../family.ts";

/** The process of a network, as a description has it. */
export interface ReadScheduler {
  /** Keywords of the schedule and of what the network predicts. */
  readonly process: Description;
  /** What it does not say and was assumed, in sentences. */
  readonly notes: readonly string[];
}

/** What a network is taken for that has no scheduler. */
export const WITHOUT_SCHEDULER: ReadScheduler = {
  process: {},
  notes: [
    "It has no scheduler_config.json: noise as what is predicted (epsilon) and the linear noise schedule of 1000 steps " +
    "are assumed",
  ],
};

/** Names of beta curves here by their names there. */
const CURVES: Readonly<Record<string, string>> = {
  linear: "linear",
  scaled_linear: "scaled_linear",
  squaredcos_cap_v2: "cosine",
  sigmoid: "sigmoid",
};

/** What may be predicted on a list of timesteps, by the same names here and there. */
const PREDICTIONS = ["epsilon", "v_prediction", "sample"];

/** The library's defaults of a list of timesteps. */
const DEFAULTS = { num_train_timesteps: 1000, beta_start: 1e-4, beta_end: 0.02, beta_schedule: "linear" };

/**
 * The process that scheduler_config.json names. Schedulers of any class have the tables of the training, unless their
 * class is one of those whose networks are told the noise level.
 * @param config what the file holds
 * @throws {TypeError} if it is no such configuration, or of a process that is not known here
 */
export function readScheduler(config: Description): ReadScheduler {
  const name = typeof config._class_name === "string" ? config._class_name : "";
  if (/^FlowMatch/.test(name) || config.prediction_type === "flow_prediction") {
    return { process: { prediction_type: "flow", time_scale: config.num_train_timesteps ?? 1000 }, notes: [] };
  }
  if (/^EDM/.test(name)) return { process: edm(config), notes: [] };
  if (/^CMStochastic/.test(name)) {
    return {
      process: { prediction_type: "consistency", ...levels(config, "sigma_min", "sigma_max", "sigma_data") },
      notes: [],
    };
  }
  if (/^ScoreSdeVe/.test(name)) {
    return {
      process: { prediction_type: "ve", sigma_min: 0.01, sigma_max: 1348, ...levels(config, "sigma_min", "sigma_max") },
      notes: [],
    };
  }
  const isListed = ["beta_schedule", "trained_betas", "beta_start"].some((key) => key in config) ||
    /^(DDPM|DDIM)/.test(name);
  if (!isListed || config.timestep_type === "continuous") {
    throw new TypeError(
      `its scheduler is ${quoteName(name)}${isListed ? " of continuous timesteps" : ""}, one with a list of betas ` +
        "(DDPMScheduler and others), FlowMatch*, EDM*, CMStochasticIterative or ScoreSdeVe is needed",
    );
  }
  return listed(config);
}

function levels(config: Description, ...keys: readonly string[]): Description {
  return Object.fromEntries(keys.flatMap((key) => config[key] === undefined ? [] : [[key, config[key]]]));
}

function edm(config: Description): Description {
  if ((config.prediction_type ?? "epsilon") !== "epsilon") {
    throw new TypeError(
      `its scheduler has the prediction_type ${JSON.stringify(config.prediction_type)}, "epsilon" is needed for EDM`,
    );
  }
  const own = levels(config, "sigma_min", "sigma_max", "sigma_data");
  return { prediction_type: "edm", noise_input: "nvlabs", ...own };
}

function listed(config: Description): ReadScheduler {
  const said = { ...DEFAULTS, ...Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null)) };
  const { num_train_timesteps, beta_start, beta_end, beta_schedule } = said;
  const { prediction_type = "epsilon", trained_betas, variance_type, rescale_betas_zero_snr = false }: Description =
    said;
  if (!PREDICTIONS.includes(prediction_type as string)) {
    throw new TypeError(
      `its prediction_type is ${JSON.stringify(prediction_type)}, one of ${PREDICTIONS.join(", ")} is needed`,
    );
  }
  if (variance_type === "learned") {
    throw new TypeError('its variance_type is "learned", learned_range or a fixed one is needed');
  }
  const curve = Object.hasOwn(CURVES, beta_schedule) ? CURVES[beta_schedule]! : undefined;
  if (curve === undefined && trained_betas === undefined) {
    throw new TypeError(
      `its beta_schedule is ${JSON.stringify(beta_schedule)}, one of ${Object.keys(CURVES).join(", ")} is needed`,
    );
  }
  const isPublished = num_train_timesteps === 1000 && beta_start === DEFAULTS.beta_start &&
    beta_end === DEFAULTS.beta_end && curve === "linear";
  const betas = trained_betas !== undefined
    ? { trained_betas, diffusion_steps: (trained_betas as readonly unknown[]).length }
    : {
      noise_schedule: curve,
      diffusion_steps: num_train_timesteps,
      // The cosine has no ends to be given, and those of the published schedule are its own.
      ...(curve === "cosine" || isPublished ? {} : { beta_start, beta_end }),
    };
  const isSaid = typeof config.prediction_type === "string";
  return {
    process: {
      prediction_type,
      ...betas,
      ...(rescale_betas_zero_snr === true ? { rescale_betas_zero_snr } : {}),
      // Then the network gives twice the channels of the image.
      ...(variance_type === "learned_range" ? { learn_sigma: true } : {}),
    },
    notes: isSaid ? [] : ["Its scheduler does not say what is predicted: noise (epsilon) is assumed"],
  };
}
