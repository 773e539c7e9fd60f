/**
 * Compiles kernels on the adapter that this process finds, one after the other, with a line on standard error before and
 * after each, between which drivers print what they are told to. Arguments: a JSON file of `CompiledText`s; "dawn" to
 * compile through Dawn instead of Deno's own WebGPU.
 */
import { codeOf, type CompiledText, FIRST_MARK, LAST_MARK, OPEN_MARK } from "./compiled_text.ts";

/** Taken as high as the adapter goes, as the engine does. */
const RAISED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxStorageBuffersPerShaderStage",
] as const;

/** Limits that a plan depends on besides. */
const FIXED_LIMITS = ["maxComputeWorkgroupsPerDimension", "maxTextureDimension2D"] as const;

const OPTIONAL_FEATURES = ["subgroups", "shader-f16"];

const BUFFERS = { read: "read-only-storage", write: "storage" } as const;

/** Drivers write unbuffered: a line of ours must be out before theirs. */
function mark(line: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));
}

async function providerOf(name: string | undefined): Promise<GPU> {
  if (name !== "dawn") return navigator.gpu;
  // Not a literal, so that nothing else looks for the package.
  const specifier: string = "webgpu";
  const { create } = await import(specifier) as { create(options: readonly string[]): GPU };
  return create(["enable-dawn-features=allow_unsafe_apis"]);
}

function entriesOf({ bindings, hasParams }: CompiledText): GPUBindGroupLayoutEntry[] {
  const visibility = 4;
  const entries: GPUBindGroupLayoutEntry[] = bindings.map((access, binding) => ({
    binding,
    visibility,
    ...(access === "sample"
      ? { texture: { sampleType: "unfilterable-float" as const } }
      : { buffer: { type: BUFFERS[access] } }),
  }));
  if (hasParams) entries.push({ binding: entries.length, visibility, buffer: { type: "uniform" } });
  return entries;
}

async function compile(device: GPUDevice, text: CompiledText, directives: boolean): Promise<string> {
  device.pushErrorScope("validation");
  const bindGroupLayouts = [device.createBindGroupLayout({ entries: entriesOf(text) })];
  if (text.usesScalars) {
    const entries = [{ binding: 0, visibility: 4, buffer: { type: "uniform" as const } }];
    bindGroupLayouts.push(device.createBindGroupLayout({ entries }));
  }
  const module = device.createShaderModule({ code: codeOf(text.wgsl, directives) });
  device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts }),
    compute: { module, entryPoint: "main" },
  });
  const error = await device.popErrorScope();
  if (!error) return "";
  const { messages } = await module.getCompilationInfo();
  const places = messages.filter(({ type }) => type === "error").map(({ lineNum, message }) =>
    `${lineNum}: ${message}`
  );
  return places.length > 0 ? places.join("; ") : error.message;
}

async function main([file, provider]: readonly string[]): Promise<void> {
  const texts = JSON.parse(await Deno.readTextFile(file!)) as readonly CompiledText[];
  const gpu = await providerOf(provider);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("Cannot compile: no adapter was found");
  const limits = Object.fromEntries([...RAISED_LIMITS, ...FIXED_LIMITS].map((name) => [name, adapter.limits[name]]));
  const { vendor, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  mark(OPEN_MARK + JSON.stringify({ vendor, description, subgroupMinSize, subgroupMaxSize, limits }));
  // Deno grants subgroups without listing them; Dawn grants what it lists.
  const isDawn = provider === "dawn";
  const requiredFeatures = OPTIONAL_FEATURES.filter((name) => !isDawn || adapter.features.has(name as GPUFeatureName));
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({
    requiredFeatures: requiredFeatures as GPUFeatureName[],
    requiredLimits,
  });
  for (const text of texts) {
    mark(FIRST_MARK + text.key);
    const message = await compile(device, text, isDawn).catch((error) => String(error));
    mark(LAST_MARK + JSON.stringify(message));
  }
}

await main(Deno.args);
// Devices of drivers without a card are not waited for.
Deno.exit(0);
