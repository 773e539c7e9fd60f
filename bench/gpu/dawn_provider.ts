/** Dawn through its Node package: another provider of adapters, which may offer subgroup matrices. */

/** What we use of the package. */
interface WebGpuPackage {
  create(options: readonly string[]): GPU;
}

/**
 * Loads Dawn, experimental features allowed.
 * @throws {Error} if the package is not installed or does not load on this system
 */
export async function openDawn(): Promise<GPU> {
  // Not a literal, so that type checks and tests of the product never look for the package.
  const specifier: string = "webgpu";
  const { create } = await import(specifier) as WebGpuPackage;
  return create(["enable-dawn-features=allow_unsafe_apis"]);
}
