/** What the program has to know about a family of networks: all of it is in one entry. */
import type { HostTensor, Shape, Tensor } from "../engine/mod.ts";
import type { Parameters, ValuesOf } from "../parameters/mod.ts";
import { keywordValues } from "./keywords.ts";
import { type Network, type NetworkConfig, requireInputs } from "./network.ts";
import type { ParameterSet, Weights } from "./weights.ts";

/**
 * What a model file says of itself in `__metadata__.config`: `architecture` (the name of a family), the keywords of the
 * published constructor, and optionally `learn_sigma`, `noise_schedule` ("linear" or "cosine", default linear),
 * `diffusion_steps` (default 1000) and `value_range` (of the images, default [-1, 1]).
 */
export type Description = Readonly<Record<string, unknown>>;

/** The shapes of a checkpoint's tensors by name. */
export type TensorShapes = ReadonlyMap<string, Shape>;

/** A network before its weights are there. */
export interface NetworkPlan<C extends NetworkConfig = NetworkConfig> {
  /** What the network says about itself. */
  readonly config: C;
  /** What a checkpoint must hold. */
  readonly parameters: ParameterSet;
  /** Factor by which the smallest level is smaller than the image. */
  readonly downsampling: number;
  /**
   * The network with its weights.
   * @param weights the parameters, loaded with `parameters`
   */
  build(weights: Weights): Network<C>;
}

/** Something that tensors do not tell and that must be said, with what may be said. */
export interface OpenQuestion {
  /** The answer that is needed, or two of which one is, by name. */
  readonly options: readonly string[];
  /** What it is about. */
  readonly what: string;
  /** The possible answers. */
  readonly choices: string;
}

/** What is known of a network whose tensors are looked at. */
export interface Evidence {
  /** What names and shapes tell. */
  readonly found: Description;
  /** On what the published checkpoints with these tensors agree. */
  readonly published: Description;
  /** All names and shapes. */
  readonly tensors: TensorShapes;
}

/** What is written of a family; `P` are the keywords of its constructor, `O` what its tensors leave open. */
export interface FamilyDefinition<P extends Parameters, O extends Parameters, C extends NetworkConfig> {
  /** What model files call it. */
  readonly name: string;
  /** What its networks are, in a line. */
  readonly about: string;
  /** Where it is published. */
  readonly paper: string;
  /** Whether a network predicts the noise of an image, or the logits of classes. */
  readonly predicts: "noise" | "classes";
  /**
   * The keywords of the published constructor, among them `image_size`; a choice named `class` holds its classes, as
   * recorded runs name them.
   */
  readonly parameters: P;
  /** What names and shapes of tensors leave open, as a user says it, besides the training size and the process. */
  readonly answers?: O;
  /** The answers that choose among what `detect` finds: which of them a network is, as far as its description says it. */
  readonly readings?: { readonly [K in keyof O]?: (description: Description) => ValuesOf<O>[K] | undefined };
  /** Keywords that stand in for what is open, where neither parameters nor cost depend on it. */
  readonly standIns?: Description;
  /**
   * The networks that tensors of these names and shapes can belong to, each as far as these go, without `image_size`
   * unless they tell it; none if they are of another family. Their parameters are compared with all tensors afterwards.
   */
  detect(tensors: TensorShapes): Iterable<Description>;
  /**
   * The keywords that answers stand for.
   * @param answers those of the family, and `imageSize`
   * @throws {RangeError} if they contradict the evidence
   */
  describe?(
    answers: Partial<ValuesOf<O>> & { readonly imageSize?: number | undefined },
    evidence: Evidence,
  ): Description;
  /**
   * What is certain of the process that networks of such tensors are trained with, or told by the names that their
   * publishers give files; by default nothing.
   * @param description what is found
   * @param fileName without folders
   */
  process?(description: Description, fileName: string): Description;
  /** What must still be said besides the training size and the process. */
  questions?(description: Description, tensors: TensorShapes): Iterable<OpenQuestion>;
  /** The keywords that follow from the training size; by default none. */
  sized?(size: number, tensors: TensorShapes): Description;
  /**
   * Keywords that no configuration says, as they are about names in a checkpoint.
   * @param names of its tensors
   */
  stored?(names: readonly string[]): Description;
  /** Whether a key of configurations is no keyword and says nothing of the network; by default none is. */
  passesOver?(key: string): boolean;
  /**
   * What the keywords say, checked.
   * @throws {RangeError | TypeError} if they do not fit together
   */
  configure(keywords: ValuesOf<P>): C;
  /** The tensors of a network, and the factor by which its smallest level is smaller than the image. */
  layout(config: C): Pick<NetworkPlan, "parameters" | "downsampling">;
  /**
   * The sinusoids that stand for timesteps.
   * @param timesteps whole or fractional
   * @param width the network's `modelChannels`
   * @param config the network
   * @returns [timesteps.length, width]
   */
  timestepTable(timesteps: ArrayLike<number>, width: number, config: C): HostTensor;
  /** What records a network with these weights; its inputs have been checked. */
  build(config: C, weights: Weights): Network["forward"];
}

/** A family of networks; any definition of keywords and answers. */
export interface NetworkFamily<C extends NetworkConfig = NetworkConfig, O extends Parameters = Parameters>
  extends Omit<FamilyDefinition<Parameters, O, C>, "configure" | "layout" | "build"> {
  /** Counts what a program has defined, from 0. */
  readonly order: number;
  /** The options by which a user says what a file leaves open. */
  readonly answers: O;
  /** The classes of the published program; the first is the default. */
  readonly classes: readonly string[];
  /**
   * What a configuration says, with the defaults of the published constructor.
   * @param raw an object such as `JSON.parse` gives
   * @throws {TypeError} if it is no object, or keywords are unknown, missing or ill-typed, each by name
   * @throws {RangeError | TypeError} if they do not fit together
   */
  config(raw: unknown): C;
  /** The network of a checked configuration. */
  planOf(config: C): NetworkPlan<C>;
  /**
   * The network that a configuration describes.
   * @param raw as for `config`
   * @throws {TypeError | RangeError} as `config`
   */
  plan(raw: unknown): NetworkPlan<C>;
}

/** How many families have been defined. */
let defined = 0;

/** The family of a definition. */
export function networkFamily<
  P extends Parameters,
  C extends NetworkConfig,
  O extends Parameters = Record<never, never>,
>(
  definition: FamilyDefinition<P, O, C>,
): NetworkFamily<C, O> {
  const { name, parameters, answers = {} as O, predicts } = definition;
  const config = (raw: unknown): C =>
    definition.configure(keywordValues(withoutForeign(raw, definition), parameters, name));
  const planOf = (config: C): NetworkPlan<C> => {
    const { downsampling, ...layout } = definition.layout(config);
    // Only what is joined on a way up needs sides that can be halved.
    const sides = predicts === "classes" ? 1 : downsampling;
    return {
      config,
      downsampling,
      ...layout,
      build(weights): Network<C> {
        const record = definition.build(config, weights);
        return {
          config,
          downsampling,
          timestepTable: (timesteps) => definition.timestepTable(timesteps, config.modelChannels, config),
          forward(x, inputs): Tensor {
            requireInputs(name, config, sides, x, inputs);
            return record(x, inputs);
          },
        };
      },
    };
  };
  const classes = parameters.class?.choices ?? [];
  return { ...definition, order: defined++, answers, classes, config, planOf, plan: (raw) => planOf(config(raw)) };
}

/** A configuration without the keys that say nothing of the network. */
function withoutForeign(raw: unknown, { passesOver }: { passesOver?(key: string): boolean }): unknown {
  if (!passesOver || typeof raw !== "object" || raw === null || Array.isArray(raw)) return raw;
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !passesOver(key)));
}
