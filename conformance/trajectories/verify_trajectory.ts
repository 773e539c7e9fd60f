/** Files of kind `trajectory`: every state of a sampler, replayed with the noise of the file. */
import type { Runtime } from "../../engine/mod.ts";
import type { Precision } from "../../models/mod.ts";
import { type Expectation, findings } from "../findings.ts";
import { NETWORK_LIMITS, WEIGHTS } from "../network.ts";
import type { ReferenceFile } from "../reference_file.ts";
import { compareList, type Finding, NotSupportedError, refusal } from "../row.ts";
import { BLIND_METHOD } from "./blind.ts";
import { CROSSED_METHOD } from "./crossed.ts";
import { DIFFPIR_METHOD } from "./diffpir.ts";
import { DECOUPLED_METHODS } from "./decoupled_methods.ts";
import { FITTING_METHODS } from "./fitting_methods.ts";
import { GUIDANCE_METHODS } from "./guidance_methods.ts";
import { EDITING_METHOD } from "./editing.ts";
import { FLOW_METHOD } from "./flow.ts";
import { KARRAS_METHOD } from "./karras.ts";
import type { TrajectoryMethod } from "./method.ts";
import { PARTICLE_METHODS } from "./particle_methods.ts";
import { PLAIN_METHOD } from "./plain.ts";
import { POSTERIOR_METHODS } from "./posterior_methods.ts";
import { INVERSION_METHOD, SHORTCUT_METHOD } from "./shortcut.ts";

/** The clamp of the first predicted image switches single pixels, so that rounding shows, also in its gradient. */
const FIRST_PREDICTION_LIMIT = 5e-3;

/** Relative error of a list of coefficients in f64. */
const COEFFICIENT_LIMIT = 1e-12;

/** What a run starts from and is given: measurement, truth, mask, noise, and parts of the operator. */
const INPUTS = /^(gt|lq|y|noise\..+|svd\..+|cg\.(A|b|x0))$|(^|\.)(mask|kernel\w*|A1d\w*|perm|[UV]\d?|s\d?(_raw)?)$/;

const METHODS: readonly TrajectoryMethod[] = [
  SHORTCUT_METHOD,
  INVERSION_METHOD,
  PLAIN_METHOD,
  ...POSTERIOR_METHODS,
  DIFFPIR_METHOD,
  ...GUIDANCE_METHODS,
  ...FITTING_METHODS,
  ...DECOUPLED_METHODS,
  ...PARTICLE_METHODS,
  BLIND_METHOD,
  KARRAS_METHOD,
  CROSSED_METHOD,
  EDITING_METHOD,
  FLOW_METHOD,
];

/**
 * Compares every state of the file and the lists of its metadata.
 * @param runtime where the network runs
 * @param file of kind `trajectory`
 * @param precision how the weights of the network are kept
 */
export async function* verifyTrajectory(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): AsyncGenerator<Finding, void> {
  const name = file.metadata.text("method");
  const method = METHODS.find(({ pattern }) => pattern.test(name));
  for (const pattern of [INPUTS, WEIGHTS, ...(method ? [method.inputs] : [])]) file.declareInputs(pattern);
  const quantities = file.names(/./).filter((tensor) => !file.isInput(tensor));
  if (!method) {
    for (const quantity of quantities) {
      yield refusal(quantity, new NotSupportedError(`there is no sampler for the method "${name}"`));
    }
    return;
  }
  yield* verifyLists(file, method);
  if (!quantities.some((quantity) => method.result.test(quantity))) {
    yield refusal("final", new TypeError("the file holds no final state"));
  }
  const isFirst = (quantity: string): boolean => /(^|\.)(x0|grad)\.(inv\.|gen\.)?0$/.test(quantity);
  const told = (method.listsOfRun ?? []).filter((name) => file.metadata.has(name));
  const expectations: Expectation[] = [...quantities, ...told].map((quantity) => ({
    quantity,
    limit: method.limit?.(quantity) ?? (isFirst(quantity) ? FIRST_PREDICTION_LIMIT : NETWORK_LIMITS[precision]),
  }));
  yield* findings(file, expectations, () => method.run(runtime, file, { wanted: new Set(quantities), precision }));
}

function* verifyLists({ metadata }: ReferenceFile, method: TrajectoryMethod): Generator<Finding, void> {
  const names = ["forward_map", "backward_map", "inversion_c1", "inversion_c2", "timesteps_seen_by_network"]
    .filter((name) => metadata.has(name) && !method.listsOfRun?.includes(name));
  if (metadata.has("stop_consistency_idx")) names.push("stop_consistency_idx");
  for (const name of names) {
    try {
      const ours = method.lists(metadata.settings("config"))[name];
      if (!ours) throw new NotSupportedError("this method has no such list");
      const theirs = typeof metadata.values[name] === "number" ? [metadata.number(name)] : metadata.numbers(name);
      yield compareList(name, ours, theirs, name.startsWith("inversion") ? COEFFICIENT_LIMIT : 0);
    } catch (error) {
      yield refusal(name, error);
    }
  }
}
