/** Fetching the folder of a network from the Hub. */
import {
  chooseWeights,
  filesOfIndex,
  HUB_ENDPOINT,
  type HubAddress,
  type HubFile,
  hubFileUrl,
  type PipelineLayout,
  pipelineLayout,
  requirePixelNetwork,
  type WeightsChoice,
} from "../models/mod.ts";
import { requireWebAddress } from "./connection.ts";
import { download, type DownloadOptions } from "./download.ts";
import { describeFileFailure, FileError } from "./file_error.ts";
import { type ConnectionOptions, explainRefusal, failure, listHubFiles } from "./hub_listing.ts";
import { readText } from "./output_files.ts";
import { sha256OfFile } from "./sha256.ts";
import { StagedFolder } from "./staged_folder.ts";

/** The variable in which tools of the Hub look for another endpoint. */
export const HUB_VARIABLE = "HF_ENDPOINT";

/** Bytes of a file that says something of a network. */
const MOST_DESCRIPTION_BYTES = 16 * 2 ** 20;

/** What is about to be fetched. */
export interface HubPlan {
  /** The files that make the network. */
  readonly files: readonly HubFile[];
  /** Bytes of all of them. */
  readonly bytes: number;
  /** The variant of the weights, such as `fp16`; undefined for the plain ones. */
  readonly variant: string | undefined;
  /** Whether the folder says what process the network was trained with. */
  readonly hasScheduler: boolean;
}

/** Options of `fetchHubFolder`. */
export interface HubFetchOptions extends ConnectionOptions, Pick<DownloadOptions, "onProgress"> {
  /** Called before the weights are fetched; may throw. */
  readonly onPlan?: (plan: HubPlan) => void;
}

/** A file of a folder that has been fetched. */
export interface FetchedFile {
  /** Path in the folder. */
  readonly path: string;
  /** Size of the file on disk. */
  readonly bytes: number;
  /** SHA-256 of the file on disk. */
  readonly sha256: string;
  /** Whether the Hub told the SHA-256 too; of small files it tells the size only. */
  readonly checked: boolean;
  /** Bytes that an earlier run had left. */
  readonly resumed: number;
}

/** The Hub, or the mirror of it that `HF_ENDPOINT` names; needs `--allow-env=HF_ENDPOINT` to see that. */
export function hubEndpoint(): string {
  const { state } = Deno.permissions.querySync({ name: "env", variable: HUB_VARIABLE });
  return (state === "granted" ? Deno.env.get(HUB_VARIABLE) : undefined) || HUB_ENDPOINT;
}

/**
 * Fetches what makes a network of pixels from a repository in the layout of diffusers: configurations and one form of
 * weights. Everything goes into `FOLDER.part`, where a later run goes on, and gets its name when sizes and hashes are
 * those of the listing; after a failure nothing is left there but the weights that a later run need not fetch again.
 *
 * @param address The repository.
 * @param folder Path of the folder to be made; nothing may be there, and the folder that it is in must be.
 * @param endpoint The Hub or a mirror of it, an `http:` or `https:` URL.
 * @param options How long to try, and what to be told.
 * @returns What the folder holds.
 * @throws FileError If the repository is missing, private or gated, or no network of pixels; if a server gives something
 * else than what the listing says; if the disk cannot be written.
 * @throws Whatever `onPlan` and `onProgress` throw, and the reason of the signal.
 */
export async function fetchHubFolder(
  address: HubAddress,
  folder: string,
  endpoint: string,
  options: HubFetchOptions = {},
): Promise<readonly FetchedFile[]> {
  const base = requireWebAddress(endpoint).href.replace(/\/+$/, "");
  const listing = await listHubFiles(address, base, options);
  const layout = judged(address, () => pipelineLayout(new Set(listing.keys())));
  await using staged = await StagedFolder.open(folder);
  const repository = new Repository(address, base, listing, staged, options);
  try {
    const plan = await planOf(repository, layout);
    await staged.keepOnly(plan.files.map(({ path }) => path));
    options.onPlan?.(plan);
    const fetched: FetchedFile[] = [];
    for (const { path } of plan.files) {
      const file = await repository.fetch(path);
      fetched.push(file);
      // Its hash will tell a later run that it need not come again.
      if (file.checked && !path.endsWith(".json")) staged.keep();
    }
    await staged.finish();
    return fetched;
  } catch (error) {
    if (options.signal?.aborted) staged.keep();
    throw explainRefusal(error, address, true);
  }
}

/** Reads what says what the network is, and chooses its weights. */
async function planOf(repository: Repository, { index, network, scheduler, folder }: PipelineLayout): Promise<HubPlan> {
  const { address, listing } = repository;
  const pipeline = index === undefined ? undefined : await repository.readJson(index);
  const config = await repository.readJson(network);
  judged(address, () => requirePixelNetwork(pipeline, config));
  const beside = [...listing.keys()].filter((path) => path.startsWith(folder)).map((path) => path.slice(folder.length));
  const weights = judged(address, () => chooseWeights(beside));
  const parts = await partsOf(repository, `${folder}${weights.path}`, weights, beside);
  const paths = [index, network, scheduler, `${folder}${weights.path}`, ...parts.map((name) => `${folder}${name}`)];
  const files = paths.filter((path) => path !== undefined).map((path) => listing.get(path)!);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return { files, bytes, variant: weights.variant, hasScheduler: scheduler !== undefined };
}

async function partsOf(
  repository: Repository,
  path: string,
  { isIndex }: WeightsChoice,
  beside: readonly string[],
): Promise<readonly string[]> {
  if (!isIndex) return [];
  const index = await repository.readJson(path);
  return judged(repository.address, () => filesOfIndex(index, new Set(beside.filter((name) => !name.includes("/")))));
}

/** The files of a repository, fetched into a folder each at most once. */
class Repository {
  readonly #fetched = new Map<string, FetchedFile>();

  constructor(
    readonly address: HubAddress,
    readonly endpoint: string,
    readonly listing: ReadonlyMap<string, HubFile>,
    readonly staged: StagedFolder,
    readonly options: HubFetchOptions,
  ) {}

  /** What a small file says. */
  async readJson(path: string): Promise<unknown> {
    const { size } = this.listing.get(path)!;
    if (size > MOST_DESCRIPTION_BYTES) {
      throw failure(this.address, `"${path}" has ${size} bytes, at most ${MOST_DESCRIPTION_BYTES} are needed`);
    }
    await this.fetch(path);
    const text = await readText(this.staged.path(path));
    try {
      return JSON.parse(text);
    } catch (error) {
      throw failure(this.address, `"${path}" is no JSON; its publisher must repair it`, error);
    }
  }

  /** Fetches a file, unless it is there. */
  async fetch(path: string): Promise<FetchedFile> {
    const done = this.#fetched.get(path) ?? await this.#left(path) ?? await this.#download(path);
    this.#fetched.set(path, done);
    return done;
  }

  /** What an earlier run has left whole; only a hash can tell that it is still the file. */
  async #left(path: string): Promise<FetchedFile | undefined> {
    const { size, sha256 } = this.listing.get(path)!;
    const place = this.staged.path(path);
    if (sha256 === undefined || await sizeOf(place) !== size || await sha256OfFile(place) !== sha256) return undefined;
    return { path, bytes: size, sha256, checked: true, resumed: size };
  }

  async #download(path: string): Promise<FetchedFile> {
    const { size, sha256 } = this.listing.get(path)!;
    const { onNote, onProgress, signal, idle, attempts, pause } = this.options;
    const options = { onNote, onProgress, signal, idle, attempts, pause, sha256, bytes: size };
    const given = Object.entries(options).filter(([, value]) => value !== undefined);
    await this.staged.prepare(path);
    const url = hubFileUrl(this.address, path, this.endpoint);
    const result = await download(url, this.staged.path(path), Object.fromEntries(given));
    return { path, checked: sha256 !== undefined, ...result };
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await Deno.stat(path)).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new FileError(`Cannot read "${path}": ${describeFileFailure(error)}`, { cause: error });
  }
}

/** What a judgement throws, as an error that names the repository. */
function judged<T>(address: HubAddress, judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    throw error instanceof TypeError ? failure(address, error.message, error) : error;
  }
}
