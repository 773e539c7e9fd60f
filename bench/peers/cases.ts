/** The work that every peer does: convolutions of a UNet's levels, a product, and a whole network. */
import { guidedTimestepTable, type GuidedUnetConfig } from "../../models/mod.ts";
import { UNET_64 } from "../networks.ts";
import { randomValues } from "../random_values.ts";

/** A piece of work. Images are [1, side, side, channels] for us; each peer packs them as it likes. */
export type PeerCase =
  & {
    /** What the command line calls it. */
    readonly key: string;
    /** What the other benchmarks call it. */
    readonly name: string;
  }
  & (
    | {
      readonly kind: "convolution";
      readonly channels: number;
      readonly side: number;
    }
    | { readonly kind: "matmul"; readonly size: number }
    | {
      readonly kind: "network";
      readonly config: GuidedUnetConfig;
      readonly side: number;
    }
  );

/** Timestep of the network's evaluation. */
const TIMESTEP = 500;

function convolution(channels: number, side: number): PeerCase {
  return {
    key: `conv${channels}`,
    name: `conv3x3 ${channels}@${side}x${side}`,
    kind: "convolution",
    channels,
    side,
  };
}

/** All cases, in the order in which they run. */
export const PEER_CASES: readonly PeerCase[] = [
  convolution(64, 64),
  convolution(128, 32),
  convolution(256, 16),
  { key: "matmul", name: "matmul 1024x1024x1024", kind: "matmul", size: 1024 },
  {
    key: "unet-64",
    name: "unet-64",
    kind: "network",
    config: UNET_64,
    side: UNET_64.imageSize,
  },
];

/**
 * The case of a name or key.
 * @throws {RangeError} if there is none
 */
export function peerCase(key: string): PeerCase {
  const found = PEER_CASES.find((each) => each.key === key || each.name === key);
  if (found) return found;
  throw new RangeError(
    `Cannot find the case "${key}": one of ${PEER_CASES.map((each) => each.key).join(", ")} is needed`,
  );
}

/** Extents of the image of a case, [height, width, channels]. */
export function imageExtents(
  which: PeerCase,
): readonly [height: number, width: number, channels: number] {
  switch (which.kind) {
    case "convolution":
      return [which.side, which.side, which.channels];
    case "network":
      return [which.side, which.side, which.config.inChannels];
    case "matmul":
      return [which.size, which.size, 1];
  }
}

/** Extents of the result of a case, [height, width, channels]. */
export function resultExtents(
  which: PeerCase,
): readonly [height: number, width: number, channels: number] {
  const [height, width, channels] = imageExtents(which);
  return [
    height,
    width,
    which.kind === "network" ? which.config.outChannels : channels,
  ];
}

/** The seeded image (or left factor) of a case, channels last. */
export function caseInput(which: PeerCase): Float32Array<ArrayBuffer> {
  const [height, width, channels] = imageExtents(which);
  return new Float32Array(randomValues(height * width * channels, 1));
}

/** The seeded weight of a case that has one: [3, 3, channels, channels], or the right factor. */
export function caseWeight(
  which: PeerCase & { readonly kind: "convolution" | "matmul" },
): Float32Array<ArrayBuffer> {
  const count = which.kind === "convolution" ? 9 * which.channels ** 2 : which.size ** 2;
  return new Float32Array(randomValues(count, 2));
}

/** [1, modelChannels] sinusoid of the timestep at which a network is evaluated. */
export function timestepRow(
  config: GuidedUnetConfig,
): Float32Array<ArrayBuffer> {
  return new Float32Array(
    guidedTimestepTable([TIMESTEP], config.modelChannels).data,
  );
}
