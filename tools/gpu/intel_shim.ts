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
  options.say("fetching the source of Mesa for Intel's stand-in");
  const archive = await fetchSource(folder, set, "mesa", options);
  const [source, out] = [`${folder}/mesa`, `${folder}/build`];
  await remove(source);
  await remove(out);
  await Deno.mkdir(source);
  await runTool(["tar", "-xf", archive, "-C", source, "--strip-components=1"], options);
  options.say("building Intel's stand-in (some minutes)");
  const stubs = `${folder}/stubs`;
  await writeStubs(stubs);
  const usr = `${root}/usr`;
  const env = {
    PYTHONPATH: `${usr}/lib/python3/dist-packages`,
    PKG_CONFIG_PATH: `${usr}/lib/x86_64-linux-gnu/pkgconfig:${usr}/share/pkgconfig`,
    PKG_CONFIG_SYSROOT_DIR: root,
    PATH: `${stubs}:/usr/local/bin:/usr/bin:/bin`,
    LC_ALL: "C",
  };
  await runTool(["python3", `${usr}/bin/meson`, "setup", out, source, ...MESON_OPTIONS], { ...options, env });
  const target = `src/intel/tools/${name}`;
  await runTool(["ninja", "-j", "1", "-C", out, target], { ...options, env });
  await Deno.copyFile(`${out}/${target}`, shim);
  for (const path of [source, out, archive]) await remove(path);
  return shim;
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
