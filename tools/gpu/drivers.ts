/** Mesa's drivers without a card: what is fetched for them, and a process in which they compile kernels. */
import type { CompiledCard } from "./cards.ts";
import { type CompiledOutput, type CompiledText, OutputReader } from "./compiled_text.ts";
import { buildIntelShim } from "./intel_shim.ts";
import { type PackageSet, remove, type StepOptions, UnavailableError, unpack, type Unpacked } from "./packages.ts";
import { COMPILERS } from "./statistics.ts";

/** Mesa with the stand-ins of kernel drivers that Debian builds; Honeykrisp and current NVK are in the newest release alone. */
const NEWEST: PackageSet = {
  suite: "sid",
  packages: ["mesa-vulkan-drivers", "mesa-drm-shim", "libvulkan1", "libgcc-s1", "libstdc++6"],
  named: "mesa-vulkan-drivers",
};

/** Mesa of the stable release with what builds its Intel stand-in, which Debian does not ship. */
const STABLE: PackageSet = {
  suite: "trixie",
  packages: [
    "mesa-vulkan-drivers",
    "libvulkan1",
    "libgcc-s1",
    "libstdc++6",
    "meson",
    "libdrm-dev",
    "libexpat1-dev",
    "zlib1g-dev",
    "python3-mako",
    "python3-yaml",
  ],
  named: "mesa-vulkan-drivers",
  // The compiler of this system has headers of its own.
  leftOut: ["libc6-dev", "linux-libc-dev", "libcrypt-dev"],
};

/** A driver that is ready to compile. */
export interface ReadyDriver extends Unpacked {
  /** Path of the library that stands for the kernel's driver. */
  readonly shim: string;
}

/**
 * Fetches, unpacks and builds what a card needs, once.
 * @param folder where packages are kept
 * @throws {UnavailableError} if something cannot be had on this machine; the reason of the signal
 */
export async function prepareDriver(folder: string, card: CompiledCard, options: StepOptions): Promise<ReadyDriver> {
  await Deno.mkdir(folder, { recursive: true });
  // Another run may be filling the folder.
  using lock = await Deno.open(`${folder}/lock`, { write: true, create: true });
  await lock.lock(true);
  if (card.driver === "intel") {
    const stable = await unpack(`${folder}/stable`, STABLE, options);
    const shim = await buildIntelShim(`${folder}/stable`, { ...stable, set: STABLE, name: card.shim }, options);
    return { ...stable, shim };
  }
  const newest = await unpack(`${folder}/newest`, NEWEST, options);
  return { ...newest, shim: `${libraries(newest.root)}/${card.shim}` };
}

/** Where libraries of unpacked packages lie. */
function libraries(root: string): string {
  return `${root}/usr/lib/x86_64-linux-gnu`;
}

/** How kernels are compiled. */
export interface CompileOptions extends StepOptions {
  /** Told of each kernel that is done. */
  readonly onKernel?: (done: number) => void;
  /** Compiles through Dawn. */
  readonly dawn?: boolean;
}

/** What a process said of its kernels. */
export interface CompileResult {
  /** Each kernel with what was printed of it. */
  readonly kernels: readonly CompiledOutput[];
  /** What was printed on standard output, in order. */
  readonly listing: string;
}

/**
 * Compiles kernels in a process of their own, with the libraries of the packages alone.
 * @throws {UnavailableError} if the driver opens no adapter; the reason of the signal
 */
export async function compileAll(
  { root, shim }: ReadyDriver,
  card: CompiledCard,
  texts: readonly CompiledText[],
  { signal, onKernel, dawn = false }: CompileOptions,
): Promise<CompileResult> {
  const folder = await Deno.makeTempDir({ prefix: "shortcut-gpu-lint-" });
  try {
    const [input, errors] = [`${folder}/kernels.json`, `${folder}/errors`];
    await Deno.writeTextFile(input, JSON.stringify(texts));
    await Deno.writeTextFile(errors, "");
    const words = [
      ["--library-path", libraries(root), "--preload", shim, Deno.execPath(), "run", "--no-prompt", "--no-check"],
      dawn ? ["--config", pathOf("dawn.json"), "--no-lock", "--allow-all"] : ["--no-config", `--allow-read=${input}`],
      [pathOf("compile.ts"), input, ...(dawn ? ["dawn"] : [])],
    ].flat();
    const process = new Deno.Command("sh", {
      // Compilers write each word by itself: into a file that costs a tenth of what it costs into a pipe.
      args: ["-c", `exec "$@" 2> "$ERRORS"`, "sh", `${root}/usr/lib64/ld-linux-x86-64.so.2`, ...words],
      signal,
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
      env: {
        ...card.environment,
        ERRORS: errors,
        // Wayland is looked for, and the variable must be set where it is not there.
        XDG_RUNTIME_DIR: folder,
        MESA_SHADER_CACHE_DISABLE: "true",
        VK_DRIVER_FILES: `${root}/usr/share/vulkan/icd.d/${card.driver}_icd.json`,
        DENO_WEBGPU_BACKEND: "vulkan",
      },
    }).spawn();
    const reader = new OutputReader(COMPILERS[card.compiler].restart);
    let done = 0;
    const [listing] = await Promise.all([
      new Response(process.stdout).text(),
      followLines(errors, process.status, (line) => {
        if (reader.line(line)) onKernel?.(++done);
      }),
    ]);
    signal.throwIfAborted();
    reader.close();
    if (!reader.adapter) {
      const reason = reader.rest.filter((line) => line.trim() !== "").slice(-2).join("; ");
      const opener = dawn ? "Dawn" : `the driver ${card.driver}`;
      throw new UnavailableError(`${opener} opens no adapter: ${reason || "it says nothing"}`);
    }
    // Dawn speaks of makers and limits in its own way, and plans are not made for it.
    if (!dawn) checkIdentity(card, reader.adapter);
    return { kernels: reader.kernels, listing };
  } finally {
    await remove(folder);
  }
}

/** Path of a file beside this one. */
function pathOf(name: string): string {
  return decodeURIComponent(new URL(name, import.meta.url).pathname);
}

/** Plans are made for the card on paper: what they depend on must be what the driver says. */
function checkIdentity(
  { identity, driver, title }: CompiledCard,
  { vendor, subgroupMinSize, subgroupMaxSize, limits }: NonNullable<OutputReader["adapter"]>,
): void {
  // On Apple's cards the plan is that of Metal.
  if (driver === "asahi") return;
  const found = { vendor, subgroupMinSize, subgroupMaxSize };
  const wrong = Object.entries(found).filter(([name, value]) => Reflect.get(identity, name) !== value);
  const smaller = Object.entries(identity.limits).filter(([name, value]) => (limits[name] ?? 0) < value);
  const told = [...wrong, ...smaller.map(([name]) => [name, limits[name]])];
  if (told.length === 0) return;
  throw new Error(
    `Cannot compile for ${title}: its driver says ${told.map(([name, value]) => `${name} ${value}`).join(", ")}, the ` +
      "plans were made for another; correct tools/gpu/cards.ts",
  );
}

/** Milliseconds between two looks into a file that grows. */
const LOOK = 200;

/** Tells the lines of a file that grows until `end`. */
async function followLines(path: string, end: Promise<unknown>, onLine: (line: string) => void): Promise<void> {
  using file = await Deno.open(path);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(2 ** 20);
  let [rest, isEnded] = ["", false];
  end.then(() => isEnded = true);
  while (true) {
    const isLast = isEnded;
    for (let count = await file.read(buffer); count; count = await file.read(buffer)) {
      const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
      rest = lines.pop()!;
      lines.forEach(onLine);
    }
    if (isLast) break;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
  if (rest !== "") onLine(rest);
}
