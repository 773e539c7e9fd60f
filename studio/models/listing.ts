/** The list of models beside the page, `models/models.json`: what there is, under which terms, and where. */

/** In which form a model is published. */
export type ModelForm = "safetensors" | "PyTorch" | "diffusers folder";

/** A model that the page lists. */
export interface ListedModel {
  /** Name of its file or folder. */
  readonly name: string;
  /** What it is for, in a line. */
  readonly about: string;
  /** Bytes of the file; absent where they are not known. */
  readonly bytes?: number;
  /** Parameters of the network; absent where they are not known. */
  readonly parameters?: number;
  /** SHA-256 of the file, hexadecimal; absent where it is not known. */
  readonly sha256?: string;
  /** What its publishers say of its use. */
  readonly licence: string;
  /** Page that offers it, to be opened in a browser; absent where there is none. */
  readonly page?: string;
  /** Form of the file. */
  readonly form: ModelForm;
  /** Where the host of the page has it, from the list on; absent where it has not. */
  readonly address?: string;
  /** Whether it is the one that comes with the page. */
  readonly isEmbedded?: boolean;
}

/** A model that the host of the page has: size and hash are known. */
export type OfferedModel = ListedModel & Required<Pick<ListedModel, "address" | "bytes" | "sha256">>;

/** Whether the host of the page has a model, so that it can be fetched and checked. */
export function isOffered(model: ListedModel): model is OfferedModel {
  return model.address !== undefined && model.bytes !== undefined && model.sha256 !== undefined;
}

/** Bytes of a parameter in a file whose size is not known. */
const PARAMETER_BYTES = 4;

/** Bytes of a model, and whether they are reckoned from its parameters; null where neither is known. */
export function sizeOf(
  { bytes, parameters }: ListedModel,
): { readonly bytes: number; readonly isExact: boolean } | null {
  if (bytes !== undefined) return { bytes, isExact: true };
  return parameters === undefined ? null : { bytes: PARAMETER_BYTES * parameters, isExact: false };
}

/** Where the list lies, from the page on. */
export const LISTING = "models/models.json";

/**
 * The models that the host of the page lists.
 * @param page address of the page
 * @throws {Error} if there is no list, or it is damaged
 */
export async function readListing(page: string): Promise<readonly ListedModel[]> {
  const response = await fetch(new URL(LISTING, page));
  if (!response.ok) throw new Error(`Cannot read the list of models: the server answered ${response.status}`);
  return await response.json();
}
