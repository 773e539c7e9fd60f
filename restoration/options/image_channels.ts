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
  return pictureChannels(name, inChannels);
}

/**
 * The same before the network is open.
 * @param name what messages call the network
 * @param channels of its images
 * @throws {UsageError} as `imageChannels`
 */
export function pictureChannels(name: string, channels: number): 1 | 3 {
  if (channels === 1 || channels === 3) return channels;
  const kind = channels === 4 ? ", colours with transparency or the codes of an autoencoder" : "";
  throw new UsageError(
    `"${name}" is a network for pictures of ${channels} channels${kind}; one for 3 (red, green, blue) or 1 (gray) is ` +
      "needed, choose another --model",
  );
}
