/** The stand-in of Intel's kernel driver, which Debian does not build: made from the source of the same Mesa. */
import { fetchSource, type PackageSet, remove, runTool, type StepOptions, type Unpacked } from "./packages.ts";

/** Everything of Mesa that the stand-in does not need is left out. */
const MESON_OPTIONS = [
  "--buildtype=release",
  "-Dtools=drm-shim,intel",
  "-Dvulkan-drivers=",
  "-Dgallium-drivers=",
  "-Dplatforms=",
  "-Dvideo-codecs=",
  ...["llvm", "glx", "egl", "gbm", "gles1", "gles2", "zstd", "xmlconfig", "valgrind", "libunwind"].map((name) =>
    `-D${name}=disabled`
  ),
  "-Dopengl=false",
  "-Dbuild-tests=false",
];

/**
 * Builds the stand-in, once: some minutes on one core, with the compiler, ninja and Python of this system.
 * @param folder a folder that `unpack` has filled with meson and the headers
 * @returns the path of the library
 * @throws {UnavailableError} if the source cannot be fetched or does not build here; the reason of the signal
 */
export async function buildIntelShim(
  folder: string,
  { root, set, name }: Unpacked & { readonly set: PackageSet; readonly name: string },
  options: StepOptions,
): Promise<string> {
  const shim = `${folder}/${name}`;
  if (await isFile(shim)) return shim;
  const [source, out] = [`${folder}/mesa`, `${folder}/build`];
  // A build that was stopped goes on where it was.
  if (!await isFile(`${out}/build.ninja`)) await configure(folder, { root, set, source, out }, options);
  options.say("building Intel's stand-in (some minutes)");
  const target = `src/intel/tools/${name}`;
  await runTool(["ninja", "-j", "2", "-C", out, target], { ...options, env: environment(folder, root) });
  await Deno.copyFile(`${out}/${target}`, shim);
  for (const path of [source, out]) await remove(path);
  return shim;
}

/** Fetches the source and tells meson what to build. */
async function configure(
  folder: string,
  { root, set, source, out }: {
    readonly root: string;
    readonly set: PackageSet;
    readonly source: string;
    readonly out: string;
  },
  options: StepOptions,
): Promise<void> {
  options.say("fetching the source of Mesa for Intel's stand-in");
  const archive = await fetchSource(folder, set, "mesa", options);
  for (const path of [source, out]) await remove(path);
  await Deno.mkdir(source);
  await runTool(["tar", "-xf", archive, "-C", source, "--strip-components=1"], options);
  await remove(archive);
  await writeStubs(stubsOf(folder));
  const words = ["python3", `${root}/usr/bin/meson`, "setup", out, source, ...MESON_OPTIONS];
  await runTool(words, { ...options, env: environment(folder, root) });
}

/** Where packages of the folder are found before those of this system. */
function environment(folder: string, root: string): Readonly<Record<string, string>> {
  const libraries = `${root}/usr/lib/x86_64-linux-gnu`;
  return {
    PYTHONPATH: `${root}/usr/lib/python3/dist-packages`,
    PKG_CONFIG_PATH: `${libraries}/pkgconfig:${root}/usr/share/pkgconfig`,
    PKG_CONFIG_SYSROOT_DIR: root,
    PATH: `${stubsOf(folder)}:${Deno.env.get("PATH") ?? ""}`,
    LC_ALL: "C",
  };
}

function stubsOf(folder: string): string {
  return `${folder}/stubs`;
}

/** Meson wants to know of generators of parsers, which nothing that is built here calls. */
const STUBS = { bison: "bison (GNU Bison) 3.8.2", flex: "flex 2.6.4" } as const;

async function writeStubs(folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, version] of Object.entries(STUBS)) {
    const text = `#!/bin/sh\n[ "$1" = --version ] && echo "${version}"\n`;
    await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o755 });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
