/** Opening a device: adapter choice, optional features, limits, and what happens when it is lost. */
import { DeviceLimitError, DeviceLostError, NoAdapterError } from "../errors.ts";
import type { DeviceProfile, GpuVendor } from "../op.ts";
import { type Backend, chooseBackend } from "./backend.ts";
import { SUBGROUP_MATRIX_FEATURE, SUBGROUP_SIZE_FEATURE, subgroupMatrixOf } from "./subgroup_matrix.ts";

/** Which of several ways operations shall take, such as `{ conv2d: "direct" }`; by default each chooses. */
export type Preferences = Readonly<Record<string, string>>;

/** What preferences may depend on: the adapter in words, the size of its subgroups, the features that were granted. */
export interface AdapterIdentity {
  /** What the adapter calls itself. */
  readonly description: string;
  /** Lanes of a subgroup. */
  readonly subgroupSize: number;
  /** Features that the device has. */
  readonly features: readonly string[];
}

/** Which device to open. */
export interface OpenOptions {
  /** Where adapters come from; another provider (a browser's, Dawn's) can be handed in. Default: `navigator.gpu`. */
  readonly gpu?: GPU;
  /** Graphics API of `navigator.gpu` in Deno; by default OpenGL only where no other has an adapter. */
  readonly backend?: Backend;
  /** Which of several adapters is preferred. */
  readonly powerPreference?: GPUPowerPreference;
  /** Preferences, or what finds them once it is known which adapter was opened. */
  readonly preferences?: Preferences | ((adapter: AdapterIdentity) => Promise<Preferences>);
  /**
   * Bytes of prepared constants that one stage may have, such as transformed weights; by default 1 GiB on a GPU that takes
   * buffers of as much, otherwise 512 MiB.
   */
  readonly preparedBytes?: number;
  /** Limits below those of the device, to see what would become of a plan on a smaller one. */
  readonly limits?: Partial<Pick<DeviceProfile, "maxBindingBytes" | "maxBufferBytes" | "maxStorageBuffers">>;
}

/**
 * Bytes of prepared constants of a stage by default, on a CPU and on a GPU. A network of 93.6 M parameters at 256x256 asks
 * a CPU for 849 MB, one of 552.8 M for 3.6 GB, more than its weights; half a gigabyte holds 63 and 15 of 100 of these
 * bytes, with which 97 and 62 of 100 of the operations are done by Winograd that all would allow. On a GPU the second asks
 * for 1.8 GB, half of it for layers of 64x64 pixels and more.
 */
const PREPARED_BYTES = { cpu: 2 ** 29, gpu: 2 ** 30 };

/** WebGPU does not tell how much memory a GPU has; what one buffer may take is a part of it. */
function preparedBytes(software: boolean, { maxBufferSize }: Pick<GPUSupportedLimits, "maxBufferSize">): number {
  return !software && maxBufferSize >= PREPARED_BYTES.gpu ? PREPARED_BYTES.gpu : PREPARED_BYTES.cpu;
}

/** What is known of the timestamps of a device. */
export interface DeviceClock {
  /** Nanoseconds of a tick; undefined until it was measured. */
  tick: number | undefined;
}

/** A device and what is known of it whatever it is used for. */
interface Connection {
  readonly device: GPUDevice;
  /** The adapter in words. */
  readonly description: string;
  /** Optional features that were granted. */
  readonly features: readonly string[];
  /** What a module that uses subgroup builtins must begin with. */
  readonly subgroupDirective: string;
  /** Its timestamps; whoever measures them first leaves here what was found. */
  readonly clock: DeviceClock;
}

/** An open device, for one user at a time. */
export interface OpenDevice extends Connection {
  readonly profile: DeviceProfile;
  /**
   * Fails if the device was closed or lost, or reported an error outside every error scope.
   * @throws {DeviceLostError} if it is gone; {DeviceLimitError} if its memory is full; {Error} with the driver's words
   *   otherwise
   */
  check(): void;
  /** Gives the device back. Its buffers must have been destroyed. */
  close(): void;
}

/** Granted where the adapter has them. `subgroups` must be asked for: Deno does not list it among the features. */
const OPTIONAL_FEATURES = ["subgroups", "shader-f16", "timestamp-query"];

/** Taken as high as the adapter goes: large images need large bindings. */
const RAISED_LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxStorageBuffersPerShaderStage",
] as const;

/**
 * Opens a device with every optional feature and the highest limits that the adapter grants.
 * @throws {NoAdapterError} if there is no WebGPU or no adapter; {TypeError} if a backend is asked for that cannot be
 *   chosen here
 */
export async function openDevice(options: OpenOptions = {}): Promise<OpenDevice> {
  if (options.gpu && options.backend) {
    throw new TypeError(`Cannot choose the WebGPU backend "${options.backend}" of a provider that is handed in`);
  }
  const backend = options.gpu ? undefined : await chooseBackend(options.backend);
  const connected = await connect(options.gpu ?? globalThis.navigator?.gpu, options, backend);
  const { connection, facts: { software, vendor, subgroupSize, leastSubgroupSize } } = connected;
  const { device, description, features } = connection;
  const usableSubgroups = features.includes("subgroups") ? subgroupSize : 0;
  const { preferences = {} } = options;
  let isClosed = false;
  return {
    ...connection,
    profile: {
      ...connected.matrices,
      maxWorkgroupInvocations: device.limits.maxComputeInvocationsPerWorkgroup,
      maxWorkgroupBytes: device.limits.maxComputeWorkgroupStorageSize,
      maxWorkgroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
      maxStorageBuffers: device.limits.maxStorageBuffersPerShaderStage,
      maxBindingBytes: device.limits.maxStorageBufferBindingSize,
      maxBufferBytes: device.limits.maxBufferSize,
      maxTextureSide: device.limits.maxTextureDimension2D,
      subgroupSize: usableSubgroups,
      leastSubgroupSize: features.includes("subgroups") ? leastSubgroupSize : 0,
      f16: features.includes("shader-f16"),
      software,
      ...(vendor ? { vendor } : {}),
      preparedBytes: options.preparedBytes ?? preparedBytes(software, device.limits),
      preferences: typeof preferences === "function"
        ? await preferences({ description, subgroupSize: usableSubgroups, features })
        : preferences,
      ...options.limits,
    },
    check: () => {
      if (isClosed) throw new DeviceLostError(`Cannot go on: the device "${description}" was closed; open one anew`);
      if (connected.failure) throw connected.failure;
    },
    close: () => {
      if (!isClosed) connected.disconnect();
      isClosed = true;
    },
  };
}

/** Submits what is recorded. */
export function submit(device: GPUDevice, record: (encoder: GPUCommandEncoder) => void): void {
  const encoder = device.createCommandEncoder();
  record(encoder);
  device.queue.submit([encoder.finish()]);
}

/** A connection, and what happened to it. */
interface Connected {
  readonly matrices: Pick<DeviceProfile, "subgroupMatrix">;
  readonly connection: Connection;
  readonly facts: AdapterFacts;
  failure: Error | undefined;
  disconnect(): void;
}

/**
 * Devices that were given back in good health, by provider and request. A device is some 9 MB that only the garbage
 * collector lets go, as it does not see a reason to; so it is taken again rather than destroyed and requested anew.
 */
const IDLE = new WeakMap<GPU, Map<string, Connected[]>>();

async function connect(gpu: GPU | undefined, options: OpenOptions, backend: string | undefined): Promise<Connected> {
  const request = JSON.stringify([options.powerPreference, backend]);
  const idle = gpu && (IDLE.get(gpu)?.get(request) ?? []);
  for (let known = idle?.pop(); known; known = idle?.pop()) {
    if (!known.failure) return known;
    known.connection.device.destroy();
  }
  const adapter = await requestAdapter(gpu, options);
  const facts = describe(adapter.info, backend);
  const { description } = facts;
  const requiredLimits = Object.fromEntries(RAISED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const { device, features: granted } = await requestDevice(gpu, options, adapter, requiredLimits);
  const subgroupMatrix = subgroupMatrixOf(adapter.info, granted);
  // What kernels cannot use does not count as a feature.
  const features = granted.filter((feature) => subgroupMatrix || feature !== SUBGROUP_MATRIX_FEATURE);
  const connected: Connected = {
    matrices: subgroupMatrix ? { subgroupMatrix } : {},
    connection: {
      device,
      description,
      features,
      // Deno grants the feature without listing it and rejects the directive that all others ask for.
      subgroupDirective: adapter.features.has("subgroups" as GPUFeatureName) ? "enable subgroups;\n" : "",
      clock: { tick: undefined },
    },
    facts,
    failure: undefined,
    disconnect: () => {
      if (connected.failure || !gpu) return device.destroy();
      const requests = IDLE.get(gpu) ?? new Map<string, Connected[]>();
      IDLE.set(gpu, requests.set(request, [...requests.get(request) ?? [], connected]));
    },
  };
  device.lost.then((info) => {
    connected.failure = new DeviceLostError(
      `Cannot go on: the device "${description}" was lost (${info.reason}): ${info.message}`,
    );
  });
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    connected.failure ??= failureOf(description, (event as GPUUncapturedErrorEvent).error);
  });
  // Drivers do not expect their process to end under them.
  globalThis.addEventListener?.("unload", () => device.destroy());
  return connected;
}

function failureOf(description: string, error: GPUError): Error {
  const found = `Cannot go on: the device "${description}" reported: ${error.message}`;
  // By name, as other providers have classes of their own.
  if (error.constructor.name !== "GPUOutOfMemoryError") return new Error(found);
  return new DeviceLimitError(
    `${found}; its memory is full: use a smaller image or batch, or weights in half precision (--precision f16)`,
  );
}

async function requestAdapter(gpu: GPU | undefined, { powerPreference, backend }: OpenOptions): Promise<GPUAdapter> {
  const wish = powerPreference ?? "high-performance";
  const adapter = await gpu?.requestAdapter({ powerPreference: wish });
  if (adapter) return adapter;
  if (backend) {
    throw new NoAdapterError(
      `Cannot open a WebGPU device: no adapter of the backend "${backend}" was found; leave the backend out, and open ` +
        "the device before anything else asks for an adapter, as a thread keeps the backends that it asked for first",
    );
  }
  throw new NoAdapterError(
    "Cannot open a WebGPU device: no adapter was found; install a Vulkan driver (on Debian or Ubuntu " +
      "`deno task setup` does it)",
  );
}

/** Asks for all optional features at once, and one by one where that is refused: an adapter serves one request. */
async function requestDevice(
  gpu: GPU | undefined,
  options: OpenOptions,
  first: GPUAdapter,
  requiredLimits: Record<string, number>,
): Promise<{ device: GPUDevice; features: readonly string[] }> {
  const open = (adapter: GPUAdapter, features: readonly string[]): Promise<GPUDevice> =>
    adapter.requestDevice({ requiredFeatures: features as GPUFeatureName[], requiredLimits });
  const listed = [SUBGROUP_MATRIX_FEATURE, SUBGROUP_SIZE_FEATURE].filter((name) => first.features.has(name));
  const wanted = [...OPTIONAL_FEATURES, ...listed];
  try {
    return { device: await open(first, wanted), features: wanted };
  } catch {
    const granted: string[] = [];
    for (const feature of wanted) {
      try {
        (await open(await requestAdapter(gpu, options), [feature])).destroy();
        granted.push(feature);
      } catch {
        continue;
      }
    }
    return { device: await open(await requestAdapter(gpu, options), granted), features: granted };
  }
}

interface AdapterFacts {
  readonly description: string;
  readonly software: boolean;
  readonly vendor: GpuVendor | undefined;
  /** Size of every subgroup, 0 if it varies or is not told. */
  readonly subgroupSize: number;
  /** Least size of a subgroup, 0 if it is not told. */
  readonly leastSubgroupSize: number;
}

/** Words of adapters by maker; in place of the name Deno gives the number by which PCI knows it. */
const VENDOR_WORDS: Readonly<Record<GpuVendor, RegExp>> = {
  amd: /\b(4098|amd|radeon)\b/i,
  apple: /\bapple\b/i,
  intel: /\b(32902|intel)\b/i,
  nvidia: /\b(4318|nvidia|geforce)\b/i,
};

function vendorOf({ vendor, description }: Pick<GPUAdapterInfo, "vendor" | "description">): GpuVendor | undefined {
  const vendors = Object.keys(VENDOR_WORDS) as GpuVendor[];
  return vendors.find((name) => VENDOR_WORDS[name].test(`${vendor} ${description}`));
}

function describe(info: GPUAdapterInfo, backend: string | undefined): AdapterFacts {
  const name = info.description || [info.vendor, info.architecture, info.device].filter(Boolean).join(" ") ||
    "unknown adapter";
  const description = backend === "gl" ? `${name}, OpenGL` : name;
  const software = info.isFallbackAdapter === true || /llvmpipe|lavapipe|softpipe|swiftshader/i.test(description);
  const { subgroupMinSize: least, subgroupMaxSize: most } = info;
  return {
    description,
    software,
    vendor: software ? undefined : vendorOf(info),
    subgroupSize: least !== undefined && least === most ? least : 0,
    leastSubgroupSize: least ?? 0,
  };
}
