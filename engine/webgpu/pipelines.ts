/** Pipelines: one for each distinct WGSL text, with an explicit layout and readable compiler errors. */
import type { Dispatch } from "../op.ts";
import type { OpenDevice } from "./device.ts";

/** A compiled kernel and the layouts of its bind groups. */
export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  /** Storage bindings, then the params uniform. */
  readonly tensors: GPUBindGroupLayout;
  /** The scalars of the run; only where the kernel reads them. */
  readonly scalars: GPUBindGroupLayout | undefined;
}

/** What a bind group holds at one entry. */
type BindingType = GPUBufferBindingType | "texture";

const BINDING_TYPES = { read: "read-only-storage", write: "storage", sample: "texture" } as const;

/** What has been made on a device, whoever used it. */
interface Made {
  /** By their texts, or the texts that they stand for. */
  readonly kernels: Map<string, CompiledKernel>;
  readonly layouts: Map<string, GPUBindGroupLayout>;
  /** Whether the compiler was slow at a text that has a shorter form. */
  isSlow: boolean;
}

/** Milliseconds from which a compiler is slow: that of older Direct3D takes tens of seconds for unrolled loops. */
const SLOW_MILLISECONDS = 3000;

const MADE = new WeakMap<GPUDevice, Made>();

/** Compiles every distinct WGSL text once on a device. */
export class PipelineCache {
  readonly #opened: OpenDevice;
  readonly #made: Made;
  /** The texts of the kernels that its own user has asked for. */
  readonly #asked = new Set<string>();
  #milliseconds = 0;

  constructor(opened: OpenDevice) {
    this.#opened = opened;
    this.#made = MADE.get(opened.device) ?? { kernels: new Map(), layouts: new Map(), isSlow: false };
    MADE.set(opened.device, this.#made);
  }

  get count(): number {
    return this.#asked.size;
  }

  get milliseconds(): number {
    return this.#milliseconds;
  }

  /**
   * Compiles what is new among these dispatches. Once a text that has a shorter form took more than three seconds, further
   * ones are compiled in theirs.
   * @throws {Error} with kernel name, line and message if a text does not compile
   */
  async compile(dispatches: readonly Dispatch[]): Promise<void> {
    for (const dispatch of dispatches) {
      this.#asked.add(dispatch.wgsl);
      if (this.#made.kernels.has(dispatch.wgsl)) continue;
      const start = performance.now();
      const { shortWgsl } = dispatch;
      const isShort = shortWgsl !== undefined && this.#made.isSlow;
      this.#made.kernels.set(dispatch.wgsl, await this.#compile(isShort ? { ...dispatch, wgsl: shortWgsl } : dispatch));
      const milliseconds = performance.now() - start;
      if (shortWgsl !== undefined && milliseconds > SLOW_MILLISECONDS) this.#made.isSlow = true;
      this.#milliseconds += milliseconds;
    }
  }

  /** The kernel of a dispatch that was compiled before. */
  get(dispatch: Dispatch): CompiledKernel {
    return this.#made.kernels.get(dispatch.wgsl) as CompiledKernel;
  }

  async #compile(dispatch: Dispatch): Promise<CompiledKernel> {
    const { device } = this.#opened;
    const types = dispatch.bindings.map(({ access }) => BINDING_TYPES[access]);
    const tensors = this.#layout([...types, ...(dispatch.params ? ["uniform" as const] : [])]);
    const scalars = dispatch.usesScalars ? this.#layout(["uniform"]) : undefined;
    device.pushErrorScope("validation");
    const code = this.#directives(dispatch) + dispatch.wgsl;
    const module = device.createShaderModule({ label: dispatch.label, code });
    const pipeline = device.createComputePipeline({
      label: dispatch.label,
      layout: device.createPipelineLayout({ bindGroupLayouts: scalars ? [tensors, scalars] : [tensors] }),
      compute: { module, entryPoint: "main" },
    });
    const error = await device.popErrorScope();
    if (error) throw new Error(await explain(dispatch.label, code, module, error));
    return { pipeline, tensors, scalars };
  }

  /** What the module must begin with for the features that it uses. */
  #directives({ wgsl }: Dispatch): string {
    const half = /\b(f16|vec[234]h)\b/.test(wgsl) ? "enable f16;\n" : "";
    const matrices = /\bsubgroup_matrix_/.test(wgsl) ? "enable chromium_experimental_subgroup_matrix;\n" : "";
    const size = /@subgroup_size\b/.test(wgsl) ? "enable subgroup_size_control;\n" : "";
    return half + matrices + size + (/\bsubgroup[A-Z]/.test(wgsl) ? this.#opened.subgroupDirective : "");
  }

  #layout(types: readonly BindingType[]): GPUBindGroupLayout {
    const key = types.join();
    const known = this.#made.layouts.get(key);
    if (known) return known;
    const layout = this.#opened.device.createBindGroupLayout({
      entries: types.map((type, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        ...(type === "texture" ? { texture: { sampleType: "unfilterable-float" } } : { buffer: { type } }),
      })),
    });
    this.#made.layouts.set(key, layout);
    return layout;
  }
}

async function explain(label: string, code: string, module: GPUShaderModule, error: GPUError): Promise<string> {
  const source = code.split("\n");
  const { messages } = await module.getCompilationInfo();
  const places = messages.filter(({ type }) => type === "error").map(({ lineNum, linePos, message }) =>
    `line ${lineNum}, column ${linePos}: ${message}\n    ${source[lineNum - 1] ?? ""}`
  );
  return `Cannot compile kernel "${label}": ${places.length > 0 ? places.join("\n") : error.message}`;
}
