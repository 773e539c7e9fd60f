/** The networks of `metrics`: LPIPS and Inception with the weights that the user has. */
import type { Runtime } from "../../engine/mod.ts";
import { FileError, FileSource } from "../../io/mod.ts";
import { grayToRgb, type Raster } from "../../raster/mod.ts";
import {
  type FeatureExtractor,
  FeatureStatistics,
  type GaussianStatistics,
  INCEPTION_PREPARATIONS,
  inceptionFeatures,
  type Lpips,
  openLpips,
  type PerceptualDistance,
  readStatistics,
} from "../../metrics/mod.ts";
import {
  type Checkpoint,
  openCheckpoint,
  openInception,
  openSafetensors,
  PERCEPTUAL_NETWORKS,
} from "../../models/mod.ts";
import type { Arguments } from "../arguments.ts";
import { picturesOf, readPicture, type Side } from "./inputs.ts";

/** Opens a checkpoint for as long as `use` runs. */
async function withCheckpoint<T>(path: string, use: (file: Checkpoint) => Promise<T>): Promise<T> {
  using source = await FileSource.open(path);
  return await use(await openCheckpoint(source));
}

/**
 * LPIPS with the files of a command line, undefined if none were given.
 * @throws {FileError | CheckpointError} if a file cannot be read or does not fit
 */
export async function loadLpips(runtime: Runtime, args: Arguments): Promise<Lpips | undefined> {
  const path = args.text("lpips-weights");
  if (path === undefined) return undefined;
  const network = PERCEPTUAL_NETWORKS.find((name) => name === args.text("lpips-network"));
  return await withCheckpoint(
    path,
    (features) =>
      withCheckpoint(
        args.text("lpips-linear") ?? path,
        (linear) => openLpips(runtime, { features, linear, ...(network ? { network } : {}) }),
      ),
  );
}

/**
 * The distance of two pictures.
 * @throws {FileError} if they are too small
 */
export async function perceptualDistance(
  lpips: Lpips,
  name: string,
  a: Raster,
  b: Raster,
): Promise<PerceptualDistance> {
  const { width, height } = a;
  if (Math.min(width, height) < lpips.leastSide) {
    throw new FileError(
      `Cannot compute LPIPS of "${name}": it has ${width} x ${height} pixels, at least ${lpips.leastSide} x ` +
        `${lpips.leastSide} are needed for the network ${lpips.network}; leave --lpips-weights out`,
    );
  }
  const [found] = await lpips.distances(grayToRgb(a).data, grayToRgb(b).data, [1, height, width, 3]);
  return found!;
}

/**
 * The extractor of features of a command line, undefined if no Inception was given.
 * @throws {FileError | CheckpointError} if the file cannot be read or does not fit
 */
export async function loadInception(runtime: Runtime, args: Arguments): Promise<FeatureExtractor | undefined> {
  const path = args.text("inception");
  if (path === undefined) return undefined;
  const preparation = INCEPTION_PREPARATIONS.find((name) => name === args.text("preparation"));
  return await withCheckpoint(
    path,
    async (file) => inceptionFeatures(runtime, await openInception(runtime, file), preparation),
  );
}

/** What statistics of a side need. */
export interface GatherOptions {
  /** Needed unless the side is a file of statistics. */
  readonly extractor: FeatureExtractor | undefined;
  /** Called after each picture. */
  readonly onPicture: (done: number, total: number) => Promise<void>;
}

/**
 * Statistics of the features of a side: gathered picture by picture, or read.
 * @throws {FileError | CheckpointError} if a file cannot be read
 * @throws {RangeError} if there are fewer than two pictures
 */
export async function statisticsOf(side: Side, { extractor, onPicture }: GatherOptions): Promise<GaussianStatistics> {
  if (side.kind === "statistics" || !extractor) {
    using source = await FileSource.open(side.path);
    return await readStatistics(await openSafetensors(source));
  }
  const gathered = new FeatureStatistics(extractor.dimension, extractor.source);
  const paths = picturesOf(side);
  for (const [index, path] of paths.entries()) {
    const { data, width, height } = grayToRgb((await readPicture(path)).raster);
    gathered.add(await extractor.extract(data, [1, height, width, 3]));
    await onPicture(index + 1, paths.length);
  }
  return gathered.result();
}
