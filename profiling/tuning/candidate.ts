/** One layer alone on the device, computed by one algorithm. */
import {
  byteLength,
  constant,
  defineOp,
  type DeviceTensor,
  type Plan,
  type Preferences,
  type ReplayTimer,
  scalarsOf,
  type Tensors,
  type TimingMethod,
  type WebGpuRuntime,
} from "../../engine/mod.ts";
import { madeUpValues } from "../made_up.ts";
import type { Layer } from "./layers.ts";

/** A layer that can be timed, under the preferences of one algorithm. */
export interface Candidate extends Disposable {
  /** The dispatches as text: two algorithms that come to the same differ in nothing here. */
  readonly signature: string;
  /** Bytes of constants that were prepared for it, such as a transformed weight. */
  readonly preparedBytes: number;
  /** Compiles and warms up; times the dispatches of one run, without the preparation. */
  timer(): Promise<ReplayTimer>;
}

/** 1 and 0.5 in half precision, in one word. */
const HALVES = 0x3800_3c00;

/** The operands of a layer on the device; what they hold does not change how long it takes. */
export function uploadOperands(runtime: WebGpuRuntime, { call }: Layer): readonly DeviceTensor[] {
  return call.inputs.map((input) => {
    const words = byteLength(input) / 4;
    if (input.dtype !== "f32") return runtime.upload(new Uint32Array(words).fill(HALVES), input.shape, input.dtype);
    return runtime.upload(madeUpValues(words), input.shape);
  });
}

/**
 * Builds a stage of just this layer. What is constant in the network is constant here, so that preparing it is no part
 * of a run.
 * @param base the runtime that has the operands
 * @param preferences the way that the layer shall take
 */
export async function openCandidate(
  base: WebGpuRuntime,
  layer: Layer,
  operands: readonly DeviceTensor[],
  preferences: Preferences,
  method?: TimingMethod,
): Promise<Candidate> {
  const { call, constants } = layer;
  const record = defineOp(call.op);
  const runtime = base.withPreferences(preferences);
  const stage = runtime.stage(layer.key, (inputs: Tensors<string>) => {
    const tensors = operands.map((operand, index) => constants.has(index) ? constant(operand) : inputs[`x${index}`]!);
    return Object.fromEntries(record(tensors, call.attrs).map((output, index) => [`y${index}`, output]));
  });
  const inputs = operands.flatMap((operand, index) => constants.has(index) ? [] : [[`x${index}`, operand] as const]);
  const scalars = scalarsOf(call.attrs).map(({ scalar }) => [scalar, 1] as const);
  await stage(Object.fromEntries(inputs), Object.fromEntries(scalars));
  const plan = runtime.statistics().plans.get(layer.key)!;
  return {
    signature: signatureOf(plan),
    preparedBytes: plan.prepared.flatMap(({ outputs }) => outputs).reduce((sum, tensor) => sum + byteLength(tensor), 0),
    timer: () => runtime.timer(layer.key, method),
    [Symbol.dispose]: () => runtime.destroy(),
  };
}

function signatureOf({ dispatches }: Plan): string {
  return JSON.stringify(dispatches.map(({ label, wgsl, params, workgroups }) => [label, params, workgroups, wgsl]));
}
