/** A runtime that plans stages and runs none of them: it tells how much memory a run would take. */
import type { Graph } from "./graph.ts";
import type { Plan } from "./plan.ts";
import type { Runtime, RuntimeStatistics, Stage, StageBody } from "./runtime.ts";
import { StageCache } from "./stage_cache.ts";
import { Tally } from "./tally.ts";
import {
  byteLength,
  type DeviceTensor,
  type DType,
  elementCount,
  type Shape,
  type TensorType,
  typeOfData,
} from "./tensor.ts";
import type { TensorPart } from "./tensor_parts.ts";

/** A device that makes plans, such as a `WebGpuRuntime`. */
export interface PlanningDevice extends Pick<Runtime, "description" | "maxTensorBytes" | "maxBindingBytes"> {
  /** Lowers and plans a trace without running it. */
  plan(graph: Graph): Plan;
}

/** A planned stage: the bytes of its slots, and of what is computed once of its constants. */
interface Planned {
  readonly graph: Graph;
  readonly bytes: number;
}

/**
 * Stands in for a device: samplers and operators run on it as they do there, but nothing is computed, and what is read
 * are zeros. `statistics()` counts what the device would hold besides the constants that are there already. What a run
 * decides by values that it reads may come out otherwise.
 */
export class PlanningRuntime implements Runtime {
  readonly description: string;
  readonly maxTensorBytes: number;
  readonly maxBindingBytes: number;
  readonly #device: PlanningDevice;
  readonly #plans = new Map<string, Plan>();
  readonly #tally = new Tally();
  readonly #constants = new Set<object>();
  /** Of what stages compute once: stages of one network share it. */
  #fixedBytes = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  /**
   * Begins without stages.
   * @param device whose plans are made
   */
  constructor(device: PlanningDevice) {
    this.#device = device;
    this.description = device.description;
    [this.maxTensorBytes, this.maxBindingBytes] = [device.maxTensorBytes, device.maxBindingBytes];
  }

  upload(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): DeviceTensor {
    return this.#held(typeOfData(data, shape, dtype));
  }

  uploadParts(type: TensorType, _parts: Iterable<TensorPart>): DeviceTensor {
    return this.#held(type);
  }

  stage<I extends string, C extends string, O extends string>(name: string, body: StageBody<I, C, O>): Stage<I, C, O> {
    const cache = new StageCache<Planned>(
      name,
      body as StageBody<string, string, string>,
      (graph) => Promise.resolve(this.#planned(graph)),
      this.#tally,
    );
    const run = async (...[inputs, scalars]: Parameters<Stage<I, C, O>>): ReturnType<Stage<I, C, O>> => {
      const { graph: { outputs } } = await cache.get(inputs, scalars);
      const results = Array.from(outputs, ([name, type]) => [name, this.#tensor(type)] as const);
      return Object.fromEntries(results) as Record<O, DeviceTensor>;
    };
    const release = (): void => cache.clear().forEach(({ bytes }) => this.#count(-bytes));
    return Object.assign(run, { release });
  }

  settle(): Promise<void> {
    return Promise.resolve();
  }

  /** Bytes as they would be on the device; pipelines are not compiled. */
  statistics(): RuntimeStatistics {
    return {
      deviceBytes: this.#liveBytes + this.#fixedBytes,
      peakDeviceBytes: this.#peakBytes + this.#fixedBytes,
      pipelines: 0,
      compileMilliseconds: 0,
      plans: this.#plans,
      applications: this.#tally.counts,
    };
  }

  resetPeak(): void {
    this.#peakBytes = this.#liveBytes;
  }

  destroy(): void {}

  #count(bytes: number): void {
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  #planned(graph: Graph): Planned {
    const plan = this.#device.plan(graph);
    this.#plans.set(graph.name, plan);
    let fixed = plan.prepared.reduce((sum, { outputs }) => sum + outputs.reduce((all, t) => all + byteLength(t), 0), 0);
    for (const [id, source] of plan.constants) {
      // What the trace did not know yet is computed of its constants.
      if (!graph.constants.has(id)) fixed += byteLength(source);
      else if ("data" in source && !this.#constants.has(source)) {
        this.#constants.add(source);
        this.#count(byteLength(source));
      }
    }
    this.#fixedBytes = Math.max(this.#fixedBytes, fixed);
    const bytes = plan.slotBytes.reduce((sum, slot) => sum + slot, 0);
    this.#count(bytes);
    return { graph, bytes };
  }

  /** A tensor that has memory of its own. */
  #held(type: TensorType): DeviceTensor {
    let bytes = byteLength(type);
    this.#count(bytes);
    const free = (): void => {
      this.#count(-bytes);
      bytes = 0;
    };
    return { ...this.#tensor(type), free };
  }

  /** A result of a stage, which lies in its slots. */
  #tensor({ shape, dtype }: TensorType): DeviceTensor {
    return {
      shape,
      dtype,
      read: () => Promise.resolve(new Float32Array(elementCount(shape))),
      keep: () => this.#held({ shape, dtype }),
      free: () => {},
    };
  }
}
