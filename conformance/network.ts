/** The network of a reference file, with the weights of that file or of the one that it names. */
import type { Runtime } from "../engine/mod.ts";
import { diffusers, FAMILIES, loadWeights, type Network, type Precision } from "../models/mod.ts";
import type { ReferenceFile, Settings } from "./reference_file.ts";
import { NotSupportedError } from "./row.ts";

/** A network on a runtime; to be freed after use. */
export interface LoadedNetwork extends Disposable {
  readonly network: Network;
}

/** Before the parameter's name in the name of its tensor. */
const PREFIX = "model.";

/**
 * Relative L2 error that a network may have against its reference. In half precision the weights are rounded, each by up
 * to 2^-11 of itself; the networks turn these roundings, which are independent, into an error of that order, and four
 * times 2^-11 = 2.0e-3 is allowed.
 */
export const NETWORK_LIMITS: Readonly<Record<Precision, number>> = { f32: 1e-4, f16: 4 * 2 ** -11 };

/** Names of the tensors that are weights. */
export const WEIGHTS: RegExp = /^model\./;

/**
 * Loads the network of a file. Its own `class`, `constructor` and weights go before those of `weights_file`.
 * @param runtime where the weights go
 * @param file the reference
 * @param precision how the weights are kept
 * @throws {NotSupportedError} if the network is of no class that the models have
 * @throws {CheckpointError} if the weights do not fit the constructor, or what opening their file throws
 * @throws {TypeError | RangeError} if the constructor's arguments are wrong
 */
export async function loadNetwork(
  runtime: Runtime,
  file: ReferenceFile,
  precision: Precision,
): Promise<LoadedNetwork> {
  if (file.names(WEIGHTS).length > 0 && file.metadata.has("constructor")) {
    return await load(runtime, file, { first: [], precision });
  }
  using other = await openWeights(file);
  return await load(runtime, other, { first: [file.metadata], precision });
}

/** Where the weights of a model of diffusers lie, seen from a recording in its folder. */
const OF_DIFFUSERS = ["unet/", ""].flatMap((folder) =>
  ["", ".fp16"].map((variant) => `${folder}diffusion_pytorch_model${variant}.safetensors`)
);

/** The file with the weights: the one that is named, or that of the model in whose folder the recording lies. */
async function openWeights(file: ReferenceFile): Promise<ReferenceFile> {
  const { metadata } = file;
  if (metadata.has("weights_file") || metadata.text("class", "") !== diffusers.classes[0]) {
    return await file.openBeside(metadata.text("weights_file"));
  }
  let failure: unknown;
  for (const path of OF_DIFFUSERS) {
    try {
      return await file.openBeside(path);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

async function load(
  runtime: Runtime,
  holder: ReferenceFile,
  { first, precision }: { readonly first: readonly Settings[]; readonly precision: Precision },
): Promise<LoadedNetwork> {
  const sources = [...first, holder.metadata];
  const source = sources.find((metadata) => metadata.has("constructor")) ?? holder.metadata;
  const named = sources.find((metadata) => metadata.has("class")) ?? source;
  const name = named.text("class", holder.metadata.text("kind", "") === "unet-ddpm" ? "Model" : "UNetModel");
  const family = FAMILIES.values().find(({ classes }) => classes.includes(name));
  if (!family) throw new NotSupportedError(`there is no network of class "${name}" among the models`);
  const naming = family.stored?.([...holder.checkpoint.tensors.keys()]);
  const plan = family.plan({ class: name, ...source.settings("constructor").values, ...naming });
  const prefix = holder.names(WEIGHTS).length > 0 ? PREFIX : "";
  const weights = await loadWeights(runtime, holder.checkpoint, plan.parameters, { prefix, precision });
  for (const parameter of plan.parameters.keys()) holder.use(prefix + parameter);
  try {
    return { network: plan.build(weights), [Symbol.dispose]: () => weights.free() };
  } catch (error) {
    weights.free();
    throw error;
  }
}

/**
 * Loads a network whose weights lie in another file, with the constructor in that file's metadata, or else in the
 * `config.json` beside it, as for models of the diffusers library.
 * @param runtime where the weights go
 * @param file the reference
 * @param path of the file with the weights, relative to the reference
 * @param precision how the weights are kept
 * @throws as `loadNetwork`
 */
export async function loadNetworkAt(
  runtime: Runtime,
  file: ReferenceFile,
  path: string,
  precision: Precision,
): Promise<LoadedNetwork> {
  using holder = await file.openBeside(path);
  const first = holder.metadata.has("constructor") ? [] : [await holder.readConfigBeside()];
  return await load(runtime, holder, { first, precision });
}
