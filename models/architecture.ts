/** What the program has to know about a family of networks to open its checkpoints. */
import type { Network, NetworkConfig } from "./network.ts";
import type { ParameterSet, Weights } from "./weights.ts";

/** A network before its weights are there. */
export interface NetworkPlan {
  readonly config: NetworkConfig;
  /** What a checkpoint must hold. */
  readonly parameters: ParameterSet;
  /**
   * The network with its weights.
   * @param weights the parameters, loaded with `parameters`
   */
  build(weights: Weights): Network;
}

/** A family of networks. */
export interface Architecture {
  /** What model files call it. */
  readonly name: string;
  /** The classes of the published program, as configurations name them under `class`; the first is the default. */
  readonly classes: readonly string[];
  /** Whether the network predicts the noise of an image, or the logits of classes. */
  readonly predicts: "noise" | "classes";
  /**
   * The network that a configuration describes.
   * @param keywords the keywords of the published constructor, and optionally `class`
   * @throws {TypeError} if keywords are unknown, missing or ill-typed, each by name
   * @throws {RangeError} if they do not fit together
   */
  plan(keywords: Readonly<Record<string, unknown>>): NetworkPlan;
}
