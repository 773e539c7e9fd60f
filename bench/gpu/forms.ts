/**
 * The forms of a layer: its default, and every algorithm that can compute it, as the plan names them. A new algorithm
 * or tile is measured as soon as the operation offers it.
 */
import {
  constant,
  type DeviceTensor,
  elementCount,
  type Preferences,
  type Shape,
  ShapeOnly,
  type Tensor,
  trace,
  type WebGpuRuntime,
} from "../../engine/mod.ts";
import { relativeError } from "../../metrics/mod.ts";
import { randomValues } from "../random_values.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { LayerCase } from "./layer_cases.ts";

/** A way to compute a layer. */
export interface Form {
  /** `default`, or the algorithm, that of a part after a slash. */
  readonly name: string;
  readonly preferences: Preferences;
}

/** What was found of one form of a layer. */
export interface FormFigures {
  /** Operation and sizes. */
  readonly kernel: string;
  readonly form: string;
  readonly gflop: number;
  /** Names of the dispatches. */
  readonly dispatches: readonly string[];
  /** Relative L2 error against the default form; 0 for that itself. */
  readonly check: { readonly method: "default"; readonly error: number };
  readonly method: "timestamps" | "repeated dispatches";
  /** Time of one replay on the device. */
  readonly milliseconds: Spread;
  readonly gflopPerSecond: number;
  /** Milliseconds by name of the dispatch; of defaults that are no product. */
  readonly parts?: Readonly<Record<string, number>>;
}

/** Relative L2 error allowed against the default: of Winograd in f32, and of arithmetic in half precision. */
const ERROR_LIMIT = { f32: 2e-5, f16: 1e-2 } as const;

/** All forms of a layer on a device, the default first, each with dispatches of its own. */
export function formsOf(runtime: WebGpuRuntime, layer: LayerCase): readonly Form[] {
  const forms: Form[] = [];
  const known = new Set<string>();
  const offer = (form: Form): void => {
    const shared = form.name === "default" ? runtime : runtime.withPreferences(form.preferences);
    const { dispatches } = planOf(shared, layer);
    if (shared !== runtime) shared.destroy();
    const text = JSON.stringify(dispatches.map(({ wgsl, workgroups, params }) => [wgsl, workgroups, params]));
    if (known.has(text)) return;
    known.add(text);
    forms.push(form);
  };
  offer({ name: "default", preferences: {} });
  for (const { key, algorithms, partOf } of planOf(runtime, layer).layers) {
    for (const algorithm of algorithms) {
      const name = partOf === undefined ? algorithm : `default/${algorithm}`;
      offer({ name, preferences: { [key]: algorithm } });
    }
  }
  return forms;
}

function planOf(runtime: WebGpuRuntime, { name, x, constants, record }: LayerCase): ReturnType<WebGpuRuntime["plan"]> {
  return runtime.plan(
    trace(name, { x: { shape: x, dtype: "f32" } }, (inputs: Record<string, Tensor>) => ({
      y: record(
        inputs.x!,
        constants.map((shape) => constant(new ShapeOnly({ shape, dtype: "f32" }))),
      ),
    })),
  );
}

/** A layer on a device with its inputs, to measure its forms one after another. */
export class LayerBench {
  readonly #runtime: WebGpuRuntime;
  readonly #layer: LayerCase;
  readonly #x: DeviceTensor;
  readonly #constants: readonly DeviceTensor[];
  #expected: Float32Array | undefined;

  constructor(runtime: WebGpuRuntime, layer: LayerCase) {
    [this.#runtime, this.#layer] = [runtime, layer];
    const upload = (shape: Shape, seed: number): DeviceTensor => {
      const fanIn = shape.length > 1 && seed > 0 ? elementCount(shape.slice(0, -1)) : 1;
      return runtime.upload(
        randomValues(elementCount(shape), seed).map((value) => value / Math.sqrt(fanIn)),
        shape,
      );
    };
    this.#x = upload(layer.x, 0);
    this.#constants = layer.constants.map((shape, k) => upload(shape, k + 1));
  }

  /**
   * Measures a form.
   * @param samples measurements, of some 20 ms each
   * @throws {Error} if it fails on this device, or its result is not that of the default
   */
  async measure({ name: form, preferences }: Form, samples: number, withParts: boolean): Promise<FormFigures> {
    const { name, record } = this.#layer;
    const runtime = this.#runtime.withPreferences(preferences);
    const stage = runtime.stage(name, ({ x }: { readonly x: Tensor }) => ({
      y: record(
        x,
        this.#constants.map((tensor) => constant(tensor)),
      ),
    }));
    try {
      const { y } = await stage({ x: this.#x }, {});
      const error = await this.#error(y, form);
      const timer = await runtime.timer(name).catch(() => runtime.timer(name, "repeated dispatches"));
      const times: number[] = [];
      for (let sample = 0; sample < samples; sample++) {
        times.push(await timer.sample());
      }
      const dispatches = runtime.statistics().plans.get(name)?.dispatches ?? [];
      const gflop = dispatches.reduce((sum, { flops }) => sum + flops, 0) / 1e9;
      const milliseconds = spreadOf(times);
      return {
        kernel: name,
        form,
        gflop,
        dispatches: dispatches.map(({ label }) => label),
        check: { method: "default", error },
        method: timer.method,
        milliseconds,
        gflopPerSecond: (gflop / milliseconds.min) * 1000,
        ...(withParts ? { parts: await partsOf(runtime, name) } : {}),
      };
    } finally {
      stage.release();
      runtime.destroy();
    }
  }

  async #error(y: { readonly shape: readonly number[]; read(): Promise<Float32Array> }, form: string): Promise<number> {
    const actual = await y.read();
    this.#expected ??= actual;
    const error = relativeError(actual, this.#expected);
    const limit = ERROR_LIMIT[form.endsWith("f16") ? "f16" : "f32"];
    if (error <= limit) return error;
    throw new Error(
      `Cannot trust "${form}" of "${this.#layer.name}": it differs from the default by ${error.toExponential(1)} ` +
        `(relative L2), at most ${limit} is allowed`,
    );
  }

  /** Gives the memory back. */
  free(): void {
    for (const tensor of [this.#x, ...this.#constants]) tensor.free();
  }
}

/** Milliseconds of a stage that has run, by names of dispatches. */
export async function partsOf(runtime: WebGpuRuntime, stage: string): Promise<Record<string, number>> {
  const { kernels } = await runtime.profile(stage, { replays: 3 });
  const parts: Record<string, number> = {};
  for (const { label, milliseconds } of kernels) {
    parts[label] = (parts[label] ?? 0) + milliseconds;
  }
  return parts;
}
