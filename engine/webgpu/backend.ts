/**
 * Which graphics API adapters come from. Deno's WebGPU is wgpu, which by default asks every API that it finds at once.
 * Asking OpenGL has two faults: its software driver is four times slower than the Vulkan one beside it, and it leaves
 * data behind in the thread that asked, whose release corrupts the heap when that thread ends, as the threads of
 * `deno test` and of workers do. So OpenGL is asked only where no other API has an adapter.
 */

/** Graphics APIs that Deno's WebGPU can be told to use; `gl` is OpenGL. */
export const BACKENDS = ["vulkan", "metal", "dx12", "gl"] as const;

/** One of `BACKENDS`. */
export type Backend = typeof BACKENDS[number];

/** Deno reads it at the first request for an adapter in a thread; later requests there can only narrow it. */
const VARIABLE = "DENO_WEBGPU_BACKEND";

/** What is asked first, as Deno reads it. */
const PREFERRED = "vulkan,metal,dx12";

/** The package of Dawn, the WebGPU of Chromium, for programs outside a browser; see its exports. */
export interface DawnPackage {
  /** A source of adapters with these toggles. */
  create(toggles: readonly string[]): GPU;
}

/**
 * What makes Dawn offer features that are not yet part of WebGPU, subgroup matrices among them, and timestamps that are
 * not rounded to 0.1 ms.
 */
const DAWN_TOGGLES = ["enable-dawn-features=allow_unsafe_apis", "disable-dawn-features=timestamp_quantization"];

/** Adapters of Dawn, for `OpenOptions.gpu`; experimental features are allowed. */
export function dawnProvider({ create }: DawnPackage): GPU {
  return create(DAWN_TOGGLES);
}

/** What choosing needs of the program that hosts the engine. */
export interface BackendHost {
  /** Whether the program may read and set what is chosen. */
  readonly mayChoose: boolean;
  /** The backends that are set, with commas between them. */
  get(): string | undefined;
  /** Chooses backends, with commas between them. */
  set(backends: string): void;
  /** Whether a thread of its own finds an adapter with the backends that are set. */
  probe(): Promise<boolean>;
}

/**
 * Chooses the backends of the adapters that are asked for from now on: the one that is wanted, else what is set already
 * (`DENO_WEBGPU_BACKEND`), else Vulkan, Metal or Direct3D 12 where one of them has an adapter, else OpenGL. To be called
 * before the first request of a thread.
 * @param wanted a backend, whether or not it has an adapter
 * @param host by default this program; undefined where it does not run in Deno, as in a browser
 * @returns the backends that are set, with commas between them; undefined where the program cannot choose
 * @throws {TypeError} if a backend is wanted and the program cannot choose
 */
export async function chooseBackend(
  wanted?: Backend,
  host: BackendHost | undefined = denoHost(),
): Promise<string | undefined> {
  if (!host?.mayChoose) {
    if (wanted === undefined) return undefined;
    throw new TypeError(
      host === undefined
        ? `Cannot choose the WebGPU backend "${wanted}": only Deno lets a program choose it`
        : `Cannot choose the WebGPU backend "${wanted}": the program may not set ${VARIABLE}; run it with ` +
          `--allow-env=${VARIABLE}`,
    );
  }
  if (wanted !== undefined) host.set(wanted);
  else if (!host.get()) {
    host.set(PREFERRED);
    if (!await host.probe()) host.set("gl");
  }
  return host.get();
}

/** The few names of Deno that choosing takes; the room is checked without its types. */
interface DenoNames {
  readonly env: { get(name: string): string | undefined; set(name: string, value: string): void };
  readonly permissions: {
    querySync(descriptor: { readonly name: "env"; readonly variable: string }): { readonly state: string };
  };
}

function denoHost(): BackendHost | undefined {
  const deno = Reflect.get(globalThis, "Deno") as DenoNames | undefined;
  if (deno === undefined) return undefined;
  return {
    mayChoose: deno.permissions.querySync({ name: "env", variable: VARIABLE }).state === "granted",
    get: () => deno.env.get(VARIABLE),
    set: (backends) => deno.env.set(VARIABLE, backends),
    probe,
  };
}

/** Asks in a worker, since the thread that has asked once is bound to what it asked. */
async function probe(): Promise<boolean> {
  const program = "postMessage(await navigator.gpu?.requestAdapter() != null); close();";
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(program)}`, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`Cannot look for a WebGPU adapter in a worker: ${event.message}`));
      };
    });
  } finally {
    worker.terminate();
  }
}
