/** Published folders of networks at the Hugging Face Hub, in the layout of diffusers. */
import { type HubAddress, hubPage } from "./hub/address.ts";

/** A published folder. */
export interface KnownFolder {
  /** How commands call it: the name of its repository. */
  readonly name: string;
  /** Where it is. */
  readonly address: HubAddress;
  /** What the network was trained on. */
  readonly summary: string;
  /** Side of the images in training. */
  readonly imageSize: number;
  /** Number of trained scalars. */
  readonly parameters: number;
  /** Thousand million multiply-adds of an evaluation on one image of the training size, to one decimal. */
  readonly gmac: number;
  /** What its publishers say of its use. */
  readonly licence: string;
  /** Page that offers it, to be opened in a browser. */
  readonly page: string;
}

function row(
  owner: string,
  [name, summary, licence]: readonly [string, string, string],
  [imageSize, parameters, gmac]: readonly [number, number, number],
): KnownFolder {
  const address = { owner, name, revision: "main" };
  return { name, address, summary, imageSize, parameters, gmac, licence, page: hubPage(address) };
}

/** One of the DDPM networks of 256x256. */
function ddpm256(of: string, summary: string): KnownFolder {
  return row("google", [`ddpm-${of}-256`, `${summary} 256x256`, "apache-2.0"], [256, 113_673_219, 248.5]);
}

/** A consistency model, in the form of diffusers. */
function consistency(name: string): KnownFolder {
  const of = /imagenet64|bedroom256|cat256/.exec(name)![0] as "imagenet64";
  const [summary, ...cost] = {
    imagenet64: ["ImageNet 64x64, by class", 64, 295_899_267, 109.7] as const,
    bedroom256: ["LSUN bedroom 256x256", 256, 526_304_771, 1119.4] as const,
    cat256: ["LSUN cat 256x256", 256, 526_304_771, 1119.4] as const,
  }[of];
  return row("openai", [`diffusers-${name}`, `${summary}, a consistency model`, "mit"], cost);
}

/** The published folders, by publisher. */
export const KNOWN_FOLDERS: readonly KnownFolder[] = [
  ddpm256("celebahq", "CelebA-HQ faces"),
  ddpm256("church", "LSUN church"),
  ddpm256("bedroom", "LSUN bedroom"),
  ddpm256("cat", "LSUN cat"),
  row("google", ["ddpm-cifar10-32", "CIFAR-10 32x32", "apache-2.0"], [32, 35_746_307, 6.2]),
  ...["imagenet64", "bedroom256", "cat256"].flatMap((data) =>
    [`cd_${data}_l2`, `cd_${data}_lpips`, `ct_${data}`].map(consistency)
  ),
];

/**
 * The published folder of that name.
 * @param name as in `KNOWN_FOLDERS`
 */
export function knownFolder(name: string): KnownFolder | undefined {
  return KNOWN_FOLDERS.find((row) => row.name === name);
}
