/** The runtime on a GPU device: constants uploaded once, stages compiled into executables and replayed. */
import type { ConstantSource, Graph } from "../graph.ts";
import type { Call } from "../op.ts";
import { makePlan, type Plan } from "../plan.ts";
import type { Runtime, RuntimeStatistics, Stage, StageBody } from "../runtime.ts";
import { ShapeOnly } from "../shape_only.ts";
import { simplify, splitConstantCalls } from "../simplify.ts";
import { StageCache } from "../stage_cache.ts";
import { Tally } from "../tally.ts";
import {
  byteLength,
  type DeviceTensor,
  type DType,
  formatShape,
  type Shape,
  type Tensor,
  type TensorType,
  typeOfData,
} from "../tensor.ts";
import { checkedParts, type TensorPart } from "../tensor_parts.ts";
import { ConstantUse } from "./constants.ts";
import { Pace } from "./pace.ts";
import { BufferStore, BufferTensor } from "./buffers.ts";
import { type AdapterIdentity, type OpenDevice, openDevice, type OpenOptions, type Preferences } from "./device.ts";
import { Executable, type ExecutableContext } from "./executable.ts";
import { tensorLimits } from "./limits.ts";
import { PipelineCache } from "./pipelines.ts";
import { type ProfileOptions, profileStage, type StageProfile, type TimingMethod } from "./profiler.ts";
import { openTimer, type ReplayTimer } from "./timer.ts";
import { measuredPlan } from "./weight_probe.ts";

/** Which device to open, and how to run on it. */
export interface WebGpuRuntimeOptions extends OpenOptions {
  /** Read back every intermediate result and stop at the first NaN or infinite value, naming its scope. Slow. */
  readonly checkFinite?: boolean;
}

/** Bytes of prepared constants that are computed at once. */
const PREPARED_BYTES = 2 ** 22;

/** Runs stages as static plans on a WebGPU device. */
export class WebGpuRuntime implements Runtime {
  readonly description: string;
  readonly maxTensorBytes: number;
  readonly maxBindingBytes: number;
  /** Optional device features in use, such as `subgroups`. */
  readonly features: readonly string[];
  /** The runtime that this one shares its device with, if it was made by `withPreferences`. */
  readonly #parent: WebGpuRuntime | undefined;
  readonly #opened: OpenDevice;
  readonly #store: BufferStore;
  readonly #pipelines: PipelineCache;
  readonly #checkFinite: boolean;
  readonly #hostConstants: Map<ConstantSource, GPUBuffer>;
  readonly #use: ConstantUse;
  readonly #stopListening: () => void;
  /** What was built, with the constants that its stage reads. */
  readonly #executables = new Map<Executable, readonly ConstantSource[]>();
  /** Results of calls on constants alone, shared by all stages, by the text of the call (`#foldedKeys`). */
  readonly #folded = new Map<string, DeviceTensor>();
  /** Prepared constants that kernels sample; they have no buffer any more. */
  readonly #textures = new Map<ConstantSource, GPUTexture>();
  readonly #plans = new Map<string, Plan>();
  readonly #tally = new Tally();
  /** What ran last by stage name. */
  readonly #latest = new Map<string, Executable>();
  readonly #pace: Pace<Executable>;

  /**
   * Opens a device.
   * @throws {NoAdapterError} if there is none
   */
  static async open(options: WebGpuRuntimeOptions = {}): Promise<WebGpuRuntime> {
    return new WebGpuRuntime(await openDevice(options), options);
  }

  private constructor(
    opened: OpenDevice,
    { checkFinite = false }: Pick<WebGpuRuntimeOptions, "checkFinite">,
    parent?: WebGpuRuntime,
  ) {
    this.#parent = parent;
    this.#opened = opened;
    this.#store = parent ? parent.#store : new BufferStore(opened);
    this.#pipelines = parent ? parent.#pipelines : new PipelineCache(opened);
    this.#hostConstants = parent ? parent.#hostConstants : new Map();
    this.#use = parent ? parent.#use : new ConstantUse();
    this.#stopListening = this.#use.onUnused((source, number) => this.#forget(source, number));
    this.#checkFinite = checkFinite;
    this.#pace = new Pace(() => this.settle());
    this.description = opened.description;
    ({ maxTensorBytes: this.maxTensorBytes, maxBindingBytes: this.maxBindingBytes } = tensorLimits(opened.profile));
    this.features = opened.features;
  }

  upload(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): DeviceTensor {
    return this.uploadParts(typeOfData(data, shape, dtype), [{ at: 0, data }]);
  }

  uploadParts(type: TensorType, parts: Iterable<TensorPart>): DeviceTensor {
    const buffer = this.#store.allocate(byteLength(type), `tensor ${formatShape(type.shape)}`);
    try {
      for (const { at, data } of checkedParts(type, parts)) this.#store.write(buffer, data, at);
    } catch (error) {
      this.#store.release(buffer);
      throw error;
    }
    return new BufferTensor(this.#store, type, buffer);
  }

  stage<I extends string, C extends string, O extends string>(name: string, body: StageBody<I, C, O>): Stage<I, C, O> {
    const cache = new StageCache(
      name,
      body as StageBody<string, string, string>,
      (graph) => this.#build(graph),
      this.#tally,
    );
    const run = async (...[inputs, scalars]: Parameters<Stage<I, C, O>>): ReturnType<Stage<I, C, O>> => {
      const executable = await cache.get(inputs, scalars);
      this.#latest.set(name, executable);
      if (this.#checkFinite) return await executable.runChecked(inputs, scalars) as Record<O, DeviceTensor>;
      await this.#pace.begin(executable);
      const results = executable.run(inputs, scalars);
      await this.#pace.submitted(executable);
      return results as Record<O, DeviceTensor>;
    };
    const release = (): void => {
      for (const executable of cache.clear()) {
        if (this.#latest.get(name) === executable) this.#latest.delete(name);
        this.#release(executable);
      }
    };
    return Object.assign(run, { release });
  }

  /** What was opened, as preferences may depend on it. */
  get adapter(): AdapterIdentity {
    const { description, features, profile: { subgroupSize } } = this.#opened;
    return { description, subgroupSize, features };
  }

  /** Which ways its operations take where they do not choose themselves. */
  get preferences(): Preferences {
    return this.#opened.profile.preferences ?? {};
  }

  /** Whether kernels run on the CPU. */
  get software(): boolean {
    return this.#opened.profile.software;
  }

  /**
   * A second runtime on the same device whose operations take other ways, to compare them. Tensors and pipelines are
   * shared; stages and the constants prepared for them are its own, save those that this runtime has already.
   * Destroying it frees what it made, and leaves the device open.
   * @param preferences which ways operations shall take; those of this runtime do not count
   */
  withPreferences(preferences: Preferences): WebGpuRuntime {
    const opened = { ...this.#opened, profile: { ...this.#opened.profile, preferences } };
    return new WebGpuRuntime(opened, { checkFinite: this.#checkFinite }, this);
  }

  /**
   * The plan that a stage with this recording would have on this device, without building it. Constants may be of
   * `ShapeOnly`, and those that the plan would compute once are.
   * @param graph from `trace`
   * @throws {DeviceLimitError} if a tensor, a kernel or the scalars exceed what the device offers
   * @throws {TypeError} if an output is an input or a constant itself
   */
  plan(graph: Graph): Plan {
    const { constants, ...rest } = simplify(graph);
    const { body, folded } = splitConstantCalls({ ...rest, constants });
    const known = new Map([...constants, ...folded.map((tensor) => [tensor.id, new ShapeOnly(tensor)] as const)]);
    return makePlan({ ...rest, calls: body, constants: known }, this.#opened.profile);
  }

  /** Names of the stages that have run and were not released, in the order of their first runs. */
  get stages(): readonly string[] {
    return [...this.#latest.keys()];
  }

  /**
   * Times every dispatch of a stage by replaying its latest run, whose inputs and scalars are still in place; the
   * results of that run stay what they are.
   * @param name name of the stage
   * @throws {RangeError} if no stage of that name has run, or it was released
   * @throws {Error} if the device's timestamps cannot be brought into agreement with wall time
   */
  async profile(name: string, options: ProfileOptions = {}): Promise<StageProfile> {
    return await profileStage(this.#ran("profile", name), this.#context(), options);
  }

  /**
   * Prepares to time whole replays of a stage, one sample at a time, by replaying its latest run.
   * @param name name of the stage
   * @param method by default timestamps where the device has them
   * @throws {RangeError} if no stage of that name has run, or it was released; or timestamps are not to be had
   * @throws {Error} if the device's timestamps cannot be brought into agreement with wall time
   */
  async timer(name: string, method?: TimingMethod): Promise<ReplayTimer> {
    return await openTimer(this.#ran("time", name), this.#context(), method);
  }

  #ran(action: string, name: string): Executable {
    const executable = this.#latest.get(name);
    if (executable) return executable;
    throw new RangeError(`Cannot ${action} stage "${name}": it has not run, or was released; run it first`);
  }

  async settle(): Promise<void> {
    await this.#opened.device.queue.onSubmittedWorkDone();
    this.#opened.check();
  }

  /** What the runtime has done and holds so far. */
  statistics(): RuntimeStatistics {
    return {
      deviceBytes: this.#store.liveBytes,
      peakDeviceBytes: this.#store.peakBytes,
      pipelines: this.#pipelines.count,
      compileMilliseconds: this.#pipelines.milliseconds,
      plans: this.#plans,
      applications: this.#tally.counts,
    };
  }

  resetPeak(): void {
    const used = new Set(Array.from(this.#executables.keys(), ({ plan }) => [...plan.constants.values()]).flat());
    for (const [key, tensor] of this.#folded) if (!used.has(tensor)) this.#drop(key);
    this.#store.resetPeak();
  }

  destroy(): void {
    if (this.#parent) {
      for (const executable of this.#executables.keys()) this.#release(executable);
      for (const key of this.#folded.keys()) this.#drop(key);
      this.#stopListening();
      return;
    }
    this.#store.releaseAll();
    this.#opened.close();
  }

  #context(): ExecutableContext {
    return {
      opened: this.#opened,
      store: this.#store,
      pipelines: this.#pipelines,
      constantBuffer: (source) => this.#constantBuffer(source),
      constantTexture: (source) => this.#constantTexture(source),
    };
  }

  #release(executable: Executable): void {
    executable.destroy();
    const sources = this.#executables.get(executable) ?? [];
    this.#executables.delete(executable);
    this.#use.end(sources);
  }

  /** Frees what the device holds of a constant that no stage reads any more. */
  #forget(source: ConstantSource, number: number): void {
    const made = new RegExp(`#${number}\\b`);
    for (const key of this.#folded.keys()) if (made.test(key)) this.#drop(key);
    const buffer = this.#hostConstants.get(source);
    this.#hostConstants.delete(source);
    if (buffer) this.#store.release(buffer);
  }

  /** Frees the result of a call on constants, which may have become a texture. */
  #drop(key: string): void {
    const tensor = this.#folded.get(key) as DeviceTensor;
    this.#folded.delete(key);
    tensor.free();
    const texture = this.#textures.get(tensor);
    this.#textures.delete(tensor);
    if (texture) this.#store.release(texture);
  }

  async #build(graph: Graph): Promise<Executable> {
    const sources = [...graph.constants.values()];
    this.#use.begin(sources);
    try {
      const executable = await this.#compile(graph);
      this.#executables.set(executable, sources);
      return executable;
    } catch (error) {
      this.#use.end(sources);
      throw error;
    }
  }

  async #compile(graph: Graph): Promise<Executable> {
    const { prologue, body, folded } = splitConstantCalls(graph);
    const constants = new Map(graph.constants);
    for (const [id, tensor] of await this.#fold(graph, prologue, folded)) constants.set(id, tensor);
    const lowered = await measuredPlan({ ...graph, calls: body, constants }, this.#context());
    const prepared = await this.#prepare({ ...graph, constants }, lowered);
    const plan = { ...lowered, constants: new Map([...lowered.constants, ...prepared]) };
    this.#plans.set(graph.name, plan);
    return await Executable.build(plan, this.#context());
  }

  /** Runs the calls that kernels asked for, few at a time: a result and its copy exist together only for a moment. */
  async #prepare(
    graph: Graph,
    { prepared: calls, dispatches }: Plan,
  ): Promise<ReadonlyMap<number, DeviceTensor>> {
    const sampled = new Set(
      dispatches.flatMap(({ bindings }) => bindings).filter(({ access }) => access === "sample").map((b) =>
        b.tensor.id
      ),
    );
    const prepared = new Map<number, DeviceTensor>();
    let batch: Call[] = [];
    let bytes = 0;
    for (const [index, call] of calls.entries()) {
      batch.push(call);
      bytes += call.outputs.reduce((sum, tensor) => sum + byteLength(tensor), 0);
      if (bytes < PREPARED_BYTES && index < calls.length - 1) continue;
      const outputs = batch.flatMap((call) => call.outputs);
      for (const [id, tensor] of await this.#fold(graph, batch, outputs)) {
        prepared.set(id, tensor);
        if (sampled.has(id)) this.#constantTexture(tensor);
      }
      // Freed memory can be used again only after the work on it is done.
      await this.settle();
      batch = [];
      bytes = 0;
    }
    return prepared;
  }

  /** Runs the calls on constants alone that no stage has run before, once. */
  async #fold(
    graph: Graph,
    prologue: readonly Call[],
    folded: readonly Tensor[],
  ): Promise<ReadonlyMap<number, DeviceTensor>> {
    const keys = this.#foldedKeys(graph, prologue);
    const keyOf = (tensor: Tensor): string => keys.get(tensor.id) as string;
    const missing = folded.filter((tensor) => !this.#foldedTensor(keyOf(tensor)));
    if (missing.length > 0) {
      const outputs = new Map(missing.map((tensor) => [String(tensor.id), tensor]));
      const name = `constants of ${graph.name}`;
      // What runs once is not worth preparing for.
      const profile = { ...this.#opened.profile, preparedBytes: 0 };
      const plan = makePlan({ ...graph, name, inputs: new Map(), calls: prologue, outputs }, profile);
      const executable = await Executable.build(plan, this.#context());
      const results = executable.run({}, {});
      for (const tensor of missing) this.#folded.set(keyOf(tensor), (results[tensor.id] as DeviceTensor).keep());
      executable.destroy();
    }
    return new Map(folded.map((tensor) => [tensor.id, this.#foldedTensor(keyOf(tensor)) as DeviceTensor]));
  }

  #foldedTensor(key: string): DeviceTensor | undefined {
    return this.#folded.get(key) ?? (this.#parent ? this.#parent.#foldedTensor(key) : undefined);
  }

  /** A text for each folded value that is equal exactly if operation, attributes and constants are. */
  #foldedKeys(graph: Graph, prologue: readonly Call[]): ReadonlyMap<number, string> {
    const keys = new Map<number, string>();
    for (const [id, source] of graph.constants) {
      keys.set(id, `#${this.#use.numberOf(source)}`);
    }
    for (const { op, inputs, outputs, attrs } of prologue) {
      const key = `${op.name}(${inputs.map((t) => keys.get(t.id))})${JSON.stringify(attrs)}`;
      outputs.forEach((t, index) => keys.set(t.id, `${key}.${index}:${formatShape(t.shape)}`));
    }
    return keys;
  }

  #knownTexture(source: ConstantSource): GPUTexture | undefined {
    return this.#textures.get(source) ?? (this.#parent ? this.#parent.#knownTexture(source) : undefined);
  }

  /** The texture takes the place of the buffer, which is freed. */
  #constantTexture(source: ConstantSource): GPUTexture {
    const known = this.#knownTexture(source);
    if (known) return known;
    if (!(source instanceof BufferTensor)) throw new TypeError("Cannot sample a constant that was not prepared");
    const texture = this.#store.texture(source.buffer(), source.shape);
    this.#textures.set(source, texture);
    source.free();
    return texture;
  }

  #constantBuffer(source: ConstantSource): GPUBuffer {
    if (source instanceof BufferTensor && source.belongsTo(this.#store)) return source.buffer();
    if (!("data" in source)) throw new TypeError("Cannot use a constant of another runtime: upload it to this one");
    const known = this.#hostConstants.get(source);
    if (known) return known;
    const buffer = this.#store.allocate(byteLength(source), `constant ${formatShape(source.shape)}`);
    this.#store.write(buffer, source.data);
    this.#hostConstants.set(source, buffer);
    return buffer;
  }
}
