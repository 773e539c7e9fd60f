/** Published models as entries of the list: what the engine reads and the page can use. */
import { FAMILIES, KNOWN_CHECKPOINTS, KNOWN_FOLDERS, type KnownCheckpoint } from "../../models/mod.ts";
import type { ListedModel } from "./listing.ts";

/**
 * Whether the page can restore by a network as it is published: it denoises gray or colour, is given nothing else, and
 * leaves nothing to be asked.
 */
function restores({ description }: KnownCheckpoint): boolean {
  const { in_channels: channels, class: kind, architecture, value_range: range } = description;
  return (channels === 1 || channels === 3) && range !== undefined && kind !== "SuperResModel" &&
    FAMILIES.get(String(architecture))?.predicts === "noise";
}

function ofCheckpoint({ file, summary, parameters, bytes, sha256, licence, page }: KnownCheckpoint): ListedModel {
  return {
    name: file,
    about: summary,
    parameters,
    ...bytes === undefined ? {} : { bytes },
    ...sha256 === undefined ? {} : { sha256 },
    licence,
    page,
    form: "PyTorch",
  };
}

/** The published models, those that are one file first. */
export function publishedModels(): readonly ListedModel[] {
  return [
    ...KNOWN_CHECKPOINTS.filter(restores).map(ofCheckpoint),
    ...KNOWN_FOLDERS.map(({ name, summary, parameters, licence, page }): ListedModel => ({
      ...{ name, about: summary, parameters, licence, page, form: "diffusers folder" },
    })),
  ];
}
