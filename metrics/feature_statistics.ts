/** Mean and covariance of the features of a set of images, gathered image by image, and their file. */
import { type Checkpoint, CheckpointError, quoteName, safetensorsBytes, type TensorToWrite } from "../models/mod.ts";

/** A normal distribution fitted to features. */
export interface GaussianStatistics {
  /** Number of images. */
  readonly count: number;
  /** [d] */
  readonly mean: Float64Array;
  /** [d, d], divided by count - 1. */
  readonly covariance: Float64Array;
  /** What made the features, such as the variant of the network; distances between different ones mean nothing. */
  readonly source: string;
}

/** Features that are gathered before the matrix is gone through once. */
const BLOCK = 16;

/**
 * Gathers features: sums of x - s and (x - s)(x - s)^T in f64, where s is the first feature, so that large means cost no
 * digits. Memory does not grow with the number of images.
 */
export class FeatureStatistics {
  #count = 0;
  #shift: Float64Array | undefined;
  readonly #sum: Float64Array;
  readonly #products: Float64Array;
  #waiting: Float64Array[] = [];

  /**
   * No images yet.
   * @param dimension numbers of one image, d
   * @param source what makes them
   */
  constructor(readonly dimension: number, readonly source: string) {
    this.#sum = new Float64Array(dimension);
    this.#products = new Float64Array(dimension * dimension);
  }

  /** Images so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes images in.
   * @param features [n, d]
   * @throws {TypeError} if they are no whole number of images
   * @throws {RangeError} if a number is not finite
   */
  add(features: Float32Array | Float64Array): void {
    const { dimension } = this;
    if (features.length % dimension !== 0) {
      throw new TypeError(
        `Cannot gather features: ${features.length} numbers were given, a multiple of ${dimension} is needed`,
      );
    }
    if (!features.every(Number.isFinite)) {
      throw new RangeError(
        `Cannot gather features: number ${features.findIndex((v) => !Number.isFinite(v))} is no number`,
      );
    }
    for (let at = 0; at < features.length; at += dimension) {
      const shift = this.#shift ??= Float64Array.from(features.subarray(at, at + dimension));
      this.#waiting.push(Float64Array.from(shift, (value, i) => features[at + i]! - value));
      this.#count++;
      if (this.#waiting.length === BLOCK) this.#settle();
    }
  }

  /**
   * Mean and covariance of what was taken in.
   * @throws {RangeError} if there are fewer than 2 images
   */
  result(): GaussianStatistics {
    this.#settle();
    const { dimension: d, source } = this;
    const count = this.#count;
    if (count < 2) {
      throw new RangeError(
        `Cannot compute a covariance: there ${count === 1 ? "is 1 image" : "are 0 images"}, at least 2 are needed`,
      );
    }
    const shifted = this.#sum.map((value) => value / count);
    const covariance = new Float64Array(d * d);
    for (let i = 0; i < d; i++) {
      for (let j = i; j < d; j++) {
        const value = (this.#products[i * d + j]! - count * shifted[i]! * shifted[j]!) / (count - 1);
        covariance[i * d + j] = value;
        covariance[j * d + i] = value;
      }
    }
    return { count, mean: shifted.map((value, i) => value + this.#shift![i]!), covariance, source };
  }

  #settle(): void {
    const { dimension: d } = this;
    for (const x of this.#waiting) {
      for (let i = 0; i < d; i++) this.#sum[i]! += x[i]!;
    }
    for (let i = 0; i < d; i++) {
      const row = this.#products.subarray(i * d, (i + 1) * d);
      for (const x of this.#waiting) {
        const share = x[i]!;
        if (share === 0) continue;
        for (let j = i; j < d; j++) row[j]! += share * x[j]!;
      }
    }
    this.#waiting = [];
  }
}

const KIND = "gaussian-statistics";

/**
 * Statistics as a safetensors file: `mean` [d] and `covariance` [d, d] in f64, `count` and `source` in its metadata.
 * @returns the bytes of the file
 */
export async function statisticsBytes({ count, mean, covariance, source }: GaussianStatistics): Promise<Uint8Array> {
  const d = mean.length;
  const tensors: readonly TensorToWrite[] = [
    { name: "mean", dtype: "F64", shape: [d], data: mean },
    { name: "covariance", dtype: "F64", shape: [d, d], data: covariance },
  ];
  return await safetensorsBytes({
    tensors,
    metadata: new Map([["kind", KIND], ["count", `${count}`], ["source", source]]),
  });
}

/**
 * Reads such a file.
 * @throws {CheckpointError} if it holds something else, or cannot be read
 */
export async function readStatistics(file: Checkpoint): Promise<GaussianStatistics> {
  const [mean, covariance] = [file.tensors.get("mean"), file.tensors.get("covariance")];
  const count = Number(file.metadata.get("count"));
  const d = mean?.shape[0] ?? 0;
  const isSquare = covariance?.shape.length === 2 && covariance.shape.every((extent) => extent === d);
  const isWhole = mean?.dtype === "F64" && covariance?.dtype === "F64" && mean.shape.length === 1 && isSquare;
  if (file.metadata.get("kind") !== KIND || !isWhole || !Number.isSafeInteger(count) || count < 2) {
    throw new CheckpointError(
      `Cannot read ${
        quoteName(file.name)
      } as statistics of features: "mean" [d] and "covariance" [d, d] in f64 and a ` +
        "count of at least 2 are needed; make the file with --save-statistics",
    );
  }
  return {
    count,
    mean: await readFloat64(file, "mean"),
    covariance: await readFloat64(file, "covariance"),
    source: file.metadata.get("source") ?? "",
  };
}

async function readFloat64(file: Checkpoint, name: string): Promise<Float64Array> {
  return new Float64Array((await file.readBytes(name)).slice().buffer);
}
