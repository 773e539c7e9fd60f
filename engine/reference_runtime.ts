/** The runtime on the CPU, call by call: the oracle of the kernels, and the way to test without a GPU. */
import { NonFiniteError, staleResult, StaleTensorError } from "./errors.ts";
import type { ConstantSource, Graph } from "./graph.ts";
import { unpackHalf } from "./half.ts";
import type { Call } from "./op.ts";
import type { Runtime, RuntimeStatistics, Stage, StageBody } from "./runtime.ts";
import { splitConstantCalls } from "./simplify.ts";
import { StageCache } from "./stage_cache.ts";
import { Tally } from "./tally.ts";
import {
  type DeviceTensor,
  type DType,
  elementCount,
  formatShape,
  type HostTensor,
  type Shape,
  type TensorType,
  typeOfData,
  wordCount,
} from "./tensor.ts";
import { checkedParts, type TensorPart } from "./tensor_parts.ts";

type Values = Map<number, Float32Array>;

interface BuiltStage {
  readonly graph: Graph;
  readonly body: readonly Call[];
  /** Constants and what depends on constants alone. */
  readonly fixed: Values;
  generation: number;
}

/** How a reference runtime behaves. */
export interface ReferenceRuntimeOptions {
  /** Stop at the first NaN or infinite value and name where it came from. */
  readonly checkFinite?: boolean;
}

/** Runs the `reference` function of each call; tensors are Float32Arrays. */
export class ReferenceRuntime implements Runtime {
  readonly description = "CPU reference";
  readonly maxTensorBytes: number = Infinity;
  readonly maxBindingBytes: number = Infinity;
  readonly #checkFinite: boolean;
  readonly #tally = new Tally();

  /** Makes a runtime; it needs no device. */
  constructor({ checkFinite = false }: ReferenceRuntimeOptions = {}) {
    this.#checkFinite = checkFinite;
  }

  upload(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): DeviceTensor {
    const type = typeOfData(data, shape, dtype);
    return new HostedTensor(type, hostWords({ ...type, data }).slice());
  }

  uploadParts(type: TensorType, parts: Iterable<TensorPart>): DeviceTensor {
    const words = new Uint32Array(wordCount(type));
    for (const { at, data } of checkedParts(type, parts)) {
      words.set(new Uint32Array(data.buffer, data.byteOffset, data.length), at);
    }
    const { shape, dtype } = type;
    return this.upload(dtype === "f32" ? new Float32Array(words.buffer) : words, shape, dtype);
  }

  stage<I extends string, C extends string, O extends string>(name: string, body: StageBody<I, C, O>): Stage<I, C, O> {
    const cache = new StageCache(
      name,
      body as StageBody<string, string, string>,
      (graph) => Promise.resolve(this.#build(graph)),
      this.#tally,
    );
    const run = async (...[inputs, scalars]: Parameters<Stage<I, C, O>>): ReturnType<Stage<I, C, O>> => {
      const built = await cache.get(inputs, scalars);
      return this.#run(built, inputs, scalars) as Record<O, DeviceTensor>;
    };
    return Object.assign(run, { release: () => cache.clear().forEach((built) => built.generation++) });
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  /** There is no device whose memory or pipelines could be counted. */
  statistics(): RuntimeStatistics {
    return {
      deviceBytes: 0,
      peakDeviceBytes: 0,
      pipelines: 0,
      compileMilliseconds: 0,
      plans: new Map(),
      applications: this.#tally.counts,
    };
  }

  resetPeak(): void {}

  destroy(): void {}

  #build(graph: Graph): BuiltStage {
    const { prologue, body } = splitConstantCalls(graph);
    const fixed: Values = new Map([...graph.constants].map(([id, source]) => [id, constantWords(source)]));
    for (const call of prologue) this.#runCall(call, fixed, {}, graph.name);
    return { graph, body, fixed, generation: 0 };
  }

  #run(
    built: BuiltStage,
    inputs: Readonly<Record<string, DeviceTensor>>,
    scalars: Readonly<Record<string, number>>,
  ): Record<string, DeviceTensor> {
    const { graph, body, fixed } = built;
    const values: Values = new Map(fixed);
    for (const [name, tensor] of graph.inputs) values.set(tensor.id, hosted(inputs[name]).words());
    built.generation++;
    for (const call of body) this.#runCall(call, values, scalars, graph.name);
    const generation = built.generation;
    return Object.fromEntries(
      [...graph.outputs].map(([name, tensor]) => {
        const words = values.get(tensor.id) as Float32Array;
        return [name, new HostedTensor(tensor, words, () => built.generation === generation, graph.name)];
      }),
    );
  }

  #runCall(call: Call, values: Values, scalars: Readonly<Record<string, number>>, stage: string): void {
    const inputs = call.inputs.map((t) => values.get(t.id) as Float32Array);
    const results = call.op.reference(call, inputs, scalars);
    for (const [index, output] of call.outputs.entries()) {
      const words = results[index];
      if (!words || words.length !== elementCount(output.shape)) {
        throw new TypeError(
          `Cannot run the reference of ${call.op.name} at "${call.scope}": output ${index} has ` +
            `${words?.length ?? 0} elements, shape ${formatShape(output.shape)} was promised`,
        );
      }
      if (this.#checkFinite && output.dtype === "f32" && !words.every(Number.isFinite)) {
        throw new NonFiniteError(
          `Cannot go on in "${stage}": ${call.op.name} at "${call.scope}" gave ` +
            `${words.find((v) => !Number.isFinite(v))}`,
        );
      }
      values.set(output.id, words);
    }
  }
}

class HostedTensor implements DeviceTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  #words: Float32Array | undefined;

  constructor(
    { shape, dtype }: TensorType,
    words: Float32Array,
    readonly isCurrent: () => boolean = () => true,
    readonly stage = "",
  ) {
    [this.shape, this.dtype, this.#words] = [shape, dtype, words];
  }

  words(): Float32Array {
    if (!this.#words) throw new StaleTensorError(`Cannot read tensor ${formatShape(this.shape)}: it was freed`);
    if (!this.isCurrent()) throw staleResult("read", this.stage);
    return this.#words;
  }

  read(): Promise<Float32Array<ArrayBuffer>> {
    return Promise.resolve().then(() => this.words().slice());
  }

  keep(): DeviceTensor {
    return new HostedTensor(this, this.words().slice());
  }

  free(): void {
    if (this.stage === "") this.#words = undefined;
  }
}

function hosted(tensor: DeviceTensor | undefined): HostedTensor {
  if (tensor instanceof HostedTensor) return tensor;
  throw new TypeError("Cannot use a tensor of another runtime: upload it to this one");
}

function constantWords(source: ConstantSource): Float32Array {
  return "data" in source ? hostWords(source) : hosted(source).words();
}

/** Elements as references take them: the values of `f16`, the bits of the others. */
function hostWords({ data, shape, dtype }: HostTensor): Float32Array {
  if (dtype === "f16") return unpackHalf(data as Uint32Array, shape);
  return new Float32Array(data.buffer, data.byteOffset, data.length);
}
