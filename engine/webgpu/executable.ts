/** A plan on a device: buffers, pipelines and bind groups made once, then replayed. */
import { NonFiniteError } from "../errors.ts";
import type { ConstantSource } from "../graph.ts";
import { type Binding, boundBytes, SCALAR_CAPACITY } from "../op.ts";
import type { Plan, PlannedDispatch } from "../plan.ts";
import { byteLength, type DeviceTensor, type Tensor } from "../tensor.ts";
import { type BufferStore, BufferTensor } from "./buffers.ts";
import { type OpenDevice, submit } from "./device.ts";
import { FIRST_SUBMIT_FLOPS, type Paced, type Run, SOFTWARE_SUBMIT_FLOPS, submitsOf } from "./pace.ts";
import type { CompiledKernel, PipelineCache } from "./pipelines.ts";

/** The parts of a runtime that an executable works with. */
export interface ExecutableContext {
  readonly opened: OpenDevice;
  readonly store: BufferStore;
  readonly pipelines: PipelineCache;
  /** The buffer of a constant, uploaded at first use. */
  constantBuffer(source: ConstantSource): GPUBuffer;
  /** The texture of a prepared constant that kernels sample. */
  constantTexture(source: ConstantSource): GPUTexture;
}

interface BoundDispatch {
  readonly planned: PlannedDispatch;
  readonly kernel: CompiledKernel;
  readonly tensors: GPUBindGroup;
  readonly scalars: GPUBindGroup | undefined;
}

/** Bytes of intermediate results that a finite check reads back together. */
const CHECK_BYTES = 64 * 2 ** 20;

/** Replays a plan. Results live in its slots until the next run. */
export class Executable implements Paced {
  readonly plan: Plan;
  readonly flops: number;
  readonly isWatched: boolean;
  submitFlops: number;
  milliseconds: number | undefined;
  readonly #context: ExecutableContext;
  readonly #slots: readonly GPUBuffer[];
  readonly #scalarBuffer: GPUBuffer;
  readonly #paramsBuffer: GPUBuffer;
  readonly #dispatches: readonly BoundDispatch[];
  #generation = 0;

  /** Compiles what is new and makes all buffers and bind groups. */
  static async build(plan: Plan, context: ExecutableContext): Promise<Executable> {
    await context.pipelines.compile(plan.dispatches);
    return new Executable(plan, context);
  }

  private constructor(plan: Plan, context: ExecutableContext) {
    const { store, opened: { device } } = context;
    this.plan = plan;
    this.isWatched = !context.opened.profile.software;
    this.submitFlops = this.isWatched ? FIRST_SUBMIT_FLOPS : SOFTWARE_SUBMIT_FLOPS;
    this.flops = plan.dispatches.reduce((sum, { flops }) => sum + flops, 0);
    this.#context = context;
    this.#slots = plan.slotBytes.map((bytes, slot) => store.allocate(bytes, `slot ${slot} of stage "${plan.name}"`));
    const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
    this.#scalarBuffer = store.allocate(16 * SCALAR_CAPACITY, `scalars of stage "${plan.name}"`, uniform);
    const params = new ParamsLayout(plan.dispatches, device.limits.minUniformBufferOffsetAlignment);
    this.#paramsBuffer = store.allocate(params.words.byteLength, `sizes of stage "${plan.name}"`, uniform);
    store.write(this.#paramsBuffer, params.words);
    this.#dispatches = plan.dispatches.map((planned, index) => this.#bind(planned, params.ranges[index]));
  }

  #bind(planned: PlannedDispatch, params: { offset: number; size: number } | undefined): BoundDispatch {
    const { device } = this.#context.opened;
    const kernel = this.#context.pipelines.get(planned);
    const resources: GPUBindingResource[] = planned.bindings.map((binding) => {
      const { tensor, access, range: { offset = 0 } = {} } = binding;
      if (access === "sample") return this.#textureOf(tensor);
      return { buffer: this.#bufferOf(tensor), offset, size: boundBytes(binding) };
    });
    if (params) resources.push({ buffer: this.#paramsBuffer, ...params });
    return {
      planned,
      kernel,
      tensors: device.createBindGroup({
        label: planned.label,
        layout: kernel.tensors,
        entries: resources.map((resource, binding) => ({ binding, resource })),
      }),
      scalars: kernel.scalars && device.createBindGroup({
        layout: kernel.scalars,
        entries: [{ binding: 0, resource: { buffer: this.#scalarBuffer } }],
      }),
    };
  }

  #bufferOf(tensor: Tensor): GPUBuffer {
    const id = this.plan.root(tensor.id);
    const source = this.plan.constants.get(id);
    if (source) return this.#context.constantBuffer(source);
    return this.#slots[this.plan.slotOf.get(id) as number] as GPUBuffer;
  }

  #textureOf(tensor: Tensor): GPUTextureView {
    const source = this.plan.constants.get(this.plan.root(tensor.id)) as ConstantSource;
    return this.#context.constantTexture(source).createView();
  }

  /**
   * Copies the inputs in and submits all dispatches; resolves as soon as they are submitted.
   * @throws {StaleTensorError} if an input is the result of a stage that has run again
   * @throws {RangeError} if a scalar is missing or not finite
   */
  run(
    inputs: Readonly<Record<string, DeviceTensor>>,
    scalars: Readonly<Record<string, number>>,
  ): Record<string, DeviceTensor> {
    this.#context.opened.check();
    const encoder = this.#context.opened.device.createCommandEncoder();
    this.#begin(encoder, inputs, scalars);
    this.#submit(encoder);
    return this.#results();
  }

  /** Submits all dispatches once more, on the inputs and scalars of the last run: the results are the same again. */
  replay(): void {
    this.#context.opened.check();
    this.#submit(this.#context.opened.device.createCommandEncoder());
  }

  /** Records one dispatch, to be timed on its own, on the inputs and scalars of the last run. */
  encodeDispatch(pass: GPUComputePassEncoder, index: number): void {
    const bound = this.#dispatches[index];
    if (bound) encode(pass, bound);
  }

  /** The dispatches that belong into one submit each. @param most dispatches of a submit */
  submits(most?: number): readonly Run[] {
    return submitsOf(this.plan.dispatches, this.submitFlops, most);
  }

  #submit(first: GPUCommandEncoder): void {
    const { device } = this.#context.opened;
    let encoder: GPUCommandEncoder | undefined = first;
    for (const run of this.submits()) {
      encoder ??= device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (const bound of this.#dispatches.slice(run.first, run.end)) encode(pass, bound);
      pass.end();
      device.queue.submit([encoder.finish()]);
      encoder = undefined;
    }
  }

  /**
   * Like `run`, but reads every intermediate result back.
   * @throws {NonFiniteError} naming the first scope and kernel with a NaN or infinite value
   */
  async runChecked(
    inputs: Readonly<Record<string, DeviceTensor>>,
    scalars: Readonly<Record<string, number>>,
  ): Promise<Record<string, DeviceTensor>> {
    const { opened: { device }, store } = this.#context;
    submit(device, (encoder) => this.#begin(encoder, inputs, scalars));
    for (const batch of batchesOf(this.#dispatches, CHECK_BYTES)) {
      const bytes = batch.reduce((sum, bound) => sum + writtenBytes(bound), 0);
      const copies = store.allocate(bytes, "results of a finite check");
      submit(device, (encoder) => {
        let at = 0;
        for (const bound of batch) {
          const pass = encoder.beginComputePass();
          encode(pass, bound);
          pass.end();
          for (const binding of written(bound)) {
            const { tensor, range: { offset = 0 } = {} } = binding;
            encoder.copyBufferToBuffer(this.#bufferOf(tensor), offset, copies, at, boundBytes(binding));
            at += boundBytes(binding);
          }
        }
      });
      const words = await store.read(copies, bytes);
      store.release(copies);
      checkFinite(batch, words, this.plan.name);
    }
    return this.#results();
  }

  #begin(
    encoder: GPUCommandEncoder,
    inputs: Readonly<Record<string, DeviceTensor>>,
    scalars: Readonly<Record<string, number>>,
  ): void {
    const { opened: { device }, store } = this.#context;
    for (const [name, tensor] of this.plan.inputs) {
      const source = inputs[name];
      if (!(source instanceof BufferTensor) || !source.belongsTo(store)) {
        throw new TypeError(`Cannot run "${this.plan.name}": input "${name}" is a tensor of another runtime`);
      }
      const slot = this.#slots[this.plan.slotOf.get(tensor.id) as number] as GPUBuffer;
      encoder.copyBufferToBuffer(source.buffer(), 0, slot, 0, byteLength(tensor));
    }
    device.queue.writeBuffer(this.#scalarBuffer, 0, scalarWords(this.plan, scalars));
    this.#generation++;
  }

  #results(): Record<string, DeviceTensor> {
    const generation = this.#generation;
    const owner = { stage: this.plan.name, isCurrent: () => this.#generation === generation };
    return Object.fromEntries(
      [...this.plan.outputs].map(([name, tensor]) => {
        return [name, new BufferTensor(this.#context.store, tensor, this.#bufferOf(tensor), owner)];
      }),
    );
  }

  /** Frees the slots and uniforms, results become stale; constants stay with the runtime. */
  destroy(): void {
    this.#generation++;
    for (const buffer of [...this.#slots, this.#scalarBuffer, this.#paramsBuffer]) this.#context.store.release(buffer);
  }
}

/** Where the params of each dispatch stand in one uniform buffer. */
class ParamsLayout {
  readonly words: Uint32Array;
  readonly ranges: readonly ({ offset: number; size: number } | undefined)[];

  constructor(dispatches: readonly PlannedDispatch[], alignment: number) {
    let end = 0;
    this.ranges = dispatches.map(({ params }) => {
      if (!params) return undefined;
      const offset = Math.ceil(end / alignment) * alignment;
      const size = Math.ceil(params.length / 4) * 16;
      end = offset + size;
      return { offset, size };
    });
    this.words = new Uint32Array(Math.max(4, end / 4));
    for (const [index, { params }] of dispatches.entries()) {
      this.words.set(params ?? [], (this.ranges[index]?.offset ?? 0) / 4);
    }
  }
}

function encode(pass: GPUComputePassEncoder, { planned, kernel, tensors, scalars }: BoundDispatch): void {
  pass.setPipeline(kernel.pipeline);
  pass.setBindGroup(0, tensors);
  if (scalars) pass.setBindGroup(1, scalars);
  pass.dispatchWorkgroups(...planned.workgroups);
}

/** Each entry: the value as f32, and as a 64-bit integer (low, high word) where it is a non-negative safe integer. */
function scalarWords(plan: Plan, values: Readonly<Record<string, number>>): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(4 * SCALAR_CAPACITY);
  const floats = new Float32Array(words.buffer);
  for (const [index, name] of plan.scalars.entries()) {
    const value = values[name];
    if (value === undefined || !Number.isFinite(value)) {
      throw new RangeError(`Cannot run "${plan.name}": scalar "${name}" is ${value}, a finite number is needed`);
    }
    floats[4 * index] = value;
    if (value >= 0 && Number.isSafeInteger(value)) {
      words[4 * index + 1] = value % 2 ** 32;
      words[4 * index + 2] = Math.floor(value / 2 ** 32);
    }
  }
  return words;
}

function written({ planned }: BoundDispatch): readonly Binding[] {
  return planned.bindings.filter(({ access }) => access === "write");
}

function writtenBytes(bound: BoundDispatch): number {
  return written(bound).reduce((sum, binding) => sum + boundBytes(binding), 0);
}

function batchesOf(dispatches: readonly BoundDispatch[], limit: number): readonly BoundDispatch[][] {
  const batches: BoundDispatch[][] = [];
  let bytes = Infinity;
  for (const bound of dispatches) {
    bytes += writtenBytes(bound);
    if (bytes > limit) {
      batches.push([]);
      bytes = writtenBytes(bound);
    }
    batches.at(-1)?.push(bound);
  }
  return batches;
}

function checkFinite(batch: readonly BoundDispatch[], words: Float32Array, stage: string): void {
  let at = 0;
  for (const bound of batch) {
    for (const binding of written(bound)) {
      const values = words.subarray(at, at + boundBytes(binding) / 4);
      at += values.length;
      const bad = binding.tensor.dtype === "f32" ? values.find((value) => !Number.isFinite(value)) : undefined;
      if (bad === undefined) continue;
      throw new NonFiniteError(
        `Cannot go on in "${stage}": ${bound.planned.label} at "${bound.planned.scope}" gave ${bad}`,
      );
    }
  }
}
