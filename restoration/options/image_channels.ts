/** What pictures a network knows. */
import type { OpenedModel } from "../../models/mod.ts";
import { UsageError } from "../../parameters/mod.ts";

/** An open network, and what messages call it. */
export interface NamedModel {
  /** What messages call it. */
  readonly name: string;
  /** The network. */
  readonly model: OpenedModel;
}

/**
 * The channels of the pictures that a network knows.
 * @returns 3 for colours, 1 for gray
 * @throws {UsageError} if they are others, such as those of colours with transparency
 */
export function imageChannels({ name, model: { config: { inChannels } } }: NamedModel): 1 | 3 {
  if (inChannels === 1 || inChannels === 3) return inChannels;
  throw new UsageError(
    `"${name}" is a network for pictures of ${inChannels} channels, 3 (red, green, blue) or 1 (gray) are needed; choose ` +
      "another --model",
  );
}
