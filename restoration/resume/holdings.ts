/** What a run holds: the tensors that its stages made, by names that the same run gives again, and what it has read. */
import {
  type DeviceTensor,
  type DType,
  type HostTensor,
  hostTensor,
  packHalf,
  type Runtime,
  sameShape,
  type Shape,
  type TensorType,
} from "../../engine/mod.ts";
import type { RunState } from "./run_state.ts";

/** Bytes that a run may read to the host and still have a state, which holds all of them: they may decide what it does. */
const MAX_READ_BYTES = 2 ** 28;

/** The tensors of one run. */
export class Holdings {
  /** Where the run goes on, while it is gone through again; undefined once everything is computed. */
  #past: RunState | undefined;
  /** What the run may still use. */
  readonly #live = new Map<string, RunTensor>();
  readonly #reads = new Map<string, Promise<HostTensor>>();
  #readBytes = 0;

  /** @param past where the run goes on; nothing is computed until `goOn` */
  constructor(past?: RunState) {
    this.#past = past;
  }

  /** Whether the run is gone through without computing. */
  get isPast(): boolean {
    return this.#past !== undefined;
  }

  /** Adds a tensor. */
  add(tensor: RunTensor): RunTensor {
    this.#live.set(tensor.name, tensor);
    return tensor;
  }

  /** Takes tensors out that the run can no longer use, and frees what no stage owns of them. */
  end(tensors: readonly RunTensor[] = []): void {
    for (const tensor of tensors) {
      this.#live.delete(tensor.name);
      tensor.forget();
    }
  }

  /** What a read gives: recorded, or read and recorded. */
  read(name: string, { device, shape }: RunTensor): Promise<Float32Array<ArrayBuffer>> {
    const past = this.#past?.reads.get(name);
    if (this.#past && !past) throw strayed(`the state lacks what "${name}" gave`);
    const values = past ? Promise.resolve(past) : device!.read().then((data) => hostTensor(data, shape));
    this.#readBytes += 4 * shape.reduce((product, extent) => product * extent, 1);
    if (this.#readBytes <= MAX_READ_BYTES) this.#reads.set(name, values);
    else this.#reads.clear();
    // A copy: who reads may write into what is given.
    return values.then(({ data }) => data.slice() as Float32Array<ArrayBuffer>);
  }

  /**
   * Ends the past: what the run may still use gets its contents.
   * @throws {Error} if the run has not come where it was
   */
  goOn(runtime: Runtime): void {
    const { tensors } = this.#past!;
    if (tensors.size !== this.#live.size) throw strayed(`it holds ${this.#live.size} tensors, ${tensors.size} then`);
    for (const [name, tensor] of this.#live) {
      const then = tensors.get(name);
      if (!then || !sameShape(then.shape, tensor.shape)) throw strayed(`the state lacks tensor "${name}" as it is now`);
      tensor.fill(runtime.upload(wordsOf(then.data as Float32Array, tensor), tensor.shape, tensor.dtype));
    }
    this.#past = undefined;
  }

  /**
   * Copies everything to the host. The run must not go on meanwhile.
   * @throws {RangeError} if the run has read more than a state can hold
   */
  async copy(): Promise<Pick<RunState, "tensors" | "reads">> {
    if (this.#readBytes > MAX_READ_BYTES) {
      throw new RangeError(
        `Cannot make a state of the run: its sampler has read ${this.#readBytes} bytes to the host, a state holds at ` +
          `most ${MAX_READ_BYTES}`,
      );
    }
    const [tensors, reads] = [new Map<string, HostTensor>(), new Map<string, HostTensor>()];
    for (const [name, { device, shape }] of this.#live) tensors.set(name, hostTensor(await device!.read(), shape));
    for (const [name, values] of this.#reads) reads.set(name, await values);
    return { tensors, reads };
  }
}

/** A tensor that a stage of a run made, or a copy of one; it has no contents while the run is gone through again. */
export class RunTensor implements DeviceTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly #holdings: Holdings;
  readonly #owner: "stage" | "sampler";
  #isFilled = false;
  #keeps = 0;
  #reads = 0;

  /**
   * @param name tells it from all others of the run
   * @param device the tensor that it stands for
   * @param owner who frees it
   */
  constructor(
    holdings: Holdings,
    readonly name: string,
    { shape, dtype }: TensorType,
    public device: DeviceTensor | undefined,
    owner: "stage" | "sampler" = "stage",
  ) {
    [this.#holdings, this.shape, this.dtype, this.#owner] = [holdings, shape, dtype, owner];
  }

  read(): Promise<Float32Array<ArrayBuffer>> {
    return this.#holdings.read(`${this.name}.read${this.#reads++}`, this);
  }

  keep(): RunTensor {
    const name = `${this.name}.keep${this.#keeps++}`;
    return this.#holdings.add(new RunTensor(this.#holdings, name, this, this.device?.keep(), "sampler"));
  }

  free(): void {
    if (this.#owner === "sampler") this.#holdings.end([this]);
  }

  /** Gives it contents. */
  fill(device: DeviceTensor): void {
    [this.device, this.#isFilled] = [device, true];
  }

  /** Frees contents that no stage owns. */
  forget(): void {
    if (this.#isFilled || this.#owner === "sampler") this.device?.free();
  }
}

/** The words of a tensor, from its elements as `read()` gives them. */
function wordsOf(elements: Float32Array, { dtype, shape }: TensorType): Float32Array | Uint32Array {
  if (dtype === "f32") return elements;
  return dtype === "f16" ? packHalf(elements, shape) : new Uint32Array(elements.buffer, elements.byteOffset);
}

function strayed(found: string): Error {
  return new Error(
    `Cannot go on from the state of a run: the run takes another course (${found}); the sampler must do the same for ` +
      "equal arguments",
  );
}
