/** Buffers: allocation with accounting, upload, read-back. */
import { DeviceLimitError, staleResult, StaleTensorError } from "../errors.ts";
import { unpackHalf } from "../half.ts";
import {
  byteLength,
  type DeviceTensor,
  type DType,
  elementCount,
  formatShape,
  type Shape,
  type TensorType,
  wordCount,
} from "../tensor.ts";
import { type OpenDevice, submit } from "./device.ts";

/**
 * Bytes written before a submit. `writeBuffer` holds a copy of its data until they are on the device, and the software
 * driver takes a submission only when it is done with the one before: so pieces of this size hold some 20 MB of host memory
 * however much is uploaded, and the host prepares one while the driver copies another.
 */
const UPLOAD_PIECE_BYTES = 2 ** 20;

/** Bytes that are read back at once: the device holds so many twice, and so does the host. */
const READ_PIECE_BYTES = 2 ** 26;

/** Rows of a texture begin at multiples of so many bytes when they are copied from a buffer. */
const TEXTURE_ROW_ALIGNMENT = 256;

/** Bytes of a texel: four f32. */
const TEXEL_BYTES = 16;

/** Bytes of a word of any element type. */
const WORD_BYTES = 4;

/** Allocates the buffers and textures of one runtime and counts their bytes. */
export class BufferStore {
  readonly #opened: OpenDevice;
  #live = new Map<GPUBuffer | GPUTexture, number>();
  #liveBytes = 0;
  #peakBytes = 0;
  #uploadedSinceSubmit = 0;

  constructor(opened: OpenDevice) {
    this.#opened = opened;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Begins the peak anew, from what is live. */
  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  /**
   * A zeroed storage buffer that can be copied from and to.
   * @throws {DeviceLimitError} if the device has no buffer of that size
   */
  allocate(bytes: number, label: string, usage?: number): GPUBuffer {
    const { device, profile } = this.#opened;
    this.#opened.check();
    if (bytes > profile.maxBufferBytes) {
      throw new DeviceLimitError(
        `Cannot allocate ${label}: it needs ${bytes} bytes, the device allows ${profile.maxBufferBytes} a buffer ` +
          `(maxBufferSize); use a smaller image or batch`,
      );
    }
    const buffer = device.createBuffer({
      label,
      size: bytes,
      usage: usage ?? GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    });
    this.#count(buffer, bytes);
    return buffer;
  }

  #count(resource: GPUBuffer | GPUTexture, bytes: number): void {
    this.#live.set(resource, bytes);
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  release(resource: GPUBuffer | GPUTexture): void {
    this.#liveBytes -= this.#live.get(resource) ?? 0;
    this.#live.delete(resource);
    resource.destroy();
  }

  releaseAll(): void {
    for (const resource of [...this.#live.keys()]) this.release(resource);
  }

  /**
   * A texture of four f32 per texel with the content of a buffer.
   * @param shape [height, width, 4]; the width a multiple of 16
   * @throws {TypeError} if the shape is another
   */
  texture(buffer: GPUBuffer, shape: Shape): GPUTexture {
    const [height = 0, width = 0, channels] = shape;
    const bytesPerRow = TEXEL_BYTES * width;
    if (shape.length !== 3 || channels !== 4 || bytesPerRow % TEXTURE_ROW_ALIGNMENT !== 0) {
      throw new TypeError(
        `Cannot make a texture of shape ${formatShape(shape)}: [height, width, 4] is needed, the width a multiple of ` +
          `${TEXTURE_ROW_ALIGNMENT / TEXEL_BYTES}`,
      );
    }
    const { device } = this.#opened;
    const texture = device.createTexture({
      label: `texture ${formatShape(shape)}`,
      size: { width, height },
      format: "rgba32float",
      usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
    });
    this.#count(texture, bytesPerRow * height);
    submit(device, (encoder) => encoder.copyBufferToTexture({ buffer, bytesPerRow }, { texture }, { width, height }));
    return texture;
  }

  /** Copies host words into a buffer, from the word `at` on. */
  write(buffer: GPUBuffer, data: Float32Array | Uint32Array, at = 0): void {
    const { queue } = this.#opened.device;
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    for (let from = 0; from < bytes.length; from += UPLOAD_PIECE_BYTES) {
      const piece = bytes.subarray(from, from + UPLOAD_PIECE_BYTES);
      queue.writeBuffer(buffer, WORD_BYTES * at + from, piece);
      this.#uploadedSinceSubmit += piece.length;
      if (this.#uploadedSinceSubmit >= UPLOAD_PIECE_BYTES) {
        queue.submit([]);
        this.#uploadedSinceSubmit = 0;
      }
    }
  }

  /**
   * Copies a buffer to the host, in pieces where it is large. The wait for one costs a fixed 10 ms on Deno, so callers
   * read once per image.
   */
  async read(buffer: GPUBuffer, bytes: number): Promise<Float32Array<ArrayBuffer>> {
    const { device, profile } = this.#opened;
    const result = new Float32Array(bytes / WORD_BYTES);
    const bound = Math.ceil(profile.maxBindingBytes / WORD_BYTES) * WORD_BYTES;
    const most = Math.min(bytes, bound, READ_PIECE_BYTES);
    const staging = this.allocate(most, "read-back", GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
    try {
      for (let from = 0; from < bytes; from += most) {
        const size = Math.min(most, bytes - from);
        submit(device, (encoder) => encoder.copyBufferToBuffer(buffer, from, staging, 0, size));
        await staging.mapAsync(GPUMapMode.READ);
        this.#opened.check();
        result.set(new Float32Array(staging.getMappedRange(0, size)), from / WORD_BYTES);
        staging.unmap();
      }
      return result;
    } catch (error) {
      this.#opened.check();
      throw error;
    } finally {
      this.release(staging);
    }
  }

  /** A new buffer with the same content. */
  duplicate(buffer: GPUBuffer, bytes: number, label: string): GPUBuffer {
    const copy = this.allocate(bytes, label);
    submit(this.#opened.device, (encoder) => encoder.copyBufferToBuffer(buffer, 0, copy, 0, bytes));
    return copy;
  }
}

/** Says whether the result of a stage is still the latest; absent for tensors with a buffer of their own. */
export interface ResultOwner {
  readonly stage: string;
  isCurrent(): boolean;
}

/** A tensor in a buffer: one of its own, or a slot of a stage that the next run overwrites. */
export class BufferTensor implements DeviceTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly #store: BufferStore;
  readonly #owner: ResultOwner | undefined;
  #buffer: GPUBuffer | undefined;

  constructor(store: BufferStore, { shape, dtype }: TensorType, buffer: GPUBuffer, owner?: ResultOwner) {
    [this.#store, this.shape, this.dtype, this.#buffer, this.#owner] = [store, shape, dtype, buffer, owner];
  }

  /**
   * The buffer, while the tensor is valid.
   * @throws {StaleTensorError} after `free`, or when the stage has run again
   */
  buffer(): GPUBuffer {
    if (!this.#buffer) throw new StaleTensorError(`Cannot use tensor ${formatShape(this.shape)}: it was freed`);
    if (this.#owner && !this.#owner.isCurrent()) throw staleResult("use", this.#owner.stage);
    return this.#buffer;
  }

  /** Whether it lives in this store, hence on this device. */
  belongsTo(store: BufferStore): boolean {
    return this.#store === store;
  }

  async read(): Promise<Float32Array<ArrayBuffer>> {
    const words = await this.#store.read(this.buffer(), byteLength(this));
    if (this.dtype !== "f16") return words.subarray(0, elementCount(this.shape));
    return unpackHalf(new Uint32Array(words.buffer, 0, wordCount(this)), this.shape);
  }

  keep(): DeviceTensor {
    const copy = this.#store.duplicate(this.buffer(), byteLength(this), "kept result");
    return new BufferTensor(this.#store, this, copy);
  }

  free(): void {
    if (this.#owner || !this.#buffer) return;
    this.#store.release(this.#buffer);
    this.#buffer = undefined;
  }
}
