/**
 * A runtime that lets a run begin again behind one of its steps. A sampler is a sequence of uploads, stages and reads that
 * nothing decides but its arguments and what it has read: gone through again with what it read, and without computing,
 * it asks for the same tensors, and those that it may still use get their contents.
 */
import {
  type ConstantSource,
  type DeviceTensor,
  type DType,
  replaceConstants,
  type Runtime,
  type RuntimeStatistics,
  type Shape,
  type Stage,
  type StageBody,
  stageSignature,
  type TensorPart,
  type TensorType,
  traceStage,
} from "../../engine/mod.ts";
import { Holdings, RunTensor } from "./holdings.ts";
import type { RunState } from "./run_state.ts";

/** The runtime of one run. What it uploads, the run uploads again when it is gone through again. */
export class RunRuntime implements Runtime {
  readonly description: string;
  readonly maxTensorBytes: number;
  readonly maxBindingBytes: number;
  readonly #below: Runtime;
  readonly #holdings: Holdings;
  #stages = 0;

  /**
   * @param below where everything is computed
   * @param past where the run goes on; nothing is computed until `goOn`
   */
  constructor(below: Runtime, past?: RunState) {
    [this.#below, this.#holdings] = [below, new Holdings(past)];
    this.description = below.description;
    [this.maxTensorBytes, this.maxBindingBytes] = [below.maxTensorBytes, below.maxBindingBytes];
  }

  upload(data: Float32Array | Uint32Array, shape: Shape, dtype?: DType): DeviceTensor {
    return this.#below.upload(data, shape, dtype);
  }

  uploadParts(type: TensorType, parts: Iterable<TensorPart>): DeviceTensor {
    return this.#below.uploadParts(type, parts);
  }

  stage<I extends string, C extends string, O extends string>(name: string, body: StageBody<I, C, O>): Stage<I, C, O> {
    const holdings = this.#holdings;
    const prefix = `${name}#${this.#stages++}`;
    const traced = { name, body: body as StageBody<string, string, string> };
    const below = this.#below.stage<string, string, string>(name, (inputs, scalars) => {
      const outputs = traced.body(inputs, scalars);
      replaceConstants(onDevice);
      return outputs;
    });
    /** What a run gives and what the last one gave, by the form of the stage: results stay valid until it runs again. */
    const types = new Map<string, ReadonlyMap<string, TensorType>>();
    const latest = new Map<string, readonly RunTensor[]>();
    let runs = 0;
    const run = async (...[inputs, scalars]: Parameters<Stage<I, C, O>>): Promise<Record<O, DeviceTensor>> => {
      const form = stageSignature(inputs, scalars);
      const place = `${prefix}.${runs++}`;
      let made: Iterable<readonly [name: string, type: TensorType, device?: DeviceTensor]>;
      if (holdings.isPast) {
        if (!types.has(form)) types.set(form, traceStage(traced, inputs, scalars).outputs);
        made = types.get(form)!;
      } else {
        const given = Object.entries<DeviceTensor>(inputs).map(([key, tensor]) => [key, onDevice(tensor)]);
        const results = await below(Object.fromEntries(given), scalars);
        made = Object.entries(results).map(([key, tensor]) => [key, tensor, tensor]);
      }
      holdings.end(latest.get(form));
      const results = Array.from(made, ([key, type, device]) => {
        return [key, holdings.add(new RunTensor(holdings, `${place}.${key}`, type, device))] as const;
      });
      latest.set(form, results.map(([, tensor]) => tensor));
      return Object.fromEntries<DeviceTensor>(results) as Record<O, DeviceTensor>;
    };
    const release = (): void => {
      below.release();
      for (const results of latest.values()) holdings.end(results);
      latest.clear();
    };
    return Object.assign(run, { release });
  }

  settle(): Promise<void> {
    return this.#below.settle();
  }

  statistics(): RuntimeStatistics {
    return this.#below.statistics();
  }

  resetPeak(): void {
    this.#below.resetPeak();
  }

  destroy(): void {
    this.#below.destroy();
  }

  /**
   * Computes from here on.
   * @throws {Error} if the run has not come where the state was made
   */
  goOn(): void {
    this.#holdings.goOn(this.#below);
  }

  /**
   * What the run holds; it must not go on meanwhile.
   * @throws {RangeError} if the run has read more to the host than a state can hold
   */
  holdings(): Promise<Pick<RunState, "tensors" | "reads">> {
    return this.#holdings.copy();
  }
}

/** The tensor of the runtime below that another stands for, or the same. */
export function onDevice<T extends ConstantSource>(tensor: T): T | DeviceTensor {
  return tensor instanceof RunTensor ? tensor.device! : tensor;
}
